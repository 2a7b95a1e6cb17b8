"""Calls before their media stream, while it is there, and just after it: who attends them.

The webhook knows the caller before the media stream opens.  So the agent decides then, and the
model session is made then.

Rule 1: what was decided for a call is for that call, once, and for a short while.
Rule 2: a call that nobody announced is decided on when it comes.
Rule 3: of two media streams for one call the second is refused, where the two can be told apart.
Rule 4: whatever ends a media stream, nothing that was kept for it stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

import attrs
import trio

from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.agent.info import CallInfo, info_of_stream
from trio_media.agent.settings import NOT_DECIDED, SORRY
from trio_media.boundary import crash_boundary
from trio_media.call.account import CarrierAccount
from trio_media.call.attending import Attendance
from trio_media.call.choosing import Services
from trio_media.call.control import CallControl
from trio_media.call.line import Line
from trio_media.call.model_service import services_of
from trio_media.call.options import CallOptions
from trio_media.call.prepared import PreparedSession
from trio_media.call.record import CallObserver
from trio_media.config import Config
from trio_media.console.feed import Feed
from trio_media.errors import AgentError, CallRefused, LocalProtocolError
from trio_media.server.account import with_transfer_end
from trio_media.server.afterwards import Afterwards
from trio_media.server.model_access import ModelAccess
from trio_media.server.preparing import prepare_session
from trio_media.server.receiving import Receiving
from trio_media.server.tokens import CallTokens
from trio_media.telephony.events import MediaStreamStarted
from trio_media.telephony.twiml import Hangup, Reject, Verb, say_and_hang_up, voice_response

MACHINES_MAX: Final = 256  # verdicts about calls that have not begun
EXPECTED_S: Final = 60.0  # a media stream that comes later is decided on anew

log = logging.getLogger("trio_media.server")


@attrs.define(eq=False, kw_only=True)
class Reception:
    """The calls of one process."""

    config: Config
    agent: Agent
    tokens: CallTokens
    afterwards: Afterwards
    nursery: trio.Nursery
    """Where model sessions are kept until their calls have them."""
    account: CarrierAccount | None = None
    receiving: Receiving | None = None
    """Where the supervisor is, who is told of calls that have come; None: there is none."""
    feed: Feed | None = None
    """Who shows the calls; None: nobody does."""
    count_unprepared: Callable[[str], None] = lambda _why: None
    """Told why a model session was not there before its call."""
    models: ModelAccess | None = None
    """What all calls know of the model services; None: each call finds out by itself."""
    expected: dict[str, Attendance] = attrs.field(factory=dict)
    live: dict[str, Call] = attrs.field(factory=dict)
    """Calls whose media stream is open, by their sid."""
    _machines: dict[str, str] = attrs.field(factory=dict)
    """Who answered, for calls that have not begun; the oldest first."""

    async def expect(self, info: CallInfo) -> None:
        """Decide about a call that is about to come, and make its model session.

        Once: a webhook that is repeated changes nothing.  Raises `CallRefused`: it shall not come.
        """
        if not self._has_room(info.call_sid):
            return  # nobody is turned away for it; the call is decided on when it comes
        attendance = await self.settle(info)
        if not self._has_room(info.call_sid):
            return  # others came while this was decided
        services = self.services(attendance.config)
        session = PreparedSession(services.first, services=services)
        attendance = attrs.evolve(attendance, session=session)
        self.expected[info.call_sid] = attendance
        self.nursery.start_soon(_keep_expected, self, info.call_sid, attendance, session)

    def services(self, config: Config) -> Services:
        """Give the model services of a call with this configuration."""
        if self.models is not None:
            return self.models.services(config)
        return Services(services=services_of(config))

    def why_no_model(self) -> str:
        """Say why a call that came now would get no model; empty: it would get one."""
        return "" if self.models is None else self.models.why_unavailable()

    def _has_room(self, call_sid: str) -> bool:
        is_known = call_sid in self.expected
        return not is_known and len(self.expected) < 2 * self.config.server.max_calls

    def knows(self, call_sid: str) -> bool:
        """Whether a call is here, or about to come."""
        return call_sid in self.expected or call_sid in self.live

    async def settle(self, info: CallInfo) -> Attendance:
        """Have the agent decide.  Raises `CallRefused`."""
        try:
            return await self.agent.settle(info, self.config, account=self.account)
        except AgentError as wrong:
            log.error("%s", wrong)
            raise CallRefused(NOT_DECIDED, say=SORRY) from wrong

    @property
    def worker(self) -> int | None:
        """The number of this worker; None: the process is alone."""
        return None if self.receiving is None else self.receiving.number

    def visit(self) -> Visit:
        """Receive a media stream, of which nothing is known yet."""
        return Visit(self)

    def left(self, call_sid: str, onward: tuple[Verb, ...] | None) -> None:
        """A call's media stream is about to end."""
        if onward is not None:
            verbs = with_transfer_end(onward, self.config.server.public_url.rstrip("/"))
            self.afterwards.put(call_sid, voice_response(verbs))

    def machine_detected(self, call_sid: str, result: str) -> None:
        """The carrier says who has answered a call, which may not have begun."""
        call = self.live.get(call_sid)
        if call is not None:
            call.machine_detected(result)
            return
        while len(self._machines) >= MACHINES_MAX:
            del self._machines[next(iter(self._machines))]
        self._machines[call_sid] = result

    def begin(self, call_sid: str, call: Call) -> None:
        """A call's media stream is there."""
        self.live[call_sid] = call
        machine = self._machines.pop(call_sid, None)
        if machine is not None:
            call.machine_detected(machine)

    async def carrier_ended(self, call_sid: str) -> None:
        """The carrier says that a call is over: its media stream has nobody behind it."""
        self._machines.pop(call_sid, None)
        awaited = self.expected.pop(call_sid, None)
        if awaited is not None and awaited.session is not None:
            awaited.session.let_go()
        call = self.live.get(call_sid)
        if call is not None and not call.is_over:
            await call.control.caller_left()


