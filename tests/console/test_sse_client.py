"""Reading events as they come over a stream."""

from __future__ import annotations

import pytest
import trio
from trio.testing import memory_stream_pair

from trio_media.console.sse_client import BLOCK_BYTES_MAX, EventsReader
from trio_media.errors import RemoteProtocolError

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


@pytest.mark.parametrize("piece_bytes", [1, 7, 10_000])
async def test_events_come_whole_however_they_are_cut(piece_bytes: int) -> None:
    ours, theirs = memory_stream_pair()
    told = b": hello\n\nevent: call\ndata: 1\n\nretry: 5\n\nevent: gone\ndata: 2\n\n"
    whole = HEAD + chunk(told[:20]) + chunk(told[20:]) + b"0\r\n\r\n"
    reader = EventsReader(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_in_pieces, theirs, whole, piece_bytes)
        assert await reader.ask("/api/events") == 200
        assert await reader.next_event() == b"event: call\ndata: 1\n\n"
        assert await reader.next_event() == b"event: gone\ndata: 2\n\n"
        assert await reader.next_event() is None


async def send_in_pieces(stream: trio.abc.SendStream, whole: bytes, piece_bytes: int) -> None:
    for at in range(0, len(whole), piece_bytes):
        await stream.send_all(whole[at : at + piece_bytes])


async def test_what_is_no_answer_and_an_event_without_end_are_blamed_on_the_peer() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(b"nonsense\r\n\r\n")
    with pytest.raises(RemoteProtocolError):
        await EventsReader(ours).ask("/")
    ours, theirs = memory_stream_pair()
    reader = EventsReader(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(theirs.send_all, HEAD + chunk(b"x" * (BLOCK_BYTES_MAX + 1)))
        await reader.ask("/")
        with pytest.raises(RemoteProtocolError, match="does not end"):
            await reader.next_event()


async def test_a_peer_that_leaves_before_it_answers_is_blamed() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_eof()
    with pytest.raises(RemoteProtocolError):
        await EventsReader(ours).ask("/")
