"""What is heard of who answered an outbound call, and what the call does about a machine.

The hearing sees the call and feeds `Voicemail`; one task in the call's nursery carries out what
that decides.

Rule 1: only an outbound call whose policy is not ``go_on`` listens; else nothing is paid.
Rule 2: the carrier's result is kept when it comes before the call has begun.
Rule 3: the message is protected: nobody cuts it, and the call ends when it was heard.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import attrs
import trio

from trio_media.agent.asking import exact_words
from trio_media.agent.voicemail import (
    Beeped,
    CalleeAnswered,
    CalleeBegan,
    CalleeEnded,
    CalleeSaid,
    Decision,
    Input,
    MachineDetected,
    ModelHeard,
    TimePassed,
    Voicemail,
)
from trio_media.agent.watching import CallWatch, Tell
from trio_media.audio.beep import BeepDetector
from trio_media.call.control import CallControl, Words
from trio_media.call.line import Line
from trio_media.config import AgentConfig
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import EndingOutcome
from trio_media.errors import LocalProtocolError

ENDED_BY: Final = "voicemail"
DECISIONS_MAX: Final = 8  # `Voicemail` never has so many: it holds, and goes on, few times
SETTLED_S: Final = 5.0  # an interruption is; whatever is said after it is said later
MESSAGE_S: Final = 60.0  # for the message to be heard; the end waits for what is being said
ANSWER_S: Final = 8.0  # a person who speaks has ended, and is being answered, within this
AGAIN_S: Final = 1.0
RESUMED: Final = (
    "A person is on the line after all. Go on with the call, in the language of the conversation: "
    "answer what they said last; if they have said nothing, say again in short what you were "
    "saying, or greet them."
)


@attrs.define(eq=False, repr=False, kw_only=True)
class CalleeWatch:
    """Hears who answered one call.  Implements `CallObserver`."""

    wants_heard_audio: ClassVar[bool] = False
    voicemail: Voicemail
    watch: CallWatch
    """Sees each event before this does."""
    tell: Tell
    line: Line | None = None
    """None: the call has not begun."""
    answering: trio.Event = attrs.field(factory=trio.Event)
    """The model was asked to speak since this was made, or something was decided."""
    _beeps: BeepDetector | None = None
    """Made when it is first needed: most calls have none."""
    _is_speaking: bool = False
    _decisions: list[Decision] = attrs.field(factory=list)
    _changed: trio.Event = attrs.field(factory=trio.Event)
    _is_live: bool = False
    _was_told: bool = False

    @property
    def is_callee_speaking(self) -> bool:
        """Whether a voice is heard."""
        return self._is_speaking

    def begin(self) -> None:
        """The call has begun, and its hooks know that: now they may be told more."""
        self._is_live = True
        self._tell_once()

    def carrier_says(self, result: str) -> None:
        """Take in the carrier's result.  Never blocks."""
        self._heard(MachineDetected(result))

    async def next_decision(self, line: Line) -> Decision | None:
        """Wait for what is to be done; None: nothing any more."""
        while not self._decisions:
            if self.voicemail.is_over:
                return None
            due_ms = self.voicemail.next_deadline_ms()
            self._changed = trio.Event()
            due_s = float("inf") if due_ms is None else line.began_s + (due_ms + 0.5) / 1_000
            with trio.move_on_at(due_s):
                await self._changed.wait()
            self._heard(TimePassed())
        return self._decisions.pop(0)

    # --- what it sees ------------------------------------------------------------------------

    def event(self, event: ev.Event, t_ms: int) -> None:
        """See `CallObserver.event`."""
        is_speaking = self.watch.is_caller_speaking
        if is_speaking != self._is_speaking:
            self._is_speaking = is_speaking
            self._heard(CalleeBegan() if is_speaking else CalleeEnded())

    def commands(self, commands: Sequence[cm.Command], t_ms: int) -> None:
        """See `CallObserver.commands`."""
        for command in commands:
            match command:
                case cm.ItemHeard(heard_ms=heard_ms) if heard_ms:
                    self._heard(ModelHeard())
                case cm.TurnDecided(fate=fate) if fate.startswith("answered"):
                    self.answering.set()
                    self._heard(CalleeAnswered())
                case _:
                    pass

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """See `CallObserver.note`."""
        if kind == "caller_text":
            self._heard(CalleeSaid(fields["text"]))

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """See `CallObserver.caller_audio`."""
        if not self.voicemail.wants_beeps(self._now_ms()):
            return
        if self._beeps is None:
            self._beeps = BeepDetector()
        if self._beeps.hear(payload):
            self._heard(Beeped())

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        """See `CallObserver.heard_audio`."""

    # --- what it makes of it -----------------------------------------------------------------

    def _now_ms(self) -> int:
        return 0 if self.line is None else self.line.now_ms()

    def _heard(self, event: Input) -> None:
        decision = self.voicemail.handle(event, self._now_ms())
        if decision is not None:
            self._decisions.append(decision)
            del self._decisions[:-DECISIONS_MAX]
            self.answering.set()
        self._changed.set()  # the deadline may have moved, too
        self._tell_once()

    def _tell_once(self) -> None:
        found = self.voicemail.found
        if found is not None and self._is_live and not self._was_told:
            self._was_told = True
            self.tell("machine", found)


# --- carrying it out -----------------------------------------------------------------------------


async def meet_machine(callee: CalleeWatch, control: CallControl, config: AgentConfig) -> None:
    """Do what is decided about a machine.  Returns when nothing more can be decided."""
    line = control.line
    while (decision := await callee.next_decision(line)) is not None:
        line.note("machine", decision=decision.value, found=callee.voicemail.found)
        line.tally.count(f"machine_{decision.value}")
        if decision is Decision.GO_ON:
            await _go_on(callee, control)
            continue
        await _hold(control)
        if decision is Decision.LEAVE_MESSAGE:
            await _say(control, config.voicemail_message)
        if decision is not Decision.HOLD:
            await _hang_up(control)


async def _hold(control: CallControl) -> None:
    # The greeting, asked for in the first step of the call, is in the inbox when this is done: so
    # it is interrupted, too, where a machine was known before the call began.
    await control.hold_answers(is_held=True)
    with trio.move_on_after(SETTLED_S):
        await control.interrupt()


async def _say(control: CallControl, message: str) -> None:
    # Where so much waits to be said that this would not be heard, the call ends without it.
    with trio.move_on_after(MESSAGE_S), contextlib.suppress(LocalProtocolError):
        reply = await control.speak(exact_words(message), protected=True)
        await reply.wait()


async def _hang_up(control: CallControl) -> None:
    reply = await control.end(reason=ENDED_BY, is_final=True)
    while await reply.wait() is not EndingOutcome.ENDED:  # another end took its place
        await trio.sleep(AGAIN_S)
        reply = await control.end(reason=ENDED_BY, is_final=True)


async def _go_on(callee: CalleeWatch, control: CallControl) -> None:
    """Let the model speak again: it answers whoever speaks now, or else begins by itself."""
    callee.answering = trio.Event()
    await control.hold_answers(is_held=False)
    if callee.is_callee_speaking:
        with trio.move_on_after(ANSWER_S):
            await callee.answering.wait()
            return
    with contextlib.suppress(LocalProtocolError):  # so much waits to be said that it speaks anyway
        await control.speak(Words(text=RESUMED, is_alone=False, may_call_tools=True))
