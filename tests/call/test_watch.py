"""How a leg is found dead, and how it is closed."""

from __future__ import annotations

import pytest
import trio
import trio_websocket
from trio.testing import MockClock, memory_stream_pair

from trio_media.call.leg import WebSocketLeg, accept_carrier_leg
from trio_media.call.line import Line
from trio_media.call.watch import CLOSE_S, SILENT_S, STALL_S, close_leg, ping_leg, watch_leg
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


async def test_a_stalled_write_aborts_the_leg(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        leg, spy, _ = await leg_of(nursery)
        line = Line.begin()
        nursery.start_soon(watch_leg, leg, line)
        spy.hold()
        began_s = trio.current_time()
        with pytest.raises(LegLost):
            await leg.send_batch(["a"])
        assert STALL_S <= trio.current_time() - began_s <= STALL_S + 1
        assert line.tally.counters == {"carrier_watchdog_aborts": 1}
        assert spy.is_closed
        nursery.cancel_scope.cancel()


async def test_a_slow_write_that_makes_progress_is_left_alone(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        leg, spy, _ = await leg_of(nursery)
        nursery.start_soon(watch_leg, leg, Line.begin())
        for _ in range(3):
            spy.hold()
            nursery.start_soon(leg.send_batch, ["a"])
            await trio.sleep(STALL_S - 1)
            spy.release()
            await trio.sleep(0.1)
        assert not spy.is_closed
        nursery.cancel_scope.cancel()


async def test_a_peer_that_answers_pings_is_alive_and_one_that_does_not_is_not(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        leg, spy, _ = await leg_of(nursery)
        nursery.start_soon(watch_leg, leg, Line.begin())
        nursery.start_soon(ping_leg, leg)
        await trio.sleep(5 * SILENT_S)
        assert not spy.is_closed
        spy.mute()
        muted_s = trio.current_time()
        with pytest.raises(LegLost):
            await leg.receive()
        assert trio.current_time() - muted_s <= SILENT_S + 1
        nursery.cancel_scope.cancel()


async def test_the_pinging_ends_with_the_leg(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        leg, _, _ = await leg_of(nursery)
        await close_leg(leg)
        with trio.fail_after(60):
            await ping_leg(leg)
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
