"""Make the tones of a telephone's keys, as mu-law 8 kHz.

Rule 1: a key sounds for 100 ms, and 60 ms of silence follow; every length is whole 20 ms frames.
Rule 2: the high tone is 2 dB above the low one, for lines lose more of it.
Rule 3: a tone begins and ends by a raised cosine: a hard edge is a click, heard on all keys.

Source: https://www.itu.int/rec/T-REC-Q.23 (frequencies), https://www.itu.int/rec/T-REC-Q.24
(receivers hear 40 ms and pauses of 40 ms, 0 to -25 dBm, twists of 4 to 8 dB) and G.711 (a sine at
mu-law's full scale is +3.17 dBm0).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

import numpy as np

from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE, SAMPLE_RATE_HZ, encode_mulaw
from trio_media.audio.levels import FRAME_MS
from trio_media.errors import AgentError

TONE_MS: Final = 100  # twice what a receiver must hear
GAP_MS: Final = 60  # as dialled by hand at its fastest
EDGE_MS: Final = 5  # each of rise and fall; receivers still hear 90 ms of full level
PAUSES_MS: Final[Mapping[str, int]] = {"w": 500, "W": 1_000}  # as carriers write them
LOW_DBM0: Final = -9.0
HIGH_DBM0: Final = -7.0
DIGITS_MAX: Final = 200  # half a minute of tones; more is no number and no code
FULL_SCALE_DBM0: Final = 3.17  # of a sine that just fits mu-law
FULL_SCALE: Final = 32_636  # its peak in 16-bit samples: 8159 of G.711's 14-bit ones

_LOW_HZ: Final = (697, 770, 852, 941)
_HIGH_HZ: Final = (1_209, 1_336, 1_477, 1_633)
_KEYPAD: Final = ("123A", "456B", "789C", "*0#D")  # a row for each low tone
_TONES_HZ: Final[Mapping[str, tuple[int, int]]] = {
    key: (low_hz, high_hz)
    for row, low_hz in zip(_KEYPAD, _LOW_HZ, strict=True)
    for key, high_hz in zip(row, _HIGH_HZ, strict=True)
}
assert all(ms % FRAME_MS == 0 for ms in (TONE_MS + GAP_MS, *PAUSES_MS.values()))


def tones(digits: str) -> bytes:
    """Return the tones of keys one after another.

    ``digits``: 0 to 9, ``*``, ``#``, A to D, and the pauses ``w`` (0.5 s) and ``W`` (1 s).

    Raises `AgentError`, which names the character that is no key.
    """
    if len(digits) > DIGITS_MAX:
        raise AgentError(f"digits: {len(digits)} of them; at most {DIGITS_MAX} are allowed")
    return b"".join(_sound(position, key) for position, key in enumerate(digits, start=1))


def _sound(position: int, key: str) -> bytes:
    if key in PAUSES_MS:
        return _silence(PAUSES_MS[key])
    if key not in _TONES_HZ:
        raise AgentError(
            f"digits: {key!r} at position {position} is no key; allowed: 0-9, *, #, A-D, "
            "w (0.5 s of pause) and W (1 s)"
        )
    return _key(key)


@functools.cache
def _key(key: str) -> bytes:
    time_s = np.arange(TONE_MS * BYTES_PER_MS) / SAMPLE_RATE_HZ
    low_hz, high_hz = _TONES_HZ[key]
    low = _peak(LOW_DBM0) * np.sin(2 * np.pi * low_hz * time_s)
    high = _peak(HIGH_DBM0) * np.sin(2 * np.pi * high_hz * time_s)
    edge_samples = EDGE_MS * BYTES_PER_MS
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge_samples) + 0.5) / edge_samples)
    envelope = np.ones(time_s.size)
    envelope[:edge_samples] = rise
    envelope[-edge_samples:] = rise[::-1]
    samples = np.rint((low + high) * envelope).astype(np.int16)
    return encode_mulaw(samples) + _silence(GAP_MS)


def _peak(dbm0: float) -> float:
    return float(FULL_SCALE * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20))


def _silence(ms: int) -> bytes:
    return bytes([MULAW_SILENCE]) * (ms * BYTES_PER_MS)
