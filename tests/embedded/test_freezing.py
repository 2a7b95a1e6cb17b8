from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from trio_media.embedded.freezing import FreezableStream


async def is_stuck(action: object) -> bool:
    assert callable(action)
    with trio.move_on_after(1_000) as scope:
        await action()
    return scope.cancelled_caught


async def test_a_stream_passes_everything_until_it_is_frozen(autojump_clock: MockClock) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    stream = FreezableStream(theirs)
    await stream.wait_send_all_might_not_block()
    await stream.send_all(b"there")
    assert await ours.receive_some(100) == b"there"
    await ours.send_all(b"back")
    assert await stream.receive_some(2) == b"ba"
    assert await stream.receive_some() == b"ck"


async def test_a_frozen_stream_neither_reads_nor_writes_and_stays_open(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    stream = FreezableStream(theirs)
    stream.freeze()
    await ours.send_all(b"anybody there?")
    assert await is_stuck(stream.receive_some)
    assert await is_stuck(lambda: stream.send_all(b"no"))
    assert await is_stuck(stream.wait_send_all_might_not_block)
    assert await is_stuck(ours.receive_some), "nothing came, not even the end"
    await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await theirs.send_all(b"x")
    assert await ours.receive_some(100) == b""


async def test_a_read_that_waits_when_it_is_frozen_returns_nothing(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    stream = FreezableStream(theirs)
    read: list[bytes] = []

    async def reader() -> None:
        read.append(bytes(await stream.receive_some(100)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        await trio.testing.wait_all_tasks_blocked()
        stream.freeze()
        await ours.send_all(b"too late")
        await trio.sleep(1)
        assert read == []
        nursery.cancel_scope.cancel()
