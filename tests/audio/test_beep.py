"""Beeps of all kinds are heard, once and when they are over; what sounds like one is not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trio_media.audio.beep import BeepDetector
from trio_media.audio.dtmf import tones
from trio_media.audio.g711 import encode_mulaw
from trio_media.embedded.speech import compose, count, phrase
from trio_media.embedded.voice_clips import AudioFormat, clip_audio, clips
from trio_media.phone.voices import VOICES, load_voice

Audio = NDArray[np.float64]
FRAME = 160


def peak(dbm0: float) -> float:
    """Of a sine in 16-bit samples; 3.17 dBm0 just fits mu-law."""
    return float(8_159 * 4 * 10 ** ((dbm0 - 3.17) / 20))


def tone(hz: float, ms: int, dbm0: float = -15.0, phase: float = 0.3) -> Audio:
    return peak(dbm0) * np.sin(2 * np.pi * hz * np.arange(ms * 8) / 8_000 + phase)


def quiet(ms: int) -> Audio:
    return np.zeros(ms * 8)


def noise(ms: int, dbm0: float, seed: int) -> Audio:
    """Of the power that a sine of this level has."""
    return np.random.default_rng(seed).normal(0, peak(dbm0) / 2**0.5, ms * 8)


def payload_of(parts: Iterable[Audio]) -> bytes:
    audio = np.concatenate([*parts])
    return encode_mulaw(np.rint(audio.clip(-32_000, 32_000)).astype(np.int16))


def heard_ms(payload: bytes, size: int = FRAME) -> list[int]:
    """When a beep was over, as the end of the piece that told it."""
    detector = BeepDetector()
    return [
        (start + size) // 8
        for start in range(0, len(payload), size)
        if detector.hear(payload[start : start + size])
    ]


def lossy(payload: bytes, share: float, seed: int) -> bytes:
    """Lose frames, never more than two in a row, and put silence for them."""
    lost = np.random.default_rng(seed).random(len(payload) // FRAME) < share
    lost[2:] &= ~(lost[1:-1] & lost[:-2])
    frames = [payload[at : at + FRAME] for at in range(0, len(payload), FRAME)]
    return b"".join(
        b"\xff" * len(frame) if at < lost.size and lost[at] else frame
        for at, frame in enumerate(frames)
    )


@given(
    hz=st.floats(355, 2_490),
    ms=st.integers(120, 3_900),
    dbm0=st.floats(-35, -6),
    start_samples=st.integers(0, 159),
    seed=st.integers(0, 1_000),
    snr_db=st.sampled_from([15, 20, 60]),
)
@settings(max_examples=150, deadline=None)
def test_a_beep_is_heard_once_and_when_it_is_over(
    hz: float, ms: int, dbm0: float, start_samples: int, seed: int, snr_db: int
) -> None:
    if 375 < hz < 465 and 660 < ms < 1_740:  # a ring-back
        ms = 500
    beep = [quiet(300), np.zeros(start_samples), tone(hz, ms, dbm0), quiet(500)]
    audio = np.concatenate(beep)
    audio += noise(audio.size // 8 + 1, dbm0 - snr_db, seed)[: audio.size]
    end_ms = 300 + start_samples / 8 + ms
    (at_ms,) = heard_ms(payload_of([audio]))
    assert 0 < at_ms - end_ms <= 80


@pytest.mark.parametrize("seed", range(20))
def test_a_beep_that_loses_packets_is_heard_once_and_when_it_is_over(seed: int) -> None:
    ms = 400 + 100 * seed
    payload = payload_of([quiet(300), tone(1_000, ms), quiet(500)])
    (at_ms,) = heard_ms(lossy(payload, 0.05, seed))
    assert 300 + ms - 60 <= at_ms <= 300 + ms + 80


def test_pieces_of_any_length_make_no_difference() -> None:
    payload = payload_of([quiet(300), tone(1_000, 500), quiet(500)])
    (by_frame,) = heard_ms(payload)
    for size in (1, 37, 159, 161, 800):
        (by_piece,) = heard_ms(payload, size)
        assert by_frame <= by_piece < by_frame + size // 8 + 1
    assert heard_ms(payload, len(payload)) == [1_300]
    assert not BeepDetector().hear(b"")


def test_a_beep_that_still_sounds_is_not_over() -> None:
    assert heard_ms(payload_of([quiet(300), tone(1_000, 2_000)])) == []


def test_speech_that_follows_a_beep_at_once_does_not_hide_it() -> None:
    beep = payload_of([quiet(300), tone(1_000, 500)])
    (at_ms,) = heard_ms(beep + load_voice("hold_on"))
    assert 800 < at_ms <= 880


@pytest.mark.parametrize(
    ("hz", "ms", "dbm0"),
    [(1_000, 60, -15), (1_000, 4_500, -15), (300, 500, -15), (2_700, 500, -15), (1_000, 500, -42)],
    ids=["too short", "too long", "too low", "too high", "too quiet"],
)
def test_what_is_beyond_the_limits_of_a_beep_is_none(hz: float, ms: int, dbm0: float) -> None:
    assert heard_ms(payload_of([quiet(300), tone(hz, ms, dbm0), quiet(500)])) == []


def test_no_voice_is_a_beep() -> None:
    for name in VOICES:
        assert heard_ms(load_voice(name) + b"\xff" * 1_600) == [], name
    for name, clip in clips().items():
        assert heard_ms(clip_audio(clip, AudioFormat.PCMU) + b"\xff" * 1_600) == [], name
    speech = compose([*phrase("greeting"), *count(range(1, 61))])
    assert heard_ms(speech.audio(0, speech.total_ms, AudioFormat.PCMU)) == []


def test_no_key_is_a_beep() -> None:
    assert heard_ms(tones("1234567890*#ABCDw") * 3) == []


@pytest.mark.parametrize(
    ("tones_hz", "on_ms", "off_ms"),
    [
        ((440, 480), 2_000, 4_000),
        ((400, 450), 400, 200),
        ((425,), 1_000, 4_000),
        ((440,), 1_500, 3_500),
        ((480, 620), 500, 500),
        ((350, 440), 3_000, 100),
    ],
    ids=["ring US", "ring UK", "ring Europe", "ring France", "busy US", "dial US"],
)
@pytest.mark.parametrize("snr_db", [15, 60])
def test_no_ring_back_is_a_beep(
    tones_hz: tuple[int, ...], on_ms: int, off_ms: int, snr_db: int
) -> None:
    sound = sum((tone(hz, on_ms, phase=hz) for hz in tones_hz), start=quiet(on_ms))
    audio = np.concatenate([quiet(510), *[sound, quiet(off_ms)] * 3])
    audio += noise(audio.size // 8, -15 - snr_db, 1)
    assert heard_ms(payload_of([audio])) == []


def test_a_busy_tone_is_a_beep_the_first_time_alone() -> None:
    (at_ms,) = heard_ms(payload_of([quiet(300), *[tone(425, 500), quiet(500)] * 8]))
    assert 800 < at_ms <= 880


@pytest.mark.parametrize(
    "second",
    [tone(1_000, 900), tone(1_200, 500)],
    ids=["of another length", "of another pitch"],
)
def test_another_beep_is_no_repeat(second: Audio) -> None:
    parts = [quiet(300), tone(1_000, 500), quiet(1_000), second, quiet(500)]
    assert len(heard_ms(payload_of(parts))) == 2


def test_the_same_beep_much_later_is_no_repeat() -> None:
    parts = [quiet(300), tone(1_000, 500), quiet(6_500), tone(1_000, 500), quiet(500)]
    assert len(heard_ms(payload_of(parts))) == 2


@pytest.mark.parametrize("start_samples", range(0, 160, 20))
def test_tones_without_a_pause_between_them_are_a_melody(start_samples: int) -> None:
    for pitches in ((950, 1_400, 1_800), (600, 500), (500, 600, 500)):
        notes = [tone(hz, 330) for hz in pitches]
        parts = [quiet(100), np.zeros(start_samples), *notes, quiet(500)]
        assert heard_ms(payload_of(parts)) == []


def test_a_blip_right_before_a_beep_makes_no_melody_of_it() -> None:
    parts = [quiet(300), tone(700, 60), tone(1_000, 500), quiet(500)]
    assert len(heard_ms(payload_of(parts))) == 1


def test_a_beep_with_overtones_must_be_long_and_fall_silent() -> None:
    def rich(ms: int) -> Audio:
        return tone(600, ms) + tone(1_800, ms, -24)  # 89 % of the energy in the first

    assert len(heard_ms(payload_of([quiet(300), rich(400), quiet(500)]))) == 1
    assert heard_ms(payload_of([quiet(300), rich(160), quiet(500)])) == []
    assert heard_ms(payload_of([quiet(300), rich(400), noise(1_000, -15, 2)])) == []


def test_a_tone_with_a_quarter_of_its_energy_elsewhere_is_no_beep() -> None:
    sound = tone(600, 400) + tone(1_800, 400, -20)
    assert heard_ms(payload_of([quiet(300), sound, quiet(500)])) == []


def test_a_tone_that_swells_or_glides_is_no_beep() -> None:
    swell = tone(1_000, 1_000) * np.linspace(0.1, 1, 8_000)
    assert heard_ms(payload_of([quiet(300), swell, quiet(500)])) == []
    glide = peak(-15) * np.sin(2 * np.pi * np.cumsum(np.linspace(400, 2_400, 8_000)) / 8_000)
    assert heard_ms(payload_of([quiet(300), glide, quiet(500)])) == []


@pytest.mark.parametrize("dbm0", [-50, -40, -30, -20, -10])
def test_noise_is_no_beep(dbm0: float) -> None:
    assert heard_ms(payload_of([noise(20_000, dbm0, 3)])) == []
