"""The head of a request: read within bounds, parsed once, and given on in a form that is safe.

Rule 1: nothing is believed about a peer before its head is complete: not longer than 16 KiB, of
no more than 100 headers, not later than the caller's deadline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import attrs
import h11
import trio

from trio_media.errors import RemoteProtocolError

HEAD_MAX_BYTES: Final = 16 * 1024
TARGET_MAX_BYTES: Final = 8 * 1024  # a signed URL with a query has some hundred
HEADERS_MAX: Final = 100  # browsers and proxies send some thirty
BODY_MAX_BYTES: Final = 64 * 1024  # Twilio's webhooks have 1 to 3 kB
RECEIVE_BYTES: Final = 4_096  # a head is small; what follows it is not ours to buffer
WEBSOCKET_VERSION: Final = "13"  # RFC 6455

# What concerns one connection and not the request on it (RFC 9110, section 7.6.1).
_HOP_HEADERS: Final = frozenset(
    {b"connection", b"upgrade", b"http2-settings", b"keep-alive", b"proxy-connection"}
)
_HANDSHAKE: Final = frozenset({b"host", b"sec-websocket-key", b"sec-websocket-version"})


class BadHead(RemoteProtocolError):
    """The head cannot be served; answer ``status`` and close."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@attrs.frozen(kw_only=True)
class RequestHead:
    """A request as far as its blank line."""

    method: str
    target: str
    """As on the wire: normally a path with an optional query."""
    version: str
    """``1.0`` or ``1.1``."""
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case, in the order of the wire."""
    received: bytes
    """Every byte that was read, the head first."""
    body: bytes
    """The part of ``received`` that came after the head."""

    @property
    def path(self) -> str:
        """The path of the target, without its query."""
        return urlsplit(self.target).path if self.target.startswith("http") else self._own_path

    @property
    def _own_path(self) -> str:
        return self.target.partition("?")[0].partition("#")[0]

    def header(self, name: str) -> str:
        """Give the first header of that (lower-case) name, or the empty string."""
        wanted = name.encode("ascii")
        for found, value in self.headers:
            if found == wanted:
                return value.decode("latin-1")
        return ""

    def all_values(self, name: bytes) -> list[str]:
        """Give every header of that (lower-case) name, in the order of the wire."""
        return [value.decode("latin-1") for found, value in self.headers if found == name]

    def _has_token(self, name: bytes, token: str) -> bool:
        return any(
            token == part.strip().lower()
            for value in self.all_values(name)
            for part in value.split(",")
        )

    @property
    def is_websocket_upgrade(self) -> bool:
        """Whether the client asks to go on as a websocket."""
        return (
            self.method == "GET"
            and self.version == "1.1"
            and self._has_token(b"upgrade", "websocket")
            and self._has_token(b"connection", "upgrade")
        )

    @property
    def body_bytes(self) -> int | None:
        """How long the whole body is; None when the head does not say."""
        if self.header("transfer-encoding"):
            return None
        return int(self.header("content-length") or "0")

    def as_handshake(self) -> bytes:
        """Write the head of a websocket's upgrade anew, with what has been judged and no more.

        What a websocket's library does not know of, it cannot refuse in words of its own.
        """
        lines = [f"{self.method} {self.target} HTTP/{self.version}".encode("ascii")]
        lines += [name + b": " + value for name, value in self.headers if name in _HANDSHAKE]
        lines += [b"upgrade: websocket", b"connection: upgrade", b"", b""]
        return b"\r\n".join(lines)

    def as_single_request(self) -> bytes:
        """Write the head anew, so that the connection carries this request and no other.

        Without the headers of the connection, and with ``Connection: close``: a second request, or
        an upgrade to another protocol, would never be judged by its head.
        """
        lines = [f"{self.method} {self.target} HTTP/{self.version}".encode("ascii")]
        lines += [name + b": " + value for name, value in self.headers if name not in _HOP_HEADERS]
        lines += [b"connection: close", b"", b""]
        return b"\r\n".join(lines)


async def read_head(stream: trio.abc.ReceiveStream) -> RequestHead | None:
    """Read one request head; None when the peer closed before sending one.

    The deadline is the caller's.  What was read is lost when this raises or is cancelled: close
    the stream then.

    Raises:
        BadHead: it is too long, or it is not HTTP.
        trio.BrokenResourceError: the connection was lost.
    """
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MAX_BYTES)
    received = bytearray()
    while True:
        piece = await stream.receive_some(RECEIVE_BYTES)
        if not piece:
            if received:
                raise BadHead(400, "the request head ended early")
            return None
        received += piece
        _check_request_line(received)
        try:
            parser.receive_data(bytes(piece))
            event = parser.next_event()
        except h11.RemoteProtocolError as exc:
            # What follows the colon quotes the peer, who may have put a key there.
            wrong = str(exc).partition(":")[0]
            raise BadHead(exc.error_status_hint, f"not a valid request: {wrong}") from exc
        body = parser.trailing_data[0]
        if len(received) - len(body) > HEAD_MAX_BYTES:
            raise BadHead(431, f"the request head is longer than {HEAD_MAX_BYTES} bytes")
        if isinstance(event, h11.Request):
            return _parsed(event, bytes(received), body)


def _check_request_line(received: bytearray) -> None:
    end = received.find(b"\n", 0, TARGET_MAX_BYTES)
    if end < 0 and len(received) > TARGET_MAX_BYTES:
        raise BadHead(414, f"the request line is longer than {TARGET_MAX_BYTES} bytes")


def _parsed(request: h11.Request, received: bytes, body: bytes) -> RequestHead:
    version = request.http_version.decode("ascii")
    if version not in ("1.0", "1.1"):
        raise BadHead(505, "only HTTP/1.1 is spoken here")
    if len(request.headers) > HEADERS_MAX:
        raise BadHead(431, f"the request head has more than {HEADERS_MAX} headers")
    return RequestHead(
        method=request.method.decode("ascii"),
        target=request.target.decode("ascii"),
        version=version,
        headers=list(request.headers),
        received=received,
        body=body,
    )
