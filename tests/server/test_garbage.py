"""What ended calls leave behind is collected, though seldom."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock

from trio_media.server.garbage import (
    CALLS_MIN,
    LOOK_EVERY_S,
    calm_garbage_collector,
    collect_after_calls,
)


class Knot:
    """What only a full collection finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    gc.enable()


async def test_what_ended_calls_leave_is_collected(autojump_clock: MockClock) -> None:
    gc.disable()
    ended = 7
    knot = weakref.ref(Knot())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collect_after_calls, lambda: ended)
        await trio.sleep(3 * LOOK_EVERY_S + 1)
        assert knot() is not None, "no call has ended"
        ended += CALLS_MIN - 1
        await trio.sleep(LOOK_EVERY_S)
        assert knot() is not None, "too few have"
        ended += 1
        await trio.sleep(LOOK_EVERY_S)
        assert knot() is None
        nursery.cancel_scope.cancel()


def test_what_was_made_at_the_start_is_not_looked_at_again() -> None:
    calm_garbage_collector()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[2] >= 100
