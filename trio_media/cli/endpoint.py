"""Try a realtime endpoint step by step, and say in words at which step it fails.

Source: https://platform.openai.com/docs/guides/realtime-websocket
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from trio_media.call.model_service import model_headers, model_url
from trio_media.config import RealtimeConfig
from trio_media.config_secrets import model_secrets
from trio_media.hiding import Hiding

MESSAGE_MAX_BYTES: Final = 1 << 20
SHOWN_CHARS_MAX: Final = 200  # of what the service says
ABNORMAL_CLOSURE: Final = 1006  # RFC 6455: the socket closed without a close frame

_MEANINGS: Final[Mapping[int, str]] = {
    401: "the key is missing or wrong (realtime.api_key)",
    403: "the key may not use this model (realtime.api_key, realtime.model)",
    404: "no realtime endpoint there (realtime.url, realtime.model)",
    429: "too many requests, or the account has no quota left",
}


@attrs.frozen
class Verdict:
    """What came of it."""

    is_good: bool
    text: str


class _Failed(Exception):
    """A step failed; the message says how."""


@attrs.define
class _Progress:
    """The step that is being done, for when time runs out."""

    step: str = "starting"


class _HandshakeStream(trio.abc.Stream):
    """A stream whose end is an error while the handshake is not complete.

    The websocket library waits for ever for a handshake that will not come.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.is_shaking = True

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            piece = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            if not self.is_shaking:
                raise
            piece = b""
        if self.is_shaking and not piece:
            raise _Failed("it hung up, or does not speak websocket here")
        return piece

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def try_endpoint(config: RealtimeConfig) -> Verdict:
    """Connect, shake hands and wait for the service's first event.

    Takes at most ``config.connect_timeout_s``.
    """
    progress = _Progress()
    hide = Hiding(model_secrets(config))  # services quote a wrong key back, and a URL may hold one
    where = hide(f"{config.url}, model {config.model}")
    try:
        with trio.move_on_after(config.connect_timeout_s):
            await _try(config, progress)
            return Verdict(True, f"ok ({where})")
    except _Failed as failed:
        return Verdict(False, f"{hide(str(failed))} ({where})")
    waited = f"{config.connect_timeout_s:g} s"
    return Verdict(False, f"no answer within {waited} while {progress.step} ({where})")


async def _try(config: RealtimeConfig, progress: _Progress) -> None:
    failed: Exception | None = None
    stream = _HandshakeStream(await _open_stream(config.url, progress))
    try:
        progress.step = "asking for the websocket"
        async with trio.open_nursery() as nursery:
            connection = await _shake_hands(nursery, stream, config)
            stream.is_shaking = False
            progress.step = "waiting for session.created"
            await _await_created(connection)
            # A polite close would cost another round trip, and the answer is known.
            nursery.cancel_scope.cancel()
    except* (_Failed, ConnectionRejected, ConnectionClosed, HandshakeError) as group:
        failed = _first(group)
    finally:
        await trio.aclose_forcefully(stream)
    if failed is not None:
        raise failed if isinstance(failed, _Failed) else _Failed(_in_words(failed))


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _in_words(error: Exception) -> str:
    if isinstance(error, ConnectionRejected):
        meaning = _MEANINGS.get(error.status_code, "the websocket was refused")
        said = _shorten((error.body or b"").decode("utf-8", "replace"))
        return f"HTTP {error.status_code}: {meaning}{': ' if said else ''}{said}"
    if isinstance(error, ConnectionClosed) and error.reason is not None:
        said = f"{error.reason.code} {_shorten(error.reason.reason or '')}".strip()
        if error.reason.code == ABNORMAL_CLOSURE:
            return "it hung up without a word"
        return f"the service closed the connection: {said}"
    return f"it does not speak websocket here: {_said(error)}"


async def _open_stream(url: str, progress: _Progress) -> trio.abc.Stream:
    parts = urlsplit(url)
    is_tls = parts.scheme == "wss"
    host, port = parts.hostname or "", parts.port or (443 if is_tls else 80)
    progress.step = f"looking up {host}"
    try:
        await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise _Failed(f"{host} cannot be found in DNS: {_said(exc)}") from exc
    progress.step = f"connecting to {host}:{port}"
    try:
        stream = await trio.open_tcp_stream(host, port)
    except OSError as exc:
        if _is_refused(exc):
            raise _Failed(f"{host}:{port} refused the connection: nothing listens") from exc
        raise _Failed(f"{host}:{port} cannot be reached: {_said(exc)}") from exc
    if not is_tls:
        return stream
    progress.step = f"starting TLS with {host}"
    secured = trio.SSLStream(
        stream, ssl.create_default_context(), server_hostname=host, https_compatible=True
    )
    try:
        await secured.do_handshake()
    except trio.BrokenResourceError as exc:
        await trio.aclose_forcefully(stream)
        cause = exc.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise _Failed(
                f"TLS: {host}'s certificate is not valid: {cause.verify_message}"
            ) from exc
        raise _Failed(f"TLS failed with {host}:{port}: {_said(cause or exc)}") from exc
    return secured


async def _shake_hands(
    nursery: trio.Nursery, stream: trio.abc.Stream, config: RealtimeConfig
) -> WebSocketConnection:
    parts = urlsplit(model_url(config))
    return await wrap_client_stream(
        nursery,
        stream,  # type: ignore[arg-type]  # any Trio stream works
        parts.netloc,
        f"{parts.path or '/'}?{parts.query}",
        extra_headers=list(model_headers(config)),
        max_message_size=MESSAGE_MAX_BYTES,
    )


async def _await_created(connection: WebSocketConnection) -> None:
    while True:
        event = _event(await connection.get_message())
        if event.get("type") == "session.created":
            return
        if event.get("type") == "error":
            error = event.get("error")
            detail = error if isinstance(error, dict) else {}
            code, message = detail.get("code") or detail.get("type"), detail.get("message")
            raise _Failed(f"the service says {code}: {_shorten(str(message))}")


def _event(message: str | bytes) -> dict[str, Any]:
    try:
        event = json.loads(message)
    except ValueError as exc:
        raise _Failed(f"not a realtime service, it says: {_shorten(str(message))}") from exc
    if not isinstance(event, dict):
        raise _Failed(f"not a realtime service, it says: {_shorten(str(message))}")
    return event


def _is_refused(error: BaseException) -> bool:
    """Whether every address refused; Trio groups the errors of several addresses."""
    if isinstance(error, ConnectionRefusedError):
        return True
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup):
        return all(isinstance(one, ConnectionRefusedError) for one in cause.exceptions)
    return isinstance(cause, ConnectionRefusedError)


def _said(error: BaseException) -> str:
    return _shorten(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def _shorten(text: str) -> str:
    return " ".join(text.split())[:SHOWN_CHARS_MAX]
