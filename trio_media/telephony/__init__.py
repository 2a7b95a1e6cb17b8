"""Carriers: one module each, translating between its messages and `telephony.events`.

Beside the media stream, for a carrier that has them: what a call is told to do (`twiml`), the
requests that place and end calls (`twilio_rest`), and how far a call has come (`call_status`).

Nothing here does I/O or reads a clock.  A new carrier is one module, its test module and one line
in `CARRIERS`; the rest of the package asks a codec's capabilities, never a carrier's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from trio_media.telephony.events import TelephonyCodec
from trio_media.telephony.twilio import TwilioCodec

CARRIERS: Final[Mapping[str, Callable[[], TelephonyCodec]]] = {
    "twilio": TwilioCodec,
}
"""A fresh codec for one media stream, by the carrier's name."""
