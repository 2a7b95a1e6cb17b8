"""The handshake of either side, and the transport that is made of the two.

Wire facts: RFC 6455, section 4.  No extension and no subprotocol is ever agreed on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import attrs
import trio
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request
from websockets.protocol import SEND_EOF
from websockets.server import ServerProtocol
from websockets.uri import WebSocketURI

from trio_media.call.leg import (
    CARRIER_MESSAGE_BYTES_MAX,
    MODEL_MESSAGE_BYTES_MAX,
    Transport,
)
from trio_media.call.websocket.conversation import Conversation
from trio_media.call.websocket.leg import FrameLeg
from trio_media.call.websocket.wire import GONE, Wire
from trio_media.errors import LegLost
from trio_media.realtime.handshakes import handshake_refused

HEAD_BYTES_MAX: Final = 65_536  # the server has judged the head already, by stricter rules
BLANK_LINE: Final = b"\r\n\r\n"
LOST: Final = "lost during the handshake"

# What the library has to say stands in the reason of a leg that is lost; and at the level of
# debugging it would log heads, in which there is our key.
_silent: Final = logging.getLogger("trio_media.call.websocket")
_silent.setLevel(logging.CRITICAL)


async def accept_carrier(nursery: trio.Nursery, transport: trio.abc.Stream) -> FrameLeg:
    """Answer a websocket upgrade whose bytes are still to be read from ``transport``.

    Raises `LegLost`; a request that is no upgrade has got its answer then.  The caller puts a
    deadline around this.
    """
    protocol = ServerProtocol(max_size=CARRIER_MESSAGE_BYTES_MAX, logger=_silent)
    wire = Wire(transport, receive_bytes_max=4 * CARRIER_MESSAGE_BYTES_MAX)
    try:
        request, rest = await _receive_request(protocol, wire)
        response = protocol.accept(request)
        if response.status_code != 101:
            response.headers["Sec-WebSocket-Version"] = "13"
        protocol.send_response(response)
        await _write(protocol, wire)
    except GONE:
        raise LegLost("carrier", LOST) from None
    if response.status_code != 101:
        raise LegLost("carrier", LOST)
    conversation = Conversation(protocol, CARRIER_MESSAGE_BYTES_MAX)
    if rest:
        conversation.receive(rest)
    return await _begin(nursery, FrameLeg("carrier", wire, conversation))


async def _begin(nursery: trio.Nursery, leg: FrameLeg) -> FrameLeg:
    """React to what came right behind the handshake, and begin to look after the leg."""
    await leg.react()
    nursery.start_soon(leg.read_when_idle)
    return leg


@attrs.define
class _Head:
    """Finds where a head ends in what comes.

    The head alone is given to the protocol objects: frames behind it are not theirs to cut.
    """

    head_bytes: int = 0
    is_whole: bool = False
    _tail: bytes = b""

    def split(self, piece: bytes) -> tuple[bytes, bytes]:
        """Return what of a piece is of the head, and what is behind it."""
        if self.is_whole:
            return b"", piece
        end = (self._tail + piece).find(BLANK_LINE)
        self.is_whole = end >= 0
        head_piece = piece[: end + len(BLANK_LINE) - len(self._tail)] if self.is_whole else piece
        self._tail = (self._tail + piece)[-(len(BLANK_LINE) - 1) :]
        self.head_bytes += len(head_piece)
        return head_piece, piece[len(head_piece) :]


async def _receive_request(protocol: ServerProtocol, wire: Wire) -> tuple[Request, bytes]:
    """Return the request, and what came behind it."""
    head = _Head()
    while True:
        piece = bytes(await wire.receive())
        head_piece, rest = head.split(piece)
        # The library cannot quote what is not ASCII, and quotes what it refuses.
        if not piece or not head_piece.isascii() or head.head_bytes > HEAD_BYTES_MAX:
            raise LegLost("carrier", LOST)
        protocol.receive_data(head_piece)
        for event in protocol.events_received():
            assert isinstance(event, Request)
            return event, rest
        if protocol.handshake_exc is not None:
            raise LegLost("carrier", LOST)


async def open_model(
    nursery: trio.Nursery,
    transport: trio.abc.Stream,
    url: str,
    headers: Sequence[tuple[bytes, bytes]],
) -> FrameLeg:
    """Shake hands with the model service.

    Raises `ModelRefused` when it answers anything but an upgrade, and `LegLost` when it does not
    answer properly.  The caller puts a deadline around this.
    """
    protocol = ClientProtocol(_target(url), max_size=MODEL_MESSAGE_BYTES_MAX, logger=_silent)
    wire = Wire(transport, receive_bytes_max=2 * MODEL_MESSAGE_BYTES_MAX)
    conversation = Conversation(protocol, MODEL_MESSAGE_BYTES_MAX)
    request = protocol.connect()
    for name, value in headers:
        request.headers[name.decode()] = value.decode()
    protocol.send_request(request)
    try:
        await _write(protocol, wire)
        rest = await _receive_response(protocol, wire)
    except GONE:
        raise LegLost("model", LOST) from None
    if rest:
        conversation.receive(rest)
    return await _begin(nursery, FrameLeg("model", wire, conversation))


def _target(url: str) -> WebSocketURI:
    """Where the handshake goes: without who asks, which the headers say."""
    parts = urlsplit(url)
    is_secure = parts.scheme == "wss"
    port = parts.port or (443 if is_secure else 80)
    return WebSocketURI(is_secure, parts.hostname or "", port, parts.path, parts.query)


async def _receive_response(protocol: ClientProtocol, wire: Wire) -> bytes:
    """Return when the peer has agreed, with what came behind its answer."""
    head = _Head()
    while True:
        received = bytes(await wire.receive())
        head_piece, rest = head.split(received)
        for piece in (head_piece, rest):  # behind the head of a refusal there is what it says
            if piece or not received:
                _read(protocol, piece)
            if protocol.handshake_exc is not None:
                raise _refusal(protocol.handshake_exc)
            if protocol.events_received():
                return rest
            if not received:
                raise LegLost("model", LOST)


def _read(protocol: ClientProtocol, piece: bytes) -> None:
    if piece:
        protocol.receive_data(piece)
    else:
        protocol.receive_eof()


def _refusal(error: Exception) -> Exception:
    """What a handshake with the model that came to nothing means."""
    if isinstance(error, InvalidStatus):
        response = error.response
        return handshake_refused(response.status_code, bytes(response.body))
    return LegLost("model", LOST)


async def _write(protocol: ServerProtocol | ClientProtocol, wire: Wire) -> None:
    pieces = protocol.data_to_send()
    wire.put(b"".join(pieces))
    if SEND_EOF in pieces:
        wire.end_writing()
    await wire.flush()


FRAMES: Final = Transport(accept_carrier, open_model)
"""Both legs over the protocol objects of ``websockets``."""
