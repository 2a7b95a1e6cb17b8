from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.policy import Policy
from trio_media.recording import event_log
from trio_media.recording.event_log import (
    QUEUED_BATCHES_MAX,
    QUEUED_BYTES_MAX,
    WRITE_BYTES_MAX,
    EventLog,
    write_log,
)
from trio_media.recording.log_format import LINE_BYTES_MAX, LogHeader, LogLine, Note, read_log
from trio_media.recording.wav_writer import DiskLimits

HEADER = LogHeader(
    call_sid="CA1", stream_sid="MZ1", started_at="2026-03-01T09:30:00Z", policy=Policy()
)
OFTEN = DiskLimits(flush_every_s=0.01)
NEVER = DiskLimits(flush_every_s=3_600)


def records(path: Path) -> list[object]:
    return [line.record for line in read_log(path)]


def fill(log: EventLog) -> None:
    log.event(ev.HangUpRequested(), 5)
    log.commands([cm.ClearCarrier(2), cm.EndCall("hung_up")], 5)
    log.note("caller_text", 6, item_id="item_1", text="bye")


FILLED = [
    HEADER,
    ev.HangUpRequested(),
    cm.ClearCarrier(2),
    cm.EndCall("hung_up"),
    Note("caller_text", {"item_id": "item_1", "text": "bye"}),
]


async def written(log: EventLog, lines: int) -> None:
    while log.stats.lines_written < lines:  # noqa: ASYNC110 - a thread counts, and has no event
        await trio.sleep(0.005)


async def test_a_log_holds_what_was_logged_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there" / "CA1.jsonl"
    with trio.fail_after(10):
        log = EventLog(HEADER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write_log, path, log)
            fill(log)
            log.close()
    assert records(path) == FILLED
    assert log.stats.lines_written == len(FILLED)
    assert log.stats.bytes_written == path.stat().st_size == log.stats.bytes_queued
    assert log.stats.lines_dropped == 0
    assert log.stats.failure is None


async def test_closing_does_not_wait_for_the_next_flush(tmp_path: Path) -> None:
    with trio.fail_after(10):
        log = EventLog(HEADER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, tmp_path / "log", log, NEVER)
            fill(log)
            await trio.testing.wait_all_tasks_blocked()
            log.close()
    assert records(tmp_path / "log") == FILLED


async def _write(path: Path, log: EventLog, limits: DiskLimits) -> None:
    await write_log(path, log, limits=limits)


async def test_a_cancelled_call_leaves_everything_that_was_logged(tmp_path: Path) -> None:
    with trio.fail_after(10):
        log = EventLog(HEADER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, tmp_path / "log", log, NEVER)
            await trio.testing.wait_all_tasks_blocked()
            fill(log)
            nursery.cancel_scope.cancel()
    assert records(tmp_path / "log") == FILLED


async def test_a_call_cancelled_at_once_leaves_its_header(tmp_path: Path) -> None:
    with trio.fail_after(10), trio.CancelScope() as scope:
        log = EventLog(HEADER)
        scope.cancel()
        await write_log(tmp_path / "log", log)
    assert records(tmp_path / "log") == [HEADER]


