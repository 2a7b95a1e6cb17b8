"""Twilio's Voice REST API for calls: what is asked, and what may be asked again.
No I/O; `twilio_rest_answers` reads the answers.

Rule 1: an update of a call may be sent again after any failure: twice ended is ended.
Rule 2: a call is placed again only when it cannot have been placed: no byte of the request can have
been taken, or the answer was 429.  Else somebody's telephone would ring twice.

Source: https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import attrs

from trio_media.errors import LocalProtocolError, RestRefused, evidence
from trio_media.telephony.twilio_rest_answers import CallResource as CallResource
from trio_media.telephony.twilio_rest_answers import Meaning as Meaning
from trio_media.telephony.twilio_rest_answers import meaning_of as meaning_of
from trio_media.telephony.twilio_rest_answers import read_answer as read_answer
from trio_media.telephony.twiml import CALL_S_MAX, RING_S_MAX
from trio_media.telephony.twiml_verbs import Number, dial_target, is_e164

TWIML_CHARS_MAX: Final = 4_000  # Twilio's limit for the TwiML in a request
SEND_DIGITS_MAX: Final = 32  # Twilio's limit
MACHINE_TIMEOUT_S: Final = (3, 59)  # Twilio's limits
_VERSION: Final = "2010-04-01"

_SID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what is a path's own stays out of a sid
_HTTP_URL: Final = re.compile(r"https?://[^/?#\s]+[^\s]*")
_SEND_DIGITS: Final = re.compile(r"[0-9A-D#*wW]+")

StatusEvent: TypeAlias = Literal["initiated", "ringing", "answered", "completed"]
ALL_EVENTS: Final[tuple[StatusEvent, ...]] = ("initiated", "ringing", "answered", "completed")
MachineDetection: TypeAlias = Literal["Enable", "DetectMessageEnd"]


@attrs.frozen(kw_only=True)
class RestRequest:
    """One request to the REST API."""

    method: Literal["GET", "POST"]
    path: str
    """Below the API's origin, beginning with a slash."""
    form: tuple[tuple[str, str], ...] = ()
    is_update: bool
    """It may be sent again whatever became of it: see `may_repeat`."""


@attrs.frozen(kw_only=True)
class PlaceCall:
    """A call to place, and what Twilio does with it."""

    to: str
    """``+15551234567`` or ``sip:name@host``."""
    from_: str
    """E.164; for a SIP address any name."""
    url: str = ""
    """Asked for TwiML when the call is answered.  Either this or ``twiml``."""
    twiml: str = ""
    """At most 4000 characters."""
    status_callback: str = ""
    """Told how far the call has come; empty: nobody is told."""
    status_events: tuple[StatusEvent, ...] = ALL_EVENTS
    ring_timeout_s: int | None = None
    """1 to 600; None: the carrier's 60 s."""
    time_limit_s: int | None = None
    """1 to 14400, from the answer; None: the carrier's four hours."""
    machine_detection: MachineDetection | None = None
    """Whether a machine has answered is found out; ``DetectMessageEnd`` waits for its beep."""
    machine_timeout_s: int | None = None
    """3 to 59; None: the carrier's 30 s."""
    amd_callback: str = ""
    """Told who has answered, while the call goes on; empty: the call waits until it is known."""
    send_digits: str = ""
    """Keys that are pressed when it is answered, at most 32: ``0-9 A-D # *``, ``w`` half a second,
    ``W`` a second."""


class Trouble(enum.Enum):
    """Why there is no good answer to a request."""

    NOT_TAKEN = "no byte of it can have been taken"
    UNKNOWN = "nobody can say whether it was taken"
    TOO_MANY = "429: too many requests"
    BROKEN = "5xx: the carrier itself failed"


_MAY_PLACE_AGAIN: Final[Mapping[Trouble, bool]] = {
    Trouble.NOT_TAKEN: True,
    Trouble.UNKNOWN: False,
    Trouble.TOO_MANY: True,  # Twilio turns these away before it looks at them
    Trouble.BROKEN: False,
}


_TROUBLE_OF: Final[Mapping[Meaning, Trouble]] = {
    Meaning.TOO_MANY: Trouble.TOO_MANY,
    Meaning.BROKEN: Trouble.BROKEN,
}


def place_call(account_sid: str, call: PlaceCall) -> RestRequest:
    """Ask for a call to be placed.  The answer is a `CallResource` with the new ``sid``.

    Raises:
        LocalProtocolError: Twilio would refuse it; the message names what and why.
    """
    _check_parties(call)
    _check_instructions(call)
    form = [("To", call.to), ("From", call.from_)]
    form += _given("Url", call.url) + _given("Twiml", call.twiml)
    if call.status_callback:
        form.append(("StatusCallback", _http_url("StatusCallback", call.status_callback)))
        form += [("StatusCallbackEvent", event) for event in call.status_events]
    form += _seconds("Timeout", call.ring_timeout_s, (1, RING_S_MAX))
    form += _seconds("TimeLimit", call.time_limit_s, (1, CALL_S_MAX))
    form += _machine_fields(call) + _given("SendDigits", call.send_digits)
    return RestRequest(
        method="POST", path=_calls_path(account_sid), form=tuple(form), is_update=False
    )


def complete_call(account_sid: str, call_sid: str) -> RestRequest:
    """Ask for the end of a call, answered or not.  `Meaning.GONE` is success: it was over.

    Raises:
        LocalProtocolError: one of the sids cannot be one.
    """
    return _update(account_sid, call_sid, ("Status", "completed"))


