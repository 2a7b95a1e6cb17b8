"""A leg without a task that reads.  `test_leg_conformance` and `test_leg_ends` have the rest."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from trio_media.call.websocket.handshake import FRAMES
from trio_media.call.websocket.leg import IDLE_MESSAGES_MAX, IDLE_S, FrameLeg
from trio_media.errors import LegLost

from .raw_websocket import CLOSE, PING, PONG, TEXT, RawPeer, pair


async def test_messages_that_are_here_are_given_without_a_wait(autojump_clock: MockClock) -> None:
    async with pair(FRAMES, "model") as (leg, peer):
        await peer.stream.send_all(peer.frame(TEXT, b"a") * 3)
        await leg.receive()
        with trio.CancelScope() as scope:
            scope.cancel()
            assert [await leg.receive(), await leg.receive()] == ["a", "a"]
        assert not scope.cancelled_caught


async def test_nobody_reads_before_a_message_is_asked_for(autojump_clock: MockClock) -> None:
    async with pair(FRAMES, "carrier") as (_, peer):
        await peer.send(PING)
        with trio.move_on_after(IDLE_S - 1) as scope:
            await peer.read()
        assert scope.cancelled_caught
        with trio.fail_after(2):
            assert (await peer.read()).opcode == PONG


async def test_an_idle_read_gives_way_at_once(autojump_clock: MockClock) -> None:
    async with pair(FRAMES, "carrier") as (leg, peer):
        await trio.sleep(IDLE_S + 1)  # it is reading
        got: list[str | bytes] = []

        async def receive() -> None:
            got.append(await leg.receive())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            await wait_all_tasks_blocked()
            assert isinstance(leg, FrameLeg)
            assert leg._idle is None
            await peer.send(TEXT, b"a")
        assert got == ["a"]
        await trio.sleep(IDLE_S + 1)
        await peer.send(TEXT, b"b")
        await wait_all_tasks_blocked()
        assert await leg.receive() == "b"


async def test_an_idle_read_keeps_only_so_much(autojump_clock: MockClock) -> None:
    async with pair(FRAMES, "carrier") as (leg, peer):
        for n in range(IDLE_MESSAGES_MAX + 10):
            await trio.sleep(IDLE_S)
            await peer.send(TEXT, b"%d" % n)
        await peer.send(PING)
        with trio.move_on_after(60) as scope:
            await peer.read()
        assert scope.cancelled_caught, "it goes on reading what nobody takes"
        texts = [await leg.receive() for _ in range(IDLE_MESSAGES_MAX + 10)]
        assert texts == [str(n) for n in range(IDLE_MESSAGES_MAX + 10)]


async def test_a_stream_that_breaks_while_nobody_reads_is_noted(autojump_clock: MockClock) -> None:
    async with pair(FRAMES, "carrier") as (leg, _):
        assert isinstance(leg, FrameLeg)
        await trio.sleep(IDLE_S + 1)
        await trio.aclose_forcefully(leg.wire.transport)
        with trio.fail_after(1):
            await leg.over.wait()
        with pytest.raises(LegLost):
            await leg.receive()


async def test_whoever_looks_after_a_leg_stops_when_it_is_over(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    peer = RawPeer(ours, "model")
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.shake)
            leg = await FRAMES.open_model(nursery, theirs, "ws://h/", [])
            await leg.abort()


async def test_a_later_pong_answers_the_pings_before_it(autojump_clock: MockClock) -> None:
    async with pair(FRAMES, "carrier") as (leg, peer), trio.open_nursery() as nursery:
        nursery.start_soon(leg.receive)
        async with trio.open_nursery() as pings:
            pings.start_soon(leg.ping)
            pings.start_soon(leg.ping)
            came = [await peer.read(), await peer.read()]
            await peer.send(PONG, came[1].payload)
        nursery.cancel_scope.cancel()


async def test_a_ping_that_is_given_up_is_forgotten(autojump_clock: MockClock) -> None:
    async with pair(FRAMES, "carrier") as (leg, peer):
        assert isinstance(leg, FrameLeg)
        for _ in range(3):
            with trio.move_on_after(1):
                await leg.ping()
        await peer.send(PONG, (0).to_bytes(4, "big"))
        await peer.send(TEXT, b"a")
        assert await leg.receive() == "a"
        assert not leg._pings


async def test_a_ping_into_a_stream_that_broke_is_a_lost_leg(autojump_clock: MockClock) -> None:
    async with pair(FRAMES, "carrier") as (leg, peer):
        await peer.stream.aclose()
        with pytest.raises(LegLost):
            await leg.ping()
        with trio.fail_after(1):
            await leg.close()


async def test_a_goodbye_takes_over_when_the_reader_is_cancelled(
    autojump_clock: MockClock,
) -> None:
    async with pair(FRAMES, "model") as (leg, peer), trio.open_nursery() as nursery:
        reading = trio.CancelScope()

        async def read() -> None:
            with reading:
                await leg.receive()

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        nursery.start_soon(leg.close)
        assert await peer.close_code() == 1000
        reading.cancel()
        await wait_all_tasks_blocked()
        await peer.send(CLOSE, b"\x03\xe8")


async def test_a_pong_that_cannot_be_written_loses_no_message(autojump_clock: MockClock) -> None:
    async with pair(FRAMES, "carrier") as (leg, peer):
        await peer.stream.send_all(peer.frame(PING) + peer.frame(TEXT, b"last"))
        assert isinstance(peer.stream, trio.StapledStream)
        await peer.stream.receive_stream.aclose()
        assert await leg.receive() == "last"
        with pytest.raises(LegLost):
            await leg.receive()
