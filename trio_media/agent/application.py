"""Running code of the application: whatever it does, the call goes on.

Rule 1: an async function runs in the call's own thread, any other in a thread of its own, of which
        the process has `THREADS_MAX`.
Rule 2: whatever it raises stops at a `crash_boundary`.
Rule 3: a thread cannot be cancelled: one that nobody waits for any more is abandoned and counted,
        and keeps its place among the threads until it is over.

From such a thread ``trio.from_thread.run(call.say, "One moment.")`` reaches the call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

import attrs
import trio

THREADS_MAX: Final = 64  # what waits for databases needs many, and each costs some memory
Code: TypeAlias = Callable[..., Any]
"""A function of the application, async or not."""
Count: TypeAlias = Callable[[str], None]
"""Counts something in the call's tally."""

_threads: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("agent_threads")


def limit_agent_threads(limiter: trio.CapacityLimiter) -> None:
    """Have another limiter for the threads of this run of Trio, from here on.

    ``limiter``: one of Trio's, or an object that stands in for it, as Trio's threads allow.
    """
    _threads.set(limiter)


def agent_threads() -> trio.CapacityLimiter:
    """Return the limiter of the application's threads: one for all calls of the process."""
    try:
        return _threads.get()
    except LookupError:
        limiter = trio.CapacityLimiter(THREADS_MAX)
        _threads.set(limiter)
        return limiter


def is_async(function: Code) -> bool:
    """Whether a call of this function is to be awaited here, and not run in a thread."""
    while isinstance(function, partial):
        function = function.func
    by_call = getattr(function, "__call__", None)  # noqa: B004  # of an object, which may be async
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(by_call)


async def run_code(function: Code, *args: Any, count: Count) -> Any:  # noqa: ANN401
    """Run a function of the application and return what it returns.

    Raises whatever it raises.  **Cancellation:** a function in a thread goes on alone; that is
    counted as ``threads_abandoned``.
    """
    if is_async(function):
        return await function(*args)
    result = await _run_in_thread(partial(function, *args), count)
    return await result if inspect.isawaitable(result) else result


@attrs.define(eq=False)
class _Work:
    """What a thread does, and how far it is."""

    function: Callable[[], Any]
    result: Any = None
    """Kept here and not returned: Trio refuses what is to be awaited from a thread."""
    has_begun: bool = False
    is_over: bool = False
    is_abandoned: bool = False
    """Nobody waits for it any more: it need not begin."""

    def __call__(self) -> None:
        # This order, and the other one where it is abandoned: one of the two sees the other.
        self.has_begun = True
        if self.is_abandoned:
            return
        try:
            self.result = self.function()
        finally:
            self.is_over = True


async def _run_in_thread(function: Callable[[], Any], count: Count) -> Any:  # noqa: ANN401
    work = _Work(function)
    try:
        await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=agent_threads())
    finally:
        work.is_abandoned = True
        if work.has_begun and not work.is_over:
            count("threads_abandoned")
    return work.result
