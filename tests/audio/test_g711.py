"""The tables against G.711 written out bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from trio_media.audio.g711 import (
    ALAW_SILENCE,
    MULAW_SILENCE,
    decode_alaw,
    decode_mulaw,
    encode_alaw,
    encode_mulaw,
    mulaw_to_pcm,
)

EVERY_BYTE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32_768, 32_768, dtype=np.int32).astype(np.int16)


def slow_mulaw_decode(code: int) -> int:
    """Chord and step, one bit after the other, in 14-bit units, then scaled to 16 bits."""
    bits = [1 - ((code >> position) & 1) for position in range(7, -1, -1)]
    chord = bits[1] * 4 + bits[2] * 2 + bits[3]
    step = bits[4] * 8 + bits[5] * 4 + bits[6] * 2 + bits[7]
    magnitude = ((2 * step + 33) << chord) - 33
    return 4 * (-magnitude if bits[0] else magnitude)


def slow_mulaw_encode(sample: int) -> int:
    """Look for the chord by counting, as the standard's decision table does."""
    magnitude = min(abs(sample), 32_635) + 132
    chord = 0
    while magnitude >= 256 << chord:
        chord += 1
    step = 0
    while (128 << chord) + ((step + 1) << (chord + 3)) <= magnitude:
        step += 1
    return 0xFF - ((0x80 if sample < 0 else 0) + chord * 16 + step)


def slow_alaw_decode(code: int) -> int:
    inverted = "".join(
        bit if position % 2 == 0 else "10"[int(bit)]
        for position, bit in enumerate(format(code, "08b"))
    )
    chord, step = int(inverted[1:4], 2), int(inverted[4:], 2)
    half_steps = 2 * step + 1 if chord == 0 else (2 * step + 33) * 2 ** (chord - 1)
    return half_steps * 8 * (1 if inverted[0] == "1" else -1)


def slow_alaw_encode(sample: int) -> int:
    """Try every code of the right sign for the interval that the sample lies in."""
    positive = sample >= 0
    level = sample >> 3 if positive else (-sample - 1) >> 3
    best = 0
    for code in range(128):
        chord, step = divmod(code, 16)
        lower = 2 * step if chord == 0 else (2 * step + 32) * 2 ** (chord - 1)
        if lower <= level:
            best = code
    return (best + (128 if positive else 0)) ^ 0x55


def test_every_mulaw_byte_decodes_as_the_standard_says() -> None:
    assert decode_mulaw(EVERY_BYTE).tolist() == [slow_mulaw_decode(code) for code in range(256)]


def test_every_alaw_byte_decodes_as_the_standard_says() -> None:
    assert decode_alaw(EVERY_BYTE).tolist() == [slow_alaw_decode(code) for code in range(256)]


def test_every_sample_encodes_to_mulaw_as_the_standard_says() -> None:
    encoded = encode_mulaw(EVERY_SAMPLE)
    assert encoded == bytes(slow_mulaw_encode(sample) for sample in EVERY_SAMPLE.tolist())


def test_samples_encode_to_alaw_as_the_standard_says() -> None:
    # Every fifth sample and all the small ones: the slow way tries 128 codes a sample.
    samples = np.concatenate([EVERY_SAMPLE[::5], np.arange(-600, 600, dtype=np.int16)])
    encoded = encode_alaw(samples.astype(np.int16))
    assert encoded == bytes(slow_alaw_encode(sample) for sample in samples.tolist())


def test_alaw_bytes_survive_a_round_trip() -> None:
    assert encode_alaw(decode_alaw(EVERY_BYTE)) == EVERY_BYTE


def test_mulaw_bytes_survive_a_round_trip_except_the_second_zero() -> None:
    assert encode_mulaw(decode_mulaw(EVERY_BYTE)) == EVERY_BYTE.replace(b"\x7f", b"\xff")


def test_known_points_of_mulaw() -> None:
    assert decode_mulaw(b"\x00\x80\x7f\xff").tolist() == [-32_124, 32_124, 0, 0]
    assert encode_mulaw(np.array([0, 32_767, -32_768], dtype=np.int16)) == b"\xff\x80\x00"


def test_silence_is_the_smallest_level() -> None:
    assert decode_mulaw(bytes([MULAW_SILENCE])).tolist() == [0]
    assert decode_alaw(bytes([ALAW_SILENCE])).tolist() == [8]
    assert encode_alaw(np.zeros(1, dtype=np.int16)) == bytes([ALAW_SILENCE])


def test_length_is_kept_for_any_buffer() -> None:
    assert decode_mulaw(b"").size == 0
    assert decode_mulaw(memoryview(bytes(161))).size == 161
    assert len(encode_mulaw(EVERY_SAMPLE[::2])) == 32_768


def test_other_sample_types_are_refused() -> None:
    with pytest.raises(AssertionError, match="float32"):
        encode_mulaw(np.zeros(3, dtype=np.float32))


def test_pcm_is_the_samples_in_bytes() -> None:
    payload = bytes(range(256))
    assert bytes(mulaw_to_pcm(payload)) == decode_mulaw(payload).tobytes()
    assert mulaw_to_pcm(b"") == b""
