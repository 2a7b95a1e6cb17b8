from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.audio.g711 import SAMPLE_RATE_HZ, decode_mulaw, encode_mulaw
from trio_media.audio.levels import (
    FRAME_BYTES,
    SILENCE_DBFS,
    NoiseFloor,
    amplitudes,
    is_keypad_tone,
    level_dbfs,
    levels_dbfs,
)


def tone(*hz: float, dbfs: float = -12.0, samples: int = FRAME_BYTES) -> bytes:
    time_s = np.arange(samples) / SAMPLE_RATE_HZ
    mixed = np.sum([np.sin(2 * np.pi * f * time_s) for f in hz], axis=0)
    return encode_mulaw((mixed * 32_768 * 10 ** (dbfs / 20)).astype(np.int16))


@given(st.binary(min_size=1, max_size=400))
def test_the_level_is_that_of_the_decoded_samples(payload: bytes) -> None:
    samples = [float(sample) / 32_768 for sample in decode_mulaw(payload).tolist()]
    power = sum(sample * sample for sample in samples) / len(samples)
    expected = 10 * math.log10(power) if power else SILENCE_DBFS
    assert level_dbfs(payload) == pytest.approx(expected, abs=0.001)


def test_a_sine_at_full_scale_reads_minus_three() -> None:
    assert level_dbfs(tone(1_000, dbfs=-0.2)) == pytest.approx(-3.2, abs=0.2)


@pytest.mark.parametrize("payload", [b"", b"\xff" * 160, b"\x7f" * 160])
def test_silence_and_nothing_have_the_least_level(payload: bytes) -> None:
    assert level_dbfs(payload) == SILENCE_DBFS


@pytest.mark.parametrize("low", [697, 770, 852, 941])
@pytest.mark.parametrize("high", [1_209, 1_336, 1_477, 1_633])
def test_every_key_is_a_keypad_tone(low: int, high: int) -> None:
    assert is_keypad_tone(amplitudes(tone(low, high)))


@pytest.mark.parametrize("hz", [(697,), (1_336,), (440, 480), (697, 770), (200, 400, 800, 1_200)])
def test_other_tones_are_not_keys(hz: tuple[int, ...]) -> None:
    assert not is_keypad_tone(amplitudes(tone(*hz, dbfs=-18)))


@pytest.mark.parametrize("noise_dbfs", [-24, -20, -15])
def test_a_key_with_much_noise_in_it_is_not_taken_for_a_key(noise_dbfs: float) -> None:
    key = amplitudes(tone(697, 1_209, dbfs=-20))  # two tones of -23, so -20 together
    noise = np.random.default_rng(1).normal(0, 10 ** (noise_dbfs / 20), FRAME_BYTES)
    assert not is_keypad_tone(key + noise.astype(np.float32))


def test_the_floor_before_any_frame_is_silence() -> None:
    assert NoiseFloor().dbfs == SILENCE_DBFS


def test_the_floor_falls_at_once() -> None:
    floor = NoiseFloor()
    for level in (-30.0, -50.0, -40.0):
        floor.hear(level)
    assert floor.dbfs == -50.0


def test_the_floor_learns_a_louder_noise_within_two_seconds() -> None:
    floor = NoiseFloor()
    for _ in range(150):
        floor.hear(-60.0)
    frames = 0
    while floor.dbfs != -35.0:
        floor.hear(-35.0)
        frames += 1
        assert frames <= 90, "1.8 s"
    assert frames >= 80, "a shorter window would learn a long vowel"


def test_dips_keep_the_floor_down() -> None:
    floor = NoiseFloor()
    for frame in range(1_000):
        floor.hear(-60.0 if frame % 70 == 0 else -20.0)
        assert floor.dbfs == -60.0


def test_a_held_noise_stays_the_floor_through_its_dips_until_it_has_gone() -> None:
    floor = NoiseFloor()
    floor.hold(-30.0, 2.0)
    for frame in range(500):
        floor.hear(-45.0 if frame % 3 else -30.0)
        assert floor.dbfs == -26.0
    for _ in range(90):
        floor.hear(-45.0)
    assert floor.dbfs == -45.0


@given(st.binary(max_size=700))
def test_the_levels_of_many_frames_are_those_of_each(payload: bytes) -> None:
    frames = [payload[at : at + FRAME_BYTES] for at in range(0, len(payload), FRAME_BYTES)]
    assert levels_dbfs(payload) == pytest.approx([level_dbfs(frame) for frame in frames], abs=1e-4)
