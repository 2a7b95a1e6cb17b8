"""Messages over a link: bare, or in websocket frames.

`BARE` is a transport for the system under test that spares it the websockets; `Peer` is what the
far ends speak, over either.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

import attrs
import trio
import wsproto
import wsproto.events as ws

from trio_media.call.leg import Transport
from trio_media.errors import LegLost
from trio_media.simulation.calls.network import End
from trio_media.simulation.calls.record import Entry

RECEIVE_BYTES: Final = 65_536
GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


class PeerGone(Exception):
    """There will be no more messages."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Peer(Protocol):
    """A far end that speaks messages."""

    async def send(self, message: str, entry: Entry | None = None) -> None:
        """Send.  Raises `PeerGone`."""
        ...

    async def receive(self) -> str:
        """Return the next message.  Raises `PeerGone`."""
        ...

    @property
    def last_sent_ms(self) -> float:
        """When the other side handed to the network what was received last."""
        ...

    async def close(self, code: int = 1000) -> None:
        """Say goodbye, and close."""
        ...


# --- bare ------------------------------------------------------------------------------------


@attrs.define(eq=False)
class BareLeg:
    """A leg of the system under test, without websockets.  Implements `call.leg.Leg`."""

    name: str
    _end: End
    _writing_since_s: float | None = None
    _received_s: float = attrs.field(factory=trio.current_time)
    _is_reading: bool = False
    acknowledged_s: float | None = None
    """See `Leg.acknowledged_s`."""

    def stalled_s(self) -> float:
        """See `Leg.stalled_s`."""
        since_s = self._writing_since_s
        return 0.0 if since_s is None else trio.current_time() - since_s

    def silent_s(self) -> float:
        """See `Leg.silent_s`."""
        return trio.current_time() - self._received_s if self._is_reading else 0.0

    async def receive(self) -> str:
        """See `Leg.receive`."""
        self._is_reading = True
        try:
            message = await self._end.receive_message()
        except GONE as error:
            raise LegLost(self.name, str(error)) from None
        finally:
            self._is_reading = False
        if message is None:
            raise LegLost(self.name, "closed")
        self._received_s = trio.current_time()
        return message

    async def send_batch(self, messages: Sequence[str]) -> None:
        """See `Leg.send_batch`."""
        try:
            for message in messages:
                self._writing_since_s = trio.current_time()
                await self._end.send_message(message)
        except GONE as error:
            raise LegLost(self.name, str(error)) from None
        finally:
            self._writing_since_s = None

    @property
    def is_free(self) -> bool:
        """See `Leg.is_free`: the network of a simulation takes its time."""
        return False

    def write_now(self, messages: Sequence[str]) -> bool:
        """See `Leg.write_now`."""
        raise AssertionError("it is never free")

    async def ping(self) -> None:
        """See `Leg.ping`.  The network answers for the peer."""
        asked_s = trio.current_time()
        try:
            await self._end.ping()
        except GONE as error:
            raise LegLost(self.name, str(error)) from None
        self._received_s = trio.current_time()
        self.acknowledged_s = max(asked_s, self.acknowledged_s or asked_s)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See `Leg.close`."""
        await self._end.aclose()

    async def abort(self) -> None:
        """See `Leg.abort`."""
        await trio.aclose_forcefully(self._end)


async def _accept_bare(nursery: trio.Nursery, stream: trio.abc.Stream) -> BareLeg:
    assert isinstance(stream, End)
    await trio.lowlevel.checkpoint()
    return BareLeg("carrier", stream)


async def _open_bare(
    nursery: trio.Nursery,
    stream: trio.abc.Stream,
    url: str,
    headers: Sequence[tuple[bytes, bytes]],
) -> BareLeg:
    assert isinstance(stream, End)
    await trio.lowlevel.checkpoint()
    return BareLeg("model", stream)


BARE: Final = Transport(_accept_bare, _open_bare)


@attrs.define(eq=False)
class BarePeer:
    """The other end of a bare link."""

    _end: End

    async def send(self, message: str, entry: Entry | None = None) -> None:
        """See `Peer.send`."""
        try:
            await self._end.send_message(message, entry)
        except GONE:
            raise PeerGone from None

    async def receive(self) -> str:
        """See `Peer.receive`."""
        try:
            message = await self._end.receive_message()
        except GONE:
            raise PeerGone from None
        if message is None:
            raise PeerGone
        return message

    @property
    def last_sent_ms(self) -> float:
        """See `Peer.last_sent_ms`."""
        return self._end.incoming.last_sent_ms

    async def close(self, code: int = 1000) -> None:
        """See `Peer.close`."""
        await self._end.aclose()


# --- websockets ------------------------------------------------------------------------------


@attrs.define(eq=False)
class WebSocketPeer:
    """The other end of a link in websocket frames."""

    _end: End
    _connection: wsproto.WSConnection
    _received: list[str] = attrs.field(factory=list)
    _text: list[str] = attrs.field(factory=list)
    is_open: bool = False
    _gone: PeerGone | None = None

    async def connect(self, path: str) -> None:
        """Shake hands as a client.  Raises `PeerGone`."""
        await self._write(ws.Request(host="localhost", target=path))
        await self._shake()

    async def accept(self) -> None:
        """Shake hands as a server.  Raises `PeerGone`."""
        await self._shake()

    async def _shake(self) -> None:
        while not self.is_open:
            if self._gone is not None:
                raise self._gone
            await self._read()

    async def send(self, message: str, entry: Entry | None = None) -> None:
        """See `Peer.send`."""
        await self._write(ws.TextMessage(message), entry)

    async def receive(self) -> str:
        """See `Peer.receive`."""
        while not self._received:
            if self._gone is not None:
                raise self._gone
            await self._read()
        return self._received.pop(0)

    @property
    def last_sent_ms(self) -> float:
        """See `Peer.last_sent_ms`."""
        return self._end.incoming.last_sent_ms

    async def close(self, code: int = 1000) -> None:
        """See `Peer.close`."""
        with suppress(PeerGone):
            await self._write(ws.CloseConnection(code))
        await self._end.aclose()

    async def _write(self, event: wsproto.events.Event, entry: Entry | None = None) -> None:
        try:
            await self._end.send_all(self._connection.send(event), entry)
        except (*GONE, wsproto.utilities.LocalProtocolError):
            raise PeerGone from None

    async def _read(self) -> None:
        try:
            piece = await self._end.receive_some(RECEIVE_BYTES)
        except GONE:
            raise PeerGone from None
        if not piece:
            raise PeerGone
        self._connection.receive_data(piece)
        for event in self._connection.events():
            await self._on(event)

    async def _on(self, event: wsproto.events.Event) -> None:
        match event:
            case ws.TextMessage(data=text, message_finished=is_whole):
                self._text.append(text)
                if is_whole:
                    self._received.append("".join(self._text))
                    self._text.clear()
            case ws.Request():
                self.is_open = True
                await self._write(ws.AcceptConnection())
            case ws.AcceptConnection():
                self.is_open = True
            case ws.Ping():
                await self._write(event.response())
            case ws.CloseConnection(code=code):
                with suppress(PeerGone):
                    await self._write(event.response())
                await self._end.aclose()
                self._gone = PeerGone(code)
            case ws.RejectConnection():
                self._gone = PeerGone()
            case _:
                return
