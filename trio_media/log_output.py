"""Where log lines go: to a file descriptor, in a thread of its own, so that no call waits for it.

Whoever reads standard error may stand still: a pipe nobody empties, a terminal that was stopped
with Ctrl-S, a log collector that is down.  A write to it then blocks, and with it every call of the
process.  Here lines wait in a bounded queue instead; what finds no room is dropped and counted.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import threading
import time
from typing import Final

LINES_MAX: Final = 10_000  # some megabytes; a reader that is so far behind does not come back soon
LAST_LINES_S: Final = 1.0  # at the end, how long the lines that wait may take to be written

log = logging.getLogger("trio_media.log_output")


class DetachedOutput:
    """Writes to a file descriptor; `write` never blocks and never fails."""

    def __init__(self, fd: int) -> None:
        """Begin to write to a copy of ``fd``, until `finish` or the end of the process."""
        self._fd = os.dup(fd)
        self._lines: queue.Queue[bytes | None] = queue.Queue(LINES_MAX)
        self._dropped = 0
        self._told = 0
        self._thread = threading.Thread(target=self._write_lines, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.finish)

    def write(self, text: str) -> int:
        """Queue a line, or count it as dropped when too many wait."""
        try:
            self._lines.put_nowait(text.encode(errors="backslashreplace"))
        except queue.Full:
            self._dropped += 1
        return len(text)

    def flush(self) -> None:
        """Wait for nothing: see `finish`."""

    def finish(self, within_s: float = LAST_LINES_S) -> None:
        """Write what waits, if that takes no longer than ``within_s``, and write no more."""
        atexit.unregister(self.finish)
        deadline_s = time.monotonic() + within_s
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=within_s)
        self._thread.join(max(0.0, deadline_s - time.monotonic()))

    def _write_lines(self) -> None:
        while (line := self._lines.get()) is not None:
            self._write(line)
            untold = self._dropped - self._told
            if untold and self._lines.qsize() < LINES_MAX // 2:  # it must find room itself
                self._told += untold
                log.warning("log lines dropped: nobody read them", extra={"lines": untold})
        os.close(self._fd)

    def _write(self, line: bytes) -> None:
        with contextlib.suppress(OSError):  # a closed pipe, a full disk: there is nobody to tell
            while line:
                line = line[os.write(self._fd, line) :]
