"""Form bodies.  Their length was judged with the request head, before they come here."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

import attrs
from starlette.requests import ClientDisconnect, Request

from trio_media.errors import RemoteProtocolError

FIELDS_MAX: Final = 1_000
CALL_SID_CHARS_MAX: Final = 64  # Twilio's have 34; others use UUIDs
FORM_TYPE: Final = "application/x-www-form-urlencoded"


class BadForm(RemoteProtocolError):
    """The request cannot be taken; answer ``status`` and ``reason``."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@attrs.frozen
class Form:
    """The fields of a form, decoded, in the order of the body."""

    pairs: list[tuple[str, str]]

    def first(self, name: str) -> str:
        """Give the first value of a field, or the empty string."""
        return next((value for found, value in self.pairs if found == name), "")


async def read_form(request: Request) -> Form:
    """Read a form's body.  The deadline is the connection's.

    Raises:
        BadForm: it ends early, is of another type, or not UTF-8.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
    except ClientDisconnect:
        raise BadForm(400, "the body ended early") from None
    if body and content_type != FORM_TYPE:
        raise BadForm(415, f"the body must be {FORM_TYPE}")
    return parse_form(bytes(body))


def parse_form(body: bytes) -> Form:
    """Parse a form's body.

    Raises:
        BadForm: it is none, or not UTF-8.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"
        )
    except ValueError:
        raise BadForm(400, "the body is not a form") from None
    return Form(pairs)
