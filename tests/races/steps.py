"""Counting how often tasks run: a loop that spins is seen on any clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import trio
import trio.lowlevel


@attrs.define(eq=False)
class Steps(trio.abc.Instrument):
    """How many steps all tasks together have made."""

    count: int = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """One more."""
        self.count += 1


@contextmanager
def counted_steps() -> Iterator[Steps]:
    """Count the steps inside."""
    steps = Steps()
    trio.lowlevel.add_instrument(steps)
    try:
        yield steps
    finally:
        trio.lowlevel.remove_instrument(steps)
