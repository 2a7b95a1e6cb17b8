"""Change a sample rate: a windowed sinc, kept as one short filter a phase.

Rule 1: output sample k stands at input time ``k * from_hz / to_hz``; nothing is delayed.
Rule 2: feeding in pieces gives the same samples as feeding the whole.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]

RATE_HZ_MIN: Final = 1_000  # below this nobody records speech
RATE_HZ_MAX: Final = 768_000  # above this nobody records anything
ZERO_CROSSINGS: Final = 16  # of the sinc, each side: about 80 dB with the window below
KAISER_BETA: Final = 8.0
PASSBAND: Final = 0.92  # of the lower Nyquist rate; the rest is the filter's slope
BLOCK_SAMPLES: Final = 4_096  # outputs made at a time: bounds the memory of a long file


class Resampler:
    """Resample mono 16-bit audio that comes in pieces.

    Raises `ValueError` for a rate outside `RATE_HZ_MIN` to `RATE_HZ_MAX`.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        for rate_hz in (from_hz, to_hz):
            if not RATE_HZ_MIN <= rate_hz <= RATE_HZ_MAX:
                raise ValueError(
                    f"sample rate {rate_hz} Hz: {RATE_HZ_MIN} to {RATE_HZ_MAX} is allowed"
                )
        common = math.gcd(from_hz, to_hz)
        self._up = to_hz // common
        self._down = from_hz // common
        self._phases = _phase_filters(self._up, self._down)
        self._half = self._phases.shape[1] // 2
        # Silence before the first sample, so that the first output has a whole filter.
        self._kept = np.zeros(self._half - 1, dtype=np.float64)
        self._kept_from = 1 - self._half
        self._next_output = 0
        self._fed = 0

    def feed(self, samples: Samples) -> Samples:
        """Take in samples and return all output samples that they decide."""
        if self._up == self._down:
            return samples
        self._fed += samples.size
        self._kept = np.concatenate([self._kept, samples.astype(np.float64)])
        return self._outputs_before(self._fed - self._half)

    def flush(self) -> Samples:
        """Return the rest, as if silence followed.  Ends this resampler's use."""
        if self._up == self._down:
            return np.zeros(0, dtype=np.int16)
        self._kept = np.concatenate([self._kept, np.zeros(self._half, dtype=np.float64)])
        return self._outputs_before(self._fed)

    def _outputs_before(self, input_end: int) -> Samples:
        """Make the outputs whose time lies before input sample ``input_end``; forget the past."""
        end = -(-max(0, input_end) * self._up // self._down)
        blocks = [
            self._block(first, min(first + BLOCK_SAMPLES, end))
            for first in range(self._next_output, end, BLOCK_SAMPLES)
        ]
        self._next_output = max(self._next_output, end)
        needed_from = self._next_output * self._down // self._up - self._half + 1
        self._kept = self._kept[needed_from - self._kept_from :]
        self._kept_from = needed_from
        return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int16)

    def _block(self, first: int, end: int) -> Samples:
        ticks = np.arange(first, end, dtype=np.int64) * self._down
        starts = ticks // self._up - self._half + 1 - self._kept_from
        windows = np.lib.stride_tricks.sliding_window_view(self._kept, 2 * self._half)[starts]
        values = np.einsum("ij,ij->i", windows, self._phases[ticks % self._up])
        rounded: Samples = np.clip(np.rint(values), -32_768, 32_767).astype(np.int16)
        return rounded


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Return mono 16-bit ``samples`` at another rate, ``ceil(n * to_hz / from_hz)`` of them.

    Raises `ValueError` for a rate outside `RATE_HZ_MIN` to `RATE_HZ_MAX`.
    """
    resampler = Resampler(from_hz, to_hz)
    return np.concatenate([resampler.feed(samples), resampler.flush()])


def _phase_filters(up: int, down: int) -> NDArray[np.float64]:
    """Return one filter a phase, an even number of taps each, the row's sum being one.

    Row p is for an output at ``p / up`` of the way from one input sample to the next.
    """
    # The cut-off, as a share of the input's Nyquist rate, moves down with the output's rate.
    cutoff = PASSBAND * min(1.0, up / down)
    half = math.ceil(ZERO_CROSSINGS / cutoff)
    taps = np.arange(1 - half, half + 1, dtype=np.float64)
    distance = taps[np.newaxis, :] - np.arange(up, dtype=np.float64)[:, np.newaxis] / up
    window = np.i0(KAISER_BETA * np.sqrt(np.clip(1.0 - (distance / half) ** 2, 0.0, None)))
    filters: NDArray[np.float64] = np.sinc(cutoff * distance) * window
    # A sum of one in every phase: otherwise a constant level would get a ripple.
    normalised: NDArray[np.float64] = filters / filters.sum(axis=1, keepdims=True)
    return normalised
