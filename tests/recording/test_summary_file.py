from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from trio_media.core import events as ev
from trio_media.core.policy import Policy
from trio_media.recording import summary_file
from trio_media.recording.log_format import LogHeader
from trio_media.recording.summary import SummaryBuilder
from trio_media.recording.summary_file import keep_summary
from trio_media.recording.wav_writer import DiskLimits

HEADER = LogHeader(call_sid="CA1", stream_sid="MZ1", started_at="now", policy=Policy())
OFTEN = DiskLimits(flush_every_s=0.01)
NEVER = DiskLimits(flush_every_s=3_600)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


async def keep(
    builder: SummaryBuilder, path: Path, is_closed: trio.Event, limits: DiskLimits
) -> None:
    await keep_summary(builder, path, is_closed, limits=limits)


async def test_a_summary_is_there_while_the_call_lives_and_complete_at_its_end(
    tmp_path: Path,
) -> None:
    path = tmp_path / "not" / "there" / "CA1.json"
    builder, is_closed = SummaryBuilder(HEADER), trio.Event()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep, builder, path, is_closed, OFTEN)
            while not path.exists():  # noqa: ASYNC110 - a thread makes it, and has no event
                await trio.sleep(0.005)
            assert read(path)["ended"] is None
            builder.event(ev.CallEnded(), 7_000)
            while read(path)["ended"] is None:  # noqa: ASYNC110 - as above
                await trio.sleep(0.005)
            builder.note("last", 7_100)
            is_closed.set()
    assert read(path)["duration_ms"] == 7_100
    assert [file.name for file in path.parent.iterdir()] == ["CA1.json"]


async def test_a_cancelled_call_leaves_its_summary(tmp_path: Path) -> None:
    builder = SummaryBuilder(HEADER)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep, builder, tmp_path / "s", trio.Event(), NEVER)
            await trio.testing.wait_all_tasks_blocked()
            builder.event(ev.CallEnded(), 7_000)
            nursery.cancel_scope.cancel()
    assert read(tmp_path / "s")["duration_ms"] == 7_000


async def test_a_place_that_cannot_be_written_costs_the_summary_and_not_the_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    builder, is_closed = SummaryBuilder(HEADER), trio.Event()
    is_closed.set()
    with trio.fail_after(10):
        failure = await keep_summary(builder, tmp_path / "file" / "s", is_closed)
    assert failure is not None
    assert len(caplog.records) == 1


async def test_a_disk_that_stalls_does_not_hold_up_the_end_and_gets_the_newest_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_stuck, may_go_on = threading.Event(), threading.Event()
    real = summary_file._SummaryFile._replace

    def stall(file: summary_file._SummaryFile) -> None:
        is_stuck.set()
        may_go_on.wait(10)
        real(file)

    monkeypatch.setattr(summary_file._SummaryFile, "_replace", stall)
    builder = SummaryBuilder(HEADER)
    path = tmp_path / "s"
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep, builder, path, trio.Event(), NEVER)
            await trio.to_thread.run_sync(is_stuck.wait, 10)
            builder.event(ev.CallEnded(), 7_000)
            begun_s = trio.current_time()
            nursery.cancel_scope.cancel()
        assert trio.current_time() - begun_s < 2
        may_go_on.set()
        while not path.exists():  # noqa: ASYNC110 - a thread makes it, and has no event
            await trio.sleep(0.005)
    assert read(path)["duration_ms"] == 7_000


def test_a_thread_that_comes_late_leaves_nothing_behind(tmp_path: Path) -> None:
    """Nobody waits for it: a half-written file of it could be found when the call is over."""
    file = summary_file._SummaryFile(tmp_path / "s")
    file.latest = b"{}"
    file.write()
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    (tmp_path / "s").unlink()
    file.write()
    assert not list(tmp_path.iterdir())
    file.latest = b"[]"
    file.write()
    assert (tmp_path / "s").read_bytes() == b"[]"
