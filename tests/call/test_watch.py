"""How a leg is found dead, and how it is closed."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
import trio_websocket
from trio.testing import MockClock, memory_stream_pair

from trio_media.call.leg import WebSocketLeg, accept_carrier_leg
from trio_media.call.line import Line, Watched
from trio_media.call.watch import (
    CLOSE_S,
    PING_AFTER_S,
    SILENT_S,
    STALL_S,
    WATCH_EVERY_S,
    close_leg,
    look_after,
)
from trio_media.errors import LegLost

from .streams import SpyStream
from .wires import connect_websocket


async def leg_of(
    nursery: trio.Nursery,
) -> tuple[WebSocketLeg, SpyStream, trio_websocket.WebSocketConnection]:
    ours, theirs = memory_stream_pair()
    spy = SpyStream(theirs)
    legs: list[WebSocketLeg] = []

    async def accept() -> None:
        legs.append(await accept_carrier_leg(nursery, spy))

    nursery.start_soon(accept)
    peer = await connect_websocket(nursery, ours)
    await trio.testing.wait_all_tasks_blocked()
    return legs[0], spy, peer


async def listen(peer: trio_websocket.WebSocketConnection) -> None:
    """Take messages: a peer of this kind answers no ping while one waits to be taken."""
    with suppress(trio_websocket.ConnectionClosed):
        while True:
            await peer.get_message()


async def looked_after(nursery: trio.Nursery) -> tuple[Line, WebSocketLeg, SpyStream]:
    leg, spy, peer = await leg_of(nursery)
    nursery.start_soon(listen, peer)
    line = Line.begin()
    line.watched.append(Watched(leg, nursery))
    nursery.start_soon(look_after, line)
    return line, leg, spy


async def test_a_slow_write_that_makes_progress_is_left_alone(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        _, leg, spy = await looked_after(nursery)
        for _ in range(3):
            spy.hold()
            nursery.start_soon(leg.send_batch, ["a"])
            await trio.sleep(STALL_S - 1)
            spy.release()
            await trio.sleep(0.1)
        assert not spy.is_closed
        nursery.cancel_scope.cancel()


async def test_a_goodbye_is_answered_at_once(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        leg, spy, peer = await leg_of(nursery)
        began_s = trio.current_time()
        await close_leg(leg, 1002)
        assert trio.current_time() == began_s
        assert spy.is_closed
        with pytest.raises(trio_websocket.ConnectionClosed):
            await peer.get_message()
        assert peer.closed is not None
        assert peer.closed.code == 1002
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("trouble", ["hold", "mute"])
async def test_a_goodbye_to_nobody_takes_a_moment(autojump_clock: MockClock, trouble: str) -> None:
    async with trio.open_nursery() as nursery:
        leg, spy, _ = await leg_of(nursery)
        getattr(spy, trouble)()
        began_s = trio.current_time()
        await close_leg(leg)
        assert trio.current_time() - began_s == pytest.approx(CLOSE_S)
        assert spy.is_closed
        nursery.cancel_scope.cancel()


async def test_a_goodbye_is_bounded_also_when_it_is_cancelled(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        leg, spy, _ = await leg_of(nursery)
        spy.mute()
        with trio.fail_after(CLOSE_S * 2), trio.CancelScope() as scope:
            scope.cancel()
            await close_leg(leg)
        assert spy.is_closed
        nursery.cancel_scope.cancel()


# --- one task for all of it ----------------------------------------------------------------------


async def test_a_leg_that_stalls_is_aborted_once_and_the_others_go_on(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        line, leg, spy = await looked_after(nursery)
        other, other_spy, _ = await leg_of(nursery)
        line.watched.append(Watched(other, nursery))
        spy.hold()
        began_s = trio.current_time()
        with pytest.raises(LegLost):
            await leg.send_batch(["a"])
        assert STALL_S <= trio.current_time() - began_s <= STALL_S + WATCH_EVERY_S
        await trio.sleep(4 * SILENT_S)
        assert line.tally.counters == {"carrier_watchdog_aborts": 1}
        assert spy.is_closed
        assert not other_spy.is_closed, "it answers pings"
        assert [watched.leg for watched in line.watched] == [other]
        nursery.cancel_scope.cancel()


async def test_a_silent_peer_is_asked_again_only_when_it_has_answered(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        line, leg, spy = await looked_after(nursery)
        await trio.sleep(5 * SILENT_S)
        assert not spy.is_closed
        [watched] = line.watched
        assert not watched.is_asked
        tasks = len(nursery.child_tasks)
        spy.mute()
        muted_s = trio.current_time()
        await trio.sleep(PING_AFTER_S + 2 * WATCH_EVERY_S)
        assert watched.is_asked
        assert len(nursery.child_tasks) == tasks + 1, "one ping waits"
        with pytest.raises(LegLost):
            await leg.receive()
        assert trio.current_time() - muted_s <= SILENT_S + WATCH_EVERY_S
        nursery.cancel_scope.cancel()


async def test_a_leg_that_is_lost_is_asked_no_more(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        line, leg, _ = await looked_after(nursery)
        await close_leg(leg)
        await trio.sleep(PING_AFTER_S + 3 * WATCH_EVERY_S)
        assert line.watched[0].is_asked, "and nobody waits for an answer"
        await trio.sleep(SILENT_S)
        assert line.watched == []
        nursery.cancel_scope.cancel()


async def test_whatever_else_is_due_is_told_the_time(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        line, _, _ = await looked_after(nursery)
        told: list[int] = []

        def look_once(now_ms: int) -> None:
            told.append(now_ms)
            line.looks.remove(look_once)

        often: list[int] = []
        line.looks += [look_once, often.append]
        await trio.sleep(3.5 * WATCH_EVERY_S)
        every_ms = round(WATCH_EVERY_S * 1_000)
        assert told == [every_ms]
        assert often == [every_ms, 2 * every_ms, 3 * every_ms]
        nursery.cancel_scope.cancel()
