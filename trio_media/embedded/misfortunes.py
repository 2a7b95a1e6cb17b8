"""What goes wrong in one model session, and when: counts events and time against the faults.

Rule 1: the events of a response are counted from its ``response.created`` on; of several responses
at one time, together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Final

import attrs

from trio_media.embedded.faults import (
    AtMoment,
    Drop,
    ErrorFirst,
    Expire,
    FaultSupply,
    HalfOpen,
    OfResponse,
)

_OF_RESPONSE: Final = "response."
_CREATED: Final = "response.created"


@attrs.frozen(kw_only=True)
class Closing:
    """The end of a connection as the model wants it."""

    code: int | None
    """None: without a closing handshake."""
    reason: str = ""
    hold_s: float = 0.0
    """How long the socket stays open before, with nobody there."""


class Misfortunes:
    """Those of one model session."""

    def __init__(self, supply: FaultSupply, now_s: float) -> None:
        self.error_first: ErrorFirst | None = supply.use_first(ErrorFirst)
        """Why there is no model session at all."""
        expiry = supply.use_first(Expire)
        self.lasts_s: float = math.inf if expiry is None else expiry.after_s
        """How long the model session may last, as far as faults are concerned."""
        self._supply = supply
        self._began_s = now_s
        self._responses = 0
        self._sent: Counter[str] = Counter()
        self._received: Counter[str] = Counter()

    @property
    def due_s(self) -> float:
        """When something goes wrong by itself; infinity: never."""
        return min(
            (self._at_s(fault) for fault in self._supply.of_kind(AtMoment)), default=math.inf
        )

    def now(self, now_s: float) -> Closing | None:
        """Return how the connection ends, if its time has come."""
        return self._ending(lambda fault: self._at_s(fault) <= now_s)

    def sent(self, kind: str) -> Closing | None:
        """Count an event that was sent; return how the connection ends behind it, if it does."""
        if kind == _CREATED:
            self._responses += 1
            for counted in [name for name in self._sent if name.startswith(_OF_RESPONSE)]:
                del self._sent[counted]
        self._sent[kind] += 1
        count = self._sent[kind]
        # What is not about a response stands at no place among them.
        number = self._responses if kind.startswith(_OF_RESPONSE) else math.inf
        return self._ending(
            lambda fault: fault.sent == kind and fault.count == count and fault.response <= number
        )

    def received(self, kind: str) -> Closing | None:
        """Count an event of the client; return how the connection ends in the place of obeying."""
        self._received[kind] += 1
        count = self._received[kind]
        return self._ending(lambda fault: fault.received == kind and fault.count == count)

    def of_response(self, number: int) -> OfResponse | None:
        """Return why a response does not complete.  ``number``: from 1 on, in its session."""
        for fault in self._supply.of_kind(OfResponse):
            if number >= fault.response:
                self._supply.use(fault)
                return fault
        return None

    def _at_s(self, fault: AtMoment) -> float:
        return math.inf if fault.after_s is None else self._began_s + fault.after_s

    def _ending(self, is_now: Callable[[AtMoment], bool]) -> Closing | None:
        fault = next((fault for fault in self._supply.of_kind(AtMoment) if is_now(fault)), None)
        if fault is None:
            return None
        self._supply.use(fault)
        if isinstance(fault, HalfOpen):
            return Closing(code=None, hold_s=fault.hold_s)
        return Closing(code=fault.close if isinstance(fault, Drop) else None)
