from __future__ import annotations

from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from trio_media.call.prepared import PreparedSession
from trio_media.core import events as ev

LEG = cast("Any", object())
READY = ev.SessionReady(server_acts=False, silence_ms=500, transcribes=True)


def make() -> PreparedSession:
    return PreparedSession(cast("Any", object()))


async def test_it_is_taken_once() -> None:
    session = make()
    session.agreed(LEG, READY, 120)
    assert await session.take() == (LEG, READY)
    assert session.is_handed_over
    assert await session.take() is None


async def test_who_takes_it_waits_until_it_is_there(autojump_clock: MockClock) -> None:
    session, got = make(), []

    async def take() -> None:
        got.append(await session.take())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        assert got == []
        session.agreed(LEG, READY, 120)
    assert got == [(LEG, READY)]


@pytest.mark.parametrize("end", ["lost", "let_go"])
async def test_what_is_over_cannot_be_taken(end: str) -> None:
    session = make()
    session.agreed(LEG, READY, 120)
    for _ in range(2):
        getattr(session, end)()
    assert await session.take() is None
    assert not session.is_handed_over


async def test_one_that_is_let_go_while_somebody_waits_is_not_handed_over() -> None:
    session, got = make(), []

    async def take() -> None:
        got.append(await session.take())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        session.let_go()
        session.agreed(LEG, READY, 120)
    assert got == [None]
    assert not session.is_handed_over
