"""Judges the forms of the REST API as Twilio does, and writes its answers.

Source: https://www.twilio.com/docs/voice/api/call-resource, https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

from trio_media.errors import LocalProtocolError, RestRefused
from trio_media.telephony.twilio_rest import TWIML_CHARS_MAX
from trio_media.telephony.twiml import dial_target
from trio_media.telephony.twiml_verbs import Number, is_e164
from trio_media.testing.carrier.calls import API_VERSION, Order, Replace, StandInCall
from trio_media.testing.carrier.records import RestAsked

_EVENTS: Final = frozenset({"initiated", "ringing", "answered", "completed"})
_MORE_INFO: Final = "https://www.twilio.com/docs/errors/"


def error_body(refusal: RestRefused) -> dict[str, object]:
    """Write a refusal as Twilio does."""
    return {
        "code": refusal.code,
        "message": refusal.message,
        "more_info": f"{_MORE_INFO}{refusal.code}",
        "status": refusal.status,
    }


def read_order(asked: RestAsked) -> Order:
    """Read the form of a new call.  Raises `RestRefused`, as Twilio refuses it."""
    _check_parties(asked.first("To"), asked.first("From"))
    source = read_source(asked)
    events = {value for name, value in asked.form if name == "StatusCallbackEvent"}
    is_async = asked.first("AsyncAmd").lower() == "true"
    return Order(
        url=source.url,
        method=source.method,
        twiml=source.twiml,
        status_callback=_optional_url(asked, "StatusCallback"),
        # An event that does not exist is warned of and never comes.
        status_events=frozenset(events & _EVENTS) or frozenset({"completed"}),
        ring_timeout_s=_seconds(asked, "Timeout", 60.0),
        time_limit_s=_seconds(asked, "TimeLimit", 14_400.0),
        # Twilio ignores machine detection without a word where keys are to be sent.
        machine_detection="" if asked.first("SendDigits") else asked.first("MachineDetection"),
        amd_callback=_optional_url(asked, "AsyncAmdStatusCallback") if is_async else "",
    )


def read_source(asked: RestAsked) -> Replace:
    """Read where the TwiML is.  Raises `RestRefused`: 21205 unless it is in exactly one place."""
    url, twiml = asked.first("Url"), asked.first("Twiml")
    if bool(url) == bool(twiml):
        raise RestRefused(21205, 400, "Exactly one of Url and Twiml is required")
    if len(twiml) > TWIML_CHARS_MAX:
        # Twilio's own code for this is not known.
        raise RestRefused(21205, 400, f"Twiml is longer than {TWIML_CHARS_MAX} characters")
    if url and not _is_http_url(url):
        raise RestRefused(21205, 400, f"Url is not a valid URL: {url[:100]}")
    method: Literal["GET", "POST"] = "GET" if asked.first("Method").upper() == "GET" else "POST"
    return Replace(twiml=twiml, url=url, method=method)


def resource(call: StandInCall) -> Mapping[str, object]:
    """Write a call as the API describes it."""
    # A call is never "initiated" there: that is an event and no status.
    status = "queued" if call.status == "initiated" else call.status
    return {
        "sid": call.call_sid,
        "account_sid": call.account_sid,
        "answered_by": call.answered_by or None,
        "api_version": API_VERSION,
        "direction": call.direction,
        "duration": str(call.talked_s) if call.is_over else None,
        "from": call.from_,
        "price": None,
        "status": status,
        "to": call.to,
        "uri": f"/{API_VERSION}/Accounts/{call.account_sid}/Calls/{call.call_sid}.json",
    }


def _check_parties(to: str, from_: str) -> None:
    if not to:
        raise RestRefused(21201, 400, "No 'To' number is specified")
    if not from_:
        raise RestRefused(21213, 400, "No 'From' number is specified")
    try:
        target = dial_target(to)
    except LocalProtocolError:
        raise RestRefused(21211, 400, f"The 'To' number {to[:40]} is not valid") from None
    if isinstance(target, Number) and not is_e164(from_):
        raise RestRefused(21212, 400, f"The 'From' number {from_[:40]} is not valid")


def _optional_url(asked: RestAsked, name: str) -> str:
    url = asked.first(name)
    if url and not _is_http_url(url):
        raise RestRefused(21609, 400, f"{name} is not a valid URL: {url[:100]}")
    return url


def _seconds(asked: RestAsked, name: str, default_s: float) -> float:
    text = asked.first(name)
    if not text:
        return default_s
    if not (text.isascii() and text.isdecimal()):
        raise RestRefused(20001, 400, f"{name} is not a number of seconds: {text[:40]}")
    return float(text)


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
