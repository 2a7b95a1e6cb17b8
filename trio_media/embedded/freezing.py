"""A stream whose far end can vanish without a word: the socket stays open, nobody is there."""

from __future__ import annotations

import trio


class FreezableStream(trio.abc.Stream):
    """A stream as it is, until it is frozen."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._is_frozen = False

    def freeze(self) -> None:
        """Read and write nothing any more.  What was read by then is lost."""
        self._is_frozen = True

    async def send_all(self, payload: bytes | bytearray | memoryview) -> None:
        """Send, as any stream does; once frozen, wait for ever.  Cancellation: as the stream's."""
        if self._is_frozen:
            await trio.sleep_forever()
        await self._stream.send_all(payload)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until something can be sent; once frozen, for ever."""
        if self._is_frozen:
            await trio.sleep_forever()
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, bytes_max: int | None = None) -> bytes | bytearray:
        """Receive, as any stream does; once frozen, wait for ever.  Cancellation: as the
        stream's."""
        received = await self._stream.receive_some(bytes_max)
        if self._is_frozen:
            await trio.sleep_forever()
        return received

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()
