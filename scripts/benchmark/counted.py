"""Run a module with Trio's wake-ups counted: ``python counted.py FILE MODULE ARGUMENT...``.

Every step of every task is counted by the task's name, and what the primitives do by theirs.  The
counts are written to FILE, as JSON, when the module is over.

Rule 1: only counted, never timed: a count is the same on a busy machine.
"""

from __future__ import annotations

import json
import runpy
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import trio
import trio.abc
import trio.lowlevel

COUNTED: Final = (
    (trio.MemorySendChannel, "send_nowait", "channel sends"),
    (trio.Lock, "acquire_nowait", "locks taken"),
    (trio.StrictFIFOLock, "acquire_nowait", "locks taken"),
    (trio.CancelScope, "__enter__", "cancel scopes"),
    (trio.Event, "set", "events set"),
)
"""None of them is a coroutine: a call is one call."""


class Steps(trio.abc.Instrument):
    """Counts steps of tasks and looks at the network."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        self._counts["scheduled: " + task.name.rpartition(".")[2]] += 1
        self._counts["tasks scheduled"] += 1

    def before_io_wait(self, timeout: float) -> None:
        self._counts["looks at the network"] += 1
        self._counts["looks without a wait"] += timeout == 0


def count(counts: Counter[str], owner: Any, name: str, called: str) -> None:
    """Count calls of a method."""
    original = getattr(owner, name)

    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        counts[called] += 1
        return original(self, *arguments, **named)

    setattr(owner, name, counted)


def count_calls(counts: Counter[str], module: Any, name: str, called: str) -> None:
    """Count calls of a coroutine function, in every module of Trio that knows it."""
    original: Callable[..., Any] = getattr(module, name)

    async def counted(*arguments: Any, **named: Any) -> Any:
        counts[called] += 1
        return await original(*arguments, **named)

    for known in [m for n, m in sys.modules.items() if n.partition(".")[0] == "trio"]:
        if getattr(known, name, None) is original:
            setattr(known, name, counted)


def main() -> None:
    file, module, *arguments = sys.argv[1:]
    counts: Counter[str] = Counter()
    for owner, name, called in COUNTED:
        count(counts, owner, name, called)
    for name in ("cancel_shielded_checkpoint", "checkpoint_if_cancelled", "wait_task_rescheduled"):
        count_calls(counts, trio.lowlevel, name, name)
    run = trio.run

    def counted_run(*given: Any, **named: Any) -> Any:
        return run(*given, **{**named, "instruments": [Steps(counts)]})

    trio.run = counted_run  # type: ignore[assignment]
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        Path(file).write_text(json.dumps(counts))


if __name__ == "__main__":
    main()
