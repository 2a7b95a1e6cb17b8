"""Waiting for heads, where time is virtual."""

from __future__ import annotations

import trio
from trio.testing import MockClock, memory_stream_pair

from trio_media.server.answers import ANSWER_S
from trio_media.server.heads import RequestHead, read_head
from trio_media.server.pending import HEAD_S, PendingHeads, await_head

HEAD = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"


async def test_a_head_is_given_and_nothing_is_answered() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(HEAD)
    head = await await_head(PendingHeads(), ours)
    assert head is not None
    assert head.received == HEAD
    await ours.send_eof()
    assert await theirs.receive_some() == b""


async def test_what_is_no_head_is_answered_and_closed() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(b"\x16\x03\x01\r\n\r\n")
    await theirs.send_eof()
    assert await await_head(PendingHeads(), ours) is None
    assert (await theirs.receive_some()).startswith(b"HTTP/1.1 400 ")


async def test_who_is_late_is_told_so_whatever_else_is_read(autojump_clock: MockClock) -> None:
    async def read_more(stream: trio.abc.ReceiveStream) -> RequestHead | None:
        await read_head(stream)
        await trio.sleep_forever()
        raise AssertionError

    ours, theirs = memory_stream_pair()
    await theirs.send_all(HEAD)
    began_s = trio.current_time()
    assert await await_head(PendingHeads(), ours, read_more) is None
    assert HEAD_S <= trio.current_time() - began_s <= HEAD_S + ANSWER_S
    assert (await theirs.receive_some()).startswith(b"HTTP/1.1 408 ")


async def test_the_oldest_makes_room_for_the_newest(autojump_clock: MockClock) -> None:
    pending = PendingHeads(2)
    pairs = [memory_stream_pair() for _ in range(3)]
    given: list[int] = []

    async def wait(number: int) -> None:
        await await_head(pending, pairs[number][0])
        given.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(wait, number)
            await trio.testing.wait_all_tasks_blocked()
        assert given == [0]
        for number in (2, 1):
            await pairs[number][1].send_all(HEAD)
            await trio.testing.wait_all_tasks_blocked()
    assert given == [0, 2, 1]
