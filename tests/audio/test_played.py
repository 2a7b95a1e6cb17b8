"""What the carrier plays, against an oracle that looks every frame up; and whole ears, too."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import trio_media.phone.voices
from trio_media.audio.detector import SpeechEdge, SpeechTransition
from trio_media.audio.echo import EchoGate
from trio_media.audio.g711 import encode_mulaw
from trio_media.audio.levels import FRAME_BYTES, amplitudes, amplitudes_dbfs
from trio_media.audio.played import (
    AHEAD_FRAMES_MAX,
    FLOOR_DBFS,
    LAGS,
    SPREAD_FRAMES,
    Played,
    band_levels,
    bands_of,
)
from trio_media.audio.wav import read_wav
from trio_media.audio.webrtc import WebRtcDetector

from .slow_ear import SlowEchoGate, SlowWebRtcDetector
from .slow_ear import band_levels as slow_band_levels

VOICES = Path(trio_media.phone.voices.__file__).parent
FRAME = 160


def speech(*names: str) -> np.ndarray:
    """Somebody who says all of it, with pauses."""
    sounds = [read_wav(VOICES / f"{name}.wav").samples / 32_768 for name in names]
    return np.concatenate([part for sound in sounds for part in (sound, np.zeros(4_000))])


def hiss(samples: int, dbfs: float) -> np.ndarray:
    return np.random.default_rng(4).standard_normal(samples) * 10 ** (dbfs / 20)


def key(samples: int) -> np.ndarray:
    time_s = np.arange(samples) / 8_000
    tones = np.sin(2 * np.pi * 770 * time_s) + np.sin(2 * np.pi * 1_336 * time_s)
    return tones * (time_s % 0.5 < 0.2) * 0.2


def frames(sound: np.ndarray) -> list[bytes]:
    whole = np.clip(np.rint(sound * 32_768), -32_768, 32_767).astype(np.int16)
    mulaw = encode_mulaw(whole[: whole.size // FRAME * FRAME])
    return [mulaw[start : start + FRAME] for start in range(0, len(mulaw), FRAME)]


SECONDS = 20
MODEL = np.resize(speech("hold_on", "something_wrong", "try_again", "one_moment"), SECONDS * 8_000)
CALLER = np.resize(speech("cancelled", "goodbye", "sorry", "cough"), SECONDS * 8_000) * 0.7
ECHO = np.concatenate([np.zeros(1_360), MODEL])[: MODEL.size] * 0.12
LINE = hiss(MODEL.size, -62)
HEARD = {
    "nothing": LINE * 0,
    "hiss": LINE,
    "caller": CALLER + LINE,
    "echo": ECHO + LINE,
    "echo and caller": ECHO + LINE + CALLER,
    "an echo that goes": np.concatenate([ECHO[:64_000] + LINE[:64_000], CALLER[:96_000] * 0.2]),
    "keys": key(MODEL.size) + LINE + ECHO,
    "noise that begins": hiss(MODEL.size, -35) * (np.arange(MODEL.size) > 40_000),
}


class Ear:
    """A gate and a detector, as a listener asks them."""

    def __init__(self, *, is_slow: bool) -> None:
        self.gate = SlowEchoGate() if is_slow else EchoGate()
        is_echo = self.gate.is_echo
        self.onsets = (
            SlowWebRtcDetector(600, is_echo) if is_slow else WebRtcDetector(600, is_echo=is_echo)
        )
        self.is_speaking = False

    def hear(self, frame: bytes, at_ms: int) -> tuple[bytes, bool, list[SpeechTransition]]:
        """Return what is left, whether it may be echo, and what happened."""
        clean = self.gate.hear(frame, at_ms, is_speaking=self.is_speaking)
        transitions = self.onsets.hear(frame, at_ms)
        for transition in transitions:
            self.is_speaking = transition.edge is not SpeechEdge.ENDED
        return clean, self.gate.may_be_echo(at_ms), transitions


@pytest.mark.parametrize("model", ["silent", "speaks", "is cut"])
@pytest.mark.parametrize("heard", HEARD)
def test_the_quick_ear_decides_as_the_slow_one(heard: str, model: str) -> None:
    pytest.importorskip("webrtcvad")
    quick, slow = Ear(is_slow=False), Ear(is_slow=True)
    played = b"".join(frames(MODEL))
    transitions = echoes = 0
    for number, frame in enumerate(frames(HEARD[heard])):
        at_ms = number * 20
        for ear in (quick, slow):
            if model != "silent" and number % 10 == 0:  # 200 ms, 100 ms ahead
                ear.gate.played(at_ms + 100, played[(number + 5) * FRAME : (number + 15) * FRAME])
            if model == "is cut" and number % 150 > 75:
                ear.gate.cut(at_ms)
        verdict = quick.hear(frame, at_ms)
        assert verdict == slow.hear(frame, at_ms)
        assert quick.gate.is_echo(at_ms) == slow.gate.is_echo(at_ms)
        transitions += len(verdict[2])
        echoes += quick.gate.is_echo(at_ms)
    if heard == "caller":
        assert transitions > 20
    if model == "speaks" and heard == "echo":
        assert echoes > 100


@pytest.mark.parametrize("seed", range(6))
def test_the_quick_gate_decides_as_the_slow_one_whatever_the_times(seed: int) -> None:
    """Audio of odd lengths, gaps, times that go back, echoes of all of it."""
    rng = np.random.default_rng(seed)
    played, heard = b"".join(frames(MODEL)), b"".join(frames(HEARD["echo and caller"]))
    quick, slow = EchoGate(), SlowEchoGate()
    at = told = 0
    while at < len(heard) - 2_000:
        length = int(rng.choice([160, 160, 160, 160, 80, 320, 400, 7]))
        at_ms = max(0, at // 8 + int(rng.choice([0, 0, 0, 0, 20, -20, -260])))
        is_speaking = at // 8_000 % 3 == 2
        for gate in (quick, slow):
            if told < at + 800:
                gate.played(told // 8, played[told : told + 1_600])
        told += 1_600 * (told < at + 800)
        if rng.random() < 0.01:
            quick.cut(at_ms + 40)
            slow.cut(at_ms + 40)
        payload = heard[at : at + length]
        answers = [gate.hear(payload, at_ms, is_speaking=is_speaking) for gate in (quick, slow)]
        assert answers[0] == answers[1]
        for asked_ms in (at_ms, at_ms - 20, at_ms - 700, at_ms + 60):
            assert quick.is_echo(asked_ms) == slow.is_echo(asked_ms)
            assert quick.may_be_echo(asked_ms) == slow.may_be_echo(asked_ms)
        at += length + (int(rng.integers(0, 16_000)) if rng.random() < 0.005 else 0)


def loudest(frames_played: list[bytes]) -> np.ndarray | None:
    bands = [band_levels(frame) for frame in frames_played if frame]
    return np.max(bands, axis=0) if bands else None


def test_the_bands_of_many_frames_are_those_of_each() -> None:
    several = [*frames(MODEL)[:30], b"\x20" * 7]
    one_by_one = [band_levels(frame) for frame in several]
    np.testing.assert_allclose(bands_of(several), one_by_one, rtol=0, atol=1e-4)


@pytest.mark.parametrize("heard", HEARD)
def test_bands_are_those_of_a_spectrum(heard: str) -> None:
    several = frames(HEARD[heard])[::10]
    slow = [slow_band_levels(frame) for frame in several]
    np.testing.assert_allclose(bands_of(several), slow, rtol=0, atol=1e-3)


def test_what_was_silence_has_bands_as_well() -> None:
    playing = Played()
    playing.add(20, b"\xff" * 160)
    playing.advance(1)
    playing.advance(4)
    np.testing.assert_allclose(playing.source(4), band_levels(b"\xff" * 160), atol=1e-4)
    playing.advance(20)
    assert playing.source(20) is None
    assert playing.source(1) is not None


@pytest.mark.parametrize("seed", range(4))
def test_stretches_are_those_that_were_played(seed: int) -> None:
    rng = np.random.default_rng(seed)
    voice = frames(MODEL)
    playing = Played()
    account: dict[int, bytes] = {}
    number = 0
    for _ in range(400):
        number += int(rng.choice([1, 1, 1, 1, 2, 5, 60], p=[0.3, 0.2, 0.2, 0.2, 0.05, 0.04, 0.01]))
        if rng.random() < 0.6:
            account[number] = (
                voice[int(rng.integers(len(voice)))] if rng.random() < 0.5 else b"\xff"
            )
            playing.add(number * 20, account[number])
        playing.advance(number)
        heard = number - int(rng.integers(0, 4))
        levels = [
            max(FLOOR_DBFS, amplitudes_dbfs(amplitudes(account.get(heard - lag, b""))))
            for lag in range(1, LAGS + 1)
        ]
        rises = np.array(levels) - FLOOR_DBFS
        np.testing.assert_array_equal(playing.rises(heard)[0], rises)
        assert playing.is_loud(heard - 1, LAGS) == (rises.max() > 0)
        newest = heard - int(rng.integers(1, LAGS))
        wanted = loudest([account.get(newest - n, b"") for n in range(SPREAD_FRAMES)])
        source = playing.source(newest)
        assert (source is None) == (wanted is None)
        if source is not None:
            np.testing.assert_allclose(source, wanted, rtol=0, atol=1e-4)


def test_time_never_goes_back() -> None:
    playing = Played()
    playing.add(100, b"\x20" * 320)
    numbers = [3, 2, 6, 5]
    nows = []
    for number in numbers:
        playing.advance(number)
        nows.append(playing.now)
    assert nows == [3, 3, 6, 6]
    assert all(before <= after for before, after in pairwise(nows))
    assert playing.is_loud(6, 2)
    playing.advance(10**9)
    assert not playing.is_loud(10**9, 40)
    assert playing.source(10**9) is None


def test_a_long_gap_costs_no_more_than_a_short_one() -> None:
    playing = Played()
    playing.add(0, b"\x20" * 1_600)
    playing.advance(1)
    playing.advance(10**9)
    assert not playing._ahead
    playing.add(5, b"\x20" * 1_600)  # long past
    assert not playing._ahead


def test_what_will_be_played_is_bounded_however_it_was_cut_and_played() -> None:
    payload = b"\x20" * FRAME_BYTES * 1_000
    playing = Played()
    for at_ms in (20, 20_020, 40_020, 60_020):
        playing.add(at_ms, payload)
    assert frames_ahead(playing) == AHEAD_FRAMES_MAX
    playing.cut(10_000)
    for number in range(1, 101):
        playing.advance(number)
    assert frames_ahead(playing) == 399
    for at_ms in (10_000, 30_000, 50_000, 70_000):
        playing.add(at_ms, payload)
    assert frames_ahead(playing) == AHEAD_FRAMES_MAX


def frames_ahead(playing: Played) -> int:
    return sum(ahead.end - ahead.first for ahead in playing._ahead)


def test_what_will_be_played_is_kept_as_it_came() -> None:
    """It may be long, and whoever gives it keeps it anyway."""
    payload = b"\x20" * 1_600
    playing = Played()
    playing.add(100, payload)
    assert [ahead.payload for ahead in playing._ahead] == [payload]
    assert playing._ahead[0].payload is payload
