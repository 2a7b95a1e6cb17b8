"""The file of a call's summary, kept while the call lives.

Rule 1: the file is whole at any moment: it is replaced, never written into.
Rule 2: it never delays or ends the call; a disk that fails costs the summary.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import msgspec
import trio

from trio_media.recording.disk import (
    DEFAULT_LIMITS,
    DiskLimits,
    run_last_step,
    run_step,
    until_flush,
)
from trio_media.recording.summary import SummaryBuilder

_log = logging.getLogger(__name__)


async def keep_summary(
    builder: SummaryBuilder,
    path: Path,
    is_closed: trio.Event,
    *,
    limits: DiskLimits = DEFAULT_LIMITS,
) -> str | None:
    """Write the summary to ``path`` once a second, and a last time when the call is over.

    Returns once ``is_closed`` is set: None, or why there is no summary of the whole call.  A disk
    that fails is logged once, and is tried again at the end.

    Cancellation: the summary is written a last time first, for 500 ms at most.
    """
    file = _SummaryFile(path)
    try:
        await _keep(builder, file, is_closed, limits)
    except OSError as exc:
        _log.warning("the summary %s is behind: %s", path, exc)
        await is_closed.wait()
    finally:
        failure = await _write_last(builder, file, limits)
    return failure


async def _keep(
    builder: SummaryBuilder, file: _SummaryFile, is_closed: trio.Event, limits: DiskLimits
) -> None:
    written = -1
    while not is_closed.is_set():
        if builder.changes != written:
            written = builder.changes
            file.latest = _encode(builder)
            await run_step(file.write, limits)
        await until_flush(limits, is_closed)


async def _write_last(
    builder: SummaryBuilder, file: _SummaryFile, limits: DiskLimits
) -> str | None:
    file.latest = _encode(builder)
    try:
        await run_last_step(file.write, limits)
    except OSError as exc:
        _log.warning("the summary %s is lost: %s", file.path, exc)
        return str(exc)
    return None


def _encode(builder: SummaryBuilder) -> bytes:
    # Here and not in the thread: the call goes on, and the builder with it.
    return msgspec.json.format(msgspec.json.encode(builder.build()), indent=2) + b"\n"


class _SummaryFile:
    """The file.  `write` blocks: it is for threads, one after the other by a lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.latest = b""
        """What is to be in the file.  A thread that comes late still writes the newest."""
        self._written: bytes | None = None
        self._lock = threading.Lock()
        self._part = path.with_name(f".{path.name}.part")

    def write(self) -> None:
        """Replace the file, unless it is the latest already.  Raises OSError."""
        with self._lock:
            # A thread that nobody waits for must leave nothing behind once the call is over.
            if self.latest is not self._written:
                self._replace()

    def _replace(self) -> None:
        latest = self.latest
        try:
            self._part.write_bytes(latest)
        except FileNotFoundError:  # the first time, or somebody removed the folder
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._part.write_bytes(latest)
        os.replace(self._part, self.path)
        self._written = latest
