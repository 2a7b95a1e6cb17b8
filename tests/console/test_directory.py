"""The folder of kept calls, read directly."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from trio_media.console.directory import Directory


def keep(folder: Path, name: str, at_s: int, **fields: Any) -> None:
    """Write a summary that was last changed at that time."""
    summary = {
        "call_sid": name.partition("-")[0],
        "started_at": f"2026-01-01T00:00:{at_s:02}+00:00",
        "duration_ms": 1_000,
        "ended": {"by": "carrier", "reason": "caller_hung_up"},
        **fields,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(summary))
    os.utime(path, (at_s, at_s))


async def test_the_newest_come_first_and_only_so_many(tmp_path: Path) -> None:
    for number in range(5):
        keep(tmp_path, f"CA{number}", number)
    (tmp_path / "CA9.json").write_text("no summary")
    (tmp_path / ".CA8.json.part").write_text("{}")
    found = await Directory(tmp_path).newest(3, without={"CA3"})
    assert [view.call_sid for view in found] == ["CA4", "CA2", "CA1"]


async def test_a_call_with_several_media_streams_is_one_call_shown_by_the_last(
    tmp_path: Path,
) -> None:
    keep(tmp_path, "CA1", 1)
    keep(tmp_path, "CA1-2", 2, duration_ms=2_000)
    (tmp_path / "CA1-2.wav").write_bytes(b"2")
    directory = Directory(tmp_path)
    (view,) = await directory.newest(10, without=set())
    assert (view.call_sid, view.duration_ms, view.has_recording) == ("CA1", 2_000, True)
    found = await directory.find("CA1")
    assert found is not None
    assert found[0] == view
    assert await directory.file("CA1", "wav") == tmp_path / "CA1-2.wav"


async def test_a_call_whose_process_was_killed_was_cut(tmp_path: Path) -> None:
    keep(tmp_path, "CA1", 1, ended=None)
    (view,) = await Directory(tmp_path).newest(1, without=set())
    assert (view.state, view.end_reason) == ("ended", "cut")


async def test_what_was_said_is_in_order_and_what_nobody_heard_is_left_out(tmp_path: Path) -> None:
    keep(
        tmp_path,
        "CA1",
        1,
        turns=[
            {"opened_ms": 2_000, "transcript": "Stop.", "fate": "answered"},
            {"opened_ms": 3_000, "transcript": "Mhm.", "fate": "void"},
            {"opened_ms": 4_000, "transcript": None},
        ],
        responses=[
            {
                "asked_ms": 1,
                "opened_ms": 100,
                "items": [
                    {"received_ms": 1_000, "heard_ms": 500, "text": "one two three four"},
                    {"received_ms": 1_000, "heard_ms": 0, "text": "unheard"},
                ],
            },
        ],
        hushes=[{"onset_to_hush_ms": 40}, {"onset_to_hush_ms": None}],
    )
    found = await Directory(tmp_path).find("CA1")
    assert found is not None
    said = found[1].transcript
    assert [(one.role, one.text, one.was_cut) for one in said] == [
        ("model", "one two", True),
        ("caller", "Stop.", False),
    ]
    assert found[1].latencies_ms["onset_to_hush"] == [40]


async def test_a_folder_that_is_not_there_has_no_calls(tmp_path: Path) -> None:
    for directory in (Directory(None), Directory(tmp_path / "none")):
        assert await directory.newest(1, without=set()) == []
        assert await directory.find("CA1") is None
        assert await directory.file("CA1", "wav") is None
