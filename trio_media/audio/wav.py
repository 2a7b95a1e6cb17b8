"""Read any WAV file that a person may have, as mono; write one that anything plays.

Rule 1: many channels become one by their mean; the rate stays what it was.
Rule 2: a length that lies (0, or beyond the end) means up to the end: the writer was killed.

Source: http://soundfile.sapp.org/doc/WaveFormat/ and RFC 2361 for the format tags.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from trio_media.audio.g711 import decode_alaw, decode_mulaw
from trio_media.errors import ConfigError

Samples: TypeAlias = NDArray[np.int16]

FILE_BYTES_MAX: Final = 512 * 1024 * 1024  # 90 minutes of 48 kHz stereo; more is a mistake
CHANNELS_MAX: Final = 64
RATES_HZ: Final = range(1_000, 768_001)

FORMAT_PCM: Final = 0x0001
FORMAT_FLOAT: Final = 0x0003
FORMAT_ALAW: Final = 0x0006
FORMAT_MULAW: Final = 0x0007
FORMAT_EXTENSIBLE: Final = 0xFFFE


@attrs.frozen(eq=False)
class WavAudio:
    """What a WAV file holds."""

    samples: Samples
    """Mono, 16 bit."""
    sample_rate_hz: int

    @property
    def duration_ms(self) -> int:
        """Whole milliseconds, rounded down."""
        return self.samples.size * 1_000 // self.sample_rate_hz


@attrs.frozen
class _Format:
    tag: int
    channels: int
    sample_rate_hz: int
    bits: int


def read_wav(path: Path) -> WavAudio:
    """Read a WAV file of PCM (8 to 32 bit), float or G.711 samples, mixed down to mono.

    Blocks: call it in a thread where that matters.  Raises `ConfigError`, which names the file
    and what is wrong with it.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(f"{path}: larger than {FILE_BYTES_MAX} bytes")
        content = path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror or exc}") from exc
    return parse_wav(content, name=str(path))


def parse_wav(content: bytes, *, name: str = "WAV") -> WavAudio:
    """Do what `read_wav` does, from bytes.  ``name`` is what an error calls them."""
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ConfigError(f"{name}: not a WAV file (it begins with {content[:12]!r})")
    wav_format: _Format | None = None
    offset = 12
    while offset + 8 <= len(content):
        tag, length = struct.unpack_from("<4sI", content, offset)
        body = offset + 8
        if tag == b"fmt ":
            wav_format = _parse_format(content[body : body + length], name)
        elif tag == b"data":
            if wav_format is None:
                raise ConfigError(f"{name}: its samples come before their format")
            end = len(content) if length == 0 else min(len(content), body + length)
            return WavAudio(_mono(content[body:end], wav_format, name), wav_format.sample_rate_hz)
        offset = body + length + (length & 1)  # chunks begin at even offsets
    raise ConfigError(f"{name}: no samples in it")


def mono_wav(samples: Samples, sample_rate_hz: int) -> bytes:
    """Return a WAV file of 16-bit mono samples."""
    return _wav_file(FORMAT_PCM, sample_rate_hz, 16, samples.astype("<i2").tobytes())


def mulaw_wav(payload: bytes, sample_rate_hz: int = 8_000) -> bytes:
    """Return a WAV file that keeps mu-law bytes as they are."""
    return _wav_file(FORMAT_MULAW, sample_rate_hz, 8, payload)


def write_wav(path: Path, samples: Samples, sample_rate_hz: int) -> None:
    """Write 16-bit mono samples.  Blocks.  Raises `ConfigError`, which names the file."""
    try:
        path.write_bytes(mono_wav(samples, sample_rate_hz))
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror or exc}") from exc


