"""Steps of file work in a thread, for records that must never hold up a call.

Rule 1: a step has a deadline; a disk that is slower counts as failed.
Rule 2: a cancelled call does not wait for its step.  The thread is left alone, so a step must be
safe beside a later step of the same file: it takes the file's lock, and its work from the file.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable
from typing import Final

import attrs
import trio

FLUSH_EVERY_S: Final = 1.0  # what a killed process may lose
WRITE_DEADLINE_S: Final = 2.0  # a disk that is slower has lost the record
LAST_STEP_DEADLINE_S: Final = 0.5  # what the end of a call may wait for its record
DEADLINE_PARTS: Final = 4  # of which one passes while the process stands still, however long
FILE_THREADS_MAX: Final = 20  # a disk that hangs may hold so many; none that names are resolved in

_file_threads: Final = trio.lowlevel.RunVar[trio.CapacityLimiter]("file_threads")


@attrs.frozen(kw_only=True)
class DiskLimits:
    """How files are treated."""

    flush_every_s: float = FLUSH_EVERY_S
    write_deadline_s: float = WRITE_DEADLINE_S
    """For one step of a file.  Infinite under a virtual clock, which waits for no thread."""
    threads: trio.CapacityLimiter | None = None
    """Bounds the process's file threads; None: `FILE_THREADS_MAX` of them."""


DEFAULT_LIMITS: Final = DiskLimits()


async def run_step(step: Callable[[], None], limits: DiskLimits) -> None:
    """Run one step of a file.

    Raises OSError, also when the step takes longer than the limits allow.

    Cancellation: leaves the thread alone; the step may or may not have been begun.
    """
    await _run(step, limits, limits.write_deadline_s)


async def run_last_step(step: Callable[[], None], limits: DiskLimits) -> None:
    """Run the step that ends a file, also in a call that is cancelled, for 500 ms at most.

    Raises OSError, also when the step takes longer.
    """
    deadline_s = LAST_STEP_DEADLINE_S
    if math.isinf(limits.write_deadline_s):
        deadline_s = math.inf  # a virtual clock waits for no thread
    with trio.CancelScope(shield=True):
        await _run(step, limits, deadline_s)


async def _run(step: Callable[[], None], limits: DiskLimits, deadline_s: float) -> None:
    failure: OSError | None = None
    is_done = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_give_up, nursery.cancel_scope, deadline_s)
        try:
            threads = limits.threads or _threads()
            await trio.to_thread.run_sync(step, abandon_on_cancel=True, limiter=threads)
        except OSError as exc:
            failure = exc
        is_done = True
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if not is_done:
        raise OSError(errno.ETIMEDOUT, f"the disk took more than {deadline_s:g} s")


async def _give_up(scope: trio.CancelScope, deadline_s: float) -> None:
    """Cancel when the time is over.  Time in which the process stood still is not the disk's."""
    for _ in range(DEADLINE_PARTS):
        await trio.sleep(deadline_s / DEADLINE_PARTS)
    scope.cancel()


def _threads() -> trio.CapacityLimiter:
    try:
        return _file_threads.get()
    except LookupError:
        limiter = trio.CapacityLimiter(FILE_THREADS_MAX)
        _file_threads.set(limiter)
        return limiter
