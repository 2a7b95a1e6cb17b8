"""A call in the hands of the application that attends it.

Rule 1: every method works at any time: before the model is there, while it is interrupted, while
        the call ends, and after that; then it returns at once what it returns at the end of a call.
Rule 2: whoever is cancelled while waiting stops waiting; what was asked for goes on, but for keys.
Rule 3: wrong use is an `AgentError` that says what is allowed; nothing else is raised.

Functions that run in threads reach the call by ``trio.from_thread.run(call.say, "One moment.")``.
"""

from __future__ import annotations

from typing import Literal, TypedDict

import attrs

from trio_media.agent.asking import (
    TRANSFERRED,
    Ending,
    IfInterrupted,
    check_choice,
    dial_verb,
    exact_words,
    is_final,
    words_before,
    written,
)
from trio_media.agent.attended import AttendedCall
from trio_media.agent.transfer import WarmTransfer, transfer_warm
from trio_media.audio.dtmf import tones
from trio_media.call.control import (
    DigitsResult,
    InterruptionResult,
    Reply,
    Role,
    SpeechResult,
    Words,
)
from trio_media.core.commands import EndingOutcome, SpeechOutcome
from trio_media.core.events import Reason
from trio_media.errors import AgentError, LocalProtocolError


class SpeakHow(TypedDict):
    """How something is said: see `CallControl.speak`."""

    protected: bool
    interrupt: bool
    keep: bool


