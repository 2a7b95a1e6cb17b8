"""The application's side of a scene: the agent that attends it, and the carrier's account."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Final

import attrs
import trio
from trio_websocket import ConnectionClosed

from tests.call.live import LiveCall
from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.call.attending import Attendance
from trio_media.config import Config
from trio_media.errors import NotAnswered, RestRefused
from trio_media.telephony.events import MediaStreamStarted
from trio_media.telephony.twiml import Verb

CALLEE_SID: Final = "CA-callee"


@attrs.define(eq=False)
class Account:
    """The carrier's account.  What is asked of it takes a while, and has the effect it has there:
    a call that is redirected or hung up loses its media stream."""

    takes_ms: int = 100
    rings_ms: int = 2_000
    refuses: bool = False
    """Nothing can be redirected."""
    is_answered: bool = True
    """Whoever is called answers."""
    asked: list[str] = attrs.field(factory=list)
    """``redirect CA1``, ``hang_up CA1``, ``place +1555``: each when it is asked."""
    verbs: list[Verb] = attrs.field(factory=list)
    """With which calls were to go on."""
    legs: set[str] = attrs.field(factory=set)
    """Whoever was called, and is still on the telephone."""
    call: LiveCall | None = None

    async def hang_up(self, call_sid: str) -> None:
        """End a call."""
        self.asked.append(f"hang_up {call_sid}")
        await trio.sleep(self.takes_ms / 1_000)
        self.legs.discard(call_sid)

    async def redirect(self, call_sid: str, verbs: Sequence[Verb]) -> None:
        """Have a call do something else: its media stream ends."""
        self.asked.append(f"redirect {call_sid}")
        await trio.sleep(self.takes_ms / 1_000)
        assert self.call is not None
        said = [message["event"] for _, message in self.call.carrier.said]
        if self.refuses or "stop" in said or self.call.carrier.websocket.closed:
            raise RestRefused(21220, 400, "not in progress")
        self.verbs.extend(verbs)
        with contextlib.suppress(ConnectionClosed):
            await self.call.carrier.stop()
        await trio.sleep(self.takes_ms / 1_000)

    async def place(self, to: str, verbs: Sequence[Verb], *, from_: str, ring_s: float) -> str:
        """Call somebody; whoever is called rings no more when nobody waits for it."""
        self.asked.append(f"place {to}")
        self.legs.add(CALLEE_SID)
        is_taken = False
        try:
            await trio.sleep(min(self.rings_ms / 1_000, ring_s))
            is_taken = self.is_answered and self.rings_ms <= ring_s * 1_000
        finally:
            if not is_taken:
                self.legs.discard(CALLEE_SID)
        if not is_taken:
            raise NotAnswered("no-answer")
        return CALLEE_SID


@attrs.define(eq=False)
class Attending:
    """Decides about a scene's call, and keeps who attends it."""

    agent: Agent
    config: Config
    account: Account | None = None
    machine: str | None = None
    """Who has answered, as the carrier knows before the media stream is there."""
    attended: Call | None = None

    async def __call__(self, started: MediaStreamStarted) -> Attendance:
        """Take the call."""
        attendance = await self.agent.attend(self.config, self.account)(started)
        attendant = attendance.attendant
        assert isinstance(attendant, Call)
        self.attended = attendant
        if self.machine is not None:
            attendant.machine_detected(self.machine)
        return attendance


@attrs.define(eq=False)
class Waiting:
    """Something that was asked of the call, by somebody who waits for what becomes of it."""

    results: list[Any] = attrs.field(factory=list)

    @property
    def is_over(self) -> bool:
        """Whether they wait no longer."""
        return bool(self.results)

    @property
    def outcome(self) -> str | None:
        """How it ended; None while it has not."""
        if not self.results:
            return None
        found = self.results[0]
        value: str = getattr(found, "outcome", found).value
        return value

    @property
    def result(self) -> Any:
        """All of it."""
        return self.results[0]
