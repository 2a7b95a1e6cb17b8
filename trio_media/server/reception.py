"""Calls before their media stream, while it is there, and just after it: who attends them.

The webhook knows the caller before the media stream opens.  So the agent decides then, and the
model session is made then.

Rule 1: what was decided for a call is for that call, once, and for a short while.
Rule 2: a call that nobody announced is decided on when it comes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import attrs
import trio

from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.agent.info import CallInfo
from trio_media.agent.settings import NOT_DECIDED, SORRY
from trio_media.boundary import crash_boundary
from trio_media.call.account import CarrierAccount
from trio_media.call.attending import Attendance
from trio_media.call.choosing import Services
from trio_media.call.model_service import services_of
from trio_media.call.prepared import PreparedSession
from trio_media.config import Config
from trio_media.console.feed import Feed
from trio_media.errors import AgentError, CallRefused
from trio_media.server.account import with_transfer_end
from trio_media.server.afterwards import Afterwards
from trio_media.server.model_access import ModelAccess
from trio_media.server.preparing import prepare_session
from trio_media.server.receiving import Receiving
from trio_media.server.returning import CutCall, Returning
from trio_media.server.tokens import CallTokens
from trio_media.server.visiting import Place, Visit
from trio_media.telephony.twiml import Verb, voice_response

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
    returning: Returning = attrs.field(init=False)
    """Calls whose media stream was cut."""
    _machines: dict[str, str] = attrs.field(factory=dict)
    """Who answered, for calls that have not begun; the oldest first."""

    def __attrs_post_init__(self) -> None:
        self.returning = Returning(self.nursery)

    async def expect(self, info: CallInfo) -> None:
        """Decide about a call that is about to come, and make its model session.

        Once: a webhook that is repeated changes nothing.  Raises `CallRefused`: it shall not come.
        """
        if self._ask_back(info.call_sid) is not None or not self._has_room(info.call_sid):
            return  # nobody is turned away for it; the call is decided on when it comes
        attendance = await self.settle(info)
        if not self._has_room(info.call_sid):
            return  # others came while this was decided
        self._prepare(info.call_sid, attendance)

    def _prepare(self, call_sid: str, attendance: Attendance) -> None:
        """Make the model session of a call that is about to come."""
        services = self.services(attendance.config)
        session = PreparedSession(services.first, services=services)
        attendance = attrs.evolve(attendance, session=session)
        self.expected[call_sid] = attendance
        self.nursery.start_soon(_keep_expected, self, call_sid, attendance, session)

    async def ask_back(self, call_sid: str) -> CallInfo | None:
        """The carrier says that a media stream has ended: have its call come back, if it was cut.

        Returns whose call it is; None: it does not come back.
        """
        await self.cut_off(call_sid)
        cut = self._ask_back(call_sid)
        return None if cut is None else cut.call.info

    def _ask_back(self, call_sid: str) -> CutCall | None:
        cut = self.returning.ask_back(call_sid)
        if cut is not None and self._has_room(call_sid):
            self._prepare(call_sid, cut.attendance)
        return cut

    async def cut_off(self, call_sid: str) -> None:
        """End a media stream that has ended elsewhere, or has another in its place."""
        call = self.live.get(call_sid)
        if call is None:
            return
        await call.replaced()
        await self.returning.until_cut(lambda: self.live.get(call_sid) is call, call_sid)

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
        is_here = call_sid in self.expected or call_sid in self.live
        return is_here or call_sid in self.returning

    def goes_on(self, call_sid: str) -> bool:
        """Whether a media stream that begins now goes on with a call that there is."""
        can_tell = self.config.twilio.validates_signature
        return call_sid in self.returning or (can_tell and call_sid in self.live)

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

    def visit(self, place: Place | None = None) -> Visit:
        """Receive a media stream, of which nothing is known yet.

        ``place``: what its call keeps, if it is cut; None: nothing, and it does not come back.
        """
        return Visit(self, place)

    def left(self, call_sid: str, onward: tuple[Verb, ...] | None) -> None:
        """A call's media stream is about to end; None: what was said of it before is taken back."""
        if onward is None:
            self.afterwards.take(call_sid)
        else:
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
        self.returning.give_up(call_sid)
        self.returning.recall(call_sid)
        awaited = self.expected.pop(call_sid, None)
        if awaited is not None and awaited.session is not None:
            awaited.session.let_go()
        call = self.live.get(call_sid)
        if call is not None and not call.is_over:
            await call.control.caller_left()


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
