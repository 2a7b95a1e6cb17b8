"""The stream under a websocket."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from trio_media.call.stream import SLICE_BYTES, LegStream

from .streams import SpyStream


def make(budget_bytes: int = 1_000) -> tuple[LegStream, SpyStream, trio.abc.Stream]:
    near, far = memory_stream_pair()
    spy = SpyStream(near)
    return LegStream(spy, receive_bytes_max=budget_bytes), spy, far


async def test_what_is_sent_while_corked_is_one_write() -> None:
    stream, spy, _ = make()
    stream.cork()
    await stream.send_all(b"a")
    await stream.send_all(b"b")
    assert spy.writes == []
    await stream.uncork()
    assert spy.writes == [b"ab"]
    assert stream.sent_bytes == 2


async def test_an_empty_pile_writes_nothing() -> None:
    stream, spy, _ = make()
    stream.cork()
    await stream.uncork()
    assert spy.writes == []


async def test_a_large_write_makes_progress_in_slices() -> None:
    stream, spy, _ = make()
    await stream.send_all(bytes(SLICE_BYTES * 2 + 1))
    assert [len(write) for write in spy.writes] == [SLICE_BYTES, SLICE_BYTES, 1]


async def test_a_stall_is_measured_from_the_last_progress(autojump_clock: MockClock) -> None:
    stream, spy, _ = make()
    spy.hold()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"ab")
        await spy.stalled.wait()
        await trio.sleep(3)
        assert stream.stalled_s() == pytest.approx(3)
        spy.release()
    assert stream.stalled_s() == 0
    await stream.send_all(b"c")  # a write that went through leaves it usable


async def test_nothing_follows_a_write_that_was_cut(autojump_clock: MockClock) -> None:
    stream, spy, _ = make()
    spy.hold()
    with trio.move_on_after(1):
        await stream.send_all(b"ab")
    assert not stream.is_writing
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_all(b"c")
    stream.cork()
    await stream.send_all(b"d")
    with pytest.raises(trio.BrokenResourceError):
        await stream.uncork()
    assert spy.writes == [b"ab"]


async def test_a_write_cancelled_while_it_waits_for_another_is_a_cut(
    autojump_clock: MockClock,
) -> None:
    stream, spy, _ = make()
    spy.hold()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"ab")
        await spy.stalled.wait()
        with trio.move_on_after(1):
            await stream.send_all(b"cd")
        spy.release()
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_all(b"e")
    assert spy.writes == [b"ab"]


async def test_the_budget_of_bytes_begins_anew_with_every_message() -> None:
    stream, _, far = make(budget_bytes=10)
    for _ in range(3):
        await far.send_all(b"x" * 10)
        await stream.receive_some(100)
        stream.message_completed()
    await far.send_all(b"x" * 11)
    with pytest.raises(trio.BrokenResourceError, match="without completing"):
        await stream.receive_some(100)


async def test_silence_is_measured_from_the_last_byte(autojump_clock: MockClock) -> None:
    stream, _, far = make()
    await trio.sleep(2)
    assert stream.silent_s() == pytest.approx(2)
    await far.send_all(b"x")
    await stream.receive_some(1)
    assert stream.silent_s() == 0


async def test_closing_closes_the_transport() -> None:
    stream, spy, _ = make()
    await stream.wait_send_all_might_not_block()
    await stream.aclose()
    assert spy.is_closed
    with pytest.raises(trio.ClosedResourceError):
        await stream.send_all(b"a")
