"""The call in the hands of an application: requests to the owner, and their outcomes.

Requests are letters in the owner's inbox.  Each gets exactly one answer, at the latest when the
call ends.
"""

from __future__ import annotations

import attrs
import outcome
import trio

from trio_media.call.line import Line
from trio_media.core import events as ev
from trio_media.core.commands import Outcome


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
    """What may be asked of a live call, from any task of its nursery."""

    line: Line
    _last_request: int = 0
    _replies: dict[int, Reply] = attrs.field(factory=dict)
    _words: dict[int, str] = attrs.field(factory=dict)
    is_over: bool = False

    async def interrupt(
        self, reason: ev.Reason = ev.Reason.APPLICATION, *, through: int | None = None
    ) -> InterruptionResult:
        """Interrupt the model and wait until it is settled.

        ``through``: the newest answer that is meant, from `newest`; None: whatever there is.
        **Cancellation:** the interruption goes on, unawaited.
        """
        if self.is_over:
            return InterruptionResult(Outcome.CALL_ENDED, 0)
        request = self._next_request()
        reply = self._replies[request] = Reply()
        try:
            await self.line.send_inbox.send(ev.InterruptRequested(request, reason, through))
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
        while it waits.
        """
        if self.is_over:
            return
        request = self._next_request()
        self._words[request] = words
        await self.line.send_inbox.send(ev.SpeechRequested(request, say, protected, keep))

    async def hang_up(self) -> None:
        """End the call now."""
        if not self.is_over:
            await self.line.send_inbox.send(ev.HangUpRequested())

    # --- for the owner ----------------------------------------------------------------------

    def words_of(self, request: int | None) -> str | None:
        """The instructions of a request to speak, once."""
        return None if request is None else self._words.get(request)

    def dropped(self, request: int) -> None:
        """A request to speak will not be carried out."""
        self._words.pop(request, None)

    def settled(self, request: int, result: InterruptionResult) -> None:
        """An interruption has its outcome."""
        reply = self._replies.get(request)
        if reply is not None:
            reply.give(result)

    def end(self) -> None:
        """The call is over: nobody waits any longer."""
        self.is_over = True
        for reply in self._replies.values():
            reply.give(InterruptionResult(Outcome.CALL_ENDED, 0))

    def _next_request(self) -> int:
        self._last_request += 1
        return self._last_request
