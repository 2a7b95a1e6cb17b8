"""The tones of keys, heard by a receiver that shares nothing with what made them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.audio.dtmf import DIGITS_MAX, tones
from trio_media.audio.g711 import decode_mulaw
from trio_media.audio.levels import amplitudes, is_keypad_tone
from trio_media.errors import AgentError

KEYS = {
    (697, 1209): "1", (697, 1336): "2", (697, 1477): "3", (697, 1633): "A",
    (770, 1209): "4", (770, 1336): "5", (770, 1477): "6", (770, 1633): "B",
    (852, 1209): "7", (852, 1336): "8", (852, 1477): "9", (852, 1633): "C",
    (941, 1209): "*", (941, 1336): "0", (941, 1477): "#", (941, 1633): "D",
}  # fmt: skip
LOW_HZ, HIGH_HZ = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
BLOCK = 80  # 10 ms


def goertzel_dbm0(samples: list[int], hz: float) -> float:
    """The level of one frequency, by Goertzel's recursion; 0 dBm0 is 3.17 dB below 8159 * 4."""
    coefficient = 2 * math.cos(2 * math.pi * hz / 8_000)
    before, now = 0.0, 0.0
    for sample in samples:
        before, now = now, sample + coefficient * now - before
    power = now * now + before * before - coefficient * now * before
    peak = 2 * math.sqrt(max(power, 1e-9)) / len(samples)
    return 20 * math.log10(peak / (8_159 * 4)) + 3.17


def bursts(payload: bytes) -> list[tuple[int, int]]:
    """Where it is not silent, in whole blocks."""
    samples = decode_mulaw(payload).astype(int)
    loud = [
        int(np.abs(samples[at : at + BLOCK]).max()) > 300 for at in range(0, samples.size, BLOCK)
    ]
    edges = [i for i in range(len(loud) + 1) if (i < len(loud) and loud[i]) != (i and loud[i - 1])]
    return list(zip(edges[::2], edges[1::2], strict=True))


def heard(payload: bytes) -> str:
    """Receive as an exchange does, pauses by their length."""
    samples = decode_mulaw(payload).astype(int).tolist()
    keys, last_end = "", 0
    for start, end in bursts(payload):
        keys += pauses((start - last_end) * 10)
        middle = samples[(start + 1) * BLOCK : (end - 1) * BLOCK]
        low = max(LOW_HZ, key=lambda hz: goertzel_dbm0(middle, hz))
        high = max(HIGH_HZ, key=lambda hz: goertzel_dbm0(middle, hz))
        keys += KEYS[low, high]
        last_end = end + 6
    return keys + pauses(len(payload) // 8 - last_end * 10)


def pauses(ms: int) -> str:
    assert ms % 500 == 0
    return "w" * (ms // 500)


@given(st.text(alphabet="0123456789*#ABCDwW", max_size=12))
def test_a_receiver_hears_the_keys_that_were_pressed(digits: str) -> None:
    payload = tones(digits)
    assert heard(payload) == digits.replace("W", "ww")
    assert len(payload) % 160 == 0


@pytest.mark.parametrize("key", "0123456789*#ABCD")
def test_each_key_has_its_two_tones_at_their_levels(key: str) -> None:
    samples = decode_mulaw(tones(key)).astype(int).tolist()
    assert len(samples) == 160 * 8
    (low_hz, high_hz), *_ = [pair for pair, name in KEYS.items() if name == key]
    # 80 ms, so that neighbouring tones are told apart.
    middle = samples[80:720]
    low, high = goertzel_dbm0(middle, low_hz), goertzel_dbm0(middle, high_hz)
    assert low == pytest.approx(-9, abs=0.4)
    assert high == pytest.approx(-7, abs=0.4)
    assert 1.5 < high - low < 2.5
    others = [hz for hz in LOW_HZ + HIGH_HZ if hz not in (low_hz, high_hz)]
    assert max(goertzel_dbm0(middle, hz) for hz in others) < low - 10
    assert samples[800:] == [0] * 480


@pytest.mark.parametrize("key", "15#D")
def test_a_tone_begins_and_ends_without_a_click(key: str) -> None:
    samples = decode_mulaw(tones(key)).astype(int)
    loudest = np.abs(samples).max()
    for edge in (samples[:8], samples[792:800]):  # the first and the last ms
        assert np.abs(edge).max() < 0.2 * loudest


def test_our_own_ear_knows_them_for_keys() -> None:
    payload = tones("7")
    frames = [payload[at : at + 160] for at in range(160, 640, 160)]
    assert all(is_keypad_tone(amplitudes(frame)) for frame in frames)


def test_pauses_are_silence() -> None:
    assert tones("w") == b"\xff" * 4_000
    assert tones("W") == b"\xff" * 8_000
    assert tones("") == b""


@pytest.mark.parametrize(
    ("digits", "place"), [("12x", "'x' at position 3"), ("a", "'a' at"), ("1 2", "' '")]
)
def test_what_is_no_key_is_named(digits: str, place: str) -> None:
    with pytest.raises(AgentError, match=place):
        tones(digits)


def test_more_keys_than_any_code_has_are_refused() -> None:
    assert len(tones("1" * DIGITS_MAX)) == DIGITS_MAX * 1_280
    with pytest.raises(AgentError, match="at most 200"):
        tones("1" * (DIGITS_MAX + 1))
