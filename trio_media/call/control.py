"""The call in the hands of an application: requests to the owner, and their outcomes.

Requests are letters in the owner's inbox.  Each gets exactly one answer, at the latest when the
call ends.
"""

from __future__ import annotations

from typing import Final

import attrs
import outcome
import trio

from trio_media.call.line import Line
from trio_media.core import events as ev
from trio_media.core.commands import Outcome
from trio_media.errors import LocalProtocolError

WORDS_MAX: Final = 64  # requests to speak that wait; nobody listens to more


@attrs.frozen
class InterruptionResult:
    """How an interruption ended."""

    outcome: Outcome
    heard_ms: int
    """What the caller had heard of the newest answer concerned."""


@attrs.define(eq=False)
class Reply:
    """One answer that somebody waits for."""

    came: trio.Event = attrs.field(factory=trio.Event)
    answer: outcome.Outcome[InterruptionResult] | None = None

    def give(self, result: InterruptionResult) -> None:
        """Answer; the first answer stands."""
        if self.answer is None:
            self.answer = outcome.Value(result)
            self.came.set()


@attrs.define(eq=False)
class CallControl:
    """What may be asked of a live call, from any task.  Nothing here outlasts the call."""

    line: Line
    _last_request: int = 0
    _replies: dict[int, Reply] = attrs.field(factory=dict)
    _words: dict[int, str] = attrs.field(factory=dict)
    """What is to be said, until the model says it."""
    _posting: set[trio.CancelScope] = attrs.field(factory=set)
    """Who waits for room in the owner's inbox."""
    is_over: bool = False

    async def interrupt(
        self, reason: ev.Reason = ev.Reason.APPLICATION, *, through: int | None = None
    ) -> InterruptionResult:
        """Interrupt the model and wait until it is settled.

        ``through``: the newest answer that is meant, from `newest`; None: whatever there is.
        **Cancellation:** the interruption goes on, unawaited.
        """
        request = self._next_request()
        reply = self._replies[request] = Reply()
        try:
            if not await self._post(ev.InterruptRequested(request, reason, through)):
                return InterruptionResult(Outcome.CALL_ENDED, 0)
            await reply.came.wait()
        finally:
            self._replies.pop(request, None)
        assert reply.answer is not None
        return reply.answer.unwrap()

    def newest(self) -> int:
        """The number of the newest answer there is, to say which ones an interruption means."""
        return self.line.newest_response

    async def speak(
        self,
        words: str,
        *,
        say: ev.Say = ev.Say.APPLICATION,
        protected: bool = False,
        keep: bool = False,
    ) -> None:
        """Have the model speak, by instructions, when its turn comes.

        ``protected``: the caller cannot interrupt it.  ``keep``: an interruption does not drop it
        while it waits.  Raises `LocalProtocolError` when `WORDS_MAX` requests wait already.
        """
        if len(self._words) >= WORDS_MAX:
            raise LocalProtocolError(f"{WORDS_MAX} requests to speak wait already")
        request = self._next_request()
        self._words[request] = words
        is_posted = False
        try:
            is_posted = await self._post(ev.SpeechRequested(request, say, protected, keep))
        finally:
            if not is_posted:
                self.forget_words(request)

    async def hang_up(self) -> None:
        """End the call now."""
        await self._post(ev.HangUpRequested())

    async def _post(self, event: ev.Event) -> bool:
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

    # --- for the owner ----------------------------------------------------------------------

    def words_of(self, request: int | None) -> str | None:
        """The instructions of a request to speak."""
        return None if request is None else self._words.get(request)

    def forget_words(self, request: int) -> None:
        """A request to speak was carried out, or will not be."""
        self._words.pop(request, None)

    def settled(self, request: int, result: InterruptionResult) -> None:
        """An interruption has its outcome."""
        reply = self._replies.get(request)
        if reply is not None:
            reply.give(result)

    def end(self) -> None:
        """The call is over: nobody waits any longer."""
        self.is_over = True
        for posting in self._posting:
            posting.cancel()
        for reply in self._replies.values():
            reply.give(InterruptionResult(Outcome.CALL_ENDED, 0))

    def _next_request(self) -> int:
        self._last_request += 1
        return self._last_request
