"""The call in the hands of an application: requests to the owner, and their outcomes.

Requests are letters in the owner's inbox.  Each gets exactly one answer, at the latest when the
call ends.  Whoever is cancelled while waiting stops waiting; what was asked for goes on, but for
keys, which are the model's again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final, Generic, TypeVar

import attrs
import outcome
import trio

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.call.line import Ending, Line
from trio_media.core import events as ev
from trio_media.core.commands import DigitsOutcome, EndingOutcome, Outcome, SpeechOutcome
from trio_media.errors import LocalProtocolError
from trio_media.realtime.events import Role as Role
from trio_media.telephony.twiml import Verb

REPLACED: Final = "replaced"
"""Why a media stream is over whose call has come back in another one."""
WORDS_MAX: Final = 64  # requests to speak that wait; nobody listens to more
CLIP_MS_MAX: Final = 300_000  # five minutes of a recording are no line any more
DIGITS_MAX: Final = 64
running_tool: ContextVar[str | None] = ContextVar("running_tool", default=None)
"""The call of a tool that the current task is carrying out."""
R = TypeVar("R")


@attrs.frozen
class InterruptionResult:
    """How an interruption ended."""

    outcome: Outcome
    heard_ms: int
    """What the caller had heard of the newest answer concerned."""


@attrs.frozen
class SpeechResult:
    """What became of something that was to be said or played."""

    outcome: SpeechOutcome
    heard_ms: int
    """What the caller heard of it."""

    @property
    def was_heard(self) -> bool:
        """Whether the caller heard all of it."""
        return self.outcome is SpeechOutcome.HEARD


@attrs.frozen
class DigitsResult:
    """The keys that the caller pressed."""

    digits: str
    """Without the key that ended them."""
    outcome: DigitsOutcome


@attrs.frozen(kw_only=True)
class Words:
    """What the model is told for one answer, or what is added to the conversation."""

    text: str
    is_alone: bool = True
    """For an answer: instead of the session's instructions; False: added to them."""
    may_call_tools: bool = False
    role: Role = "system"


@attrs.define(eq=False)
class Reply(Generic[R]):
    """The one answer to a request."""

    at_end: R
    """The answer, when the call ends first."""
    if_dropped: R = attrs.field(default=attrs.Factory(lambda self: self.at_end, takes_self=True))
    """The answer, when it is not carried out."""
    _came: trio.Event = attrs.field(factory=trio.Event)
    _answer: outcome.Outcome[R] | None = None

    async def wait(self) -> R:
        """Wait for the answer.  **Cancellation:** what was asked for goes on."""
        await self._came.wait()
        assert self._answer is not None
        return self._answer.unwrap()

    def give(self, result: R) -> None:
        """Answer; the first answer stands."""
        if self._answer is None:
            self._answer = outcome.Value(result)
            self._came.set()


INTERRUPTION_AT_END: Final = InterruptionResult(Outcome.CALL_ENDED, 0)
SPEECH_AT_END: Final = SpeechResult(SpeechOutcome.CALL_ENDED, 0)
SPEECH_DROPPED: Final = SpeechResult(SpeechOutcome.DROPPED, 0)
DIGITS_AT_END: Final = DigitsResult("", DigitsOutcome.CALL_ENDED)


