"""The other end of a leg, byte by byte: what no library would send, and exactly what came."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeAlias

import attrs
import trio
from trio.testing import memory_stream_pair

from trio_media.call.leg import WEBSOCKETS, Leg, Transport
from trio_media.call.websocket.handshake import FRAMES

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
URL: Final = "ws://model.test/v1/realtime?model=m"
KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
REQUEST: Final = (
    "GET /twilio/media HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
).encode()
TRANSPORTS: Final = {"trio-websocket": WEBSOCKETS, "websockets": FRAMES}
LIMIT_S: Final = 600.0  # mostly of virtual time
Side: TypeAlias = Literal["carrier", "model"]
Wrap: TypeAlias = Callable[[trio.abc.Stream], trio.abc.Stream]


def accept_of(key: str) -> str:
    """What a server answers to a key: RFC 6455, section 4.2.2."""
    guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1((key + guid).encode()).digest()).decode()


def response_to(key: str, extra: str = "") -> bytes:
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_of(key)}\r\n{extra}\r\n"
    ).encode()


def frame(
    opcode: int, payload: bytes = b"", *, masked: bool, fin: bool = True, rsv: int = 0
) -> bytes:
    """A frame, of the shortest length field that will do."""
    mask_bit, length = (0x80 if masked else 0), len(payload)
    head = bytes((opcode | (0x80 if fin else 0) | rsv,))
    if length < 126:
        head += bytes((mask_bit | length,))
    elif length < 65_536:
        head += bytes((mask_bit | 126,)) + length.to_bytes(2, "big")
    else:
        head += bytes((mask_bit | 127,)) + length.to_bytes(8, "big")
    if not masked:
        return head + payload
    mask = b"\x37\xfa\x21\x3d"
    return head + mask + unmasked(payload, mask)


def unmasked(payload: bytes, mask: bytes) -> bytes:
    spread = (mask * (len(payload) // 4 + 1))[: len(payload)]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(spread, "big")
    return number.to_bytes(len(payload), "big")


@attrs.frozen
class Came:
    """A frame that came."""

    opcode: int
    payload: bytes
    fin: bool = True
    is_masked: bool = False
    rsv: int = 0
    head_bytes: int = 2


@attrs.define(eq=False)
class RawPeer:
    """The peer of a leg."""

    stream: trio.abc.Stream
    side: Side
    """Of the leg: it masks if it is the model's, and we do if it is the carrier's."""
    buffer: bytes = b""
    request: bytes = b""

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
        """A frame as this end has to send it."""
        return frame(opcode, payload, masked=self.side == "carrier", fin=fin, rsv=rsv)

    async def send(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        await self.stream.send_all(self.frame(opcode, payload, fin=fin))

    async def shake(self, extra: str = "", behind: bytes = b"") -> None:
        """Shake hands; ``behind``: sent right behind the answer."""
        if self.side == "carrier":
            await self.stream.send_all(REQUEST)
            head = await self.read_until(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 "), head
            assert accept_of(KEY).encode() in head
            return
        self.request = await self.read_until(b"\r\n\r\n")
        await self.stream.send_all(response_to(self.key, extra) + behind)

    @property
    def key(self) -> str:
        """The key in the request of the leg."""
        lines = self.request.decode().split("\r\n")
        return next(x[18:].strip() for x in lines if x.lower().startswith("sec-websocket-key:"))

    async def read_until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            self.buffer += await self._more()
        found, _, self.buffer = self.buffer.partition(end)
        return found + end

    async def _more(self) -> bytes:
        piece = await self.stream.receive_some(65_536)
        if not piece:
            raise EOFError(f"the stream ended behind {self.buffer!r}")
        return bytes(piece)

    async def _exactly(self, length: int) -> bytes:
        while len(self.buffer) < length:
            self.buffer += await self._more()
        found, self.buffer = self.buffer[:length], self.buffer[length:]
        return found

    async def read(self) -> Came:
        """The next frame.  Raises EOFError."""
        first, second = await self._exactly(2)
        length, head_bytes = second & 0x7F, 2
        if length >= 126:
            field_bytes = 2 if length == 126 else 8
            length = int.from_bytes(await self._exactly(field_bytes), "big")
            head_bytes += field_bytes
        is_masked = bool(second & 0x80)
        mask = await self._exactly(4) if is_masked else bytes(4)
        payload = unmasked(await self._exactly(length), mask)
        return Came(first & 0xF, payload, bool(first & 0x80), is_masked, first & 0x70, head_bytes)

    async def read_to_end(self) -> list[Came]:
        """All frames until the stream ends; half a frame at the end stays in ``buffer``."""
        came: list[Came] = []
        try:
            while True:
                kept = self.buffer
                came.append(await self.read())
        except (EOFError, trio.BrokenResourceError):
            self.buffer = self.buffer or kept
            return came

    async def close_code(self) -> int | None:
        """What the leg says when it closes; None: it closes without a word."""
        try:
            while (came := await self.read()).opcode != CLOSE:
                pass
        except EOFError:
            return None
        return int.from_bytes(came.payload[:2], "big")


async def open_leg(
    transport: Transport, side: Side, nursery: trio.Nursery, stream: trio.abc.Stream
) -> Leg:
    """A leg of this side."""
    if side == "carrier":
        return await transport.accept_carrier(nursery, stream)
    return await transport.open_model(nursery, stream, URL, [(b"Authorization", b"Bearer k")])


async def open_pair(
    transport: Transport, side: Side, nursery: trio.Nursery, *, wrap: Wrap | None = None
) -> tuple[Leg, RawPeer]:
    """A leg and its peer, over memory, when they have shaken hands."""
    ours, theirs = memory_stream_pair()
    peer = RawPeer(ours, side)
    nursery.start_soon(peer.shake)
    leg = await open_leg(transport, side, nursery, wrap(theirs) if wrap else theirs)
    await trio.testing.wait_all_tasks_blocked()
    return leg, peer


@asynccontextmanager
async def pair(
    transport: Transport, side: Side, *, wrap: Wrap | None = None
) -> AsyncIterator[tuple[Leg, RawPeer]]:
    """A leg and its peer; leaving ends both."""
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            yield await open_pair(transport, side, nursery, wrap=wrap)
            nursery.cancel_scope.cancel()
