"""Who calls whom: what is known of a call before it begins.

Source: https://www.twilio.com/docs/voice/twiml#request-parameters
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import attrs

from trio_media.call.greeting import RECORD, may_record
from trio_media.telephony.events import MediaStreamStarted

Direction: TypeAlias = Literal["inbound", "outbound"]
OURS: Final = frozenset({"token", "caller", "called", "direction", RECORD})
"""Parameters of a media stream that this package puts there; the token is a secret."""


@attrs.frozen(kw_only=True)
class CallInfo:
    """What an application can decide by, before the model hears of the call."""

    call_sid: str
    caller: str = ""
    """Who calls, as the carrier writes it: ``+15551234567``, a SIP address; empty: unknown."""
    called: str = ""
    """Who is called; empty: unknown."""
    direction: Direction = "inbound"
    """Outbound: we placed the call, and ``called`` is who we talk to."""
    record: bool = True
    """False: the media stream was started with ``record`` = ``false``, and nothing of the call is
    kept."""
    resumed: int = 0
    """How often the call has come back after its media stream was cut."""
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    """What else the media stream was started with."""

    @property
    def our_number(self) -> str:
        """The number on our side of the call; empty: unknown."""
        return self.called if self.direction == "inbound" else self.caller


def info_of_stream(started: MediaStreamStarted) -> CallInfo:
    """Read what a media stream was started with."""
    given = started.custom_parameters
    return CallInfo(
        call_sid=started.call_sid,
        caller=given.get("caller", ""),
        called=given.get("called", ""),
        direction=_direction(given.get("direction", "")),
        record=may_record(given),
        parameters={name: value for name, value in given.items() if name not in OURS},
    )


def info_of_form(form: Mapping[str, str]) -> CallInfo:
    """Read the form of the carrier's webhook for a call."""
    return CallInfo(
        call_sid=form.get("CallSid", ""),
        caller=form.get("From", ""),
        called=form.get("To", ""),
        direction=_direction(form.get("Direction", "")),
    )


def _direction(told: str) -> Direction:
    # Twilio says outbound-api and outbound-dial.
    return "outbound" if told.startswith("outbound") else "inbound"
