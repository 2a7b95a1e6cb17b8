"""Waiting for heads, where time is virtual."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter

import trio
from trio.testing import MockClock, memory_stream_pair

from trio_media.server.answers import ANSWER_S
from trio_media.server.heads import RequestHead, read_head
from trio_media.server.pending import HEAD_S, PendingHeads, await_head, heads_max
from trio_media.server.refusals import Refusals

REFUSED: Counter[str] = Counter()
wait_for_head = functools.partial(
    await_head, refusals=Refusals(lambda reason: REFUSED.update([reason])), peer_host="1.2.3.4"
)
HEAD = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"


async def test_a_head_is_given_and_nothing_is_answered() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(HEAD)
    head = await wait_for_head(PendingHeads(), ours)
    assert head is not None
    assert head.received == HEAD
    await ours.send_eof()
    assert await theirs.receive_some() == b""


async def test_what_is_no_head_is_answered_and_closed() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(b"\x16\x03\x01\r\n\r\n")
    await theirs.send_eof()
    assert await wait_for_head(PendingHeads(), ours) is None
    assert (await theirs.receive_some()).startswith(b"HTTP/1.1 400 ")


async def test_who_is_late_is_told_so_whatever_else_is_read(autojump_clock: MockClock) -> None:
    async def read_more(stream: trio.abc.ReceiveStream) -> RequestHead | None:
        await read_head(stream)
        await trio.sleep_forever()
        raise AssertionError

    ours, theirs = memory_stream_pair()
    await theirs.send_all(HEAD)
    began_s = trio.current_time()
    assert await wait_for_head(PendingHeads(), ours, read=read_more) is None
    assert HEAD_S <= trio.current_time() - began_s <= HEAD_S + ANSWER_S
    assert (await theirs.receive_some()).startswith(b"HTTP/1.1 408 ")


async def test_the_oldest_makes_room_for_the_newest(autojump_clock: MockClock) -> None:
    pending = PendingHeads(2)
    pairs = [memory_stream_pair() for _ in range(3)]
    given: list[int] = []

    async def wait(number: int) -> None:
        await wait_for_head(pending, pairs[number][0])
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


async def test_who_opens_many_silent_connections_closes_their_own(
    autojump_clock: MockClock,
) -> None:
    pending = PendingHeads(3)
    pairs = [memory_stream_pair() for _ in range(5)]
    hosts = ["a", "b", "b", "b", "c"]
    gone: list[int] = []

    async def wait(number: int) -> None:
        with pending.waiting(hosts[number]) as scope:
            await pairs[number][0].receive_some()
        if scope.cancelled_caught:
            gone.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(wait, number)
            await trio.testing.wait_all_tasks_blocked()
        assert gone == [1, 2]
        nursery.cancel_scope.cancel()
    assert (pending._count, pending._scopes) == (0, {})


async def test_a_form_that_drips_in_is_cut_at_the_deadline_of_the_head(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = memory_stream_pair()
    before = REFUSED["late_head"]
    await theirs.send_all(
        b"POST /twilio/voice HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )

    async def drip() -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            while True:
                await trio.sleep(1)
                await theirs.send_all(b"a")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drip)
        assert await wait_for_head(PendingHeads(), ours) is None
        nursery.cancel_scope.cancel()
    assert trio.current_time() <= HEAD_S + ANSWER_S
    assert (await theirs.receive_some()).startswith(b"HTTP/1.1 408 ")
    assert REFUSED["late_head"] == before + 1


def test_some_connections_are_left_for_those_that_say_something() -> None:
    assert heads_max(1_024) == 256
    assert heads_max(1) == 1
