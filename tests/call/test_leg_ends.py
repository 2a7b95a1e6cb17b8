"""How legs end, on both transports: goodbyes, cuts, peers that are slow, and cancellations."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from trio_media.call.leg import WEBSOCKETS, Leg, Transport
from trio_media.call.watch import CLOSE_S, close_leg
from trio_media.call.websocket.handshake import FRAMES
from trio_media.call.websocket.leg import FrameLeg
from trio_media.errors import LegLost

from .raw_websocket import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    TRANSPORTS,
    URL,
    RawPeer,
    Side,
    open_leg,
    open_pair,
    pair,
)
from .streams import SpyStream, StallingStream
from .tls_peers import tls_pair

# --- the peer's goodbye ------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4999])
async def test_a_goodbye_is_echoed_and_tells_why(
    autojump_clock: MockClock, transport: Transport, side: Side, code: int
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(TEXT, b"last")
        await peer.send(CLOSE, code.to_bytes(2, "big") + "genug, größer".encode())
        assert await leg.receive() == "last"
        with pytest.raises(LegLost, match=f"closed with {code} genug, größer"):
            await leg.receive()
        assert await peer.close_code() == code
        for _ in range(2):
            with pytest.raises(LegLost):
                await leg.receive()
            with pytest.raises(LegLost):
                await leg.send_batch(["a"])
            with pytest.raises(LegLost):
                await leg.ping()
        with trio.fail_after(CLOSE_S):
            await leg.close()


async def test_a_goodbye_without_a_code_is_one(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(CLOSE)
        with pytest.raises(LegLost, match="closed with 1005"):
            await leg.receive()
        assert (await peer.read()).opcode == CLOSE


async def test_a_server_closes_the_stream_behind_the_goodbyes(
    autojump_clock: MockClock, transport: Transport
) -> None:
    async with pair(transport, "carrier") as (leg, peer):
        await peer.send(CLOSE, b"\x03\xe8")
        with pytest.raises(LegLost):
            await leg.receive()
        assert [came.opcode for came in await peer.read_to_end()] == [CLOSE]


async def test_a_goodbye_is_heard_while_nobody_reads(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(CLOSE, b"\x03\xe8")
        assert await peer.close_code() == 1000
        with pytest.raises(LegLost, match="1000"):
            await leg.receive()


# --- our goodbye -------------------------------------------------------------------------------


async def test_our_goodbye_waits_for_the_peers(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer), trio.open_nursery() as nursery:
        nursery.start_soon(_close_for, leg, 5.0)
        came = await peer.read()
        assert (came.opcode, came.payload) == (CLOSE, b"\x0f\xa0bye")
        await trio.sleep(1)
        assert nursery.child_tasks, "it did not wait"
        await peer.send(TEXT, b"one more thing")
        if transport is FRAMES:  # the other gives up on a ping now
            await peer.send(PING, b"there?")
        await peer.send(CLOSE, b"\x0f\xa0")
        await wait_all_tasks_blocked()
        assert not nursery.child_tasks


async def _close_for(leg: Leg, limit_s: float) -> None:
    with trio.fail_after(limit_s):
        await leg.close(4000, "bye")


async def test_our_goodbye_ends_whoever_waits_for_a_message(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer), trio.open_nursery() as nursery:
        nursery.start_soon(_lost, leg.receive)
        await wait_all_tasks_blocked()
        nursery.start_soon(_close_for, leg, 5.0)
        assert await peer.close_code() == 4000
        await peer.send(CLOSE, b"\x0f\xa0")


async def _lost(wait: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(LegLost):
        await wait()


async def test_behind_our_goodbye_nothing_is_sent_and_nothing_received(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(TEXT, b"too late")
        await wait_all_tasks_blocked()
        with trio.move_on_after(1):
            await leg.close()
        for wait in (leg.receive, leg.ping, lambda: leg.send_batch(["a"])):
            with pytest.raises(LegLost):
                await wait()
        await leg.close()
        await leg.abort()
        assert [came.opcode for came in await peer.read_to_end()] == [CLOSE]


async def test_two_goodbyes_that_cross_are_enough(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(CLOSE, b"\x03\xe9")
        with trio.fail_after(CLOSE_S):
            await leg.close()
        answer = await peer.close_code()
        assert answer in (1000, 1001) or transport is not FRAMES


@pytest.mark.parametrize("is_reading", [True, False])
async def test_a_peer_that_does_not_answer_a_goodbye_is_dropped(
    autojump_clock: MockClock, transport: Transport, side: Side, is_reading: bool
) -> None:
    async with pair(transport, side) as (leg, peer), trio.open_nursery() as nursery:
        if is_reading:
            nursery.start_soon(_lost, leg.receive)
            await wait_all_tasks_blocked()
        before_s = trio.current_time()
        await close_leg(leg)
        assert trio.current_time() - before_s <= CLOSE_S + 0.01
        assert [came.opcode for came in await peer.read_to_end()] == [CLOSE]


async def test_a_long_reason_is_cut_to_what_a_frame_can_hold(
    autojump_clock: MockClock, side: Side
) -> None:  # trio-websocket cuts as well, but may cut a character in two
    async with pair(TRANSPORTS["websockets"], side) as (leg, peer):
        with trio.move_on_after(1):
            await leg.close(4000, "ü" * 100)
        came = await peer.read()
        assert came.payload[2:].decode() == "ü" * 61


# --- without a goodbye -------------------------------------------------------------------------


@pytest.mark.parametrize("kept_bytes", [0, 1, 3, 7, 150])
async def test_a_peer_that_is_gone_is_lost(
    autojump_clock: MockClock, transport: Transport, side: Side, kept_bytes: int
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(TEXT, b"last")
        await peer.stream.send_all(peer.frame(TEXT, b"x" * 200)[:kept_bytes])
        await peer.stream.aclose()
        assert await leg.receive() == "last"
        with pytest.raises(LegLost, match="closed with 1006"):
            await leg.receive()
        with pytest.raises(LegLost):
            await leg.send_batch(["a"])
        with trio.fail_after(CLOSE_S):
            await leg.close()


async def test_a_peer_that_has_stopped_sending_between_fragments_is_lost(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(TEXT, b"half", fin=False)
        assert isinstance(peer.stream, trio.abc.HalfCloseableStream)
        await peer.stream.send_eof()
        with pytest.raises(LegLost, match="closed with 1006"):
            await leg.receive()


async def test_an_abort_wakes_everybody(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    spies: list[SpyStream] = []

    def spying(stream: trio.abc.Stream) -> trio.abc.Stream:
        spies.append(SpyStream(stream))
        return spies[0]

    async with pair(transport, side, wrap=spying) as (leg, _):
        spies[0].hold()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_lost, leg.receive)
            nursery.start_soon(_lost, lambda: leg.send_batch(["a"]))
            if transport is FRAMES:  # the other's ping waits for ever
                nursery.start_soon(_lost, leg.ping)
            await trio.sleep(1)
            await leg.abort()
        assert spies[0].is_closed
        await leg.abort()


# --- slow peers --------------------------------------------------------------------------------


async def test_a_peer_that_does_not_read_stalls_the_writer_and_not_the_reader(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    spies: list[SpyStream] = []

    def spying(stream: trio.abc.Stream) -> trio.abc.Stream:
        spies.append(SpyStream(stream))
        return spies[0]

    async with pair(transport, side, wrap=spying) as (leg, peer):
        spies[0].hold()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(leg.send_batch, ["slow"])
            await trio.sleep(2)
            assert leg.stalled_s() == pytest.approx(2)
            await peer.send(TEXT, b"still here")
            assert await leg.receive() == "still here"
            spies[0].release()
        assert leg.stalled_s() == 0
        assert (await peer.read()).payload == b"slow"


async def test_pings_while_a_write_is_stalled_are_answered_behind_it(
    autojump_clock: MockClock, side: Side
) -> None:  # trio-websocket stops reading instead
    spies: list[SpyStream] = []

    def spying(stream: trio.abc.Stream) -> trio.abc.Stream:
        spies.append(SpyStream(stream))
        return spies[0]

    async with pair(TRANSPORTS["websockets"], side, wrap=spying) as (leg, peer):
        spies[0].hold()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(leg.send_batch, ["slow"])
            await wait_all_tasks_blocked()
            await peer.send(PING, b"1")
            await peer.send(TEXT, b"a")
            assert await leg.receive() == "a"
            spies[0].release()
        assert [(await peer.read()).opcode for _ in range(2)] == [TEXT, PONG]


async def test_a_peer_that_asks_for_answers_and_reads_none_is_lost(
    autojump_clock: MockClock, side: Side
) -> None:  # trio-websocket stops reading instead
    spies: list[SpyStream] = []

    def spying(stream: trio.abc.Stream) -> trio.abc.Stream:
        spies.append(SpyStream(stream))
        return spies[0]

    async with pair(TRANSPORTS["websockets"], side, wrap=spying) as (leg, peer):
        spies[0].hold()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_lost, lambda: leg.send_batch(["slow"]))
            await wait_all_tasks_blocked()
            await peer.stream.send_all(peer.frame(PING, bytes(125)) * 1_000)
            with pytest.raises(LegLost, match="does not read"):
                await leg.receive()
            await leg.abort()


async def test_a_peer_that_sends_faster_than_we_read_has_to_wait(
    transport: Transport, side: Side
) -> None:
    total, sent = 20_000, 0  # 20 MB
    async with real_pair(transport, side) as (leg, peer, nursery):

        async def send() -> None:
            nonlocal sent
            while sent < total:
                await peer.send(TEXT, b"%06d" % sent + b"x" * 1_000)
                sent += 1

        nursery.start_soon(send)
        await wait_all_tasks_blocked(0.2)
        assert sent < total, "everything was taken, and nobody has read"
        for n in range(total):
            assert str(await leg.receive()).startswith(f"{n:06d}x")


@asynccontextmanager
async def real_pair(
    transport: Transport, side: Side
) -> AsyncIterator[tuple[Leg, RawPeer, trio.Nursery]]:
    """A leg and its peer over TCP."""
    async with tcp_pair() as (ours, theirs), trio.open_nursery() as nursery:
        peer = RawPeer(ours, side)
        nursery.start_soon(peer.shake)
        leg = await open_leg(transport, side, nursery, theirs)
        await wait_all_tasks_blocked()
        yield leg, peer, nursery
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def tcp_pair() -> AsyncIterator[tuple[trio.SocketStream, trio.SocketStream]]:
    with trio.fail_after(20):
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener:
            ours = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            theirs = await listener.accept()
        async with ours, theirs:
            yield ours, theirs


async def test_a_batch_larger_than_the_sockets_buffers_arrives_whole(
    transport: Transport, side: Side
) -> None:
    async with real_pair(transport, side) as (leg, peer, nursery):
        texts = [f"{n}" + "y" * 100_000 for n in range(100)]
        nursery.start_soon(leg.send_batch, texts)
        await wait_all_tasks_blocked(0.1)
        assert leg.stalled_s() > 0, "it should not have fitted"
        for text in texts:
            assert (await peer.read()).payload == text.encode()


async def test_many_writes_in_a_row_let_others_run(transport: Transport, side: Side) -> None:
    async with real_pair(transport, side) as (leg, _, nursery):
        turns = 0

        async def take_turns() -> None:
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        nursery.start_soon(take_turns)
        for _ in range(100):
            await leg.send_batch(["a"])
        assert turns >= 3


async def test_a_socket_that_was_reset_is_lost(transport: Transport, side: Side) -> None:
    async with real_pair(transport, side) as (leg, peer, _):
        assert isinstance(peer.stream, trio.SocketStream)
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        peer.stream.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, linger)
        await peer.stream.aclose()
        with pytest.raises(LegLost):
            while True:
                await leg.send_batch(["a"])
        with pytest.raises(LegLost):
            await leg.receive()


async def test_what_is_written_at_once_is_whole_messages(side: Side) -> None:
    async with real_pair(FRAMES, side) as (leg, peer, _):
        assert leg.is_free
        assert leg.write_now(["a", "b"])
        assert [(await peer.read()).payload for _ in range(2)] == [b"a", b"b"]
        await leg.send_batch(["c"])
        assert (await peer.read()).payload == b"c"
        await leg.abort()
        assert not leg.is_free


async def test_what_cannot_be_written_at_once_is_written_first(side: Side) -> None:
    async with real_pair(FRAMES, side) as (leg, peer, _):
        texts = [str(n) * 100_000 for n in range(10)] * 10
        assert not leg.write_now(texts)
        assert not leg.is_free
        async with trio.open_nursery() as nursery:
            nursery.start_soon(leg.send_batch, ["last"])
            came = [(await peer.read()).payload for _ in range(len(texts) + 1)]
        assert came == [text.encode() for text in [*texts, "last"]]
        assert leg.is_free


async def test_a_library_that_only_waits_is_never_free(side: Side) -> None:
    async with real_pair(WEBSOCKETS, side) as (leg, _, _):
        assert not leg.is_free
        with pytest.raises(AssertionError):
            leg.write_now(["a"])


async def test_a_leg_that_was_aborted_writes_to_no_socket(side: Side) -> None:
    async with real_pair(FRAMES, side) as (leg, _, _):
        assert isinstance(leg, FrameLeg)
        await leg.abort()
        leg.wire.put(b"x")
        with pytest.raises(trio.BrokenResourceError):
            await leg.wire.flush()


# --- each with the other -----------------------------------------------------------------------


@pytest.mark.parametrize("client", TRANSPORTS)
@pytest.mark.parametrize("server", TRANSPORTS)
@pytest.mark.parametrize("over", ["memory", "tcp", "tls"])
async def test_each_transport_talks_to_each(client: str, server: str, over: str) -> None:
    if over == "tcp":
        async with tcp_pair() as streams:
            await acquaint(TRANSPORTS[client], TRANSPORTS[server], *streams)
    elif over == "tls":
        async with tls_pair() as tls_streams:
            await acquaint(TRANSPORTS[client], TRANSPORTS[server], *tls_streams)
    else:
        await acquaint(TRANSPORTS[client], TRANSPORTS[server], *memory_stream_pair())


async def acquaint(
    client: Transport, server: Transport, near: trio.abc.Stream, far: trio.abc.Stream
) -> None:
    legs: list[Leg] = []
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:

            async def accept() -> None:
                legs.append(await server.accept_carrier(nursery, far))

            nursery.start_soon(accept)
            ours = await client.open_model(nursery, near, URL, [])
            while not legs:
                await trio.lowlevel.checkpoint()
            await talk(ours, legs[0])
            await talk(legs[0], ours)
            async with trio.open_nursery() as closing:
                closing.start_soon(ours.close, 4001, "enough")
                with pytest.raises(LegLost, match="closed with 4001 enough"):
                    await legs[0].receive()
            nursery.cancel_scope.cancel()


async def talk(one: Leg, other: Leg) -> None:
    texts = ["", "größer", "x" * 70_000, *map(str, range(200))]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_batch, texts)
        assert [await other.receive() for _ in texts] == texts
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.receive)
        nursery.start_soon(other.receive)
        await one.ping()
        await other.ping()
        nursery.cancel_scope.cancel()


# --- cancellations -----------------------------------------------------------------------------

STEPS_MAX = 200


async def live(transport: Transport, side: Side, stream: trio.abc.Stream) -> None:
    """The life of a leg, in which it does everything."""
    async with trio.open_nursery() as nursery:
        leg = await open_leg(transport, side, nursery, stream)
        try:
            await leg.send_batch(["a", "b" * 300])
            assert await leg.receive() == "x"
            await leg.send_batch(["c"])
            async with trio.open_nursery() as reading:
                reading.start_soon(leg.receive)
                await leg.ping()
                reading.cancel_scope.cancel()
            await leg.receive()
            await leg.send_batch(["d"])
        finally:
            await close_leg(leg)
        nursery.cancel_scope.cancel()


async def serve_life(peer: RawPeer, opcodes: list[int]) -> None:
    """What the peer does meanwhile; everything that came is whole."""
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError, EOFError):
        await peer.shake()
        await peer.send(PING, b"1")
        await peer.send(TEXT, b"x")
        while True:
            came = await peer.read()
            opcodes.append(came.opcode)
            if came.opcode == PING:
                await peer.send(PONG, came.payload)
                await peer.send(TEXT, b"y")
            elif came.opcode == CLOSE:
                await peer.send(CLOSE, came.payload)


async def test_a_cancellation_at_every_operation_leaves_nothing_and_no_half_frame_but_the_last(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    for stall_at in range(1, STEPS_MAX):
        ours, theirs = memory_stream_pair()
        peer, opcodes = RawPeer(ours, side), []
        scope = trio.CancelScope()
        stalling = StallingStream(theirs, stall_at, scope)
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve_life, peer, opcodes)
                with scope:
                    await live(transport, side, stalling)
                await trio.aclose_forcefully(stalling)
        assert trio.lowlevel.current_statistics().tasks_living == before
        # A frame of nonsense would have been read from the second half of a cut one.
        assert set(opcodes) <= {TEXT, PING, PONG, CLOSE}
        if CLOSE in opcodes:
            assert TEXT not in opcodes[opcodes.index(CLOSE) :]
        if not scope.cancel_called:
            break
    else:
        pytest.fail("its life has no end")
    assert opcodes.count(TEXT) == 4
    assert stall_at > 8


async def test_a_cancelled_wait_loses_no_message(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        got: list[str | bytes] = []
        for n in range(50):
            await peer.send(PING, b"1")
            await peer.send(TEXT, b"%d" % n)
            with trio.CancelScope() as scope:
                if n % 2:
                    scope.cancel()
                got.append(await leg.receive())
        while len(got) < 50:
            got.append(await leg.receive())
        assert got == [str(n) for n in range(50)]


async def test_many_messages_are_one_write(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    spies: list[SpyStream] = []

    def spying(stream: trio.abc.Stream) -> trio.abc.Stream:
        spies.append(SpyStream(stream))
        return spies[0]

    async with pair(transport, side, wrap=spying) as (leg, _):
        before = len(spies[0].writes)
        await leg.send_batch(["a", "b", "c"])
        assert len(spies[0].writes) == before + 1


async def test_nothing_follows_a_write_that_was_cut(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    spies: list[SpyStream] = []

    def spying(stream: trio.abc.Stream) -> trio.abc.Stream:
        spies.append(SpyStream(stream))
        return spies[0]

    async with trio.open_nursery() as nursery:
        leg, peer = await open_pair(transport, side, nursery, wrap=spying)
        spies[0].hold()
        with trio.move_on_after(1):
            await leg.send_batch(["a"])
        spies[0].release()
        writes = list(spies[0].writes)
        with pytest.raises(LegLost):
            await leg.send_batch(["b"])
        await peer.send(PING, b"1")
        await peer.send(TEXT, b"x")
        with contextlib.suppress(LegLost):
            await leg.receive()
        with trio.fail_after(1):
            await leg.close()
        assert spies[0].writes == writes, "something followed half a frame"
        nursery.cancel_scope.cancel()
