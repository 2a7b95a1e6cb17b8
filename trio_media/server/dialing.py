"""Placing calls, and following them until they are over.

Rule 1: a call is never placed twice: what may have been taken is not asked for again, and a key
        that was used gives the call that it was used for.
Rule 2: a server that takes no more calls places none; for one that it placed it keeps a place
        until somebody answers or nobody will.
Rule 3: how far a call has come is told by the carrier's callbacks, in any order; where none come,
        the carrier is asked.
Rule 4: what nobody waits for any more is ended as soon as the carrier shows that it was placed.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Mapping
from typing import Final

import attrs
import trio

from trio_media.boundary import crash_boundary
from trio_media.config import VoicemailPolicy
from trio_media.errors import (
    CallRefused,
    ConfigError,
    RemoteProtocolError,
    RestLost,
    RestRefused,
    TrioMediaError,
)
from trio_media.server.addresses import AMD_PATH, STATUS_PATH, VOICE_PATH
from trio_media.server.admission import Admission
from trio_media.server.dialed_call import CallToPlace as CallToPlace
from trio_media.server.dialed_call import DialedCall as DialedCall
from trio_media.server.dialed_call import check_parameters
from trio_media.server.model_access import ModelAccess
from trio_media.server.twilio_rest_client import TwilioRest
from trio_media.telephony.call_status import CallStatus
from trio_media.telephony.twilio_rest import MachineDetection, PlaceCall, place_call
from trio_media.telephony.twiml import voice_response

ASK_EVERY_S: Final = 5.0  # a callback that was lost costs so long
LOST_S: Final = 15.0  # a call that may have been placed shows itself within this
RING_GRACE_S: Final = 30.0  # carriers ring a little longer than they are asked to
CALL_S_MAX: Final = 4 * 3_600.0  # the carrier's own limit
KEPT_MAX: Final = 4_096  # calls that may still be asked about
ID_BYTES: Final = 12

DETECTION: Final[Mapping[VoicemailPolicy, MachineDetection | None]] = {
    "go_on": None,  # nobody asks who has answered, and it costs
    "hang_up": "Enable",
    "leave_message": "DetectMessageEnd",  # tells when the message may begin
}

log = logging.getLogger("trio_media.dialing")


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
    id_prefix: str = ""
    """What the ids of the calls begin with: they say which worker has placed them."""
    voicemail: VoicemailPolicy = "go_on"
    """What the agent does when a machine answers: whether the carrier has to find out."""
    models: ModelAccess | None = None
    """What is known of the model services: where none is to be had, nobody is called."""
    _dialed: dict[str, DialedCall] = attrs.field(factory=dict)
    _by_key: dict[str, DialedCall] = attrs.field(factory=dict)

    def find(self, dial_id: str) -> DialedCall | None:
        """Give the call that a webhook names."""
        return self._dialed.get(dial_id)

    async def dial(self, call: CallToPlace) -> DialedCall:
        """Place a call; return it as soon as the carrier has taken it.

        Raises `CallRefused`: we take no calls now; `ConfigError` and `LocalProtocolError`: it
        cannot be placed so; `RestRefused`, `RestLost`, `RemoteProtocolError`: the carrier did not
        take it, as far as can be known; with a key that was used, what was raised for it then.
        **Cancellation:** it may have been placed; what comes of it is ended.
        """
        used = self._by_key.get(call.key) if call.key else None
        if used is not None:
            await used.settled.wait()
            if used.failure is not None:
                raise used.failure
            return used
        if call.verbs and self.admission.is_draining:
            # A call without a media stream takes no slot, and no time to speak of.
            raise CallRefused("draining")
        if call.machine_detection is None and not call.verbs:
            call = attrs.evolve(call, machine_detection=DETECTION[self.voicemail])
        dialed = DialedCall(self.id_prefix + secrets.token_urlsafe(ID_BYTES), call)
        wanted = write_request(call, dialed.dial_id, self.origin, self.from_number)
        self._reserve(dialed)
        self._remember(dialed)
        try:
            await self._place(dialed, wanted)
        except TrioMediaError as error:
            self._fail(dialed, error)
            raise
        finally:
            if not dialed.call_sid and dialed.failure is None:  # cancelled
                self._fail(dialed, RestLost("nobody waited for it", may_be_taken=True))
            dialed.settled.set()
        self.nursery.start_soon(_follow, self, dialed)
        return dialed

    def _reserve(self, dialed: DialedCall) -> None:
        """Keep a place for when somebody answers.  Raises `CallRefused`."""
        if dialed.to_place.verbs:
            return
        ringing_s = dialed.to_place.ring_s + RING_GRACE_S
        if self.models is not None and self.models.why_unavailable():
            raise CallRefused("model_unavailable")
        reason = self.admission.reserve(dialed.dial_id, lasts_s=ringing_s)
        if reason is not None:
            raise CallRefused(reason)

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

    def _fail(self, dialed: DialedCall, error: TrioMediaError) -> None:
        """It was not placed, as far as is known."""
        dialed.failure = error
        self.admission.release(dialed.dial_id)
        if _may_ring(error):
            # Its key stays used: whoever asks again would have a telephone ring twice.
            dialed.is_abandoned = True
        else:
            self._forget(dialed)

    def heard(
        self, dialed: DialedCall, call_sid: str, status: str, sequence: int | None = None
    ) -> None:
        """The carrier tells how far a call has come."""
        is_new = not dialed.call_sid
        dialed.heard(call_sid, status, sequence)
        if dialed.is_abandoned and is_new and dialed.call_sid:
            log.warning("a call that nobody waits for is ended", extra={"call_sid": call_sid})
            self.nursery.start_soon(self.hang_up, dialed)

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


def write_request(call: CallToPlace, dial_id: str, origin: str, from_number: str) -> PlaceCall:
    """Write what the carrier is asked for.  ``from_number``: shown where the call says none.

    Raises `ConfigError` and `LocalProtocolError`: it cannot be placed so.
    """
    from_ = call.from_ or from_number
    if not from_:
        raise ConfigError("twilio.from_number: needed to place calls, or a number to call from")
    if not origin:
        raise ConfigError("server.public_url: needed to place calls; the carrier asks us there")
    check_parameters(call.parameters)
    asked = f"?dial={dial_id}"
    wanted = PlaceCall(
        to=call.to,
        from_=from_,
        url="" if call.verbs else f"{origin}{VOICE_PATH}{asked}",
        twiml=voice_response(call.verbs) if call.verbs else "",
        status_callback=f"{origin}{STATUS_PATH}{asked}",
        ring_timeout_s=max(1, math.ceil(call.ring_s)),
        machine_detection=call.machine_detection,
        amd_callback=f"{origin}{AMD_PATH}{asked}" if call.machine_detection else "",
    )
    place_call("AC", wanted)  # raises what sending it would
    return wanted


def _may_ring(error: TrioMediaError) -> bool:
    """Whether a telephone may ring nevertheless."""
    match error:
        case RestLost(may_be_taken=may_be_taken):
            return may_be_taken
        case RestRefused(status=status):
            return status >= 500
        case _:
            return isinstance(error, RemoteProtocolError)


async def _follow(dialing: Dialing, dialed: DialedCall) -> None:
    """See a call to its end, asking the carrier when it says nothing for a while."""
    try:
        with crash_boundary(_note_crash):
            await _follow_to_end(dialing, dialed)
    finally:
        dialing.admission.release(dialed.dial_id)
        # Whoever waits for the end has it, whatever became of this; a real end stands.
        dialed.heard("", CallStatus.FAILED.value)


def _note_crash(error: BaseException) -> None:
    log.error("following a call that we placed crashed", exc_info=error)


async def _follow_to_end(dialing: Dialing, dialed: DialedCall) -> None:
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
            return


async def _ask(dialing: Dialing, dialed: DialedCall) -> None:
    try:
        resource = await dialing.rest.fetch(dialed.call_sid)
    except TrioMediaError as error:
        log.warning("how a call is could not be learnt: %s", error)
    else:
        dialed.heard(resource.sid, resource.status)