@attrs.define(eq=False, repr=False)
class Call(AttendedCall):
    """One call, and what an application may do with it."""

    is_transferring: bool = attrs.field(default=False, init=False)
    """A warm transfer is under way."""
    was_end_revoked: bool = attrs.field(default=False, init=False)
    """The model ended the call once, and the caller went on speaking."""
    _rooms: int = attrs.field(default=0, init=False)

    # --- interrupting and speaking -----------------------------------------------------------

    async def interrupt(self, reason: Reason = Reason.APPLICATION) -> InterruptionResult:
        """Interrupt the model; return when that is settled."""
        return await self.control.interrupt(reason)

    async def say(
        self, text: str, *, protected: bool = False, interrupt: bool = False, keep: bool = False
    ) -> SpeechResult:
        """Have the model say exactly these words; return what became of them.

        ``protected``: the caller cannot interrupt them.  ``interrupt``: what is being said is
        interrupted for them.  ``keep``: an interruption does not drop them while they wait.
        """
        how = SpeakHow(protected=protected, interrupt=interrupt, keep=keep)
        return await self._speak(exact_words(text), how)

    async def ask_model(
        self,
        instructions: str,
        *,
        protected: bool = False,
        interrupt: bool = False,
        keep: bool = False,
    ) -> SpeechResult:
        """Have the model say something by these instructions; it may call tools.  See `say`."""
        how = SpeakHow(protected=protected, interrupt=interrupt, keep=keep)
        words = Words(text=written(instructions), is_alone=False, may_call_tools=True)
        return await self._speak(words, how)

    async def _speak(self, words: Words, how: SpeakHow) -> SpeechResult:
        try:
            reply = await self.control.speak(words, **how)
        except LocalProtocolError:  # too many wait already
            return SpeechResult(SpeechOutcome.DROPPED, 0)
        return await reply.wait()

    async def send_text(self, role: Role, text: str) -> bool:
        """Add a text to the conversation that the model need not answer.

        Returns whether the model was given it.
        """
        check_choice("role", role, ("user", "system", "assistant"))
        try:
            return await self.control.send_text(role, written(text))
        except LocalProtocolError:  # too many wait already
            return False

    async def play(self, mulaw: bytes, *, protected: bool = False) -> SpeechResult:
        """Play audio to the caller, behind what is being said.  The model never knows of it.

        ``mulaw``: raw mu-law, 8 kHz mono, up to five minutes.
        """
        try:
            reply = await self.control.play(mulaw, protected=protected)
        except LocalProtocolError as wrong:
            raise AgentError(f"play: {wrong}") from None
        return await reply.wait()

    async def send_dtmf(self, digits: str) -> SpeechResult:
        """Play the tones of keys: ``0-9 * # A-D``, ``w`` for 0.5 s of pause, ``W`` for 1 s."""
        return await self.play(tones(digits), protected=True)

    async def collect_digits(
        self,
        count: int,
        *,
        terminator: str = "#",
        timeout_s: float = 10,
        between_s: float = 4,
        say: str | None = None,
    ) -> DigitsResult:
        """Have the caller's next keys, instead of the model.

        ``timeout_s``: for the first key, once the model is silent; ``between_s``: for each further
        one.  ``say``: said first; keys pressed meanwhile count.
        **Cancellation:** further keys are the model's again.
        """
        first_ms, between_ms = int(timeout_s * 1_000), int(between_s * 1_000)
        if first_ms <= 0 or between_ms <= 0:
            raise AgentError("collect_digits: timeout_s and between_s are above 0")
        words = None if say is None else exact_words(say)
        control = self.control
        try:
            if words is not None:
                await control.speak(words)
            return await control.collect_digits(
                count, terminator=terminator, first_ms=first_ms, between_ms=between_ms
            )
        except LocalProtocolError as wrong:
            raise AgentError(f"collect_digits: {wrong}") from None

    # --- ending ------------------------------------------------------------------------------

    async def hang_up(
        self,
        *,
        after: Literal["heard", "now"] = "heard",
        say: str | None = None,
        if_interrupted: IfInterrupted = "stay",
    ) -> EndingOutcome:
        """End the call: when everything was heard, or now.

        ``say``: said before.  ``if_interrupted``: whether the call goes on when the caller speaks.
        """
        check_choice("after", after, ("heard", "now"))
        ending = Ending(words=words_before(say), is_final=is_final(if_interrupted))
        if after == "heard":
            return await (await self.ask_to_end(ending)).wait()
        if say is not None:
            raise AgentError("hang_up: say needs after='heard'; nothing is heard after 'now'")
        await self.control.hang_up()
        return EndingOutcome.ENDED

    async def transfer(
        self,
        to: str,
        *,
        say: str | None = None,
        caller_id: str = "",
        ring_s: float = 30,
        if_interrupted: IfInterrupted = "stay",
    ) -> EndingOutcome:
        """Hand the call over to a number (``+15551234567``) or a SIP address.

        ``say``: said before.  ``caller_id``: the number that is shown there; empty: the caller's.
        ``FAILED``: nobody took it, and the call goes on here.
        """
        ending = Ending(
            reason=TRANSFERRED,
            words=words_before(say),
            is_final=is_final(if_interrupted),
            onward=[dial_verb(to, caller_id=caller_id, ring_s=ring_s)],
        )
        return await (await self.ask_to_end(ending)).wait()

    async def transfer_warm(
        self,
        to: str,
        *,
        brief: str,
        say: str | None = None,
        caller_id: str = "",
        ring_s: float = 30,
        if_interrupted: IfInterrupted = "stay",
    ) -> EndingOutcome:
        """Call somebody, tell them ``brief``, and hand the caller over when they have answered.

        Meanwhile the call goes on.  ``caller_id``: the number that is shown there; empty: ours.
        ``FAILED``: they did not answer, nobody took the caller over, or another warm transfer is
        under way; the call goes on here.  For the rest see `transfer`.
        """
        if self.plan.account is None:
            raise AgentError("transfer_warm: needs twilio.account_sid and twilio.auth_token")
        self._rooms += 1
        transfer = WarmTransfer(
            to=to,
            brief=written(brief),
            room=f"{self.info.call_sid}-{self._rooms}",
            from_=caller_id or self.info.our_number,
            words=words_before(say),
            ring_s=ring_s,
            is_final=is_final(if_interrupted),
        )
        transfer.check()
        if self.is_transferring:
            return EndingOutcome.FAILED
        done: Reply[EndingOutcome] = Reply(EndingOutcome.ENDED)
        if not self.spawn(transfer_warm, self, self.plan.account, transfer, done):
            return done.at_end
        self.is_transferring = True
        return await done.wait()
