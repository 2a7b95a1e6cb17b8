"""The folder of kept calls, read directly."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from trio_media.console.directory import Directory
from trio_media.console.views import ToolView
from trio_media.facts.failures import Failure


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


async def test_what_was_said_is_as_the_summary_has_it(tmp_path: Path) -> None:
    keep(
        tmp_path,
        "CA1",
        1,
        transcript=[
            {"role": "model", "text": "one two", "at_ms": 5, "heard_ms": 500, "was_cut": True},
            {"role": "caller", "text": "Stop.", "at_ms": 2_000},
        ],
        turns=[{"opened_ms": 2_000, "answer_ms": 410}, {"opened_ms": 3_000, "answer_ms": None}],
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
    assert found[1].latencies_ms["turn_to_audio"] == [410]


async def test_a_call_shows_what_it_cost_what_failed_and_which_tools_ran(tmp_path: Path) -> None:
    failure = {"at_ms": 20, "what": "model_lost", "detail": "1006", "done": "reconnect"}
    usage = {"currency": "EUR", "cost": "0.02", "is_cost_whole": True, "models": []}
    tool = {"call_id": "c1", "t_ms": 30, "name": "book", "outcome": "done", "took_ms": 400}
    keep(
        tmp_path,
        "CA1",
        1,
        ended_in_words="The caller hung up.",
        usage=usage,
        failures=[failure],
        failures_dropped=2,
        asked={"tools": [tool]},
    )
    found = await Directory(tmp_path).find("CA1")
    assert found is not None
    view, detail = found
    assert (view.cost, view.currency, view.failures_count) == ("0.02", "EUR", 3)
    assert view.end_in_words == "The caller hung up."
    assert detail.usage == usage
    assert detail.failures == [Failure(**failure)]  # type: ignore[arg-type]
    assert detail.tools == [ToolView(at_ms=30, name="book", outcome="done", took_ms=400)]


async def test_a_call_that_is_forgotten_is_gone_with_all_its_streams(tmp_path: Path) -> None:
    for name in ("CA1", "CA1-2", "CA10"):
        keep(tmp_path, name, 1)
        (tmp_path / f"{name}.wav").write_bytes(b"RIFF")
    directory = Directory(tmp_path)
    assert len(await directory.newest(9, without=set())) == 2
    deleted = await directory.forget("CA1")
    assert (deleted.calls, deleted.files, deleted.failures) == (2, 4, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CA10.json", "CA10.wav"]
    assert await directory.find("CA1") is None
    assert (await directory.forget("CA1")).files == 0
    assert (await directory.forget("../CA10")).files == 0
    assert (await Directory(None).forget("CA1")).files == 0


async def test_a_folder_that_is_not_there_has_no_calls(tmp_path: Path) -> None:
    for directory in (Directory(None), Directory(tmp_path / "none")):
        assert await directory.newest(1, without=set()) == []
        assert await directory.find("CA1") is None
        assert await directory.file("CA1", "wav") is None
