from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trio_media.phone.voices
from trio_media.audio.echo import EchoGate, percentiles
from trio_media.audio.g711 import decode_mulaw, encode_mulaw
from trio_media.audio.played import band_levels
from trio_media.audio.wav import read_wav

VOICES = Path(trio_media.phone.voices.__file__).parent
FRAME = 160


def speech(*names: str) -> np.ndarray:
    """Somebody who goes on and on."""
    pieces = [read_wav(VOICES / f"{name}.wav").samples / 32_768 for name in names]
    pause = np.zeros(1_200)
    return np.concatenate([part for piece in pieces for part in (piece, pause)])


MODEL = np.tile(speech("hold_on", "something_wrong", "try_again", "one_moment"), 4)
CALLER = speech("cancelled", "goodbye", "sorry")


def mulaw(sound: np.ndarray) -> bytes:
    return encode_mulaw(np.clip(np.rint(sound * 32_768), -32_768, 32_767).astype(np.int16))


def echo_of(played: np.ndarray, loss_db: float, lag_ms: int) -> np.ndarray:
    """Later, quieter and coloured, as a handset brings it back; the line hisses."""
    rng = np.random.default_rng(3)
    impulse = rng.standard_normal(160) * np.exp(-np.arange(160) / 40)
    smeared = np.convolve(played, impulse)[: len(played)]
    smeared *= np.sqrt((played**2).mean() / (smeared**2).mean()) * 10 ** (-loss_db / 20)
    late = np.concatenate([np.zeros(lag_ms * 8), smeared])[: len(played)]
    return late + rng.standard_normal(len(played)) * 10 ** (-62 / 20)


def listen(
    gate: EchoGate,
    heard: np.ndarray,
    played: np.ndarray | None,
    *,
    from_ms: int = 0,
    is_speaking: bool = False,
) -> tuple[list[bool], bytes]:
    """Hear all of it; return which frames are echo, and what is left."""
    sent = mulaw(heard)
    reference = None if played is None else mulaw(played)
    echoes: list[bool] = []
    left = b""
    for start in range(0, len(sent) - FRAME + 1, FRAME):
        at_ms = from_ms + start // 8
        if reference is not None and start % (10 * FRAME) == 0:  # 200 ms at once, 100 ms ahead
            gate.played(at_ms + 100, reference[start + 800 : start + 800 + 10 * FRAME])
        left += gate.hear(sent[start : start + FRAME], at_ms, is_speaking=is_speaking)
        echoes.append(gate.is_echo(at_ms))
    return echoes, left


@pytest.mark.parametrize("loss_db", [30, 20, 15])
@pytest.mark.parametrize("lag_ms", [60, 170, 400])
def test_what_is_nothing_but_echo_is_known_and_silenced(loss_db: int, lag_ms: int) -> None:
    heard = echo_of(MODEL, loss_db, lag_ms)
    echoes, left = listen(EchoGate(), heard, MODEL)
    levels = np.array(
        [np.abs(decode_mulaw(mulaw(heard[n * FRAME :][:FRAME]))).max() for n in range(len(echoes))]
    )
    learned = np.arange(len(echoes)) > 150  # three seconds
    loud = (levels > 32_768 * 10 ** (-50 / 20)) & learned
    assert loud.sum() > 100
    missed = loud & ~np.array(echoes)
    assert missed.sum() <= 0.02 * loud.sum()
    silent = [left[n * FRAME :][:FRAME] == b"\xff" * FRAME for n in np.flatnonzero(echoes)]
    assert all(silent)


