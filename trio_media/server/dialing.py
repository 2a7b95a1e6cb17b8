"""Placing calls, and following them until they are over.

Rule 1: a call is never placed twice: what may have been taken is not asked for again, and a key
        that was used gives the call that it was used for.
Rule 2: a server that takes no more calls places none.
Rule 3: how far a call has come is told by the carrier's callbacks, in any order; where none come,
        the carrier is asked.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Mapping
from typing import Final

import attrs
import trio

from trio_media.errors import (
    CallRefused,
    ConfigError,
    LocalProtocolError,
    RemoteProtocolError,
    RestLost,
    RestRefused,
    TrioMediaError,
)
from trio_media.server.addresses import AMD_PATH, STATUS_PATH, VOICE_PATH
from trio_media.server.admission import Admission
from trio_media.server.twilio_rest_client import TwilioRest
from trio_media.telephony.call_status import CallProgress, CallStatus
from trio_media.telephony.twilio_rest import MachineDetection, PlaceCall
from trio_media.telephony.twiml import Verb, voice_response

ASK_EVERY_S: Final = 5.0  # a callback that was lost costs so long
LOST_S: Final = 15.0  # a call that may have been placed shows itself within this
RING_GRACE_S: Final = 30.0  # carriers ring a little longer than they are asked to
CALL_S_MAX: Final = 4 * 3_600.0  # the carrier's own limit
KEPT_MAX: Final = 4_096  # calls that may still be asked about
ID_BYTES: Final = 12

log = logging.getLogger("trio_media.dialing")


@attrs.frozen(kw_only=True)
class CallToPlace:
    """A call to be placed."""

    to: str
    """``+15551234567`` or ``sip:name@host``."""
    from_: str = ""
    """The number that is shown; empty: the configured one."""
    ring_s: float = 30
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    """What the agent is told of it: `CallInfo.parameters`."""
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


@attrs.define(eq=False, kw_only=True)
class Dialing:
    """The calls that one process placed."""

    rest: TwilioRest
    admission: Admission
    nursery: trio.Nursery
    """Where calls are followed."""
    origin: str
    """``https://host`` as the carrier sees us."""
    from_number: str = ""
    _dialed: dict[str, DialedCall] = attrs.field(factory=dict)
    _by_key: dict[str, DialedCall] = attrs.field(factory=dict)

    def find(self, dial_id: str) -> DialedCall | None:
        """Give the call that a webhook names."""
        return self._dialed.get(dial_id)

    async def dial(self, call: CallToPlace) -> DialedCall:
        """Place a call; return it as soon as the carrier has taken it.

        Raises `CallRefused`: we take no calls now; `ConfigError` and `LocalProtocolError`: it
        cannot be placed so; `RestRefused`, `RestLost`, `RemoteProtocolError`: the carrier did not
        take it, as far as can be known.  **Cancellation:** it may have been placed; what comes of
        it is ended.
        """
        used = self._by_key.get(call.key) if call.key else None
        if used is not None:
            return used
        reason = self.admission.refusal()
        if reason is not None:
            raise CallRefused(reason)
        dialed = DialedCall(secrets.token_urlsafe(ID_BYTES), call)
        wanted = self._request(dialed)
        self._remember(dialed)
        is_placed = False
        try:
            await self._place(dialed, wanted)
            is_placed = True
        finally:
            if not is_placed:
                self._forget(dialed)
        self.nursery.start_soon(_follow, self, dialed)
        return dialed

    def _request(self, dialed: DialedCall) -> PlaceCall:
        call = dialed.to_place
        from_ = call.from_ or self.from_number
        if not from_:
            raise ConfigError("twilio.from_number: needed to place calls, or a number to call from")
        if not self.origin:
            raise ConfigError("server.public_url: needed to place calls; the carrier asks us there")
        asked = f"?dial={dialed.dial_id}"
        return PlaceCall(
            to=call.to,
            from_=from_,
            url="" if call.verbs else f"{self.origin}{VOICE_PATH}{asked}",
            twiml=voice_response(call.verbs) if call.verbs else "",
            status_callback=f"{self.origin}{STATUS_PATH}{asked}",
            ring_timeout_s=max(1, math.ceil(call.ring_s)),
            machine_detection=call.machine_detection,
            amd_callback=f"{self.origin}{AMD_PATH}{asked}" if call.machine_detection else "",
        )

    async def _place(self, dialed: DialedCall, wanted: PlaceCall) -> None:
        try:
            resource = await self.rest.place_call(wanted)
        except (RestLost, RestRefused, RemoteProtocolError) as error:
            if not _may_ring(error):
                raise
            # It is not asked for again: if it was placed, the carrier calls us about it.
            with trio.move_on_after(LOST_S):
                while not dialed.call_sid:
                    await dialed.news()
            if not dialed.call_sid:
                raise
        else:
            dialed.heard(resource.sid, resource.status)

    async def hang_up(self, dialed: DialedCall) -> None:
        """End a call that we placed, answered or not; what the carrier says to it is logged."""
        if not dialed.call_sid or dialed.progress.is_over:
            return
        try:
            await self.rest.hang_up(dialed.call_sid)
        except TrioMediaError as error:
            log.warning("a call could not be ended: %s", error)

    def _remember(self, dialed: DialedCall) -> None:
        while len(self._dialed) >= KEPT_MAX:
            self._forget(next(iter(self._dialed.values())))
        self._dialed[dialed.dial_id] = dialed
        if dialed.to_place.key:
            self._by_key[dialed.to_place.key] = dialed

    def _forget(self, dialed: DialedCall) -> None:
        self._dialed.pop(dialed.dial_id, None)
        if self._by_key.get(dialed.to_place.key) is dialed:
            del self._by_key[dialed.to_place.key]


def _may_ring(error: RestLost | RestRefused | RemoteProtocolError) -> bool:
    """Whether a telephone may ring nevertheless."""
    match error:
        case RestLost(may_be_taken=may_be_taken):
            return may_be_taken
        case RestRefused(status=status):
            return status >= 500
        case _:
            return not isinstance(error, LocalProtocolError)


async def _follow(dialing: Dialing, dialed: DialedCall) -> None:
    """See a call to its end, asking the carrier when it says nothing for a while."""
    ringing_s = dialed.to_place.ring_s + RING_GRACE_S
    began_s = trio.current_time()
    while not dialed.progress.is_over:
        with trio.move_on_after(ASK_EVERY_S):
            await dialed.news()
            continue
        await _ask(dialing, dialed)
        lasted_s = trio.current_time() - began_s
        is_answered = dialed.progress.status is CallStatus.IN_PROGRESS
        if lasted_s > (CALL_S_MAX if is_answered else ringing_s) and not dialed.progress.is_over:
            log.warning("a call that we placed has no end", extra={"call_sid": dialed.call_sid})
            await dialing.hang_up(dialed)
            dialed.heard("", CallStatus.FAILED.value)


async def _ask(dialing: Dialing, dialed: DialedCall) -> None:
    try:
        resource = await dialing.rest.fetch(dialed.call_sid)
    except TrioMediaError as error:
        log.warning("how a call is could not be learnt: %s", error)
    else:
        dialed.heard(resource.sid, resource.status)