@attrs.define(eq=False)
class Visit:
    """One media stream, from its first byte to its last."""

    reception: Reception
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
        here = reception.live.get(call_sid)
        if here is not None and not here.is_over and reception.config.twilio.validates_signature:
            raise CallRefused("the call has a media stream already")
        attendance = reception.expected.pop(call_sid, None)
        if attendance is None:
            try:
                attendance = await reception.settle(info_of_stream(started))
            except CallRefused as refused:
                # The carrier asks what follows, as after any media stream.
                reception.afterwards.put(call_sid, refusal_twiml(refused))
                raise
        self._call_sid, self._attendance = call_sid, attendance
        if reception.receiving is not None:
            reception.receiving.begun(call_sid)
        if isinstance(attendance.attendant, Call):
            reception.begin(call_sid, attendance.attendant)
        return attendance

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


def refusal_twiml(refused: CallRefused, *, is_unanswered: bool = False) -> str:
    """Write what a caller hears whose call does not come about."""
    if refused.say:
        try:
            return say_and_hang_up(refused.say)
        except LocalProtocolError as wrong:
            log.error("a refused caller could not be told why: %s", wrong)
    # Only a call that nobody has answered yet can be rejected, and then it costs nothing.
    return voice_response([Reject() if is_unanswered else Hangup()])


async def _keep_expected(
    reception: Reception, call_sid: str, attendance: Attendance, session: PreparedSession
) -> None:
    """Hold the model session of an expected call; forget the call when it does not come."""
    # Other calls must not notice what goes wrong with this one.
    until_s = trio.current_time() + EXPECTED_S
    try:
        with crash_boundary(_note_crash):
            await prepare_session(session, reception.count_unprepared)
        with trio.move_on_at(until_s):
            await session.taken.wait()
    finally:
        if reception.expected.get(call_sid) is attendance:
            del reception.expected[call_sid]


def _note_crash(error: BaseException) -> None:
    log.error("making a model session beforehand crashed", exc_info=error)
