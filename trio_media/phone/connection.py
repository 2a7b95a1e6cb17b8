"""One websocket to a server, over any Trio stream.

Rule 1: `put` never waits; `flush` writes all that was put, in order, however many tasks put.
Rule 2: nobody puts a deadline around a write.  `blocked_since` says how long one takes, and
whoever watches it aborts the stream.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

import attrs
import trio

from trio_media.errors import ConfigError, LegLost
from trio_media.phone.websocket import (
    CLOSE_ABNORMAL,
    OP_PONG,
    OP_TEXT,
    Close,
    FrameReader,
    Handshake,
    Ping,
    encode_close,
    encode_frame,
)

UNWRITTEN_BYTES_MAX: Final = 4 * 1024 * 1024  # over 200 s of a caller: the server is gone
RECEIVE_BYTES: Final = 64 * 1024
_LEG: Final = "carrier"


@attrs.frozen
class WebSocketUrl:
    """Where to dial."""

    host: str
    port: int
    resource: str
    is_secure: bool

    @property
    def host_header(self) -> str:
        """The host as the handshake names it: without the scheme's own port."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.is_secure else 80) else f"{name}:{self.port}"


def parse_websocket_url(url: str) -> WebSocketUrl:
    """Take a ``ws://`` or ``wss://`` URL apart.  Raises `ConfigError`, which names it."""
    parts = split_url(url, ("ws", "wss"))
    is_secure = parts.scheme == "wss"
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or (443 if is_secure else 80)
    return WebSocketUrl(parts.hostname or "", port, resource, is_secure)


def split_url(url: str, schemes: Sequence[str]) -> SplitResult:
    """Split a URL that must have one of the schemes and a host."""
    allowed = " or ".join(f"{scheme}://host..." for scheme in schemes)
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError as exc:
        raise ConfigError(f"URL {url!r}: {exc}") from exc
    if not is_good or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigError(f"URL {url!r}: {allowed} is wanted")
    return parts


async def dial(url: WebSocketUrl, ssl_context: ssl.SSLContext | None = None) -> trio.abc.Stream:
    """Connect.  Raises `LegLost`.

    Cancellation: leaves nothing open.
    """
    try:
        if not url.is_secure:
            return await trio.open_tcp_stream(url.host, url.port)
        stream = await trio.open_ssl_over_tcp_stream(
            url.host,
            url.port,
            https_compatible=True,
            ssl_context=ssl_context or ssl.create_default_context(),
        )
        await stream.do_handshake()
    except (OSError, trio.BrokenResourceError) as exc:
        raise LegLost(_LEG, f"{url.host}:{url.port}: {_why(exc)}") from exc
    return stream


class Connection:
    """An open websocket.  `shake_hands` makes one."""

    def __init__(self, stream: trio.abc.Stream, first_bytes: bytes) -> None:
        self._stream = stream
        self._reader = FrameReader()
        self._first_bytes = first_bytes
        self._unwritten = bytearray()
        self._is_flushing = False
        self._sent_close = False
        self.blocked_since: float | None = None
        """`trio.current_time` at which the write in progress began; None: no write."""
        self.closed: Close | None = None
        """How the server ended it; None while it has not."""

    def put(self, message: str) -> None:
        """Queue a text message.  Raises `LegLost` when far too much is unwritten."""
        self._put(encode_frame(OP_TEXT, message.encode("utf-8")))

    def put_close(self) -> None:
        """Queue the close frame.  What is put after it is not sent."""
        self._put(encode_close())
        self._sent_close = True

    async def flush(self) -> None:
        """Write what was put.  Returns at once if another task is writing: it writes this too.

        Raises `LegLost`.  Cancellation: may leave half a message on the wire; abort then.
        """
        if self._is_flushing:
            return
        self._is_flushing = True
        try:
            while self._unwritten:
                piece = bytes(self._unwritten)
                self._unwritten.clear()
                self.blocked_since = trio.current_time()
                await self._stream.send_all(piece)
                self.blocked_since = None
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise LegLost(_LEG, f"writing: {_why(exc)}") from exc
        finally:
            self._is_flushing = False

    async def receive(self) -> list[str | bytes]:
        """Wait for messages, at least one unless `closed` was set.  Answers pings and the close.

        Raises `RemoteProtocolError` for a peer that breaks RFC 6455, `LegLost` when answering it
        fails.  Cancellation: loses nothing.
        """
        messages: list[str | bytes] = []
        while not messages and self.closed is None:
            piece = self._first_bytes or await self._receive_some()
            self._first_bytes = b""
            for received in self._reader.feed(piece):
                match received:
                    case Ping(payload):
                        self._put(encode_frame(OP_PONG, payload))
                    case Close(code, _):
                        self.closed = received
                        self._put(encode_close(code))
                        break  # nothing after a close counts
                    case _:
                        messages.append(received)
            await self.flush()
        return messages

    async def abort(self) -> None:
        """Cut the connection.  Never waits."""
        await trio.aclose_forcefully(self._stream)

    def _put(self, frame: bytes) -> None:
        if self._sent_close:
            return
        if len(self._unwritten) + len(frame) > UNWRITTEN_BYTES_MAX:
            raise LegLost(_LEG, f"{UNWRITTEN_BYTES_MAX} bytes could not be written")
        self._unwritten += frame

    async def _receive_some(self) -> bytes:
        try:
            piece = bytes(await self._stream.receive_some(RECEIVE_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            self.closed = Close(CLOSE_ABNORMAL, _why(exc))
            return b""
        if not piece:
            self.closed = Close(CLOSE_ABNORMAL, "the connection ended without a close")
        return piece


async def shake_hands(
    stream: trio.abc.Stream, host: str, resource: str, headers: Sequence[tuple[str, str]]
) -> Connection:
    """Open a websocket on a connected stream.

    Raises `CallNotAccepted`, `RemoteProtocolError`, or `LegLost` when the stream ends first.
    """
    handshake = Handshake()
    try:
        await stream.send_all(handshake.request(host, resource, headers))
        while True:
            piece = bytes(await stream.receive_some(RECEIVE_BYTES))
            if not piece:
                raise LegLost(_LEG, "the server ended the connection during the handshake")
            rest = handshake.feed(piece)
            if rest is not None:
                return Connection(stream, rest)
    except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
        raise LegLost(_LEG, f"handshake: {_why(exc)}") from exc


def _why(exc: BaseException) -> str:
    """Return the deepest cause in words: Trio's own error says little."""
    cause: BaseException = exc
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, BaseExceptionGroup):  # one for each address that was tried
        return "; ".join(dict.fromkeys(str(one) for one in cause.exceptions))
    return str(cause) or type(cause).__name__
