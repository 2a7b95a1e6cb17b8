"""A leg: one websocket of the call, and the only place where foreign errors become ours.

`Leg` is all that a call knows of it, and a `Transport` makes one of each kind, so that whole calls
can be held over other transports: `call.transports` has those that can be configured.

Hazards of trio-websocket 0.12 that are closed here: a cancelled send leaves half a frame (the
stream refuses to go on), ``aclose`` waits a minute for a peer that does not read (deadlines, then
the stream is aborted), zero-length fragments pass the message limit (a byte budget), a queue of
one message holds up pings and closes (a longer queue), and its reader raises what goes wrong into
the nursery in which it runs, or ends while somebody waits for a handshake (`Reader`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit

import attrs
import h11
import trio
import trio_websocket
import wsproto.utilities

from trio_media.call.stream import LegStream
from trio_media.call.tls import open_tls
from trio_media.errors import ConfigError, LegLost, RemoteProtocolError
from trio_media.realtime.handshakes import handshake_refused

CARRIER_MESSAGE_BYTES_MAX: Final = 256 * 1024  # 160 B of audio is normal; this is 20 s of it
MODEL_MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024  # an append may hold 15 MiB, and so may a delta
ILLEGAL_NOW: Final = (wsproto.utilities.ProtocolError, h11.ProtocolError)
"""What the libraries under trio-websocket raise when a message does not fit the moment."""
MESSAGE_QUEUE_SIZE: Final = 64  # so that pings and closes are seen while we are busy
RECEIVE_BYTES: Final = 65_536


class Leg(Protocol):
    """One open connection for messages, of the carrier or of the model."""

    @property
    def name(self) -> str:
        """``carrier`` or ``model``; errors carry it."""
        ...

    def stalled_s(self) -> float:
        """How long the write in progress has made no progress; 0 when nothing is being written."""
        ...

    def silent_s(self) -> float:
        """How long the peer has sent nothing at all; 0 while nobody reads what it sends."""
        ...

    @property
    def acknowledged_s(self) -> float | None:
        """When the newest ping that was answered was sent, on Trio's clock; None: none was.

        Whatever was written before it has reached the peer: a websocket keeps the order.
        """
        ...

    async def receive(self) -> str | bytes:
        """Return the next message.  Raises `LegLost` when there will be none."""
        ...

    async def send_batch(self, messages: Sequence[str]) -> None:
        """Write messages, in order, as one write, behind what `write_now` has left.

        Raises `LegLost`.  **Cancellation:** the leg cannot be written to afterwards; do not put a
        deadline around this.
        """
        ...

    @property
    def is_free(self) -> bool:
        """Whether `write_now` may be asked: the leg is open, and nothing waits to be written.

        Never, where nothing can be written without a wait.
        """
        ...

    def write_now(self, messages: Sequence[str]) -> bool:
        """Write messages, in order, as one write, as far as that needs no wait; only while free.

        Returns whether that was all; if not, the next `send_batch` writes the rest first, and says
        so if the leg is lost.
        """
        ...

    async def ping(self) -> None:
        """Ask the peer for a sign of life, and wait for it.  Raises `LegLost`."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye and wait for the peer's.  The caller puts a deadline around this."""
        ...

    async def abort(self) -> None:
        """Drop the connection at once, saying nothing."""
        ...


AcceptCarrierLeg = Callable[[trio.Nursery, trio.abc.Stream], Awaitable[Leg]]
OpenModelLeg = Callable[
    [trio.Nursery, trio.abc.Stream, str, Sequence[tuple[bytes, bytes]]], Awaitable[Leg]
]


@attrs.frozen
class Transport:
    """How a call's legs come to be."""

    accept_carrier: AcceptCarrierLeg
    """See `accept_carrier_leg`."""
    open_model: OpenModelLeg
    """See `open_model_leg`."""


