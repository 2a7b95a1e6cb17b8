"""RFC 6455, frame by frame, over both transports and on both sides.

Where the transports differ a test says so: `websockets` in a name or a reason means the library.
"""

from __future__ import annotations

import contextlib

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_media.call.leg import CARRIER_MESSAGE_BYTES_MAX, MODEL_MESSAGE_BYTES_MAX, Leg, Transport
from trio_media.call.watch import close_leg
from trio_media.call.websocket.handshake import FRAMES
from trio_media.errors import LegLost

from .raw_websocket import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Came,
    RawPeer,
    Side,
    frame,
    pair,
)

LENGTHS = (0, 1, 125, 126, 127, 65_535, 65_536, 65_537)
SPOKEN = "größer → 🙂"


def refused_with(transport: Transport, code: int) -> int | None:
    """What the peer is told that breaks the protocol: trio-websocket closes without a word."""
    return code if transport is FRAMES else None


def limit_of(side: Side) -> int:
    return CARRIER_MESSAGE_BYTES_MAX if side == "carrier" else MODEL_MESSAGE_BYTES_MAX


# --- messages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("length", LENGTHS)
async def test_messages_of_every_kind_of_length_come(
    autojump_clock: MockClock, transport: Transport, side: Side, length: int
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(TEXT, b"x" * length)
        await peer.send(BINARY, bytes(length))
        assert await leg.receive() == "x" * length
        assert await leg.receive() == bytes(length)


@pytest.mark.parametrize("length", LENGTHS)
async def test_what_a_leg_sends_is_one_frame_with_the_shortest_head(
    autojump_clock: MockClock, transport: Transport, side: Side, length: int
) -> None:
    async with pair(transport, side) as (leg, peer):
        await leg.send_batch(["x" * length])
        came = await peer.read()
        head_bytes = 2 if length < 126 else 4 if length < 65_536 else 10
        is_masked = side == "model"
        assert came == Came(TEXT, b"x" * length, True, is_masked, 0, head_bytes)


async def test_every_frame_of_a_client_has_a_mask_of_its_own(
    autojump_clock: MockClock, transport: Transport
) -> None:
    async with pair(transport, "model") as (leg, peer):
        await leg.send_batch([""] * 20)
        masks = set()
        for _ in range(20):
            masks.add((await peer._exactly(6))[2:])
        assert len(masks) > 10


async def test_text_is_unicode_both_ways(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(TEXT, SPOKEN.encode())
        assert await leg.receive() == SPOKEN
        await leg.send_batch([SPOKEN])
        assert (await peer.read()).payload.decode() == SPOKEN


async def test_a_message_may_come_byte_by_byte(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        for byte in peer.frame(TEXT, SPOKEN.encode()) + peer.frame(TEXT, b"y" * 200):
            await peer.stream.send_all(bytes((byte,)))
            await trio.testing.wait_all_tasks_blocked()
        assert [await leg.receive(), await leg.receive()] == [SPOKEN, "y" * 200]


async def test_many_messages_in_one_piece_come_in_order(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.stream.send_all(b"".join(peer.frame(TEXT, b"%d" % n) for n in range(1_000)))
        assert [await leg.receive() for _ in range(1_000)] == [str(n) for n in range(1_000)]


async def test_a_text_may_be_split_anywhere(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    payload = SPOKEN.encode()
    async with pair(transport, side) as (leg, peer):
        for split in range(len(payload) + 1):
            await peer.send(TEXT, payload[:split], fin=False)
            await peer.send(CONT, payload[split:])
            assert await leg.receive() == SPOKEN


async def test_a_text_may_come_in_frames_of_one_byte(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    payload = SPOKEN.encode()
    async with pair(transport, side) as (leg, peer):
        await peer.send(TEXT, fin=False)
        for byte in payload:
            await peer.send(CONT, bytes((byte,)), fin=False)
        await peer.send(CONT)
        assert await leg.receive() == SPOKEN


async def test_binary_fragments_are_put_together(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(BINARY, b"\xff\x00", fin=False)
        await peer.send(CONT, b"\xfe")
        await peer.send(TEXT, b"next")
        assert await leg.receive() == b"\xff\x00\xfe"
        assert await leg.receive() == "next"


async def test_control_frames_may_stand_between_fragments(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(TEXT, b"a", fin=False)
        await peer.send(PING, b"there?")
        await peer.send(CONT, b"b", fin=False)
        await peer.send(PONG, b"nobody asked")
        await peer.send(CONT, b"c")
        assert await leg.receive() == "abc"
        came = await peer.read()
        assert (came.opcode, came.payload) == (PONG, b"there?")


# --- pings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", b"x", bytes(125)])
async def test_a_ping_is_answered_with_what_it_carries(
    autojump_clock: MockClock, transport: Transport, side: Side, payload: bytes
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(PING, payload)
        await peer.send(TEXT, b"a")
        assert await leg.receive() == "a"
        came = await peer.read()
        assert (came.opcode, came.payload, came.is_masked) == (PONG, payload, side == "model")


async def test_many_pings_in_one_piece_are_answered_in_order(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.stream.send_all(b"".join(peer.frame(PING, b"%d" % n) for n in range(100)))
        await peer.send(TEXT, b"a")
        assert await leg.receive() == "a"
        assert [(await peer.read()).payload for _ in range(100)] == [b"%d" % n for n in range(100)]


async def test_a_ping_is_answered_while_nobody_reads(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (_, peer):
        await peer.send(PING, b"there?")
        assert (await peer.read()).payload == b"there?"


async def test_what_came_while_nobody_read_is_still_there(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        for n in range(1_000):
            await peer.send(TEXT, b"%d" % n)
            if n % 100 == 0:
                await trio.sleep(6)
        assert [await leg.receive() for _ in range(1_000)] == [str(n) for n in range(1_000)]


async def test_an_answered_ping_is_a_sign_of_life(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer), trio.open_nursery() as nursery:
        nursery.start_soon(leg.receive)
        await trio.sleep(30)
        assert leg.silent_s() >= 29
        nursery.start_soon(_answer_pings, peer)
        await leg.ping()
        assert leg.silent_s() == 0
        nursery.cancel_scope.cancel()


async def test_silence_that_nobody_listens_to_is_none(
    autojump_clock: MockClock, transport: Transport
) -> None:
    async with pair(transport, "carrier") as (leg, peer), trio.open_nursery() as nursery:
        nursery.start_soon(leg.receive)
        for _ in range(200):  # more than is kept for whoever reads next
            await peer.send(TEXT, b"a")
        await trio.sleep(30)
        assert leg.silent_s() == 0
        nursery.cancel_scope.cancel()


async def test_what_was_written_before_an_answered_ping_has_arrived(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer), trio.open_nursery() as nursery:
        nursery.start_soon(leg.receive)
        assert leg.acknowledged_s is None
        await leg.send_batch(["a"])
        nursery.start_soon(leg.ping)
        asked_s = trio.current_time()
        assert (await peer.read()).payload == b"a"
        came = await peer.read()
        await trio.sleep(3)
        await leg.send_batch(["b"])
        assert leg.acknowledged_s is None, "nothing was answered"
        await peer.send(PONG, came.payload)
        await wait_all_tasks_blocked()
        assert leg.acknowledged_s == asked_s
        assert (await peer.read()).payload == b"b"
        nursery.cancel_scope.cancel()


async def test_of_pings_that_are_answered_together_the_newest_counts(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer), trio.open_nursery() as nursery:
        nursery.start_soon(leg.receive)
        for _ in range(10):  # they end together, in any order
            await trio.sleep(1)
            nursery.start_soon(leg.ping)
        asked_s = trio.current_time()
        came = [await peer.read() for _ in range(10)]
        await peer.send(PONG, came[-1].payload)
        await wait_all_tasks_blocked()
        assert leg.acknowledged_s == asked_s
        nursery.cancel_scope.cancel()


async def _answer_pings(peer: RawPeer) -> None:
    while True:
        came = await peer.read()
        assert came.opcode == PING
        assert came.fin
        assert len(came.payload) <= 125
        await peer.send(PONG, came.payload)


async def test_a_pong_that_nobody_asked_for_answers_nothing(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer), trio.open_nursery() as nursery:
        nursery.start_soon(leg.receive)
        await peer.send(PONG, b"\xff" * 4)
        with trio.move_on_after(10) as scope:
            await leg.ping()
        assert scope.cancelled_caught
        nursery.cancel_scope.cancel()


async def test_a_ping_that_waits_ends_with_the_leg(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer), trio.open_nursery() as nursery:
        nursery.start_soon(_receive_until_lost, leg)
        nursery.start_soon(peer.stream.aclose)
        with pytest.raises(LegLost):
            await leg.ping()


async def _receive_until_lost(leg: Leg) -> None:
    with pytest.raises(LegLost):
        while True:
            await leg.receive()


# --- what breaks the protocol ------------------------------------------------------------------

BROKEN = {
    "first reserved bit": [(TEXT, b"a", True, 0x40)],
    "second reserved bit": [(TEXT, b"a", True, 0x20)],
    "third reserved bit": [(PING, b"a", True, 0x10)],
    "reserved opcode 3": [(0x3, b"a", True, 0)],
    "reserved opcode 7": [(0x7, b"a", True, 0)],
    "reserved control opcode b": [(0xB, b"a", True, 0)],
    "reserved control opcode f": [(0xF, b"a", True, 0)],
    "continuation without a start": [(CONT, b"a", True, 0)],
    "unfinished continuation without a start": [(CONT, b"a", False, 0)],
    "text within a message": [(TEXT, b"a", False, 0), (TEXT, b"b", True, 0)],
    "binary within a message": [(TEXT, b"a", False, 0), (BINARY, b"b", False, 0)],
    "continuation behind the end": [(TEXT, b"a", False, 0), (CONT, b"", True, 0)] * 1
    + [(CONT, b"", True, 0)],
    "long ping": [(PING, bytes(126), True, 0)],
    "long pong": [(PONG, bytes(126), True, 0)],
    "long close": [(CLOSE, b"\x03\xe8" + b"x" * 124, True, 0)],
    "fragmented ping": [(PING, b"a", False, 0)],
    "fragmented close": [(CLOSE, b"\x03\xe8", False, 0)],
    "close of one byte": [(CLOSE, b"\x03", True, 0)],
    **{
        f"close with {code}": [(CLOSE, code.to_bytes(2, "big"), True, 0)]
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2_999, 5_000, 65_535)
    },
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_breaks_the_protocol_is_answered_with_1002(
    autojump_clock: MockClock, transport: Transport, side: Side, name: str
) -> None:
    async with pair(transport, side) as (leg, peer):
        for opcode, payload, fin, rsv in BROKEN[name]:
            await peer.stream.send_all(peer.frame(opcode, payload, fin=fin, rsv=rsv))
        with pytest.raises(LegLost, match="closed with "):
            await _receive_all(leg)
        with pytest.raises(LegLost):
            await leg.send_batch(["a"])
        await close_leg(leg)
        assert await peer.close_code() == refused_with(transport, 1002)


async def _receive_all(leg: Leg) -> None:
    while True:
        await leg.receive()


async def test_a_client_must_mask_and_a_server_must_not(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.stream.send_all(frame(TEXT, b"abcd", masked=side == "model"))
        with pytest.raises(LegLost, match="closed with "):
            await leg.receive()
        await close_leg(leg)
        assert await peer.close_code() == refused_with(transport, 1002)


INVALID = {
    "a byte that starts nothing": b"a\xffb",
    "an overlong slash": b"\xc0\xaf",
    "a surrogate": b"\xed\xa0\x80",
    "more than unicode": b"\xf4\x90\x80\x80",
    "half a character": "🙂".encode()[:2],
}


@pytest.mark.parametrize("name", INVALID)
@pytest.mark.parametrize("pieces", [1, 2])
async def test_text_that_is_none_is_answered_with_1007(
    autojump_clock: MockClock, transport: Transport, side: Side, name: str, pieces: int
) -> None:
    async with pair(transport, side) as (leg, peer):
        payload = INVALID[name]
        await peer.send(TEXT, payload if pieces == 1 else payload[:1], fin=pieces == 1)
        if pieces == 2:
            await peer.send(CONT, payload[1:])
        with pytest.raises(LegLost, match="closed with "):
            await leg.receive()
        await close_leg(leg)
        assert await peer.close_code() == refused_with(transport, 1007)


async def test_a_reason_that_is_no_text_is_refused(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(CLOSE, b"\x03\xe8\xff")
        with pytest.raises(LegLost, match="closed with "):
            await leg.receive()
        await close_leg(leg)
        assert await peer.close_code() == refused_with(transport, 1007)


# --- what is too much --------------------------------------------------------------------------


async def test_a_message_may_be_as_large_as_the_limit(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(TEXT, b"x" * limit_of(side))
        assert len(await leg.receive()) == limit_of(side)


async def test_a_message_above_the_limit_is_answered_with_1009(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        await peer.send(TEXT, b"x" * (limit_of(side) + 1))
        with pytest.raises(LegLost, match="closed with 1009"):
            await leg.receive()
        assert await peer.close_code() == 1009


async def test_fragments_count_together(
    autojump_clock: MockClock, transport: Transport, side: Side
) -> None:
    async with pair(transport, side) as (leg, peer):
        half = b"x" * (limit_of(side) // 2 + 1)
        await peer.send(TEXT, half, fin=False)
        await peer.send(CONT, half)
        with pytest.raises(LegLost, match="closed with 1009"):
            await leg.receive()
        assert await peer.close_code() == 1009


async def test_fragments_without_content_do_not_pile_up_for_ever(
    autojump_clock: MockClock, transport: Transport
) -> None:
    async with pair(transport, "carrier") as (leg, peer):
        await peer.send(TEXT, b"a", fin=False)
        flood = peer.frame(CONT, fin=False) * 10_000
        sent_bytes = 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_receive_until_lost, leg)
            while nursery.child_tasks and sent_bytes < 5 * CARRIER_MESSAGE_BYTES_MAX:
                with contextlib.suppress(trio.BrokenResourceError):
                    await peer.stream.send_all(flood)
                sent_bytes += len(flood)
                await trio.sleep(0.01)
        assert sent_bytes < 5 * CARRIER_MESSAGE_BYTES_MAX
