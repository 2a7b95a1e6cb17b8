"""Hooks: functions of the application that are told what happens in a call.

Rule 1: hooks start in the order of what they are told of, and then run side by side; none holds up
        another, or the call.
Rule 2: each has a deadline, and at most `RUNS_MAX` of a call run or wait at once; what would be
        more is dropped and counted.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs
import trio

from trio_media.agent.application import Code, Count, run_code
from trio_media.boundary import crash_boundary
from trio_media.errors import AgentError
from trio_media.logs import CallLogger

RUNS_MAX: Final = 64  # a call in which so many hang tells its hooks nothing new
HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "start": (),
    "resume": (),
    "caller_spoke": ("text",),
    "model_spoke": ("text",),
    "interrupted": ("interruption",),
    "dtmf": ("digit",),
    "tool_called": ("tool_run",),
    "failure": ("failure",),
    "machine": ("result",),
    "ending": ("reason",),
    "end": ("end",),
}
"""What each hook is told besides the call."""


def check_hook(name: str, function: Code) -> None:
    """Raise `AgentError` when a function cannot be called as this hook is."""
    told = ", ".join(("call", *HOOKS[name]))
    if not callable(function):
        raise AgentError(f"on_{name}: needs a function of ({told}), not {function!r}")
    label = getattr(function, "__qualname__", repr(function))
    try:
        inspect.signature(function).bind(*("call", *HOOKS[name]))
    except TypeError as wrong:
        raise AgentError(f"on_{name}: {label} is called with ({told}): {wrong}") from None
    except ValueError:  # it is built in, and does not say what it takes
        return


@attrs.frozen
class HookRun:
    """One function that is to be told of one thing."""

    name: str
    function: Code
    args: tuple[Any, ...]


@attrs.define(eq=False)
class HookRuns:
    """The hooks of one call, and those that run."""

    hooks: Mapping[str, Sequence[Code]]
    timeout_s: float
    log: CallLogger
    count: Count
    alive: int = 0
    """So many run, or wait to."""
    _waiting: list[HookRun] = attrs.field(factory=list)
    _came: trio.Event = attrs.field(factory=trio.Event)
    """Something waits."""
    _has_dropped: bool = False

    def tell(self, name: str, *args: Any) -> None:  # noqa: ANN401
        """Have the functions of a hook run soon.  Never blocks, never raises."""
        for function in self.hooks.get(name, ()):
            if self.alive >= RUNS_MAX:
                self._drop(name)
                continue
            self.alive += 1
            self._waiting.append(HookRun(name, function, args))
            self._came.set()

    def _drop(self, name: str) -> None:
        self.count("hooks_dropped")
        if not self._has_dropped:
            self._has_dropped = True
            fields = {"hook": f"on_{name}", "max": RUNS_MAX}
            self.log.warning("a hook was not run: too many run already", extra=fields)

    async def next_run(self) -> HookRun:
        """Wait for a hook that is to run.  **Cancellation:** it is still there."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._waiting:
            self._came = trio.Event()
            await self._came.wait()
        return self._waiting.pop(0)

    def take_waiting(self) -> list[HookRun]:
        """Hand over the hooks that have not begun."""
        taken, self._waiting = self._waiting, []
        return taken

    def crashed(self, name: str, error: Exception) -> None:
        """Log and count what code of the application raised."""
        self.count("hook_errors")
        self.log.error("code of the application failed", exc_info=error, extra={"code": name})

    def was_late(self, name: str) -> None:
        """Log and count that a hook took too long."""
        self.count("hook_timeouts")
        fields = {"hook": f"on_{name}", "timeout_s": self.timeout_s}
        self.log.warning("a hook took too long and was cancelled", extra=fields)


async def run_hooks(runs: HookRuns, nursery: trio.Nursery) -> None:
    """Start hooks as they are told of something, for as long as the call lasts."""
    while True:
        await nursery.start(_run_hook, runs, await runs.next_run())


async def run_last_hooks(runs: HookRuns, *end: Any) -> None:  # noqa: ANN401
    """Run what has not begun when the call is over, and ``on_end``; return when all are done.

    ``end``: what ``on_end`` is told.  It runs however many others wait.  Comes back within the
    deadline of one hook.
    """
    last = [HookRun("end", function, end) for function in runs.hooks.get("end", ())]
    runs.alive += len(last)
    async with trio.open_nursery() as nursery:
        for run in [*runs.take_waiting(), *last]:
            await nursery.start(_run_hook, runs, run)


async def _run_hook(
    runs: HookRuns, run: HookRun, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    note_crash: Callable[[Exception], None] = partial(runs.crashed, f"on_{run.name}")
    try:
        with trio.move_on_after(runs.timeout_s) as scope, crash_boundary(note_crash):
            task_status.started()  # the function's first steps follow at once: that is the order
            await run_code(run.function, *run.args, count=runs.count)
        if scope.cancelled_caught:
            runs.was_late(run.name)
    finally:
        runs.alive -= 1
