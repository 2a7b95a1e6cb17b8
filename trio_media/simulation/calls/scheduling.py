"""A run under virtual time, in which the order of the tasks comes from a seed.

The one file that touches something private of Trio: the random numbers by which its scheduler
shuffles the tasks that are ready, and the switch that makes their order before it definite.  The
same two are used, for the same reason, by pytest-trio's support for hypothesis.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import trio
from trio._core import _run
from trio.testing import MockClock

RETURN = TypeVar("RETURN")


def run_virtual(call: Callable[..., Awaitable[RETURN]], *args: Any, seed: int) -> RETURN:  # noqa: ANN401
    """Run to the end in no time: the clock jumps whenever every task waits.

    The same seed and the same versions give the same order of everything.
    """
    with definite_order(seed):
        return trio.run(call, *args, clock=MockClock(autojump_threshold=0))


@contextmanager
def definite_order(seed: int) -> Iterator[None]:
    """Let the order of all tasks of the runs inside come from a seed."""
    shuffle: random.Random = _run._r
    was_definite, state = _run._ALLOW_DETERMINISTIC_SCHEDULING, shuffle.getstate()
    _run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]
    shuffle.seed(seed)
    try:
        yield
    finally:
        _run._ALLOW_DETERMINISTIC_SCHEDULING = was_definite  # type: ignore[misc]
        shuffle.setstate(state)


def now_ms() -> float:
    """The virtual time, in the precision of a record."""
    return round(trio.current_time() * 1_000, 3)
