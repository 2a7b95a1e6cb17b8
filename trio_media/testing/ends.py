"""How a call ended, in words.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

from trio_media.call.going import TRANSFERRED
from trio_media.call.record import CallEnd
from trio_media.simulation.calls.account import Redirected
from trio_media.telephony.twiml import Conference, Dial, Number, Sip


def hung_up_by(reason: str) -> str:
    """Say who ended a call, by its reason; empty: it goes on."""
    if not reason:
        return ""
    if reason.startswith("caller"):
        return "caller"
    if reason.startswith("carrier"):
        return "carrier"
    return "model" if reason == "model_lost" else "us"


def transferred_to(end: CallEnd, redirects: Sequence[Redirected]) -> str | None:
    """Say to whom a call was handed over: a number, a SIP address or a room.

    ``redirects``: what the carrier's account was asked; the last one counts if the call was
    transferred so.
    """
    verbs = end.onward
    if verbs is None and end.reason == TRANSFERRED and redirects:
        verbs = redirects[-1].verbs
    for verb in verbs or ():
        match verb:
            case Dial(target=Number(number)):
                return number
            case Dial(target=Sip(address)):
                return address
            case Dial(target=Conference(name=name)):
                return name
    return None
