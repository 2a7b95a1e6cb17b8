"""One call that we place: what is asked for, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs
import trio

from trio_media.agent.info import OURS
from trio_media.errors import LocalProtocolError, TrioMediaError, evidence
from trio_media.telephony.call_status import CallProgress, CallStatus
from trio_media.telephony.twilio_rest import MachineDetection
from trio_media.telephony.twiml import Verb

PARAMETERS_MAX: Final = 32  # they are in TwiML, which the carrier reads up to 64 kB
PARAMETER_CHARS_MAX: Final = 100  # of a name, and of a value


@attrs.frozen(kw_only=True)
class CallToPlace:
    """A call to be placed."""

    to: str
    """``+15551234567`` or ``sip:name@host``."""
    from_: str = ""
    """The number that is shown; empty: the configured one."""
    ring_s: float = 30
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    """What the agent is told of it: `CallInfo.parameters`.  At most 32, of which no name and no
    value is longer than 100 characters."""
    verbs: tuple[Verb, ...] = ()
    """What the callee hears instead of the agent."""
    machine_detection: MachineDetection | None = None
    key: str = ""
    """Names what the call is for; with one that was used, that call is given and none is placed."""


@attrs.define(eq=False)
class DialedCall:
    """One call that we placed."""

    dial_id: str
    to_place: CallToPlace
    call_sid: str = ""
    """Empty until the carrier has said it."""
    progress: CallProgress = attrs.field(factory=CallProgress)
    is_abandoned: bool = False
    """Nobody waits for it: it is ended once it shows that it was placed."""
    failure: TrioMediaError | None = None
    """Why it was not placed, as far as is known."""
    settled: trio.Event = attrs.field(factory=trio.Event)
    """The carrier has taken it, or has not."""
    _news: trio.Event = attrs.field(factory=trio.Event)

    def heard(self, call_sid: str, status: str, sequence: int | None = None) -> None:
        """The carrier tells how far the call has come."""
        self.call_sid = self.call_sid or call_sid
        self.progress.heard(status, sequence)
        news, self._news = self._news, trio.Event()
        news.set()

    async def news(self) -> None:
        """Wait until the carrier tells something."""
        await self._news.wait()

    async def answered(self) -> bool:
        """Wait until somebody answers, or it is known that nobody will."""
        while self.progress.status is not CallStatus.IN_PROGRESS and not self.progress.is_over:
            await self.news()
        return self.progress.status in (CallStatus.IN_PROGRESS, CallStatus.COMPLETED)

    async def over(self) -> CallStatus:
        """Wait until the call is over; return how it ended."""
        while not self.progress.is_over:
            await self.news()
        return self.progress.status


def check_parameters(parameters: Mapping[str, str]) -> None:
    """Raise `LocalProtocolError` for what a media stream cannot be started with."""
    if len(parameters) > PARAMETERS_MAX:
        raise LocalProtocolError(f"parameters: at most {PARAMETERS_MAX}")
    for name, value in parameters.items():
        shown = evidence(name)
        if name in OURS:
            raise LocalProtocolError(f"parameter {shown}: the name is taken; use another")
        for text in (name, value):
            if not 0 < len(text) <= PARAMETER_CHARS_MAX or not text.isprintable():
                raise LocalProtocolError(
                    f"parameter {shown}: name and value have 1 to {PARAMETER_CHARS_MAX} "
                    "printable characters each"
                )
