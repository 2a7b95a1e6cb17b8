"""G.711: the companded audio of the telephone network, by table in both directions.

Rule 1: one byte is one sample; nothing here changes a length or a rate.
Rule 2: linear samples are 16 bit.  An encoder chooses the step that the sample lies in, so
encoding what was decoded gives the same byte again, but for mu-law's second zero.

Source: https://www.itu.int/rec/T-REC-G.711
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]

SAMPLE_RATE_HZ: Final = 8_000  # G.711 has no other rate
BYTES_PER_MS: Final = 8  # one byte a sample
assert BYTES_PER_MS * 1_000 == SAMPLE_RATE_HZ

MULAW_SILENCE: Final = 0xFF  # zero in mu-law; 0x7F is the other zero
ALAW_SILENCE: Final = 0xD5  # +8, the smallest level that A-law has

_MULAW_BIAS: Final = 0x84  # makes every segment start at a power of two
_MULAW_CLIP: Final = 32_635  # the largest magnitude that still fits after the bias
_ALAW_EVEN_BITS: Final = 0x55  # A-law inverts every second bit on the wire


def _mulaw_decode_table() -> Samples:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    segment = (codes >> 4) & 0x07
    magnitude = ((((codes & 0x0F) << 3) + _MULAW_BIAS) << segment) - _MULAW_BIAS
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_decode_table() -> Samples:
    codes = np.arange(256, dtype=np.int32) ^ _ALAW_EVEN_BITS
    segment = (codes >> 4) & 0x07
    step = (codes & 0x0F) << 4
    # Segment 0 is linear and has no leading one; the others double from segment 1 on.
    magnitude = np.where(segment == 0, step + 0x08, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)


def _linear_values() -> NDArray[np.int32]:
    """Every 16-bit sample, at the index that its two's complement has as an unsigned number."""
    return np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _bit_length(values: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.frexp(values.astype(np.float64))[1].astype(np.int32)


def _mulaw_encode_table() -> NDArray[np.uint8]:
    linear = _linear_values()
    magnitude = np.minimum(np.abs(linear), _MULAW_CLIP) + _MULAW_BIAS
    segment = _bit_length(magnitude) - 8
    mantissa = (magnitude >> (segment + 3)) & 0x0F
    sign = np.where(linear < 0, 0x80, 0)
    codes: NDArray[np.int32] = ~(sign | (segment << 4) | mantissa) & 0xFF
    return codes.astype(np.uint8)


def _alaw_encode_table() -> NDArray[np.uint8]:
    linear = _linear_values()
    # 13 bits; negative numbers mirror to the same steps one below, as ones' complement does.
    magnitude = np.where(linear < 0, ~linear, linear) >> 3
    segment = np.maximum(_bit_length(magnitude) - 5, 0)
    mantissa = (magnitude >> np.maximum(segment, 1)) & 0x0F
    sign = np.where(linear < 0, 0, 0x80)
    codes: NDArray[np.int32] = (sign | (segment << 4) | mantissa) ^ _ALAW_EVEN_BITS
    return codes.astype(np.uint8)


_MULAW_TO_LINEAR: Final = _mulaw_decode_table()
_ALAW_TO_LINEAR: Final = _alaw_decode_table()
_MULAW_TO_PCM: Final = _MULAW_TO_LINEAR.tobytes()
_FIRST_BYTES, _SECOND_BYTES = _MULAW_TO_PCM[::2], _MULAW_TO_PCM[1::2]
_LINEAR_TO_MULAW: Final = _mulaw_encode_table()
_LINEAR_TO_ALAW: Final = _alaw_encode_table()


def decode_mulaw(payload: bytes | bytearray | memoryview) -> Samples:
    """Return the samples of mu-law bytes, as many as there are bytes."""
    return _MULAW_TO_LINEAR.take(np.frombuffer(payload, dtype=np.uint8))


def mulaw_to_pcm(payload: bytes) -> bytearray:
    """Return the samples of mu-law bytes as 16 bits each, in the byte order of this machine."""
    # Sooner done than by an array and its bytes, for a frame.
    pcm = bytearray(2 * len(payload))
    pcm[::2] = payload.translate(_FIRST_BYTES)
    pcm[1::2] = payload.translate(_SECOND_BYTES)
    return pcm


def encode_mulaw(samples: Samples) -> bytes:
    """Return the mu-law bytes of 16-bit samples, as many as there are samples."""
    return _encode(samples, _LINEAR_TO_MULAW)


def decode_alaw(payload: bytes | bytearray | memoryview) -> Samples:
    """Return the samples of A-law bytes, as many as there are bytes."""
    return _ALAW_TO_LINEAR.take(np.frombuffer(payload, dtype=np.uint8))


def encode_alaw(samples: Samples) -> bytes:
    """Return the A-law bytes of 16-bit samples, as many as there are samples."""
    return _encode(samples, _LINEAR_TO_ALAW)


def _encode(samples: Samples, table: NDArray[np.uint8]) -> bytes:
    # Anything but 16 bits would index the table with the wrong number: a caller's bug.
    assert samples.dtype == np.int16, f"16-bit samples wanted, not {samples.dtype}"
    return table[np.ascontiguousarray(samples).view(np.uint16)].tobytes()
