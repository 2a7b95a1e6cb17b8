from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair

from trio_media.server.streams import SEND_S, ReplayedStream, SingleRequestStream


async def test_the_bytes_put_back_come_first_and_in_the_pieces_asked_for() -> None:
    ours, theirs = memory_stream_pair()
    stream = ReplayedStream(ours, b"abcde")
    await theirs.send_all(b"fgh")
    assert await stream.receive_some(2) == b"ab"
    assert await stream.receive_some() == b"cde"
    assert await stream.receive_some() == b"fgh"
    await theirs.aclose()
    assert await stream.receive_some() == b""


async def test_a_cancelled_receive_loses_nothing() -> None:
    ours, _theirs = memory_stream_pair()
    stream = ReplayedStream(ours, b"abc")
    with trio.CancelScope() as scope:
        scope.cancel()
        await stream.receive_some()
    assert await stream.receive_some() == b"abc"


async def test_everything_else_is_the_stream_underneath() -> None:
    ours, theirs = memory_stream_pair()
    stream = ReplayedStream(ours, b"abc")
    await stream.wait_send_all_might_not_block()
    await stream.send_all(b"xyz")
    await stream.send_eof()
    assert await theirs.receive_some() == b"xyz"
    assert await theirs.receive_some() == b""
    await stream.aclose()


async def test_a_single_request_ends_where_it_ends(autojump_clock: trio.testing.MockClock) -> None:
    ours, theirs = memory_stream_pair()
    stream = SingleRequestStream(ours, b"head", request_bytes=8)
    await theirs.send_all(b"bodyGET / HTTP/1.1")
    assert await stream.receive_some(3) == b"hea"
    assert await stream.receive_some() == b"d"
    assert await stream.receive_some() == b"body"
    with trio.move_on_after(5) as scope:
        await stream.receive_some()
    assert scope.cancelled_caught
    await theirs.send_eof()
    assert await stream.receive_some() == b""


async def test_a_single_request_may_have_come_with_more_than_itself() -> None:
    ours, theirs = memory_stream_pair()
    stream = SingleRequestStream(ours, b"headGET", request_bytes=4)
    await theirs.send_eof()
    assert await stream.receive_some() == b"head"
    assert await stream.receive_some() == b""


async def test_what_was_received_can_be_put_back() -> None:
    ours, theirs = memory_stream_pair()
    stream = ReplayedStream(ours, b"abcdef")
    piece = bytes(await stream.receive_some(2))
    stream.put_back(piece)
    assert await stream.receive_some() == b"abcdef"
    stream.put_back(b"xyz")
    await theirs.send_all(b"!")
    assert await stream.receive_some() == b"xyz"
    assert await stream.receive_some() == b"!"


async def test_a_stream_on_a_replayed_stream_has_its_socket() -> None:
    one, other = trio.socket.socketpair()
    with one, other:
        stream = trio.SocketStream(one)
        assert ReplayedStream(ReplayedStream(stream, b""), b"").socket is one


async def test_a_client_that_takes_nothing_is_given_up(autojump_clock: MockClock) -> None:
    """Whoever sends may shield it from cancellation: only the stream itself can end that."""
    ours, _theirs = lockstep_stream_pair()
    stream = SingleRequestStream(ours, b"head", request_bytes=4)
    began_s = trio.current_time()
    with trio.CancelScope(shield=True), pytest.raises(trio.BrokenResourceError):
        await stream.send_all(b"an answer")
    assert trio.current_time() - began_s == SEND_S


async def test_of_two_senders_the_second_waits_for_the_first(autojump_clock: MockClock) -> None:
    ours, theirs = lockstep_stream_pair()
    stream = SingleRequestStream(ours, b"", request_bytes=0)
    received = b""
    async with trio.open_nursery() as nursery:
        for answer in (b"first" * 10, b"second" * 10):
            nursery.start_soon(stream.send_all, answer)
        await trio.testing.wait_all_tasks_blocked()
        while len(received) < 110:
            received += await theirs.receive_some()
    assert received in (b"first" * 10 + b"second" * 10, b"second" * 10 + b"first" * 10)


async def test_a_half_close_waits_for_what_is_being_sent(autojump_clock: MockClock) -> None:
    ours, theirs = lockstep_stream_pair()
    stream = SingleRequestStream(ours, b"", request_bytes=0)
    received = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"answer")
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(stream.send_eof)
        while piece := await theirs.receive_some():
            received += piece
    assert received == b"answer"
