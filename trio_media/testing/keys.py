"""Which keys' tones are in some audio: a Goertzel filter for each of the eight frequencies.  Pure.

It shares nothing with what makes the tones.

Source: https://www.itu.int/rec/T-REC-Q.23 (frequencies), https://www.itu.int/rec/T-REC-Q.24
(a receiver hears tones of 40 ms, with pauses of 40 ms).
"""

from __future__ import annotations

from math import cos, pi
from typing import Final

import numpy as np

from trio_media.audio.g711 import BYTES_PER_MS, SAMPLE_RATE_HZ, decode_mulaw

ROWS_HZ: Final = (697, 770, 852, 941)
COLUMNS_HZ: Final = (1209, 1336, 1477, 1633)
KEYPAD: Final = ("123A", "456B", "789C", "*0#D")
WINDOW_MS: Final = 20
TONE_WINDOWS: Final = 2  # 40 ms
LOUD_MIN: Final = 300.0  # root mean square; the quietest tone of a line is louder
SHARE_MIN: Final = 0.7  # of all energy, in the two frequencies
TWIST_MAX: Final = 6.4  # one may be 8 dB louder than the other


def keys_in(audio: bytes) -> str:
    """Return the keys whose tones are in mu-law audio, in their order.

    A tone shorter than 40 ms is none, and one without a pause before it is the same key still.
    """
    keys: list[str] = []
    last, windows = None, 0
    size = WINDOW_MS * BYTES_PER_MS
    for start in range(0, len(audio) - size + 1, size):
        key = _key(decode_mulaw(audio[start : start + size]).astype(np.float64))
        windows = windows + 1 if key == last else 1
        last = key
        if key is not None and windows == TONE_WINDOWS:
            keys.append(key)
    return "".join(keys)


def _key(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str | None:
    energy = float(samples @ samples)
    if energy < len(samples) * LOUD_MIN**2:
        return None
    rows = [goertzel(samples.tolist(), hz) for hz in ROWS_HZ]
    columns = [goertzel(samples.tolist(), hz) for hz in COLUMNS_HZ]
    low, high = max(rows), max(columns)
    # A pure tone of amplitude a has the energy n a^2 / 2, and the filter gives (n a / 2)^2.
    share = (low + high) * 2 / len(samples) / energy
    is_twisted = max(low, high) > TWIST_MAX * min(low, high)
    if share < SHARE_MIN or is_twisted:
        return None
    return KEYPAD[rows.index(low)][columns.index(high)]


def goertzel(samples: list[float], hz: int) -> float:
    """Return the squared magnitude of one frequency (Goertzel's algorithm)."""
    twice_cos = 2 * cos(2 * pi * hz / SAMPLE_RATE_HZ)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + twice_cos * last - before
    return last * last + before * before - twice_cos * last * before
