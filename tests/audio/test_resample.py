"""The resampler against sines that are known at any rate, and against a slow sum."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trio_media.audio.resample import (
    KAISER_BETA,
    PASSBAND,
    ZERO_CROSSINGS,
    Resampler,
    resample,
)

RATES_HZ = [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000]


def sine(hz: float, rate_hz: int, count: int, level: float = 10_000) -> NDArray[np.int16]:
    return np.rint(level * np.sin(2 * np.pi * hz * np.arange(count) / rate_hz)).astype(np.int16)


def slow_resample(samples: list[int], from_hz: int, to_hz: int) -> list[int]:
    """Evaluate the same sum from its definition, one output at a time, without phases."""
    cutoff = PASSBAND * min(1.0, to_hz / from_hz)
    half = math.ceil(ZERO_CROSSINGS / cutoff)
    outputs = []
    for k in range(math.ceil(len(samples) * to_hz / from_hz)):
        time = k * from_hz / to_hz
        left = k * from_hz // to_hz
        total = weight_sum = 0.0
        for n in range(left - half + 1, left + half + 1):
            ratio = min(1.0, abs(n - time) / half)
            bessel = float(np.i0(KAISER_BETA * math.sqrt(1 - ratio**2)))
            weight = float(np.sinc(cutoff * (n - time))) * bessel
            weight_sum += weight
            total += weight * (samples[n] if 0 <= n < len(samples) else 0)
        outputs.append(max(-32_768, min(32_767, round(total / weight_sum))))
    return outputs


@pytest.mark.parametrize("from_hz", RATES_HZ)
@pytest.mark.parametrize("to_hz", [8_000, 24_000])
def test_a_sine_is_the_same_sine_at_the_other_rate(from_hz: int, to_hz: int) -> None:
    resampled = resample(sine(440, from_hz, from_hz // 4), from_hz, to_hz)
    wanted = sine(440, to_hz, to_hz // 4)
    assert abs(resampled.size - wanted.size) <= 1
    middle = slice(to_hz // 50, to_hz // 5)
    assert np.abs(resampled[middle].astype(int) - wanted[middle]).max() <= 10


def test_what_the_lower_rate_cannot_hold_is_removed() -> None:
    resampled = resample(sine(6_000, 48_000, 12_000), 48_000, 8_000)
    assert np.abs(resampled[100:-100]).max() <= 10


def test_constant_level_stays_constant() -> None:
    resampled = resample(np.full(4_410, 1_000, dtype=np.int16), 44_100, 8_000)
    assert set(resampled[60:-60].tolist()) == {1_000}


@settings(max_examples=25, deadline=None)
@given(
    samples=st.lists(st.integers(-32_768, 32_767), max_size=60),
    rates=st.sampled_from([(8_000, 24_000), (24_000, 8_000), (11_025, 8_000), (8_000, 16_000)]),
)
def test_equals_the_slow_sum(samples: list[int], rates: tuple[int, int]) -> None:
    fast = resample(np.array(samples, dtype=np.int16), *rates).tolist()
    slow = slow_resample(samples, *rates)
    assert len(fast) == len(slow)
    assert all(abs(a - b) <= 1 for a, b in zip(fast, slow, strict=True))


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 700), max_size=8),
    rates=st.sampled_from([(8_000, 24_000), (44_100, 8_000), (8_000, 8_000), (48_000, 8_000)]),
)
def test_pieces_give_what_the_whole_gives(cuts: list[int], rates: tuple[int, int]) -> None:
    samples = sine(300, rates[0], sum(cuts))
    resampler = Resampler(*rates)
    pieces = [resampler.feed(p) for p in np.split(samples, np.cumsum(cuts)[:-1])] if cuts else []
    streamed = np.concatenate([*pieces, resampler.flush()])
    assert streamed.tolist() == resample(samples, *rates).tolist()


def test_feeding_in_pieces_forgets_the_past() -> None:
    resampler = Resampler(48_000, 8_000)
    for _ in range(50):
        resampler.feed(np.zeros(960, dtype=np.int16))
    assert resampler._kept.size < 960


def test_nothing_stays_nothing() -> None:
    assert resample(np.zeros(0, dtype=np.int16), 16_000, 8_000).size == 0


@pytest.mark.parametrize("rates", [(0, 8_000), (8_000, 0), (8_000, 1_000_000)])
def test_impossible_rates_are_named(rates: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"sample rate (0|1000000) Hz"):
        Resampler(*rates)
