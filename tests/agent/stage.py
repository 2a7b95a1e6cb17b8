"""A call without wires: an owner that answers as a test says, and tells what it decided."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.agent.info import CallInfo
from trio_media.call.account import CarrierAccount
from trio_media.call.control import (
    CallControl,
    DigitsResult,
    InterruptionResult,
    SpeechResult,
    Words,
)
from trio_media.call.line import Line
from trio_media.call.record import CallEnd
from trio_media.call.watch import look_after
from trio_media.config import Config
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import DigitsOutcome, EndingOutcome, Outcome, SpeechOutcome
from trio_media.telephony.twiml import Verb

INFO = CallInfo(call_sid="CA1", caller="+15550001", called="+15559999000")
LIMIT_S = 20_000.0  # of virtual time
SPINS_MAX = 1_000_000  # some seconds
HEARD = SpeechResult(SpeechOutcome.HEARD, 700)


def answers() -> dict[type[ev.Event], Any]:
    """What an owner answers, where all goes well."""
    return {
        ev.InterruptRequested: InterruptionResult(Outcome.CANCELLED, 300),
        ev.SpeechRequested: HEARD,
        ev.ClipOffered: HEARD,
        ev.TextOffered: True,
        ev.DigitsRequested: DigitsResult("12", DigitsOutcome.COMPLETE),
        ev.EndingRequested: EndingOutcome.ENDED,
    }


@attrs.define(eq=False)
class Stage:
    """One call and its owner."""

    call: Call
    config: Config
    control: CallControl
    nursery: trio.Nursery
    answers: dict[type[ev.Event], Any] = attrs.field(factory=answers)
    asked: list[Any] = attrs.field(factory=list)
    """What the owner was asked, in order."""
    words: list[Words | None] = attrs.field(factory=list)
    """What was to be said with it."""
    onward: list[tuple[Verb, ...]] = attrs.field(factory=list)
    _news: trio.Event = attrs.field(factory=trio.Event)

    async def own(self) -> None:
        async for letter in self.control.line.receive_inbox:
            request = getattr(letter, "request", None)
            self.asked.append(letter)
            said = letter.words if isinstance(letter, ev.EndingRequested) else request
            self.words.append(self.control.words_of(said))
            self.onward.append(self.control.onward_of(request))
            self.see(letter)
            answer = self.answers.get(type(letter))  # type: ignore[arg-type]  # or None
            if answer is not None and request is not None:
                if said is not None:
                    self.control.forget_words(said)
                self.control.settled(request, answer)
            self._news.set()
            self._news = trio.Event()

    async def wait_asked(self, count: int) -> None:
        while len(self.asked) < count:
            await self._news.wait()

    def see(self, event: Any, *commands: cm.Command) -> None:
        """The owner has decided: the observers see it."""
        now_ms = self.control.line.now_ms()
        self.control.line.observe_event(event, now_ms)
        self.control.line.observe_commands(commands, now_ms)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.asked if isinstance(event, kind)]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what a thread does: no clock knows when."""
    for _ in range(SPINS_MAX):
        if condition():
            return
        await trio.lowlevel.checkpoint()
    raise AssertionError("it never happened")


@asynccontextmanager
async def on_stage(
    agent: Agent | None = None,
    *,
    config: Config | None = None,
    account: CarrierAccount | None = None,
    info: CallInfo = INFO,
    reads: bool = True,
) -> AsyncIterator[Stage]:
    """Hold a call for as long as the block lasts, and end it as ``run_call`` does."""
    config = config or Config()
    attendance = await (agent or Agent("Be kind.")).settle(info, config, account=account)
    call = attendance.attendant
    assert isinstance(call, Call)
    line = Line.begin()
    control = CallControl(line)
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            line.insiders = line.observers = call.observers(line)
            stage = Stage(call, attendance.config, control, nursery)
            call.begin(control, nursery)
            nursery.start_soon(look_after, line)
            if reads:
                nursery.start_soon(stage.own)
            yield stage
            control.end_all()
            nursery.cancel_scope.cancel()
        await call.ended(CallEnd(call_sid="CA1", reason="hung_up", duration_ms=line.now_ms()))


@attrs.define(eq=False)
class Account:
    """A carrier's account that does what a test says."""

    placing: Callable[[], Any] = lambda: "CA2"
    hanging_up: Callable[[], Any] = lambda: None
    ring_s: float = 1.0
    asked: list[tuple[Any, ...]] = attrs.field(factory=list)

    async def hang_up(self, call_sid: str) -> None:
        await trio.sleep(0.1)
        self.asked.append(("hang_up", call_sid))
        self.hanging_up()

    async def redirect(self, call_sid: str, verbs: Sequence[Verb]) -> None:
        raise AssertionError("nobody asks for that")

    async def place(self, to: str, verbs: Sequence[Verb], *, from_: str, ring_s: float) -> str:
        self.asked.append(("place", to, from_, ring_s, list(verbs)))
        await trio.sleep(self.ring_s)
        placed: str = self.placing()
        return placed
