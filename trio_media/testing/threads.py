"""Virtual time and threads: the clock stands still while code of an application works in a thread.

Rule 1: while a thread works, virtual time jumps only when nothing at all happens for `PATIENCE_S`
        of real time: so code that is quick takes no time, and code that waits for the call in its
        thread does not wait for ever.
"""

from __future__ import annotations

from typing import Final

import attrs
import trio
from trio.testing import MockClock

PATIENCE_S: Final = 0.02  # most functions of applications are done by then
THREADS_MAX: Final = 16


@attrs.define(eq=False)
class PatientThreads:
    """A limiter for `trio.to_thread.run_sync`, that keeps a virtual clock from jumping."""

    clock: MockClock
    jumps_after_s: float
    """How the clock jumps when no thread works."""
    _inner: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(THREADS_MAX))
    _working: int = 0

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        """Let a thread begin.  See `trio.CapacityLimiter`."""
        await self._inner.acquire_on_behalf_of(borrower)
        self._working += 1
        self.clock.autojump_threshold = PATIENCE_S

    def release_on_behalf_of(self, borrower: object) -> None:
        """A thread is done.  See `trio.CapacityLimiter`."""
        self._inner.release_on_behalf_of(borrower)
        self._working -= 1
        if not self._working:
            self.clock.autojump_threshold = self.jumps_after_s
