"""The event log of a call: its front, which the owner writes to, and the task that keeps the file.

Rule 1: the log never delays, blocks or ends the call.  A line that finds no place is dropped and
counted, and the log says so itself where the hole is; a disk that fails costs the log.
Rule 2: the file holds every line up to the last flush, once a second, however the process ends.
"""

from __future__ import annotations

import io
import logging
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import trio

from trio_media.core.commands import Command
from trio_media.core.events import Event
from trio_media.recording.disk import (
    DEFAULT_LIMITS,
    DiskLimits,
    run_last_step,
    run_step,
    until_flush,
)
from trio_media.recording.log_format import (
    LINE_BYTES_MAX,
    LINES_DROPPED,
    LogHeader,
    Note,
    Record,
    encode_line,
)

_log = logging.getLogger(__name__)

QUEUED_BATCHES_MAX: Final = 4_096  # a minute of a lively call; a batch is one step of the core
QUEUED_BYTES_MAX: Final = 4 * 1024 * 1024  # the same in bytes, several times over
WRITE_BYTES_MAX: Final = 256 * 1024  # so much, or half of the batches, is written at once
NAME_CHARS_MAX: Final = 200  # of a name that is none, in a header that is to be readable


@attrs.define
class LogStats:
    """What became of the lines."""

    lines_written: int = 0
    bytes_written: int = 0
    bytes_queued: int = 0
    """All that was ever queued; what of it is not written yet is still in memory."""
    lines_dropped: int = 0
    """The queue was full, the log was over, or the line could not be written as JSON."""
    hole_lines: int = 0
    """Of those, how many the log has not confessed yet."""
    hole_ms: int = 0
    """When the last of them would have been written."""
    failure: str | None = None
    """Why there is no log, or none any more; None while all is well."""


class EventLog:
    """The call's end of the log: never blocks and never raises."""

    def __init__(self, header: LogHeader) -> None:
        line = _header_line(header)
        self.stats = LogStats(bytes_queued=len(line))
        self.pending: deque[bytes] = deque([line])
        """What is to be written, a batch each.  Whichever thread comes first takes it, in order
        and once."""
        self.has_news = trio.Event()
        """Much is to be written, or the log is over."""
        self.is_closed = False

    def event(self, event: Event, t_ms: int) -> None:
        """Log an event, before the commands that it leads to."""
        self._append((event,), t_ms)

    def commands(self, commands: Sequence[Command], t_ms: int) -> None:
        """Log what the core made of the event, in its order."""
        self._append(commands, t_ms)

    def note(self, kind: str, /, t_ms: int, **fields: object) -> None:
        """Log something that the core does not know of.  What JSON cannot hold is only named."""
        self._append((Note(kind, fields),), t_ms)

    def close(self) -> None:
        """End the log; the writer writes what there is and returns.  May be repeated."""
        self.is_closed = True
        self.has_news.set()

    def end(self) -> None:
        """Close the log, and have it say at its end what is missing there."""
        self.close()
        if self.stats.hole_lines:
            self.pending.append(_hole(self.stats))

    def _append(self, records: Sequence[Record], t_ms: int) -> None:
        """Queue what one step led to as one batch: it is in the log as a whole, or not at all."""
        lines: list[bytes] = []
        for record in records:
            line = _encode(record, t_ms)
            if 0 < len(line) < LINE_BYTES_MAX:
                lines.append(line)
            else:
                self._drop(1, t_ms)
        if self.stats.hole_lines:
            self._queue([_hole(self.stats), *lines], len(lines), t_ms)
        elif lines:
            self._queue(lines, len(lines), t_ms)

    def _queue(self, lines: list[bytes], records: int, t_ms: int) -> None:
        batch = b"".join(lines)
        stats = self.stats
        waiting_bytes = stats.bytes_queued - stats.bytes_written + len(batch)
        has_room = waiting_bytes <= QUEUED_BYTES_MAX and len(self.pending) < QUEUED_BATCHES_MAX
        if self.is_closed or stats.failure is not None or not has_room:
            self._drop(records, t_ms)
            return
        self.pending.append(batch)
        stats.bytes_queued += len(batch)
        stats.hole_lines = 0
        if waiting_bytes >= WRITE_BYTES_MAX or len(self.pending) >= QUEUED_BATCHES_MAX // 2:
            self.has_news.set()

    def _drop(self, lines: int, t_ms: int) -> None:
        self.stats.lines_dropped += lines
        self.stats.hole_lines += lines
        self.stats.hole_ms = t_ms


