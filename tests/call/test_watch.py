"""How a leg is found dead, and how it is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import attrs
import pytest
import trio
import trio_websocket
from trio.testing import (
    MockClock,
    memory_stream_pair,
    open_stream_to_socket_listener,
    wait_all_tasks_blocked,
)

from trio_media.call.leg import Leg, Transport, WebSocketLeg, accept_carrier_leg
from trio_media.call.line import Line, Watched
from trio_media.call.watch import (
    CLOSE_S,
    GRACE_S,
    PING_AFTER_S,
    PING_EVERY_S,
    SILENT_S,
    STALL_S,
    STOOD_STILL_S,
    WATCH_EVERY_S,
    close_leg,
    look_after,
)
from trio_media.errors import LegLost

from .live import GREETS, Notebook, live_call
from .raw_websocket import PING, PONG, TEXT, RawPeer, Side, open_leg, pair
from .streams import SpyStream
from .wires import QUIET_FRAME, connect_websocket, speech


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
    await wait_all_tasks_blocked()
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
        assert line.tally.counters == {"carrier_watchdog_aborts": 1}
        nursery.cancel_scope.cancel()


async def test_a_leg_that_is_lost_is_asked_no_more_and_not_found_dead_again(
    autojump_clock: MockClock, side: Side, transport: Transport
) -> None:
    async with scene(transport, side) as scn:
        await close_leg(scn.leg)
        tasks = len(scn.nursery.child_tasks)
        await trio.sleep(4 * SILENT_S)
        assert len(scn.nursery.child_tasks) <= tasks, "and nobody waits for an answer"
        assert not scn.line.tally.counters


# --- signs of life -------------------------------------------------------------------------------


@attrs.define(eq=False)
class Scene:
    """A leg of a call that is looked after, its reader, and a peer that obeys a test."""

    line: Line
    leg: Leg
    peer: RawPeer
    nursery: trio.Nursery
    watched: Watched
    answers_after_s: float | None = 0.0
    """None: never."""
    asked_s: list[float] = attrs.field(factory=list)
    lost_s: float | None = None
    notes: Notebook = attrs.field(factory=Notebook)

    async def read(self) -> None:
        with suppress(LegLost):
            while True:
                await self.leg.receive()
        self.lost_s = trio.current_time()

    async def answer(self) -> None:
        with suppress(EOFError, trio.BrokenResourceError, trio.ClosedResourceError):
            while True:
                came = await self.peer.read()
                if came.opcode != PING:
                    continue
                self.asked_s.append(trio.current_time())
                if self.answers_after_s is not None:
                    await trio.sleep(self.answers_after_s)
                    await self.peer.send(PONG, came.payload)

    async def speak(self) -> None:
        while True:
            await trio.sleep(0.02)
            await self.peer.send(TEXT, b"x")


@asynccontextmanager
async def scene(
    transport: Transport, side: Side, *, is_read: bool = True, silent_before_s: float = 0.0
) -> AsyncIterator[Scene]:
    async with pair(transport, side) as (leg, peer), trio.open_nursery() as nursery:
        line = Line.begin()
        await trio.sleep(silent_before_s)
        watched = Watched(leg, nursery)
        line.watched.append(watched)
        scn = Scene(line, leg, peer, nursery, watched)
        line.observers = [scn.notes]
        if is_read:
            nursery.start_soon(scn.read)
        nursery.start_soon(scn.answer)
        nursery.start_soon(look_after, line)
        await wait_all_tasks_blocked()
        yield scn
        nursery.cancel_scope.cancel()


async def test_a_carrier_that_speaks_is_asked_nothing(
    autojump_clock: MockClock, transport: Transport
) -> None:
    async with scene(transport, "carrier") as scn:
        scn.nursery.start_soon(scn.speak)
        await trio.sleep(3 * SILENT_S)
        assert not scn.asked_s
        assert scn.leg.acknowledged_s is None


async def test_a_carrier_that_falls_silent_is_asked_and_found_dead_within_seconds(
    autojump_clock: MockClock, transport: Transport
) -> None:
    async with scene(transport, "carrier") as scn:
        scn.answers_after_s = None
        with trio.move_on_after(1):
            await scn.speak()
        silent_since_s = trio.current_time()
        await trio.sleep(2 * SILENT_S)
        assert scn.lost_s is not None
        assert SILENT_S - 0.1 <= scn.lost_s - silent_since_s <= SILENT_S + WATCH_EVERY_S
        [asked_s] = scn.asked_s
        assert PING_AFTER_S - 0.1 <= asked_s - silent_since_s <= PING_AFTER_S + WATCH_EVERY_S
        assert scn.line.watched == []


async def test_a_model_is_asked_all_the_time_and_its_answers_say_what_arrived(
    autojump_clock: MockClock, transport: Transport
) -> None:
    async with scene(transport, "model") as scn:
        scn.answers_after_s = 0.3
        scn.nursery.start_soon(scn.speak)
        assert scn.leg.acknowledged_s is None
        await trio.sleep(5 * SILENT_S)
        between_s = [later - former for former, later in pairwise(scn.asked_s)]
        assert all(PING_EVERY_S - 0.01 <= s <= PING_EVERY_S + WATCH_EVERY_S for s in between_s)
        assert scn.leg.acknowledged_s in scn.asked_s[-2:]
        await trio.sleep(PING_EVERY_S + WATCH_EVERY_S + 0.3 - 0.01)
        assert scn.leg.acknowledged_s in scn.asked_s[-2:]
        acknowledged_s = scn.leg.acknowledged_s
        scn.answers_after_s = None
        await trio.sleep(3 * PING_EVERY_S)
        assert scn.leg.acknowledged_s is not None
        assert scn.leg.acknowledged_s <= (acknowledged_s or 0) + PING_EVERY_S + WATCH_EVERY_S
        assert scn.lost_s is None, "it speaks"


async def test_a_model_that_says_nothing_lives_by_its_answers_and_dies_without(
    autojump_clock: MockClock, transport: Transport
) -> None:
    async with scene(transport, "model") as scn:
        await trio.sleep(10 * SILENT_S)
        assert scn.lost_s is None
        scn.answers_after_s = None
        since_s = trio.current_time()
        await trio.sleep(2 * SILENT_S)
        assert scn.lost_s is not None
        assert scn.lost_s - since_s >= SILENT_S - PING_EVERY_S - WATCH_EVERY_S
        assert scn.lost_s - since_s <= SILENT_S + WATCH_EVERY_S


async def test_a_peer_that_answers_late_is_kept(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with scene(transport, side) as scn:
        scn.answers_after_s = SILENT_S - PING_AFTER_S - 2 * WATCH_EVERY_S
        await trio.sleep(10 * SILENT_S)
        assert scn.lost_s is None
        assert len(scn.asked_s) >= 10


async def test_a_leg_that_nobody_reads_is_not_judged_by_what_nobody_hears(
    autojump_clock: MockClock, transport: Transport
) -> None:
    """Its reader waits for an owner that does not keep up; the carrier is there all the time."""
    async with scene(transport, "carrier", is_read=False) as scn:
        scn.nursery.start_soon(scn.speak)
        await trio.sleep(4 * SILENT_S)
        assert scn.line.watched == [scn.watched]
        assert not scn.line.tally.counters


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_leg_that_was_made_long_before_is_asked_before_it_is_judged(
    autojump_clock: MockClock, transport: Transport, is_there: bool
) -> None:
    async with scene(transport, "model", silent_before_s=3 * SILENT_S) as scn:
        scn.answers_after_s = 1.0 if is_there else None
        since_s = trio.current_time()
        await trio.sleep(GRACE_S + 2 * WATCH_EVERY_S)
        assert (scn.lost_s is None) is is_there
        if scn.lost_s is not None:
            assert scn.lost_s - since_s >= GRACE_S - 0.01


# --- a process that stands still -----------------------------------------------------------------

STANDS_STILL_S = 20.0


async def test_whoever_is_there_after_a_stall_is_kept(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with scene(transport, side) as scn:
        scn.answers_after_s = 1.5
        await trio.sleep(SILENT_S / 2 + 0.1)
        autojump_clock.jump(STANDS_STILL_S)
        await trio.sleep(4 * SILENT_S)
        assert scn.lost_s is None
        [failure] = scn.notes.noted("failure")
        assert (failure["what"], failure["done"]) == ("stalled", "resume")
        stood_ms = int(failure["detail"].split()[-2])
        shortest_ms = 1_000 * (STANDS_STILL_S - WATCH_EVERY_S)
        assert shortest_ms <= stood_ms <= 1_000 * STANDS_STILL_S
        assert scn.line.tally.counters == {"process_stalls": 1, "failures": 1}


async def test_whoever_is_gone_after_a_stall_is_found_dead_a_moment_later(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with scene(transport, side) as scn:
        await trio.sleep(1)
        scn.answers_after_s = None
        autojump_clock.jump(STANDS_STILL_S)
        woke_s = trio.current_time()
        await trio.sleep(GRACE_S + 2 * WATCH_EVERY_S)
        assert scn.lost_s is not None
        assert GRACE_S - 0.01 <= scn.lost_s - woke_s <= GRACE_S + 2 * WATCH_EVERY_S


async def test_everybody_is_asked_at_once_after_a_stall(
    autojump_clock: MockClock, transport: Transport
) -> None:
    async with scene(transport, "carrier") as scn:
        await trio.sleep(0.5)
        autojump_clock.jump(STANDS_STILL_S)
        woke_s = trio.current_time()
        await wait_all_tasks_blocked()
        assert scn.asked_s == [woke_s]


async def test_what_is_due_waits_after_a_stall_until_everything_was_read(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        line, _, _ = await looked_after(nursery)
        told: list[int] = []
        line.looks.append(told.append)
        autojump_clock.jump(STANDS_STILL_S)
        await wait_all_tasks_blocked()
        assert told == []
        await trio.sleep(1.5 * WATCH_EVERY_S)
        assert told == [round(1_000 * (STANDS_STILL_S + WATCH_EVERY_S))]
        nursery.cancel_scope.cancel()


async def test_a_write_that_goes_on_after_a_stall_is_left_alone(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        line, leg, spy = await looked_after(nursery)
        spy.hold()
        nursery.start_soon(leg.send_batch, ["a"])
        await spy.stalled.wait()
        autojump_clock.jump(STANDS_STILL_S)
        await trio.sleep(GRACE_S / 2)
        spy.release()
        await trio.sleep(STALL_S)
        assert not spy.is_closed
        assert line.tally.counters == {"process_stalls": 1, "failures": 1}
        nursery.cancel_scope.cancel()


async def test_a_look_that_is_a_little_late_is_a_look(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        line, _, _ = await looked_after(nursery)
        told: list[int] = []
        line.looks.append(told.append)
        autojump_clock.jump(WATCH_EVERY_S + STOOD_STILL_S - 0.01)
        await wait_all_tasks_blocked()
        assert len(told) == 1
        assert not line.tally.counters
        nursery.cancel_scope.cancel()


async def test_a_call_goes_on_when_the_process_does(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(200))
        await call.carrier.talk(400, QUIET_FRAME)
        autojump_clock.jump(STANDS_STILL_S)
        await trio.sleep(2 * SILENT_S)
        assert not call.ended.is_set()
        assert [f["what"] for f in call.notebook.noted("failure")] == ["stalled"]
        await model.turn("T9", "Are you there?")
        await model.says("R9", "I9", speech(400))
        await trio.sleep(1)
        assert call.carrier.heard().endswith(speech(400))


# --- real sockets --------------------------------------------------------------------------------


@pytest.mark.parametrize("is_written_to", [False, True])
async def test_a_real_socket_whose_peer_neither_reads_nor_answers_is_found_dead(
    autojump_clock: MockClock, transport: Transport, side: Side, is_written_to: bool
) -> None:
    autojump_clock.autojump_threshold = 0.02  # the kernel does its part in real time
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, trio.open_nursery() as nursery:
        near = await open_stream_to_socket_listener(listener)
        far = await listener.accept()
        peer = RawPeer(far, side)
        nursery.start_soon(peer.shake)
        leg = await open_leg(transport, side, nursery, near)
        line = Line.begin()
        line.watched.append(Watched(leg, nursery))
        nursery.start_soon(look_after, line)
        if is_written_to:
            nursery.start_soon(_write_until_lost, leg)
        since_s = trio.current_time()
        with pytest.raises(LegLost):
            await leg.receive()
        assert trio.current_time() - since_s <= SILENT_S + WATCH_EVERY_S + 0.5
        reason = "stalled" if is_written_to else "silent"
        assert line.watched == []
        assert line.tally.counters == {f"{side}_watchdog_aborts": 1}, reason
        await far.aclose()
        nursery.cancel_scope.cancel()


async def _write_until_lost(leg: Leg) -> None:
    with suppress(LegLost):
        while True:
            await leg.send_batch(["x" * 100_000])


# --- what else is due ----------------------------------------------------------------------------


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
