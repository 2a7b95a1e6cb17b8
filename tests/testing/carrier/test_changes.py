"""Waiting for something to be so."""

from __future__ import annotations

import pytest
import trio

from trio_media.testing.carrier.changes import Changes


async def test_whoever_waits_is_woken_by_what_makes_it_so(
    autojump_clock: trio.abc.Clock,
) -> None:
    changes, seen = Changes(), [0]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(changes.until, lambda: seen[0] == 2)
        for _ in range(2):
            await trio.sleep(1)
            seen[0] += 1
            changes.note()
    assert trio.current_time() == 2


async def test_what_is_so_is_not_waited_for(autojump_clock: trio.abc.Clock) -> None:
    await Changes().until(lambda: True)


async def test_patience_has_an_end(autojump_clock: trio.abc.Clock) -> None:
    began_at = trio.current_time()
    with pytest.raises(trio.TooSlowError):
        await Changes().until(lambda: False, timeout_s=3)
    assert trio.current_time() - began_at == 3
