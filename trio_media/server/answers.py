"""Answers that are written straight to a connection, before any framework sees it."""

from __future__ import annotations

import email.utils
import http
from collections.abc import Mapping
from typing import Final, Literal

import trio

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
RETRY_AFTER_S: Final = 5  # two of the windows in which lateness is judged
ANSWER_S: Final = 2.0  # to send the answer and to see the peer's close
LINGERING: Final = trio.CapacityLimiter(128)
"""Connections that are only kept so that the peer gets its answer; more are closed at once."""
DISCARD_MAX_BYTES: Final = 1 << 20  # of a body that nobody wants


def answer_bytes(
    status: int, text: str, *, headers: Mapping[str, str] | None = None, has_body: bool = True
) -> bytes:
    """Give a whole HTTP/1.1 answer with a line of plain text as its body."""
    body = f"{text}\n".encode()
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"]
    fields = {
        "Date": email.utils.formatdate(usegmt=True),
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **SECURITY_HEADERS,
        **(headers or {}),
    }
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body if has_body else b"")


def too_many(status: Literal[429, 503]) -> bytes:
    """Give the answer to whoever has too many connections (429), or comes where they are (503)."""
    text = "too many connections" + (" of one client" if status == 429 else "")
    return answer_bytes(status, text, headers={"Retry-After": str(RETRY_AFTER_S)})


async def answer_and_close(
    stream: trio.abc.HalfCloseableStream, answer: bytes, *, lingers: bool = True
) -> None:
    """Send the answer and close, within 2 s and whatever the peer does.

    Not waiting for the peer, while many others are waited for or if not ``lingers``: it may lose
    the answer then.

    Cancellation: closes at once.
    """
    try:
        # The stream is closed in any case, so half an answer harms nobody.
        with trio.move_on_after(ANSWER_S):
            await stream.send_all(answer)
            await stream.send_eof()
            # Closing with unread bytes resets the connection, and the peer may lose the answer.
            if not lingers:
                return
            LINGERING.acquire_on_behalf_of_nowait(stream)
            try:
                await _discard(stream)
            finally:
                LINGERING.release_on_behalf_of(stream)
    except trio.WouldBlock:
        pass
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the peer has left; there is nobody to tell
    finally:
        await trio.aclose_forcefully(stream)


async def _discard(stream: trio.abc.ReceiveStream) -> None:
    """Read what nobody wants, until the peer closes or has sent too much."""
    discarded_bytes = 0
    while discarded_bytes < DISCARD_MAX_BYTES:
        piece = await stream.receive_some(1 << 16)
        if not piece:
            return
        discarded_bytes += len(piece)
