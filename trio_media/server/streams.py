"""Streams whose first bytes were already read: they are put back in front."""

from __future__ import annotations

from typing import Final

import trio

RECEIVE_BYTES: Final = 65_536
SEND_S: Final = 10.0  # a client that takes nothing for so long takes no more


class ReplayedStream(trio.abc.HalfCloseableStream):
    """Gives ``replay`` first and then what the stream underneath gives.

    Takes the stream over: closing this closes that one.
    """

    def __init__(self, stream: trio.abc.HalfCloseableStream, replay: bytes) -> None:
        self._stream = stream
        self._replay = replay

    @property
    def socket(self) -> trio.socket.SocketType:
        """The socket of the stream underneath, which must be a `trio.SocketStream` or have one."""
        assert isinstance(self._stream, trio.SocketStream | ReplayedStream)
        return self._stream.socket

    @property
    def is_replaying(self) -> bool:
        """Whether bytes put back are to be received before any of the socket's."""
        return bool(self._replay)

    def put_back(self, piece: bytes) -> None:
        """Have what was received given once more, before anything else."""
        self._replay = piece + self._replay

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive the bytes put back, then the stream's own; ``b""`` at its end.

        Cancellation: loses nothing.
        """
        if not self._replay:
            return await self._stream.receive_some(max_bytes)
        await trio.lowlevel.checkpoint()
        taken_bytes = max_bytes or RECEIVE_BYTES
        taken, self._replay = self._replay[:taken_bytes], self._replay[taken_bytes:]
        return taken

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send to the stream underneath.

        Cancellation: an unknown part was sent, as with any Trio stream.
        """
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for the stream underneath."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Half-close the stream underneath."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the stream underneath; the bytes put back are dropped."""
        self._replay = b""
        await self._stream.aclose()


class SingleRequestStream(ReplayedStream):
    """A `ReplayedStream` that gives one request, ``request_bytes`` long, and then only its end.

    What a client sends after its request is thrown away: a second request would never be judged by
    its head, and the HTTP code answers it in the middle of the first answer.
    """

    def __init__(
        self, stream: trio.abc.HalfCloseableStream, replay: bytes, *, request_bytes: int
    ) -> None:
        super().__init__(stream, replay)
        self._left_bytes = request_bytes
        self._sending = trio.Lock()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive more of the request; ``b""`` when the client has closed its side.

        Cancellation: loses nothing of the request.
        """
        if self._left_bytes:
            wanted_bytes = min(max_bytes or RECEIVE_BYTES, self._left_bytes)
            piece = await super().receive_some(wanted_bytes)
            self._left_bytes -= len(piece)
            return piece
        while await super().receive_some():
            pass
        return b""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send more of the answer.

        Cancellation: as of any Trio stream.

        Raises:
            trio.BrokenResourceError: also when the client takes nothing for `SEND_S`; the stream
                is closed then.
        """
        # Answers that go on for long are sent by whoever shields the sending from cancellation.
        # Of two senders the second waits: the HTTP code complains about a bad body while the
        # application still answers.
        with trio.move_on_after(SEND_S) as scope:
            async with self._sending:
                await super().send_all(data)
        if scope.cancelled_caught:
            await trio.aclose_forcefully(self)
            raise trio.BrokenResourceError("the client does not read")

    async def send_eof(self) -> None:
        """Half-close behind what is being sent.  The HTTP code does so while others still send."""
        with trio.move_on_after(SEND_S):
            async with self._sending:
                await super().send_eof()
