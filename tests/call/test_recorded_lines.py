"""The recordings that stand in for the model, and those that an operator brings."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from trio_media.audio.g711 import decode_mulaw
from trio_media.audio.wav import mono_wav, mulaw_wav
from trio_media.call.recorded_lines import LINE_MS_MAX, packaged, read_line, recorded_lines
from trio_media.errors import ConfigError

KEY = "agent.lost_line"


def tone_wav(rate_hz: int, *, length_s: float = 1.0) -> bytes:
    time_s = np.arange(round(rate_hz * length_s)) / rate_hz
    return mono_wav(np.rint(8_000 * np.sin(2 * math.pi * 440 * time_s)).astype(np.int16), rate_hz)


@pytest.mark.parametrize(
    ("name", "low_ms", "high_ms"),
    [("reconnect", 2_000, 4_000), ("lost", 4_000, 7_000), ("sorry", 2_500, 5_000)],
)
def test_a_packaged_line_is_speech_at_the_level_of_a_telephone(
    name: str, low_ms: int, high_ms: int
) -> None:
    line = packaged(name)
    assert low_ms <= len(line) // 8 <= high_ms
    samples = decode_mulaw(line).astype(np.float64)
    level_dbfs = 20 * math.log10(math.sqrt((samples**2).mean()) / 32_768)
    assert -26 < level_dbfs < -14
    assert np.abs(samples[:2_400]).max() > 1_000, "it begins at once"


def test_the_packaged_lines_are_small_and_their_licence_names_them() -> None:
    folder = resources.files("trio_media.call").joinpath("lines")
    files = {entry.name: len(entry.read_bytes()) for entry in folder.iterdir()}
    assert set(files) == {"LICENSE.txt", "reconnect.wav", "lost.wav", "sorry.wav"}
    assert sum(files.values()) < 100_000
    licence = folder.joinpath("LICENSE.txt").read_text()
    assert "reconnect.wav" in licence
    assert "lost.wav" in licence
    assert "sorry.wav" in licence


def test_without_paths_the_packaged_lines_are_played_and_all_calls_share_them() -> None:
    lines = recorded_lines()
    assert lines.reconnect is packaged("reconnect")
    assert lines.lost is packaged("lost")
    assert lines.sorry is packaged("sorry")
    assert recorded_lines("", "") is recorded_lines("", "")


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_a_wav_file_of_any_common_rate_becomes_a_line_of_the_same_length_and_pitch(
    tmp_path: Path, rate_hz: int
) -> None:
    file = tmp_path / "line.wav"
    file.write_bytes(tone_wav(rate_hz))
    line = read_line(str(file), KEY)
    assert len(line) == pytest.approx(8_000, abs=2)
    spectrum = np.abs(np.fft.rfft(decode_mulaw(line[:8_000].ljust(8_000, b"\xff"))))
    assert spectrum.argmax() == 440


def test_mu_law_is_played_as_it_is_raw_or_in_a_wav_file(tmp_path: Path) -> None:
    payload = bytes(range(160)) * 2
    raw, wav, misnamed = (tmp_path / name for name in ("a.ulaw", "b.wav", "c.raw"))
    raw.write_bytes(payload)
    wav.write_bytes(mulaw_wav(payload))
    misnamed.write_bytes(mulaw_wav(payload))
    assert read_line(str(raw), KEY) == payload
    # 0x7f is the other zero of mu-law: decoding makes it 0xff.
    expected = payload.replace(b"\x7f", b"\xff")
    assert read_line(str(wav), KEY) == read_line(str(misnamed), KEY) == expected


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("gone.wav", None, r"gone\.wav: cannot be read: No such file"),
        ("song.mp3", b"ID3 and so on", r"song\.mp3: not a WAV file"),
        ("empty.ulaw", b"", r"empty\.ulaw: no samples in it"),
        ("empty.wav", mulaw_wav(b""), r"empty\.wav: no samples in it"),
        ("long.ulaw", b"\xff" * (8 * LINE_MS_MAX + 8), r"long\.ulaw: 30001 ms long; at most 30000"),
        ("long.wav", tone_wav(8_000, length_s=31), r"long\.wav: 31000 ms long; at most 30000"),
    ],
)
def test_what_cannot_be_played_is_named_with_its_key(
    tmp_path: Path, name: str, content: bytes | None, what: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"^agent\.lost_line: .*{what}"):
        recorded_lines("", str(file))


def test_each_line_has_a_key_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "line.ulaw"
    file.write_bytes(b"\x00" * 800)
    lines = recorded_lines("", "", str(file))
    assert lines.sorry == b"\x00" * 800
    assert lines.lost is packaged("lost")
    with pytest.raises(ConfigError, match=r"^agent\.sorry_line: .*gone\.wav"):
        recorded_lines("", "", str(tmp_path / "gone.wav"))


def test_a_file_that_is_far_too_large_is_not_even_read(tmp_path: Path) -> None:
    file = tmp_path / "film.wav"
    with file.open("wb") as sparse:
        sparse.truncate(17 * 1024 * 1024)
    with pytest.raises(ConfigError, match=r"^agent\.reconnect_line: .*film\.wav: larger than"):
        recorded_lines(str(file))


def test_a_line_as_long_as_allowed_is_played(tmp_path: Path) -> None:
    file = tmp_path / "line.ul"
    file.write_bytes(b"\x10" * (8 * LINE_MS_MAX))
    assert len(read_line(str(file), KEY)) == 8 * LINE_MS_MAX