@pytest.mark.parametrize("loss_db", [30, 20, 15])
def test_a_caller_is_heard_over_their_echo(loss_db: int) -> None:
    gate = EchoGate()
    heard = echo_of(MODEL, loss_db, 170)
    listen(gate, heard[:80_000], MODEL[:80_000])
    both = heard[80_000:104_000].copy()
    caller = CALLER[: len(both)] * 0.7
    both[: len(caller)] += caller
    echoes, _ = listen(gate, both, MODEL[80_000:], from_ms=10_000)
    frames = caller[: len(caller) // FRAME * FRAME].reshape(-1, FRAME)
    spoken = 10 * np.log10((frames**2).mean(axis=1) + 1e-12) > -30
    masked = np.array(echoes[: len(frames)]) & spoken
    assert masked.sum() <= 0.35 * spoken.sum()
    first = np.flatnonzero(spoken)[:6]
    assert not all(echoes[n] for n in first), "the onset is not held back"


def test_without_an_echo_nothing_is_held_back() -> None:
    gate = EchoGate()
    noise = np.random.default_rng(5).standard_normal(80_000) * 10 ** (-55 / 20)
    echoes, _ = listen(gate, noise, MODEL)
    assert not any(echoes)
    both = CALLER[:24_000]
    echoes, left = listen(gate, both, MODEL[80_000:], from_ms=10_000, is_speaking=True)
    assert not any(echoes)
    assert left == mulaw(both)[: len(left)]


def test_until_the_echo_is_known_any_voice_beside_the_models_may_be_one() -> None:
    gate = EchoGate()
    assert not gate.may_be_echo(0)
    heard = echo_of(MODEL, 20, 170)
    listen(gate, heard[:4_000], MODEL[:4_000])
    assert gate.may_be_echo(500)
    gate.cut(500)
    listen(gate, heard[4_000:8_000] * 0, None, from_ms=500)
    assert not gate.may_be_echo(980), "the model has been silent for long enough"
    listen(gate, heard[8_000:40_000], MODEL[8_000:40_000], from_ms=1_000)
    assert not gate.may_be_echo(5_000), "it is known now"


def test_a_second_without_an_echo_says_that_there_is_none() -> None:
    gate = EchoGate()
    noise = np.random.default_rng(5).standard_normal(16_000) * 10 ** (-55 / 20)
    listen(gate, noise, MODEL)
    assert not gate.may_be_echo(2_000)


def test_an_echo_that_has_gone_is_forgotten_though_nothing_is_heard_any_more() -> None:
    gate = EchoGate()
    listen(gate, echo_of(MODEL, 15, 170)[:80_000], MODEL[:80_000])
    assert gate._path.first_lag is not None
    played = np.resize(MODEL, 60 * 8_000)
    listen(gate, played * 0, played, from_ms=10_000)
    assert gate._path.first_lag is None


def test_without_a_model_nothing_is_held_back() -> None:
    echoes, _ = listen(EchoGate(), CALLER, None)
    assert not any(echoes)


def test_what_was_cleared_has_no_echo() -> None:
    """After a clear the caller is heard at once, but for what is on its way back already."""
    gate = EchoGate()
    heard = echo_of(MODEL, 15, 170)
    listen(gate, heard[:80_000], MODEL[:80_000])
    gate.played(10_000, mulaw(MODEL[80_000:96_000]))
    gate.cut(10_040)
    echoes, _ = listen(gate, CALLER[:16_000], None, from_ms=10_000)
    assert not any(echoes[20:])


def test_audio_of_any_length_is_heard() -> None:
    gate = EchoGate()
    for at_ms, length in ((0, 0), (0, 1), (10, 400), (60, 1_000), (500, 7)):
        heard = gate.hear(b"\x20" * length, at_ms, is_speaking=False)
        assert heard == b"\x20" * length


def test_bands_are_those_of_a_telephone() -> None:
    time_s = np.arange(FRAME) / 8_000
    low = band_levels(mulaw(0.5 * np.sin(2 * np.pi * 300 * time_s)))
    high = band_levels(mulaw(0.5 * np.sin(2 * np.pi * 3_200 * time_s)))
    assert low.argmax() <= 1
    assert high.argmax() == len(high) - 1
    assert low.max() - low[len(low) // 2] > 20


@pytest.mark.parametrize("rows", [1, 2, 11, 12, 32, 51, 400])
@pytest.mark.parametrize("percent", [0, 50, 90, 98, 100])
def test_percentiles_are_those_of_numpy(rows: int, percent: int) -> None:
    values = np.random.default_rng(rows).standard_normal((12, rows)).astype(np.float32) * 10
    expected = np.percentile(values, percent, axis=1)
    np.testing.assert_array_equal(percentiles(values, percent), expected)
    np.testing.assert_array_equal(percentiles(values[0], percent), expected[0])
