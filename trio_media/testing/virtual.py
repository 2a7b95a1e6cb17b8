"""Tests under a virtual clock: no sleep takes any time, and the order of the tasks is definite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import trio
from trio.testing import MockClock

from trio_media.simulation.calls.scheduling import definite_order
from trio_media.simulation.calls.scheduling import run_virtual as run_virtual

SEED: Final = 0  # any will do, as long as it is the same every time
RETURN = TypeVar("RETURN")


def run_test(
    test: Callable[[], Awaitable[RETURN]],
    *,
    clock: trio.abc.Clock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
) -> RETURN:
    """Run a test as pytest-trio runs it, under a clock that jumps if it brings none of its own.

    An error that is alone in its group is raised as itself, so that a failed assertion is shown
    where it stands.
    """
    __tracebackhide__ = True
    clock = MockClock(autojump_threshold=0) if clock is None else clock
    try:
        with definite_order(SEED):
            return trio.run(test, clock=clock, instruments=instruments)
    except BaseExceptionGroup as group:
        alone = _alone(group)
        if alone is None:
            raise
    raise alone


def _alone(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        if len(error.exceptions) > 1:
            return None
        error = error.exceptions[0]
    return error
