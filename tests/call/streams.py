"""Transports that do under a test's control what networks do by themselves."""

from __future__ import annotations

import attrs
import trio

from trio_media.testing.streams import StallingStream as StallingStream


@attrs.define(eq=False)
class SpyStream(trio.abc.Stream):
    """Passes everything on, keeps what was written, and can be held in mid-write."""

    inner: trio.abc.Stream
    writes: list[bytes] = attrs.field(factory=list)
    """What was handed to the network, write by write, also when it was held half way."""
    is_closed: bool = False
    stalled: trio.Event = attrs.field(factory=trio.Event)
    """Set when a write is held."""
    is_mute: bool = False
    _gate: trio.Event | None = None

    def hold(self) -> None:
        """From here on a write gets half way and no farther."""
        self._gate, self.stalled = trio.Event(), trio.Event()

    def release(self) -> None:
        assert self._gate is not None
        self._gate.set()
        self._gate = None

    def mute(self) -> None:
        """From here on nothing comes."""
        self.is_mute = True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        payload = bytes(data)
        if self.is_closed:
            raise trio.ClosedResourceError
        self.writes.append(payload)
        if self._gate is None:
            await self.inner.send_all(payload)
            return
        gate, half = self._gate, len(payload) // 2
        await self.inner.send_all(payload[:half])
        self.stalled.set()
        await gate.wait()
        if self.is_closed:
            raise trio.ClosedResourceError
        await self.inner.send_all(payload[half:])

    async def wait_send_all_might_not_block(self) -> None:
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        received = await self.inner.receive_some(max_bytes)
        while self.is_mute and received:
            received = await self.inner.receive_some(max_bytes)
        return received

    async def aclose(self) -> None:
        self.is_closed = True
        if self._gate is not None:
            self._gate.set()  # a socket that is closed wakes whoever writes
        await self.inner.aclose()
