"""A transport that stops where a test wants to cancel."""

from __future__ import annotations

import attrs
import trio


@attrs.define(eq=False)
class StallingStream(trio.abc.Stream):
    """Stalls for good at its n-th operation, and cancels a scope there.

    Operations are counted in the middle of each write, behind it, and before each read.  With
    ``stall_at`` from 1 on, until ``operations`` stays below it, a test cancels at every await that
    the stream's user makes.
    """

    inner: trio.abc.Stream
    stall_at: int
    on_stall: trio.CancelScope
    operations: int = 0
    is_closed: bool = False

    async def _count(self) -> None:
        self.operations += 1
        if self.operations == self.stall_at:
            self.on_stall.cancel()
            await trio.sleep_forever()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write half, then the other half."""
        payload = bytes(data)
        await self.inner.send_all(payload[: len(payload) // 2])
        await self._count()
        await self.inner.send_all(payload[len(payload) // 2 :])
        await self._count()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait as the stream inside does."""
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Read as the stream inside does."""
        await self._count()
        return await self.inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close the stream inside."""
        self.is_closed = True
        await self.inner.aclose()