@attrs.define(eq=False)
class WebSocketLeg:
    """One open websocket.  Implements `Leg`."""

    name: str
    """``carrier`` or ``model``; errors carry it."""
    stream: LegStream
    _websocket: trio_websocket.WebSocketConnection
    acknowledged_s: float | None = None
    """See `Leg.acknowledged_s`."""

    def stalled_s(self) -> float:
        """See `Leg.stalled_s`."""
        return self.stream.stalled_s()

    def silent_s(self) -> float:
        """See `Leg.silent_s`."""
        return self.stream.silent_s() if self.stream.is_reading else 0.0

    async def receive(self) -> str | bytes:
        """See `Leg.receive`."""
        try:
            message = await self._websocket.get_message()
        except trio_websocket.ConnectionClosed as closed:
            raise LegLost(self.name, _reason(closed)) from None
        self.stream.message_completed()
        return message

    async def send_batch(self, messages: Sequence[str]) -> None:
        """See `Leg.send_batch`."""
        is_piled = False
        lost: LegLost | None = None
        self.stream.cork()
        try:
            lost = await self._pile(messages)
            is_piled = True
        finally:
            if not is_piled:
                self.stream.cut()
        try:
            await self.stream.uncork()  # also when it is lost: our own close may be on the pile
        except (trio.BrokenResourceError, trio.ClosedResourceError) as broken:
            raise LegLost(self.name, str(broken) or "broken") from None
        if lost is not None:
            raise lost

    @property
    def is_free(self) -> bool:
        """See `Leg.is_free`: the library writes in no other way than by waiting."""
        return False

    def write_now(self, messages: Sequence[str]) -> bool:
        """See `Leg.write_now`."""
        raise AssertionError("it is never free")

    async def _pile(self, messages: Sequence[str]) -> LegLost | None:
        try:
            for message in messages:
                await self._websocket.send_message(message)
        except trio_websocket.ConnectionClosed as closed:
            return LegLost(self.name, _reason(closed))
        except ILLEGAL_NOW:
            return LegLost(self.name, "closing")
        return None

    async def ping(self) -> None:
        """See `Leg.ping`."""
        asked_s = trio.current_time()
        try:
            await self._websocket.ping()
        except trio_websocket.ConnectionClosed as closed:
            raise LegLost(self.name, _reason(closed)) from None
        except ILLEGAL_NOW:
            raise LegLost(self.name, "closing") from None
        self.acknowledged_s = max(asked_s, self.acknowledged_s or asked_s)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See `Leg.close`."""
        try:
            await self._websocket.aclose(code, reason or None)
        except (trio.BrokenResourceError, trio.ClosedResourceError, *ILLEGAL_NOW):
            return

    async def abort(self) -> None:
        """See `Leg.abort`."""
        await trio.aclose_forcefully(self.stream)


def _reason(closed: trio_websocket.ConnectionClosed) -> str:
    if closed.reason is None:
        return "closed"
    text = f"closed with {closed.reason.code}"
    return f"{text} {closed.reason.reason}" if closed.reason.reason else text


@attrs.define(eq=False)
class Reader:
    """Stands where trio-websocket wants a nursery, and starts its reader.

    However the reader ends, the websocket is closed then, and whoever receives learns it.
    """

    nursery: trio.Nursery
    handshake: trio.CancelScope
    """Cancelled when the reader ends: nobody else would end the handshake."""
    error: Exception | None = None

    def start_soon(self, read: Callable[[], Awaitable[None]]) -> None:
        """Start the reader."""
        self.nursery.start_soon(self._run, read)

    async def _run(self, read: Callable[[], Awaitable[None]]) -> None:
        try:
            await read()
        except (
            trio_websocket.HandshakeError,  # the peer refused
            trio_websocket.ConnectionClosed,  # it sent nonsense, and was gone before we said so
            *ILLEGAL_NOW,  # it sent a ping after our close, or speaks another protocol
            UnicodeError,  # it sent a head that is not ASCII
        ) as error:
            self.error = error
        self.handshake.cancel()


async def accept_carrier_leg(nursery: trio.Nursery, transport: trio.abc.Stream) -> WebSocketLeg:
    """Answer a websocket upgrade whose bytes are still to be read from ``transport``.

    Raises `LegLost`.  The caller puts a deadline around this.
    """
    stream = LegStream(transport, receive_bytes_max=4 * CARRIER_MESSAGE_BYTES_MAX)
    with trio.CancelScope() as handshake:
        try:
            request = await trio_websocket.wrap_server_stream(
                Reader(nursery, handshake),  # type: ignore[arg-type]  # all it does is start_soon
                stream,
                message_queue_size=MESSAGE_QUEUE_SIZE,
                max_message_size=CARRIER_MESSAGE_BYTES_MAX,
                receive_buffer_size=RECEIVE_BYTES,
            )
            websocket = await request.accept()
        except trio_websocket.ConnectionClosed as closed:
            raise LegLost("carrier", _reason(closed)) from None
        return WebSocketLeg("carrier", stream, websocket)
    raise LegLost("carrier", "lost during the handshake")


async def open_model_transport(url: str) -> trio.abc.Stream:
    """Connect to the model service, with TLS for ``wss``.

    Raises `LegLost` in words an operator can act on.  The caller puts a deadline around this.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ConfigError(f"[realtime] url = {url!r}: a ws:// or wss:// URL is needed")
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    try:
        if parts.scheme == "ws":
            return await trio.open_tcp_stream(parts.hostname, port)
        socket_stream = await trio.open_tcp_stream(parts.hostname, port)
    except OSError as error:
        raise LegLost("model", f"{parts.hostname}:{port}: {error}") from error
    is_open = False
    try:
        tls = await open_tls(socket_stream, parts.hostname)
        is_open = True
    except (OSError, trio.BrokenResourceError) as error:  # ssl.SSLError is an OSError
        cause = error.__cause__ or error
        raise LegLost("model", f"{parts.hostname}:{port}: TLS: {cause}") from error
    finally:
        if not is_open:
            await trio.aclose_forcefully(socket_stream)
    return tls