def _wav_file(tag: int, sample_rate_hz: int, bits: int, payload: bytes) -> bytes:
    sample_bytes = bits // 8
    fields = (tag, 1, sample_rate_hz, sample_rate_hz * sample_bytes, sample_bytes, bits)
    format_chunk = struct.pack("<HHIIHH", *fields)
    padded = payload + b"\x00" * (len(payload) & 1)
    chunks = (
        struct.pack("<4sI", b"fmt ", len(format_chunk))
        + format_chunk
        + struct.pack("<4sI", b"data", len(payload))
        + padded
    )
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks


def _parse_format(chunk: bytes, name: str) -> _Format:
    if len(chunk) < 16:
        raise ConfigError(f"{name}: its format takes {len(chunk)} bytes, 16 are needed")
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == FORMAT_EXTENSIBLE and len(chunk) >= 26:
        # The real tag is the beginning of the sub-format's GUID.
        (tag,) = struct.unpack_from("<H", chunk, 24)
    if not 1 <= channels <= CHANNELS_MAX:
        raise ConfigError(f"{name}: {channels} channels; 1 to {CHANNELS_MAX} are allowed")
    if rate_hz not in RATES_HZ:
        raise ConfigError(f"{name}: a sample rate of {rate_hz} Hz")
    if (tag, bits) not in _DECODERS:
        raise ConfigError(
            f"{name}: format {tag:#06x} with {bits} bits; "
            "PCM of 8, 16, 24 or 32 bits, float and G.711 are read"
        )
    return _Format(tag, channels, rate_hz, bits)


def _mono(raw: bytes, wav_format: _Format, name: str) -> Samples:
    frame_bytes = wav_format.channels * wav_format.bits // 8
    whole = raw[: len(raw) // frame_bytes * frame_bytes]  # a killed writer may leave half a frame
    if not whole:
        raise ConfigError(f"{name}: no samples in it")
    values = _DECODERS[wav_format.tag, wav_format.bits](whole)
    mixed = values.reshape(-1, wav_format.channels).mean(axis=1)
    # A file of floats may hold anything, NaN and infinity too.
    finite = np.nan_to_num(mixed, nan=0.0, posinf=32_767.0, neginf=-32_768.0)
    rounded: Samples = np.clip(np.rint(finite), -32_768, 32_767).astype(np.int16)
    return rounded


def _pcm8(raw: bytes) -> NDArray[np.float64]:
    # The one unsigned format of the family: 128 is silence.
    return (np.frombuffer(raw, dtype=np.uint8).astype(np.float64) - 128.0) * 256.0


def _pcm16(raw: bytes) -> NDArray[np.float64]:
    return np.frombuffer(raw, dtype="<i2").astype(np.float64)


def _pcm24(raw: bytes) -> NDArray[np.float64]:
    wide = np.zeros((len(raw) // 3, 4), dtype=np.uint8)
    wide[:, 1:] = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3)
    return _pcm32(wide.tobytes())


def _pcm32(raw: bytes) -> NDArray[np.float64]:
    return np.frombuffer(raw, dtype="<i4").astype(np.float64) / 65_536.0


def _float32(raw: bytes) -> NDArray[np.float64]:
    return np.frombuffer(raw, dtype="<f4").astype(np.float64) * 32_768.0


def _float64(raw: bytes) -> NDArray[np.float64]:
    return np.frombuffer(raw, dtype="<f8").astype(np.float64) * 32_768.0


def _alaw(raw: bytes) -> NDArray[np.float64]:
    return decode_alaw(raw).astype(np.float64)


def _mulaw(raw: bytes) -> NDArray[np.float64]:
    return decode_mulaw(raw).astype(np.float64)


_DECODERS: Final[Mapping[tuple[int, int], Callable[[bytes], NDArray[np.float64]]]] = {
    (FORMAT_PCM, 8): _pcm8,
    (FORMAT_PCM, 16): _pcm16,
    (FORMAT_PCM, 24): _pcm24,
    (FORMAT_PCM, 32): _pcm32,
    (FORMAT_FLOAT, 32): _float32,
    (FORMAT_FLOAT, 64): _float64,
    (FORMAT_ALAW, 8): _alaw,
    (FORMAT_MULAW, 8): _mulaw,
}