@attrs.define(eq=False)
class CallControl:
    """What may be asked of a live call, from any task.  Nothing here outlasts the call."""

    line: Line
    _last_request: int = 0
    _replies: dict[int, Reply[Any]] = attrs.field(factory=dict)
    """Requests that have no answer yet; the owner has one for each."""
    _words: dict[int, Words] = attrs.field(factory=dict)
    """What is to be said, until the model says it."""
    _posting: set[trio.CancelScope] = attrs.field(factory=set)
    """Who waits for room in the owner's inbox."""
    _onward: dict[int, tuple[Verb, ...]] = attrs.field(factory=dict)
    """What the call is handed over to, by the request."""
    _abandoned: list[int] = attrs.field(factory=list)
    """Requests for keys that nobody waits for any more."""
    is_over: bool = False

    # --- interrupting and speaking -------------------------------------------------------------

    async def interrupt(
        self, reason: ev.Reason = ev.Reason.APPLICATION, *, through: int | None = None
    ) -> InterruptionResult:
        """Interrupt the model and wait until it is settled.

        ``through``: the newest answer that is meant, from `newest`; None: whatever there is.
        **Cancellation:** the interruption goes on, unawaited.
        """
        request = self._next_request()
        event = ev.InterruptRequested(request, reason, through)
        reply = await self._ask(request, event, INTERRUPTION_AT_END)
        return await reply.wait()

    def newest(self) -> int:
        """The number of the newest answer there is, to say which ones an interruption means."""
        return self.line.newest_response

    async def speak(
        self,
        words: Words,
        *,
        say: ev.Say = ev.Say.APPLICATION,
        protected: bool = False,
        keep: bool = False,
        interrupt: bool = False,
    ) -> Reply[SpeechResult]:
        """Have the model speak, by instructions, when its turn comes; the reply waits until it was
        heard.

        ``protected``: the caller cannot interrupt it.  ``keep``: an interruption does not drop it
        while it waits.  ``interrupt``: what is being said is interrupted for it.
        Raises `LocalProtocolError` when `WORDS_MAX` requests wait already.
        """
        request = self._keep_words(words)
        event = ev.SpeechRequested(request, say, protected, keep, interrupt)
        return await self._ask(request, event, SPEECH_AT_END)

    async def play(self, payload: bytes, *, protected: bool = False) -> Reply[SpeechResult]:
        """Play audio of ours to the caller, behind what is being said; the reply waits until it
        was heard.

        ``payload``: raw mu-law, 8 kHz mono.  The model never knows of it.
        Raises `LocalProtocolError` when it is empty or longer than `CLIP_MS_MAX`.
        """
        length_ms = len(payload) // BYTES_PER_MS
        if not 0 < length_ms <= CLIP_MS_MAX:
            raise LocalProtocolError(f"a clip lasts 1 to {CLIP_MS_MAX} ms, not {length_ms}")
        request = self._next_request()
        item_id = f"clip-{request}"
        self.line.store.add(item_id, payload)
        event = ev.ClipOffered(request, item_id, length_ms, protected)
        return await self._ask(request, event, SPEECH_AT_END)

    async def send_text(self, role: Role, text: str) -> bool:
        """Add a text to the conversation, without having the model answer it.

        Returns whether it was given to the model; False when there is none any more.
        Raises `LocalProtocolError` when `WORDS_MAX` requests wait already.
        """
        request = self._keep_words(Words(text=text, role=role))
        reply = await self._ask(request, ev.TextOffered(request), False)
        return await reply.wait()

    # --- keys ----------------------------------------------------------------------------------

    async def collect_digits(
        self, count: int, *, terminator: str = "#", first_ms: int, between_ms: int
    ) -> DigitsResult:
        """Have the caller's next keys, instead of the model; wait for them.

        ``first_ms`` runs from when the model is silent.  Several who ask are served one after the
        other.  Raises `LocalProtocolError` for a count or a terminator that makes no sense.
        **Cancellation:** further keys are the model's again.
        """
        if not 1 <= count <= DIGITS_MAX:
            raise LocalProtocolError(f"count is 1 to {DIGITS_MAX}, not {count}")
        if len(terminator) > 1 or terminator not in "0123456789*#ABCD":
            raise LocalProtocolError(f"terminator is one key or none, not {terminator!r}")
        request = self._next_request()
        event = ev.DigitsRequested(request, count, terminator, first_ms, between_ms)
        reply = await self._ask(request, event, DIGITS_AT_END)
        try:
            return await reply.wait()
        finally:
            if request in self._replies:  # cancelled: nobody waits for them any more
                del self._replies[request]
                self._abandoned.append(request)
                self.line.nudge()

    # --- ending --------------------------------------------------------------------------------

    async def hang_up(self) -> None:
        """End the call now."""
        await self._post(ev.HangUpRequested())

    async def end(
        self,
        *,
        words: Words | None = None,
        reason: str = "hung_up",
        is_final: bool = False,
        onward: Sequence[Verb] = (),
    ) -> Reply[EndingOutcome]:
        """End the call when everything was heard; the reply waits for that.

        ``words``: said before.  ``is_final``: the caller cannot keep the call by speaking.
        ``onward``: what the call is then handed over to; if that fails it goes on here.
        A tool that asks for it is not waited for.
        Raises `LocalProtocolError` when `WORDS_MAX` requests wait already.
        """
        said = None if words is None else self._keep_words(words)
        request = self._next_request()
        event = ev.EndingRequested(
            request, reason, said, is_final, bool(onward), running_tool.get()
        )
        if onward:
            self._onward[request] = tuple(onward)
        return await self._ask(request, event, EndingOutcome.ENDED, words=said)

    async def leave_failed(self, request: int | None) -> None:
        """Nobody took the call over: it goes on."""
        await self._post(ev.LeaveFailed(request))

    async def caller_left(self) -> None:
        """The carrier says, by another way than the media stream, that the call is over."""
        await self._post(Ending("caller_hung_up"))

    async def replaced(self) -> None:
        """The call has come back in another media stream, or is about to."""
        await self._post(Ending(REPLACED))

    async def hold_answers(self, *, is_held: bool) -> None:
        """Have the model answer nothing that is heard, or let it again."""
        await self._post(ev.AnsweringHeld(is_held))

    # --- letters -------------------------------------------------------------------------------

    async def _ask(
        self, request: int, event: ev.Event, at_end: R, *, words: int | None = None
    ) -> Reply[R]:
        if_dropped: Any = SPEECH_DROPPED if isinstance(at_end, SpeechResult) else at_end
        reply = self._replies[request] = Reply(at_end, if_dropped)
        is_posted = False
        try:
            is_posted = await self._post(event)
        finally:
            if not is_posted:
                self.settled(request, at_end)
                self.forget_words(request if words is None else words)
        return reply

    async def _post(self, event: ev.Event | Ending) -> bool:
        """Put a letter into the owner's inbox.  Returns False when the call is over first."""
        if self.is_over:
            return False
        with trio.CancelScope() as posting:
            self._posting.add(posting)
            try:
                await self.line.send_inbox.send(event)
            finally:
                self._posting.discard(posting)
        return not posting.cancelled_caught

    def _keep_words(self, words: Words) -> int:
        if len(self._words) >= WORDS_MAX:
            raise LocalProtocolError(f"{WORDS_MAX} requests to speak wait already")
        request = self._next_request()
        self._words[request] = words
        return request

    def _next_request(self) -> int:
        self._last_request += 1
        return self._last_request

    # --- for the owner -------------------------------------------------------------------------

    def words_of(self, request: int | None) -> Words | None:
        """What is to be said, or added, for a request."""
        return None if request is None else self._words.get(request)

    def forget_words(self, request: int) -> None:
        """A request to speak was carried out, or will not be."""
        self._words.pop(request, None)

    def onward_of(self, request: int | None) -> tuple[Verb, ...]:
        """What the call is handed over to by a request; empty: to nobody."""
        return () if request is None else self._onward.get(request, ())

    def settled(self, request: int, result: object) -> None:
        """A request has its answer."""
        self._onward.pop(request, None)
        reply = self._replies.pop(request, None)
        if reply is not None:
            reply.give(result)

    def dropped(self, request: int) -> None:
        """A request will not be carried out."""
        self.forget_words(request)
        reply = self._replies.get(request)
        if reply is not None:
            self.settled(request, reply.if_dropped)

    def take_abandoned(self) -> list[int]:
        """Hand over the requests for keys that nobody waits for any more."""
        abandoned, self._abandoned = self._abandoned, []
        return abandoned

    def end_all(self) -> None:
        """The call is over: nobody waits any longer."""
        self.is_over = True
        self._words.clear()
        for posting in self._posting:
            posting.cancel()
        for request in list(self._replies):
            self.settled(request, self._replies[request].at_end)