def _hole(stats: LogStats) -> bytes:
    """Give the line that stands where lines are missing: whoever replays the log must know."""
    return encode_line(Note(LINES_DROPPED, {"count": stats.hole_lines}), stats.hole_ms)


def _encode(record: Record, t_ms: int) -> bytes:
    """Give the line, or nothing for a note that JSON cannot hold."""
    try:
        return encode_line(record, t_ms)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return b""


def _header_line(header: LogHeader) -> bytes:
    """Give the first line.  Names come from the carrier: what is no line is cut down to one."""
    line = _encode(header, 0)
    if not 0 < len(line) < LINE_BYTES_MAX:
        call_sid, stream_sid = (
            ascii(name)[1:-1][:NAME_CHARS_MAX] for name in (header.call_sid, header.stream_sid)
        )
        header = attrs.evolve(header, call_sid=call_sid, stream_sid=stream_sid, parameters={})
        line = encode_line(header, 0)
    return line


class _LogFile:
    """The file.  `write` blocks: it is for threads, one after the other by a lock."""

    def __init__(self, path: Path, log: EventLog) -> None:
        self.is_over = False
        """Nothing more becomes pending; the thread that writes the last of it closes the file."""
        self.error: OSError | None = None
        """What the disk said; nothing is written any more.  A slow disk has said nothing yet."""
        self._path = path
        self._pending = log.pending
        self._stats = log.stats
        self._file: io.BufferedWriter | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    def write(self) -> None:
        """Write and flush what is pending; the first time, make the file.

        Raises OSError, also when a thread failed before for which nobody waited any more.
        """
        with self._lock:
            try:
                if self.error is None and not self._is_closed:
                    self._write_pending()
            except OSError as exc:
                self.error = exc
            finally:
                # More may have become pending while the last of it was flushed.
                if self.is_over and (self.error is not None or not self._pending):
                    self._close()
            if self.error is not None:
                raise self.error

    def _close(self) -> None:
        self._is_closed = True
        try:
            if self._file is not None:
                self._file.close()
        except OSError as exc:  # after a failed write it fails again, for the same reason
            self.error = self.error or exc

    def _write_pending(self) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb")
        size_bytes = lines = 0
        while self._pending:
            batch = self._pending.popleft()
            self._file.write(batch)
            size_bytes += len(batch)
            lines += batch.count(b"\n")
        # What stays in the process dies with it; what the kernel has does not.
        self._file.flush()
        self._stats.bytes_written += size_bytes
        self._stats.lines_written += lines


async def write_log(path: Path, log: EventLog, *, limits: DiskLimits = DEFAULT_LIMITS) -> None:
    """Write the log to ``path`` until it is closed.  Never raises for a disk.

    Cancellation: everything that is queued is written first, for 500 ms at most.
    """
    file = _LogFile(path, log)
    try:
        await run_step(file.write, limits)  # a place where nothing can be kept shows at once
        while not log.is_closed:
            await until_flush(limits, log.has_news)
            if not log.is_closed:
                log.has_news = trio.Event()
            if log.pending:
                await run_step(file.write, limits)
    except OSError as exc:
        _fail(path, log.stats, exc)
    finally:
        await _finish(path, file, log, limits)


async def _finish(path: Path, file: _LogFile, log: EventLog, limits: DiskLimits) -> None:
    """Write the rest, unless the disk failed, and close the file.  Raises nothing."""
    # A disk that was only slow may come back: the thread that waits for it writes this then.
    log.end()
    file.is_over = True
    try:
        await run_last_step(file.write, limits)
    except OSError as exc:
        _fail(path, log.stats, exc)


def _fail(path: Path, stats: LogStats, error: OSError) -> None:
    if stats.failure is None:
        stats.failure = str(error)
        _log.warning("the event log %s is lost: %s", path, error)
