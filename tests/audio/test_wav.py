"""WAV files of every kind, and files that only look like one."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.audio.g711 import decode_alaw, decode_mulaw
from trio_media.audio.wav import mono_wav, mulaw_wav, parse_wav, read_wav, write_wav
from trio_media.errors import ConfigError

RAMP = np.arange(-32_000, 32_000, 1_000, dtype=np.int16)


def wav_bytes(tag: int, bits: int, raw: bytes, *, channels: int = 1, extra: bytes = b"") -> bytes:
    block = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, 16_000, 16_000 * block, block, bits) + extra
    chunks = b"LIST\x03\x00\x00\x00abc\x00"  # an odd chunk before, with its padding
    chunks += struct.pack("<4sI", b"fmt ", len(fmt)) + fmt
    chunks += struct.pack("<4sI", b"data", len(raw)) + raw
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks


def test_a_file_of_the_standard_library_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    stereo = np.stack([RAMP, RAMP // 2], axis=1).astype("<i2")
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(44_100)
        writer.writeframes(stereo.tobytes())
    audio = read_wav(path)
    assert audio.sample_rate_hz == 44_100
    assert audio.samples.tolist() == (RAMP.astype(int) * 3 // 4).tolist()


def test_what_is_written_the_standard_library_reads(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    write_wav(path, RAMP, 8_000)
    with wave.open(str(path), "rb") as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, 8000)
        assert reader.readframes(1_000) == RAMP.astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("tag", "bits", "raw", "samples"),
    [
        (1, 8, bytes([0, 128, 255]), [-32_768, 0, 32_512]),
        (1, 16, struct.pack("<3h", -32_768, 0, 32_767), [-32_768, 0, 32_767]),
        (1, 24, b"\x00\x00\x80\x00\x01\x00\xff\xff\x7f", [-32_768, 1, 32_767]),
        (1, 32, struct.pack("<3i", -(2**31), 65_536, 2**31 - 1), [-32_768, 1, 32_767]),
        (3, 32, struct.pack("<3f", -1.0, 0.5, 2.0), [-32_768, 16_384, 32_767]),
        (3, 64, struct.pack("<3d", float("nan"), 0.5, float("-inf")), [0, 16_384, -32_768]),
        (6, 8, bytes(range(256)), decode_alaw(bytes(range(256))).tolist()),
        (7, 8, bytes(range(256)), decode_mulaw(bytes(range(256))).tolist()),
    ],
)
def test_every_format_is_read(tag: int, bits: int, raw: bytes, samples: list[int]) -> None:
    assert parse_wav(wav_bytes(tag, bits, raw)).samples.tolist() == samples
    guid = struct.pack("<HHIH", 22, bits, 4, tag) + bytes(14)
    assert parse_wav(wav_bytes(0xFFFE, bits, raw, extra=guid)).samples.tolist() == samples


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_a_length_that_the_writer_never_filled_in_means_up_to_the_end(length: int) -> None:
    content = bytearray(mono_wav(RAMP, 8_000))
    content[40:44] = struct.pack("<I", length)
    assert parse_wav(bytes(content) + b"\x01").samples.tolist() == RAMP.tolist()


def test_mulaw_bytes_are_kept() -> None:
    audio = parse_wav(mulaw_wav(bytes(range(255))))
    assert audio.sample_rate_hz == 8_000
    assert audio.samples.tolist() == decode_mulaw(bytes(range(255))).tolist()
    assert audio.duration_ms == 31


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a WAV file"),
        (b"ID3\x04 an mp3 file in truth", "not a WAV file"),
        (mono_wav(RAMP, 8_000)[:36], "no samples"),
        (mono_wav(RAMP[:0], 8_000), "no samples"),
        (wav_bytes(1, 12, bytes(4)), "12 bits"),
        (wav_bytes(0x55, 16, bytes(4)), "0x0055"),
        (wav_bytes(1, 16, bytes(4), channels=0), "0 channels"),
        (b"RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00ab", "before their format"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt \x02\x00\x00\x00ab", "takes 2 bytes"),
        (mono_wav(RAMP, 10), "10 Hz"),
    ],
)
def test_a_bad_file_says_what_is_wrong(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_wav(path)
    assert "bad.wav" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.wav: No such file"):
        read_wav(tmp_path / "absent.wav")
    with pytest.raises(ConfigError, match=r"x\.wav: No such file"):
        write_wav(tmp_path / "no" / "x.wav", RAMP, 8_000)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for candidate in (content, mono_wav(RAMP, 8_000)[:20] + content):
        try:
            parse_wav(io.BytesIO(candidate).getvalue())
        except ConfigError:
            continue
