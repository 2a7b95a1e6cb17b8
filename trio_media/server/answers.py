"""Answers that are written straight to a connection, before any framework sees it."""

from __future__ import annotations

import email.utils
import http
from collections.abc import Mapping
from typing import Final

import trio

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
ANSWER_S: Final = 2.0  # to send the answer and to see the peer's close
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


async def answer_and_close(stream: trio.abc.HalfCloseableStream, answer: bytes) -> None:
    """Send the answer and close, within 2 s and whatever the peer does.

    Cancellation: closes at once.
    """
    try:
        # The stream is closed in any case, so half an answer harms nobody.
        with trio.move_on_after(ANSWER_S):
            await stream.send_all(answer)
            await stream.send_eof()
            # Closing with unread bytes resets the connection, and the peer may lose the answer.
            discarded_bytes = 0
            while discarded_bytes < DISCARD_MAX_BYTES:
                piece = await stream.receive_some(1 << 16)
                if not piece:
                    break
                discarded_bytes += len(piece)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the peer has left; there is nobody to tell
    finally:
        await trio.aclose_forcefully(stream)
