"""Asking over a stream: the answer, or the server-sent events in it, read without a generator.

Who stops reading a generator of a client library in the middle leaves it to be cleaned up whenever;
here there is nothing to clean up but the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import h11
import trio

from trio_media.errors import RemoteProtocolError, evidence

RECEIVE_BYTES: Final = 65_536
BLOCK_BYTES_MAX: Final = 1 << 20


class EventsReader:
    """The events of one request, on a stream that belongs to it."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._parser = h11.Connection(h11.CLIENT)
        self._left = b""
        self._blocks: list[bytes] = []

    async def ask(self, path: str, headers: Sequence[tuple[str, str]] = ()) -> int:
        """Ask for the events; return the status of the answer.

        Raises `RemoteProtocolError`: it is none; `trio.BrokenResourceError`.
        """
        request = h11.Request(method="GET", target=path, headers=[("Host", "worker"), *headers])
        sent = self._parser.send(request) or b""
        await self._stream.send_all(sent + (self._parser.send(h11.EndOfMessage()) or b""))
        answer = await self._next()
        if not isinstance(answer, h11.Response):
            raise RemoteProtocolError(f"no answer: {evidence(repr(answer))}")
        return answer.status_code

    async def next_event(self) -> bytes | None:
        """Wait for the next event, with the empty line behind it; None at the end.

        What only keeps the connection alive is passed over.  Cancellation: the event is lost.
        Raises `RemoteProtocolError`: it is no event; `trio.BrokenResourceError`.
        """
        while True:
            while self._blocks:
                block = self._blocks.pop(0)
                if block.startswith(b"event: "):
                    return block + b"\n\n"
            event = await self._next()
            if not isinstance(event, h11.Data):
                return None
            *self._blocks, self._left = (self._left + bytes(event.data)).split(b"\n\n")
            if len(self._left) > BLOCK_BYTES_MAX:
                raise RemoteProtocolError("an event that does not end")

    async def read_body(self, bytes_max: int) -> bytes:
        """Read the whole answer.

        Raises `RemoteProtocolError`: it is none, or longer than that; `trio.BrokenResourceError`.
        """
        body = bytearray()
        while isinstance(event := await self._next(), h11.Data):
            body += event.data
            if len(body) > bytes_max:
                raise RemoteProtocolError(f"an answer of more than {bytes_max} bytes")
        return bytes(body)

    async def _next(self) -> object:
        while True:
            try:
                event = self._parser.next_event()
                if event is not h11.NEED_DATA:
                    return event
                self._parser.receive_data(bytes(await self._stream.receive_some(RECEIVE_BYTES)))
            except h11.RemoteProtocolError as wrong:
                raise RemoteProtocolError(f"no events: {wrong}") from wrong
