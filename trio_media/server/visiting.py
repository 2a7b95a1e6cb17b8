"""One media stream as it comes, from its first byte to its last, and whose call it is.

Rule 1: of two media streams for one call the second is the call, and goes on with its
        conversation, where the two can be told apart.
Rule 2: whatever ends a media stream, nothing that was kept for it stays; of a call that was cut
        stays what it may come back to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs
import trio

from trio_media.agent.call import Call
from trio_media.agent.info import info_of_stream
from trio_media.call.attending import Attendance
from trio_media.call.control import CallControl
from trio_media.call.line import Line
from trio_media.call.options import CallOptions
from trio_media.call.record import CallEnd, CallObserver
from trio_media.call.resuming import CUT, Resumption
from trio_media.errors import CallRefused, LocalProtocolError
from trio_media.server.admission import Slot
from trio_media.server.returning import CutCall
from trio_media.telephony.events import MediaStreamStarted
from trio_media.telephony.twiml import Hangup, Reject, say_and_hang_up, voice_response

if TYPE_CHECKING:
    from trio_media.server.reception import Reception

log = logging.getLogger("trio_media.server")


@attrs.frozen
class Place:
    """What a call has of the server besides its media stream."""

    slot: Slot
    count_end: Callable[[CallEnd], None]
    """Told of the end of a call that was cut and did not come back."""


@attrs.define(eq=False)
class Visit:
    """One media stream, from its first byte to its last."""

    reception: Reception
    place: Place | None = None
    is_cut: bool = attrs.field(default=False, init=False)
    """It was cut, and its call may come back."""
    _was_announced: bool = attrs.field(default=False, init=False)
    """Our webhook knows the call, and is asked what follows."""
    _call_sid: str = attrs.field(default="", init=False)
    _attendance: Attendance | None = attrs.field(default=None, init=False)
    _line: Line | None = attrs.field(default=None, init=False)

    def options(self) -> CallOptions:
        """Give what a call is run with."""
        reception = self.reception
        return CallOptions(
            attend=self.attend,
            account=reception.account,
            services=reception.services,
            left=reception.left,
            cut=self.cut,
            observers=self.observe,
            on_control=self.control,
        )

    def observe(
        self, started: MediaStreamStarted, line: Line, _nursery: trio.Nursery
    ) -> Sequence[CallObserver]:
        """Give who shows a call that has started."""
        call = None if self._attendance is None else self._attendance.attendant
        if self.reception.feed is None or not isinstance(call, Call):
            return ()
        self._line = line
        return self.reception.feed.begin(call, line, started)

    def control(self, control: CallControl) -> None:
        """Take in what may be asked of a call that has started."""
        feed = self.reception.feed
        live = None if feed is None else feed.find(self._call_sid)
        if live is not None and live.line is control.line:
            live.control = control

    async def attend(self, started: MediaStreamStarted) -> Attendance:
        """Give what was decided about a call, or decide now.  Raises `CallRefused`."""
        reception, call_sid = self.reception, started.call_sid
        can_tell = reception.config.twilio.validates_signature
        if can_tell and call_sid in reception.live:
            await self._replace(call_sid)
        cut = reception.returning.take(call_sid)
        attendance = reception.expected.pop(call_sid, None)
        self._was_announced = can_tell or attendance is not None or cut is not None
        if cut is not None:
            session = None if attendance is None else attendance.session
            attendance = attrs.evolve(cut.attendance, session=session, resumption=cut.resumption)
            cut.call.resume(cut.resumption.number)
        elif attendance is None:
            try:
                attendance = await reception.settle(info_of_stream(started))
            except CallRefused as refused:
                # The carrier asks what follows, as after any media stream.
                reception.afterwards.put(call_sid, refusal_twiml(refused))
                raise
        if cut is None and self._was_announced:
            earlier = reception.returning.recall(call_sid)
            attendance = attrs.evolve(attendance, resumption=earlier)
        self._call_sid, self._attendance = call_sid, attendance
        if reception.receiving is not None:
            reception.receiving.begun(call_sid)
        if isinstance(attendance.attendant, Call):
            reception.begin(call_sid, attendance.attendant)
        return attendance

    async def _replace(self, call_sid: str) -> None:
        """Take the place of the call's other media stream.  Raises `CallRefused`."""
        reception = self.reception
        await reception.cut_off(call_sid)
        reception.returning.ask_back(call_sid)
        here = reception.live.get(call_sid)
        if here is not None and not here.is_over:
            raise CallRefused("the call has a media stream already")

    def cut(self, resumption: Resumption, end: CallEnd) -> bool:
        """The media stream was cut: keep its call, if it may come back."""
        attendance, place, reception = self._attendance, self.place, self.reception
        if end.reason not in CUT:
            if self._was_announced:
                reception.returning.remember(resumption)
            return False
        if attendance is None or place is None or not self._was_announced:
            return False
        call = attendance.attendant
        if not isinstance(call, Call):
            return False
        cut = CutCall(
            call=call,
            attendance=attrs.evolve(attendance, session=None, resumption=None),
            resumption=resumption,
            end=end,
            count_end=place.count_end,
            give_up_place=place.slot.give_up,
        )
        self.is_cut = reception.returning.keep(cut)
        if self.is_cut:
            place.slot.leave()
        return self.is_cut

    def over(self) -> None:
        """The media stream is closed."""
        if self._attendance is None:
            return
        if self.reception.feed is not None and self._line is not None:
            self.reception.feed.over(self._call_sid, self._line)
        session, live = self._attendance.session, self.reception.live
        if session is not None:
            session.let_go()  # a call that ended at once has not taken it
        if live.get(self._call_sid) is self._attendance.attendant:
            del live[self._call_sid]
        self.reception.returning.note()
        if not self.is_cut and self._call_sid not in live:
            self.reception.returning.forget(self._call_sid)


def refusal_twiml(refused: CallRefused, *, is_unanswered: bool = False) -> str:
    """Write what a caller hears whose call does not come about."""
    if refused.say:
        try:
            return say_and_hang_up(refused.say)
        except LocalProtocolError as wrong:
            log.error("a refused caller could not be told why: %s", wrong)
    # Only a call that nobody has answered yet can be rejected, and then it costs nothing.
    return voice_response([Reject() if is_unanswered else Hangup()])
