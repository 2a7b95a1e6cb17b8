"""The answers of Twilio's Voice REST API, read and judged.  No I/O.

Rule 1: what a refusal means is a table: Twilio's own code first, then the HTTP status.

Source: https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Final

import attrs
import msgspec

from trio_media.errors import RemoteProtocolError, RestRefused, evidence

MESSAGE_CHARS_MAX: Final = 200  # of Twilio's own words in an error
_SID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # it becomes a part of a path


@attrs.frozen(kw_only=True)
class CallResource:
    """A call as the REST API describes it.  What it does not say is empty."""

    sid: str
    status: str = ""
    """See `call_status.call_status`."""
    direction: str = ""
    to: str = ""
    from_: str = ""
    answered_by: str = ""
    duration_s: int | None = None


class Meaning(enum.Enum):
    """What a refusal means for the call."""

    GONE = "there is no such call any more"
    NOT_IN_PROGRESS = "the call is not in progress"
    TOO_MANY = "too many requests; later"
    BROKEN = "the carrier failed; later"
    REFUSED = "asking again changes nothing"


CODE_NOT_FOUND: Final = 20404
CODE_NOT_IN_PROGRESS: Final = 21220

_BY_CODE: Final[Mapping[int, Meaning]] = {
    CODE_NOT_FOUND: Meaning.GONE,
    CODE_NOT_IN_PROGRESS: Meaning.NOT_IN_PROGRESS,
    20429: Meaning.TOO_MANY,
}
_BY_STATUS: Final[Mapping[int, Meaning]] = {404: Meaning.GONE, 429: Meaning.TOO_MANY}


def read_answer(status: int, body: bytes) -> CallResource:
    """Read the answer to any of these requests.

    Raises:
        RestRefused: the API says no; `meaning_of` says what that means.
        RemoteProtocolError: it is no answer of this API.
    """
    if not 200 <= status < 300:
        raise _refusal(status, body)
    try:
        told = _resource.decode(body)
    except (msgspec.DecodeError, UnicodeError) as exc:
        raise RemoteProtocolError(f"not a call resource ({exc}): {evidence(body)}") from exc
    if _SID.fullmatch(told.sid) is None:
        raise RemoteProtocolError(f"a call resource without a sid: {evidence(body)}")
    duration = told.duration or ""
    return CallResource(
        sid=told.sid,
        status=told.status or "",
        direction=told.direction or "",
        to=told.to or "",
        from_=told.from_ or "",
        answered_by=told.answered_by or "",
        duration_s=int(duration) if duration.isascii() and duration.isdecimal() else None,
    )


def meaning_of(refused: RestRefused) -> Meaning:
    """Say what a refusal means: Twilio's own code counts first, then the HTTP status."""
    found = _BY_CODE.get(refused.code) or _BY_STATUS.get(refused.status)
    if found is not None:
        return found
    return Meaning.BROKEN if refused.status >= 500 else Meaning.REFUSED


class _Resource(msgspec.Struct):
    sid: str
    status: str | None = None
    direction: str | None = None
    to: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    answered_by: str | None = None
    duration: str | None = None


class _Error(msgspec.Struct):
    code: int | None = None
    message: str | None = None


_resource: Final = msgspec.json.Decoder(_Resource)
_error: Final = msgspec.json.Decoder(_Error)


def _refusal(status: int, body: bytes) -> RestRefused:
    try:
        told = _error.decode(body)
    except (msgspec.DecodeError, UnicodeError):
        # A proxy in between speaks HTML; the status is all that counts then.
        return RestRefused(0, status, evidence(body))
    return RestRefused(told.code or 0, status, (told.message or "")[:MESSAGE_CHARS_MAX])