async def open_model_leg(
    nursery: trio.Nursery,
    transport: trio.abc.Stream,
    url: str,
    headers: Sequence[tuple[bytes, bytes]],
) -> WebSocketLeg:
    """Shake hands with the model service.

    Raises `ModelRefused` when it answers anything but an upgrade, `LegLost` or
    `RemoteProtocolError` when it does not answer properly.  The caller puts a deadline around this.
    """
    parts = urlsplit(url)
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    stream = LegStream(transport, receive_bytes_max=2 * MODEL_MESSAGE_BYTES_MAX)
    handshake = trio.CancelScope()
    reader = Reader(nursery, handshake)
    with handshake:
        websocket = await trio_websocket.wrap_client_stream(
            reader,  # type: ignore[arg-type]  # all it does is start_soon
            stream,  # type: ignore[arg-type]  # any stream will do, its documentation says
            parts.netloc.rpartition("@")[2],
            resource,
            extra_headers=list(headers),
            message_queue_size=MESSAGE_QUEUE_SIZE,
            max_message_size=MODEL_MESSAGE_BYTES_MAX,
            receive_buffer_size=RECEIVE_BYTES,
        )
        return WebSocketLeg("model", stream, websocket)
    raise _refusal(reader.error)


def _refusal(error: Exception | None) -> Exception:
    """What a handshake with the model that came to nothing means."""
    if isinstance(error, trio_websocket.ConnectionRejected):
        return handshake_refused(error.status_code, error.body or b"")
    if isinstance(error, trio_websocket.HandshakeError):
        return RemoteProtocolError(f"model: handshake: {type(error).__name__}")
    return LegLost("model", "lost during the handshake")


WEBSOCKETS: Final = Transport(accept_carrier_leg, open_model_leg)
"""What carriers and model services speak."""
