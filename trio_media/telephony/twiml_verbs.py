"""The verbs of TwiML that we use, and whom one may dial.

Rule 1: a record here says what is wanted; whether Twilio would take it is judged when it is written
(`twiml`), except for a target, which is judged once, where it comes in: `dial_target`.

Source: https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

import attrs

from trio_media.errors import LocalProtocolError, evidence

_E164: Final = re.compile(r"\+[0-9]{8,15}")
_SIP: Final = re.compile(r"sips?:[!-;=?-~]+", re.IGNORECASE)  # no spaces, no angle brackets
SIP_CHARS_MAX: Final = 255  # Twilio's limit for a SIP URI


@attrs.frozen
class Number:
    """A telephone."""

    number: str
    """E.164: ``+`` and 8 to 15 digits."""


@attrs.frozen
class Sip:
    """A SIP address."""

    uri: str
    """``sip:...`` or ``sips:...``, at most 255 characters."""


@attrs.frozen(kw_only=True)
class Conference:
    """A room in which several calls hear each other.  A warm transfer meets in one."""

    name: str
    """1 to 128 characters; the same for all who meet."""
    starts_on_enter: bool = True
    """False: this call waits until somebody comes who starts it."""
    ends_on_exit: bool = False
    """When this call leaves, it is over for all."""
    wait_url: str | None = None
    """What is played to those who wait; None: the carrier's music; empty: nothing."""
    beeps: bool = True
    """A tone when this call comes and goes."""


DialTarget: TypeAlias = Number | Sip | Conference


@attrs.frozen
class Say:
    """Speak a text with the carrier's own voice."""

    text: str
    """1 to 4096 characters."""


@attrs.frozen(kw_only=True)
class Play:
    """Play a sound, or press keys.  One of the two."""

    url: str = ""
    """Of a WAV or MP3 file; absolute, or relative to the URL that this TwiML came from."""
    digits: str = ""
    """``0-9 * # A-D``; ``w`` waits half a second, ``W`` a second."""


@attrs.frozen
class Pause:
    """Be silent."""

    length_s: int = 1
    """1 to 14400."""


@attrs.frozen
class Redirect:
    """Go on with the TwiML of another URL.  Nothing after it is done."""

    url: str
    """Absolute, or relative to the URL that this TwiML came from."""
    method: Literal["POST", "GET"] = "POST"


@attrs.frozen(kw_only=True)
class Dial:
    """Connect the call to somebody else.  What is after it is done when they have parted."""

    target: DialTarget
    caller_id: str = ""
    """The number that is shown to a telephone (E.164), or the name shown to a SIP address; empty:
    that of the call."""
    timeout_s: int | None = None
    """How long it rings, 1 to 600; None: the carrier's 30 s."""
    time_limit_s: int | None = None
    """How long they may talk, 1 to 14400; None: the carrier's four hours."""
    action_url: str = ""
    """Asked for TwiML afterwards, in place of what is after this verb; empty: what is after it."""


@attrs.frozen
class Hangup:
    """End the call."""


@attrs.frozen
class Reject:
    """Refuse a call without answering it.  Means something only as the first verb."""

    reason: Literal["rejected", "busy"] = "rejected"


Verb: TypeAlias = Say | Play | Pause | Redirect | Dial | Hangup | Reject


def is_e164(text: str) -> bool:
    """Whether this is a telephone number as E.164 writes it: ``+`` and 8 to 15 digits."""
    return _E164.fullmatch(text) is not None


def dial_target(text: str) -> Number | Sip:
    """Read whom to dial: ``+15551234567``, ``sip:name@host`` or ``sips:name@host``.

    Raises:
        LocalProtocolError: it is neither; the message says what is wanted.
    """
    if is_e164(text):
        return Number(text)
    if len(text) <= SIP_CHARS_MAX and _SIP.fullmatch(text) is not None:
        return Sip(text)
    raise LocalProtocolError(
        f"whom to dial: + and 8 to 15 digits, or sip:name@host, not {evidence(text)}"
    )
