"""What was kept of calls is looked at as whoever needs it would."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest
from kept_files import check_kept, remove_kept

from trio_media.core.policy import Policy
from trio_media.recording.log_format import CALL_ENDED, LogHeader, Note, encode_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A call that is whole."""
    (tmp_path / "CA1.json").write_text(json.dumps({"ended": {"reason": "caller_hung_up"}}))
    header = LogHeader(call_sid="CA1", stream_sid="MZ1", started_at="", policy=Policy())
    lines = [encode_line(header, 0), encode_line(Note(CALL_ENDED, {"by": "us"}), 9)]
    (tmp_path / "CA1.jsonl").write_bytes(b"".join(lines))
    with wave.open(str(tmp_path / "CA1.wav"), "wb") as recording:
        recording.setparams((2, 2, 8_000, 0, "NONE", ""))
        recording.writeframes(bytes(320))
    return tmp_path


def test_a_whole_call_is_whole(folder: Path) -> None:
    assert check_kept(folder, 1) == []
    remove_kept(folder)
    assert check_kept(folder, 0) == []


def test_a_call_too_few_is_told(folder: Path) -> None:
    assert check_kept(folder, 2) == ["2 calls began, and 1 were kept"]


@pytest.mark.parametrize("end", ["json", "jsonl", "wav"])
def test_a_file_that_is_missing_or_cut_is_told(folder: Path, end: str) -> None:
    path = folder / f"CA1.{end}"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 5])
    (wrong,) = check_kept(folder, 1)
    assert wrong.startswith(f"CA1.{end}: ")
    path.unlink()
    assert check_kept(folder, 1) == [f"CA1.{end}: is not there"]


def test_a_call_that_does_not_say_how_it_ended_is_told(folder: Path) -> None:
    (folder / "CA1.json").write_text('{"ended": null}')
    log = folder / "CA1.jsonl"
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[0])
    assert check_kept(folder, 1) == [
        "CA1.json: it did not end",
        "CA1.jsonl: it does not say how the call ended",
    ]


def test_what_is_left_behind_is_told(folder: Path) -> None:
    (folder / ".CA1.json.part").touch()
    assert check_kept(folder, 1) == [".CA1.json.part: left behind"]
