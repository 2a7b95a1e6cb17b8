"""Steps of file work in threads, for records that must never hold up a call.

All files of the process share their threads: steps that are asked for while a thread is at work are
done by the same one, and files are flushed at the same few moments of a second.  So what a thread
costs is paid once for many files.

Rule 1: a step has a deadline; a disk that is slower counts as failed.
Rule 2: a cancelled call does not wait for its step.  The thread is left alone, so a step must be
safe beside a later step of the same file: it takes the file's lock, and its work from the file.
Rule 3: a step that waits behind one that hangs gets a thread of its own, as long as there are any.
"""

from __future__ import annotations

import contextlib
import errno
import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import attrs
import outcome
import trio

FLUSH_EVERY_S: Final = 1.0  # what a killed process may lose
FLUSH_SLOT_S: Final = 0.25  # files are flushed together with others: so much earlier, for that
WRITE_DEADLINE_S: Final = 2.0  # a disk that is slower has lost the record
LAST_STEP_DEADLINE_S: Final = 0.5  # what the end of a call may wait for its record
DEADLINE_PARTS: Final = 4  # of which one passes while the process stands still, however long
FILE_THREADS_MAX: Final = 20  # a disk that hangs may hold so many; none that names are resolved in

_steps: Final = trio.lowlevel.RunVar["_Steps"]("file_steps")


@attrs.frozen(kw_only=True)
class DiskLimits:
    """How files are treated."""

    flush_every_s: float = FLUSH_EVERY_S
    write_deadline_s: float = WRITE_DEADLINE_S
    """For one step of a file.  Infinite under a virtual clock, which waits for no thread."""


DEFAULT_LIMITS: Final = DiskLimits()


async def until_flush(limits: DiskLimits, has_news: trio.Event) -> None:
    """Wait until a file is to be flushed again, or until there is news that cannot wait for that.

    Cancellation: nothing is lost.
    """
    every_s = limits.flush_every_s
    slot_s = min(FLUSH_SLOT_S, every_s / 4)
    with trio.move_on_at((trio.current_time() + every_s) // slot_s * slot_s):
        await has_news.wait()


async def run_step(step: Callable[[], None], limits: DiskLimits) -> None:
    """Run one step of a file.

    Raises OSError, also when the step takes longer than the limits allow.

    Cancellation: leaves the thread alone; the step may or may not have been begun, and if not, it
    still will be.
    """
    await _run(step, limits.write_deadline_s)


async def run_last_step(step: Callable[[], None], limits: DiskLimits) -> None:
    """Run the step that ends a file, also in a call that is cancelled, for 500 ms at most.

    Raises OSError, also when the step takes longer.
    """
    deadline_s = LAST_STEP_DEADLINE_S
    if math.isinf(limits.write_deadline_s):
        deadline_s = math.inf  # a virtual clock waits for no thread
    with trio.CancelScope(shield=True):
        await _run(step, deadline_s)


async def _run(step: Callable[[], None], deadline_s: float) -> None:
    steps = _the_steps()
    asked = steps.ask(step)
    # In parts: time in which the process stood still is not the disk's.
    for _ in range(DEADLINE_PARTS):
        with trio.move_on_after(deadline_s / DEADLINE_PARTS):
            await asked.is_done.wait()
        if asked.result is not None:
            asked.result.unwrap()
            return
        steps.hurry(asked)
    raise OSError(errno.ETIMEDOUT, f"the disk took more than {deadline_s:g} s")


@attrs.define(eq=False)
class _Step:
    """A step that was asked for."""

    run: Callable[[], None]
    is_begun: bool = False
    is_done: trio.Event = attrs.field(factory=trio.Event)
    result: outcome.Outcome[None] | None = None


class _Steps:
    """The steps of one run of Trio that wait, and the threads that are at them."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._waiting: deque[_Step] = deque()
        self._threads = 0
        self._lock = threading.Lock()

    def ask(self, run: Callable[[], None]) -> _Step:
        """Have a step run after those that wait already."""
        step = _Step(run)
        with self._lock:
            self._waiting.append(step)
            is_idle = self._threads == 0
            self._threads += is_idle
        if is_idle:
            # In a moment: when others have asked as well, and the thread is in nobody's way.
            self._token.run_sync_soon(self._start_thread)
        return step

    def hurry(self, step: _Step) -> None:
        """A step takes long: if it was not even begun, whatever is before it hangs."""
        with self._lock:
            has_thread = step.is_begun or self._threads >= FILE_THREADS_MAX
            self._threads += not has_thread
        if not has_thread:
            self._start_thread()

    def _start_thread(self) -> None:
        trio.lowlevel.start_thread_soon(self._work, outcome.Outcome.unwrap, "file steps")

    def _work(self) -> None:
        """Run what waits until nothing does.  In a thread."""
        done: list[_Step] = []
        while (step := self._next()) is not None:
            step.result = outcome.capture(step.run)
            done.append(step)
        # All at once: who is woken before would get in the way of what is still to be done.
        with contextlib.suppress(trio.RunFinishedError):  # nobody waits any more
            self._token.run_sync_soon(_tell, done)

    def _next(self) -> _Step | None:
        with self._lock:
            if not self._waiting:
                self._threads -= 1
                return None
            step = self._waiting.popleft()
            step.is_begun = True
            return step


def _tell(done: list[_Step]) -> None:
    for step in done:
        step.is_done.set()


def _the_steps() -> _Steps:
    try:
        return _steps.get()
    except LookupError:
        steps = _Steps()
        _steps.set(steps)
        return steps