async def test_the_log_is_flushed_while_the_call_lives(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with trio.fail_after(10):
        log = EventLog(HEADER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, path, log, OFTEN)
            fill(log)
            await written(log, len(FILLED))
            assert records(path) == FILLED
            nursery.cancel_scope.cancel()


async def test_much_is_written_before_its_second_is_over(tmp_path: Path) -> None:
    with trio.fail_after(10):
        log = EventLog(HEADER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, tmp_path / "log", log, NEVER)
            await written(log, 1)
            for number in range(QUEUED_BATCHES_MAX // 2):
                log.event(ev.CarrierWrote(number, number), number)
            await written(log, 1 + QUEUED_BATCHES_MAX // 2)
            for number in range(WRITE_BYTES_MAX // 1_000 + 1):
                log.note("long", number, text="x" * 1_000)
            await written(log, 2 + QUEUED_BATCHES_MAX // 2)
            nursery.cancel_scope.cancel()
    assert log.stats.lines_dropped == 0


async def test_lines_without_room_are_dropped_and_the_log_says_where(tmp_path: Path) -> None:
    with trio.fail_after(10):
        log = EventLog(HEADER)
        for number in range(QUEUED_BATCHES_MAX - 1):
            log.event(ev.CarrierWrote(number, number), number)
        log.event(ev.TimePassed(), 9_000)
        log.commands([cm.Resumed(), cm.ClearCarrier(2)], 9_001)
        assert log.stats.lines_dropped == 3
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write_log, tmp_path / "log", log)
            await written(log, 1)
            await trio.testing.wait_all_tasks_blocked()
            log.event(ev.KeyPressed("1"), 9_002)
            log.event(ev.KeyPressed("2"), 9_003)
            log.close()
    assert list(read_log(tmp_path / "log"))[-3:] == [
        LogLine(9_001, Note("lines_dropped", {"count": 3})),
        LogLine(9_002, ev.KeyPressed("1")),
        LogLine(9_003, ev.KeyPressed("2")),
    ]


async def test_a_hole_at_the_end_is_in_the_log_as_well(tmp_path: Path) -> None:
    with trio.fail_after(10):
        log = EventLog(HEADER)
        for number in range(QUEUED_BATCHES_MAX + 4):
            log.event(ev.CarrierWrote(number, number), number)
        log.close()
        await write_log(tmp_path / "log", log)
    last = list(read_log(tmp_path / "log"))[-1]
    assert last == LogLine(QUEUED_BATCHES_MAX + 3, Note("lines_dropped", {"count": 5}))


async def test_the_queue_is_bounded_in_bytes(tmp_path: Path) -> None:
    log = EventLog(HEADER)
    text = "x" * (LINE_BYTES_MAX // 2)
    for t_ms in range(QUEUED_BYTES_MAX // len(text) + 10):
        log.note("model_text", t_ms, text=text)
    assert log.stats.lines_dropped >= 10
    assert log.stats.bytes_queued <= QUEUED_BYTES_MAX


async def test_logging_never_raises_whatever_is_logged(tmp_path: Path) -> None:
    with trio.fail_after(10):
        log = EventLog(HEADER)
        nested: list[object] = []
        nested.append(nested)
        log.note("odd", 1, what=object(), of={1, 2}, kind=b"raw", event=float("nan"))
        log.note("too long", 2, text="x" * LINE_BYTES_MAX)
        log.note("endless", 3, of=nested)
        log.note("surrogate", 4, text="\ud800")
        log.note("keys", 5, of={(1, 2): 3})
        log.note("large", 6, number=10**400)
        assert log.stats.lines_dropped >= 3
        log.close()
        await write_log(tmp_path / "log", log)
        log.event(ev.TimePassed(), 7)
        log.close()
    notes = [line for line in records(tmp_path / "log") if isinstance(line, Note)]
    odd = notes[0]
    assert odd.fields["what"] == "<object>"
    assert odd.fields["event_"] is None
    lost = sum(note.fields["count"] for note in notes if note.kind == "lines_dropped")
    assert lost + 1 == log.stats.lines_dropped  # and the one after the end


@pytest.mark.parametrize(
    "header",
    [
        attrs.evolve(HEADER, parameters={"x": "y" * LINE_BYTES_MAX}),
        attrs.evolve(HEADER, call_sid="x" * LINE_BYTES_MAX),
        attrs.evolve(HEADER, stream_sid="\ud800"),
    ],
)
async def test_a_header_that_the_carrier_made_impossible_is_still_a_header(
    tmp_path: Path, header: LogHeader
) -> None:
    with trio.fail_after(10):
        log = EventLog(header)
        log.close()
        await write_log(tmp_path / "log", log)
    (record,) = records(tmp_path / "log")
    assert isinstance(record, LogHeader)
    assert record.policy == header.policy


async def test_a_place_that_cannot_be_written_costs_the_log_and_not_the_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with trio.fail_after(10), caplog.at_level(logging.WARNING):
        log = EventLog(HEADER)
        await write_log(tmp_path / "file" / "log", log)
        fill(log)
    assert log.stats.failure is not None
    assert log.stats.lines_dropped == len(FILLED) - 1
    assert [record.message for record in caplog.records] == [
        f"the event log {tmp_path}/file/log is lost: {log.stats.failure}"
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full disk")
async def test_a_full_disk_costs_the_log_and_not_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with trio.fail_after(10), caplog.at_level(logging.WARNING):
        log = EventLog(HEADER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, Path("/dev/full"), log, OFTEN)
    assert log.stats.failure == os.strerror(errno.ENOSPC) or "space" in str(log.stats.failure)
    assert len(caplog.records) == 1


class Stalling:
    """A disk that stalls once: in the first write, before it has it or when it is to be flushed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, has_written: bool = False) -> None:
        self.is_stuck, self.may_go_on = threading.Event(), threading.Event()
        self.error: OSError | None = None
        self._has_written = has_written
        self._real = event_log._LogFile._write_pending
        monkeypatch.setattr(event_log._LogFile, "_write_pending", lambda file: self._write(file))

    def _write(self, file: event_log._LogFile) -> None:
        if self.is_stuck.is_set():
            self._real(file)
            return
        if self._has_written:
            self._real(file)
        self.is_stuck.set()
        self._wait(file)
        if self.error is not None:
            raise self.error
        if not self._has_written:
            self._real(file)

    def _wait(self, file: event_log._LogFile) -> None:
        self.may_go_on.wait(10)

    async def until_stuck(self) -> None:
        await trio.to_thread.run_sync(self.is_stuck.wait, 10)


class StallingToTheEnd(Stalling):
    """Comes back as soon as the log is over, while its last step waits."""

    def _wait(self, file: event_log._LogFile) -> None:
        for _ in range(2_000):
            if file.is_over:
                return
            self.may_go_on.wait(0.005)


@pytest.mark.parametrize("has_written", [False, True])
async def test_a_disk_that_stalls_does_not_hold_up_a_cancelled_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_written: bool
) -> None:
    """The threads that are stuck write what there is, in order, when the disk comes back."""
    disk = Stalling(monkeypatch, has_written=has_written)
    with trio.fail_after(10):
        log = EventLog(HEADER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, tmp_path / "log", log, NEVER)
            await disk.until_stuck()
            fill(log)
            begun_s = trio.current_time()
            nursery.cancel_scope.cancel()
        assert trio.current_time() - begun_s < 2
        assert "took more than 0.5 s" in str(log.stats.failure)
        disk.may_go_on.set()
        await written(log, len(FILLED))
    assert records(tmp_path / "log") == FILLED


@pytest.mark.parametrize("has_written", [False, True])
async def test_a_call_cancelled_in_the_middle_of_a_write_leaves_everything_that_was_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_written: bool
) -> None:
    """The write ends after the log did: whoever closes the file must have seen the last lines."""
    disk = StallingToTheEnd(monkeypatch, has_written=has_written)
    with trio.fail_after(10):
        log = EventLog(HEADER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, tmp_path / "log", log, NEVER)
            await disk.until_stuck()
            fill(log)
            nursery.cancel_scope.cancel()
    assert log.stats.failure is None
    assert records(tmp_path / "log") == FILLED


async def test_a_disk_that_fails_when_nobody_waits_any_more_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = StallingToTheEnd(monkeypatch)
    disk.error = OSError(errno.EIO, "it is broken")
    with trio.fail_after(10):
        log = EventLog(HEADER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, tmp_path / "log", log, NEVER)
            await disk.until_stuck()
            fill(log)
            nursery.cancel_scope.cancel()
    assert "it is broken" in str(log.stats.failure)
    assert not (tmp_path / "log").exists()


async def test_a_log_lost_to_a_slow_disk_has_all_lines_up_to_the_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Stalling(monkeypatch)
    soon = attrs.evolve(NEVER, write_deadline_s=0.05)
    with trio.fail_after(10):
        log = EventLog(HEADER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, tmp_path / "log", log, soon)
            await disk.until_stuck()
            fill(log)
            while log.stats.failure is None:  # noqa: ASYNC110 - the writer says it to nobody
                await trio.sleep(0.005)
            log.event(ev.TimePassed(), 7)
        disk.may_go_on.set()
        await written(log, len(FILLED))
    assert records(tmp_path / "log") == FILLED
    assert log.stats.lines_dropped == 1


CHILD = """
import sys, trio
from pathlib import Path
from trio_media.core import events as ev
from trio_media.core.policy import Policy
from trio_media.recording.event_log import EventLog, write_log
from trio_media.recording.log_format import LogHeader

async def main():
    header = LogHeader(call_sid="CA1", stream_sid="MZ1", started_at="now", policy=Policy())
    log = EventLog(header)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_log, Path(sys.argv[1]), log)
        for number in range(100_000):
            log.event(ev.CarrierWrote(number, number), number)
            await trio.sleep(0.01)
            if log.stats.lines_written > 20:
                print("written", flush=True)

trio.run(main)
"""


def test_a_log_of_a_killed_process_is_readable_up_to_its_last_second(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "written\n"
        finally:
            child.send_signal(signal.SIGKILL)
        child.wait(10)
    lines = list(read_log(path))
    assert lines[0].record == LogHeader(
        call_sid="CA1", stream_sid="MZ1", started_at="now", policy=Policy()
    )
    assert len(lines) > 20
    assert [line.t_ms for line in lines[1:]] == list(range(len(lines) - 1))
