"""Connections in memory: what they keep, and what they do to what is sent."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing

from trio_media.simulation.calls.network import ROOM_BYTES, Link, Weather

SLOW = Weather(latency_ms=100)


def link_of(out: Weather = SLOW, back: Weather = SLOW) -> Link:
    return Link.between(out, back, random.Random(1))


async def test_what_is_sent_arrives_after_the_latency(
    autojump_clock: trio.testing.MockClock,
) -> None:
    link = link_of()
    await link.near.send_message("hello")
    assert await link.far.receive_message() == "hello"
    assert trio.current_time() == pytest.approx(0.1)


async def test_jitter_delays_and_never_reorders(autojump_clock: trio.testing.MockClock) -> None:
    link = link_of(Weather(latency_ms=10, jitter_ms=90))
    sent = [str(number) for number in range(50)]
    for message in sent:
        await link.near.send_message(message)
        await trio.sleep(0.01)
    assert [await link.far.receive_message() for _ in sent] == sent


async def test_torn_writes_lose_nothing(autojump_clock: trio.testing.MockClock) -> None:
    link = link_of(Weather(latency_ms=5, tears=True))
    payload = bytes(range(256)) * 4
    got = b""
    pieces = 0
    for _ in range(10):
        await link.near.send_all(payload)
    while len(got) < 10 * len(payload):
        got += await link.far.receive_some(65_536)
        pieces += 1
    assert got == payload * 10
    assert pieces > 10


async def test_a_reader_may_take_less_than_there_is(autojump_clock: trio.testing.MockClock) -> None:
    link = link_of()
    await link.near.send_all(b"abcdef")
    assert [await link.far.receive_some(4), await link.far.receive_some(4)] == [b"abcd", b"ef"]


async def test_nothing_arrives_while_a_link_is_held_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    link = link_of()
    async with trio.open_nursery() as nursery:
        arrived_s: list[float] = []

        async def read() -> None:
            await link.far.receive_message()
            arrived_s.append(trio.current_time())

        nursery.start_soon(read)
        await link.near.send_message("hello")
        await trio.sleep(0.05)
        link.hold_up(1_000)
    assert arrived_s == [pytest.approx(1.05)]


async def test_a_writer_waits_for_a_reader_that_is_slow(
    autojump_clock: trio.testing.MockClock,
) -> None:
    link = link_of()
    await link.near.send_all(bytes(ROOM_BYTES))
    with trio.move_on_after(5) as waiting:
        await link.near.send_all(b"more")
    assert waiting.cancelled_caught
    await link.far.receive_some(65_536)
    await link.near.send_all(b"more")


async def test_a_silent_link_takes_until_it_is_full_and_tells_nobody(
    autojump_clock: trio.testing.MockClock,
) -> None:
    link = link_of()
    await link.near.send_all(b"on its way")
    link.go_silent()
    await link.near.send_all(bytes(ROOM_BYTES))
    with trio.move_on_after(60) as reading:
        await link.far.receive_some(1)
    with trio.move_on_after(60) as writing:
        await link.near.send_all(b"more")
    assert reading.cancelled_caught
    assert writing.cancelled_caught


async def test_a_close_comes_behind_what_was_sent(autojump_clock: trio.testing.MockClock) -> None:
    link = link_of()
    await link.near.send_message("last words")
    await link.near.aclose()
    assert await link.far.receive_message() == "last words"
    assert await link.far.receive_message() is None
    with pytest.raises(trio.BrokenResourceError):
        await link.far.send_message("hello?")
    with pytest.raises(trio.ClosedResourceError):
        await link.near.send_message("more")


async def test_a_break_wakes_whoever_waits(autojump_clock: trio.testing.MockClock) -> None:
    link = link_of()
    await link.near.send_all(bytes(ROOM_BYTES))
    broken: list[str] = []

    async def fails(name: str) -> None:
        try:
            if name == "writer":
                await link.near.send_all(b"x")
            else:
                await link.near.receive_some(1)
        except trio.BrokenResourceError:
            broken.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fails, "writer")
        nursery.start_soon(fails, "reader")
        await trio.sleep(1)
        link.break_off()
    assert sorted(broken) == ["reader", "writer"]


async def test_closing_wakes_a_writer_that_waits_for_room(
    autojump_clock: trio.testing.MockClock,
) -> None:
    link = link_of()
    await link.near.send_all(bytes(ROOM_BYTES))
    async with trio.open_nursery() as nursery:

        async def close_soon() -> None:
            await trio.sleep(1)
            await link.near.aclose()

        nursery.start_soon(close_soon)
        with pytest.raises(trio.ClosedResourceError):
            await link.near.send_all(b"more")
