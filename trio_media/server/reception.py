"""Calls before their media stream, while it is there, and just after it: who attends them.

The webhook knows the caller before the media stream opens.  So the agent decides then, and the
model session is made then.

Rule 1: what was decided for a call is for that call, once, and for a short while.
Rule 2: a call that nobody announced is decided on when it comes.
Rule 3: of two media streams for one call the second is refused, where the two can be told apart.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Final

import attrs
import trio

from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.agent.info import CallInfo, info_of_stream
from trio_media.agent.settings import NOT_DECIDED
from trio_media.call.account import CarrierAccount
from trio_media.call.attending import Attendance
from trio_media.call.model_service import model_service
from trio_media.call.options import CallOptions
from trio_media.call.prepared import PreparedSession
from trio_media.config import Config
from trio_media.errors import AgentError, CallRefused
from trio_media.server.account import with_transfer_end
from trio_media.server.afterwards import Afterwards
from trio_media.server.preparing import prepare_session
from trio_media.server.tokens import CallTokens
from trio_media.telephony.events import MediaStreamStarted
from trio_media.telephony.twiml import Verb, voice_response

MACHINES_MAX: Final = 256  # verdicts about calls that have not begun

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
    expected: dict[str, Attendance] = attrs.field(factory=dict)
    live: dict[str, Call] = attrs.field(factory=dict)
    """Calls whose media stream is open, by their sid."""
    _machines: dict[str, str] = attrs.field(factory=dict)
    """Who answered, for calls that have not begun."""

    async def expect(self, info: CallInfo) -> None:
        """Decide about a call that is about to come, and make its model session.

        Raises `CallRefused`: it shall not come.
        """
        if len(self.expected) >= 2 * self.config.server.max_calls:
            return  # nobody is turned away for it; the call is decided on when it comes
        attendance = await self._settle(info)
        service = model_service(attendance.config, None)
        session = PreparedSession(service)
        attendance = attrs.evolve(attendance, session=session)
        self.expected[info.call_sid] = attendance
        self.nursery.start_soon(_keep_expected, self, info.call_sid, attendance, session)

    async def attend(self, started: MediaStreamStarted) -> Attendance:
        """Give what was decided about a call, or decide now.  Raises `CallRefused`."""
        call_sid = started.call_sid
        if call_sid in self.live and self.config.twilio.validates_signature:
            raise CallRefused("the call has a media stream already")
        attendance = self.expected.pop(call_sid, None)
        if attendance is None:
            attendance = await self._settle(info_of_stream(started))
        call = attendance.attendant
        if isinstance(call, Call):
            self.live[call_sid] = call
            machine = self._machines.pop(call_sid, None)
            if machine is not None:
                call.machine_detected(machine)
        return attendance

    async def _settle(self, info: CallInfo) -> Attendance:
        try:
            return await self.agent.settle(info, self.config, account=self.account)
        except AgentError as wrong:
            log.error("%s", wrong)
            raise CallRefused(NOT_DECIDED) from wrong

    def options(self) -> CallOptions:
        """Give what a call is run with."""
        return CallOptions(attend=self.attend, account=self.account, left=self.left)

    def left(self, call_sid: str, onward: tuple[Verb, ...] | None) -> None:
        """A call's media stream is about to end."""
        if onward is not None:
            verbs = with_transfer_end(onward, self.config.server.public_url.rstrip("/"))
            self.afterwards.put(call_sid, voice_response(verbs))

    def over(self, call_sid: str) -> None:
        """A call is over."""
        self.live.pop(call_sid, None)

    def machine_detected(self, call_sid: str, result: str) -> None:
        """The carrier says who has answered a call, which may not have begun."""
        call = self.live.get(call_sid)
        if call is not None:
            call.machine_detected(result)
        elif len(self._machines) < MACHINES_MAX:
            self._machines[call_sid] = result

    async def carrier_ended(self, call_sid: str) -> None:
        """The carrier says that a call is over: its media stream has nobody behind it."""
        call = self.live.get(call_sid)
        if call is not None and not call.is_over:
            await call.control.caller_left()


async def _keep_expected(
    reception: Reception, call_sid: str, attendance: Attendance, session: PreparedSession
) -> None:
    """Hold the model session of an expected call; forget the call when it does not come."""
    try:
        await prepare_session(session)
    finally:
        with contextlib.suppress(KeyError):
            if reception.expected[call_sid] is attendance:
                del reception.expected[call_sid]