def cancel_call(account_sid: str, call_sid: str) -> RestRequest:
    """Ask for the end of a call that nobody has answered; an answered one is left alone.

    Raises:
        LocalProtocolError: one of the sids cannot be one.
    """
    return _update(account_sid, call_sid, ("Status", "canceled"))


def redirect_call(
    account_sid: str, call_sid: str, *, twiml: str = "", url: str = ""
) -> RestRequest:
    """Ask for a call in progress to go on with other TwiML.  Its media stream ends by that.

    Args:
        account_sid: ours.
        call_sid: the call's.
        twiml: at most 4000 characters; or
        url: where the TwiML is, asked for with a POST.

    Raises:
        LocalProtocolError: not exactly one of the two, or Twilio would refuse it.
    """
    _check_source("redirect", url=url, twiml=twiml)
    fields = [("Url", url), ("Method", "POST")] if url else [("Twiml", twiml)]
    return _update(account_sid, call_sid, *fields)


def fetch_call(account_sid: str, call_sid: str) -> RestRequest:
    """Ask how a call is.

    Raises:
        LocalProtocolError: one of the sids cannot be one.
    """
    return RestRequest(method="GET", path=_call_path(account_sid, call_sid), is_update=True)


def trouble_of(refused: RestRefused) -> Trouble | None:
    """Say which trouble a refusal is; None: it is an answer, and will not change."""
    return _TROUBLE_OF.get(meaning_of(refused))


def may_repeat(request: RestRequest, trouble: Trouble) -> bool:
    """Whether a request may be sent again after this: rules 1 and 2."""
    return request.is_update or _MAY_PLACE_AGAIN[trouble]


def _check_parties(call: PlaceCall) -> None:
    target = dial_target(call.to)
    is_telephone = isinstance(target, Number)
    if (is_telephone and not is_e164(call.from_)) or not call.from_.isprintable():
        raise LocalProtocolError("From: + and 8 to 15 digits is wanted for a call to a number")
    if not call.from_:
        raise LocalProtocolError("From: is wanted")


def _check_instructions(call: PlaceCall) -> None:
    _check_source("call", url=call.url, twiml=call.twiml)
    if len(call.send_digits) > SEND_DIGITS_MAX or (
        call.send_digits and _SEND_DIGITS.fullmatch(call.send_digits) is None
    ):
        raise LocalProtocolError(f"SendDigits: at most {SEND_DIGITS_MAX} of 0-9 A-D # * w W")
    if call.send_digits and call.machine_detection:
        # Twilio would ignore the second without a word.
        raise LocalProtocolError("SendDigits: no machine detection with it")
    if call.amd_callback and not call.machine_detection:
        raise LocalProtocolError("AsyncAmdStatusCallback: needs machine detection")


def _check_source(what: str, *, url: str, twiml: str) -> None:
    if bool(url) == bool(twiml):
        raise LocalProtocolError(f"{what}: needs either a url or TwiML")
    if url:
        _http_url("Url", url)
    if len(twiml) > TWIML_CHARS_MAX:
        raise LocalProtocolError(
            f"Twiml: at most {TWIML_CHARS_MAX} characters, not {len(twiml)}; use a url"
        )


def _machine_fields(call: PlaceCall) -> list[tuple[str, str]]:
    if call.machine_detection is None:
        return []
    fields: list[tuple[str, str]] = [("MachineDetection", call.machine_detection)]
    fields += _seconds("MachineDetectionTimeout", call.machine_timeout_s, MACHINE_TIMEOUT_S)
    if call.amd_callback:
        fields.append(("AsyncAmd", "true"))
        url = _http_url("AsyncAmdStatusCallback", call.amd_callback)
        fields.append(("AsyncAmdStatusCallback", url))
    return fields


def _update(account_sid: str, call_sid: str, *fields: tuple[str, str]) -> RestRequest:
    path = _call_path(account_sid, call_sid)
    return RestRequest(method="POST", path=path, form=fields, is_update=True)


def _calls_path(account_sid: str) -> str:
    return f"/{_VERSION}/Accounts/{_sid('account', account_sid)}/Calls.json"


def _call_path(account_sid: str, call_sid: str) -> str:
    account, call = _sid("account", account_sid), _sid("call", call_sid)
    return f"/{_VERSION}/Accounts/{account}/Calls/{call}.json"


def _sid(what: str, sid: str) -> str:
    if _SID.fullmatch(sid) is None:
        raise LocalProtocolError(f"{what} sid: 1 to 64 letters and digits, not {evidence(sid)}")
    return sid


def _http_url(what: str, url: str) -> str:
    # A URL may hold a secret: an error names the field only.
    if _HTTP_URL.fullmatch(url) is None:
        raise LocalProtocolError(f"{what}: http://host... or https://host... is wanted")
    return url


def _given(name: str, value: str) -> list[tuple[str, str]]:
    return [(name, value)] if value else []


def _seconds(name: str, length_s: int | None, limits: tuple[int, int]) -> list[tuple[str, str]]:
    if length_s is None:
        return []
    shortest_s, longest_s = limits
    if not shortest_s <= length_s <= longest_s:
        raise LocalProtocolError(f"{name}: {shortest_s} to {longest_s} s, not {length_s}")
    return [(name, str(length_s))]
