"""Keeping a model session: one after the other, for as long as the call wants one.

Rule 1: a session that is lost is made anew, at first at once, then ever more slowly, and never at
        the same moment as those of all other calls.
Rule 2: what a service refuses for good is not tried again.
Rule 3: a session that lasted for a while forgives what was tried before it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import attrs
import trio

from trio_media.call.choosing import Services
from trio_media.call.line import Line
from trio_media.call.model_service import ModelService
from trio_media.call.model_session import Attempt, SessionEnd, hold_model_session
from trio_media.call.prepared import PreparedSession
from trio_media.core import events as ev
from trio_media.errors import ModelRefused, ModelUnavailable, RefusalKind
from trio_media.facts.failures import FAILURE

STABLE_S: Final = 10.0  # a session that lasts so long was no mere try
FIRST_S: Final = 0.25  # many calls lose theirs at once, and come back over this time
GROWTH: Final = 2.0
PAUSE_S_MAX: Final = 8.0


def pause_s(failures: int, luck: float) -> float:
    """How long to wait before the next try, after so many in a row that came to nothing.

    ``luck``: from 0 up to 1.  Half of the pause is left to it.
    """
    if failures == 0:
        return FIRST_S * luck
    longest_s: float = min(FIRST_S * GROWTH**failures, PAUSE_S_MAX)
    return longest_s * (1 + luck) / 2


@attrs.define
class _Tries:
    """How often a session may still be tried, and what came of it so far."""

    most: int
    left: int = attrs.field(init=False)
    failures: int = 0
    """So many in a row came to no session at all."""

    def __attrs_post_init__(self) -> None:
        self.left = self.most

    def count(self, attempt: Attempt) -> None:
        """A session is over, or came to nothing."""
        self.failures = 0 if attempt.was_there else self.failures + 1
        if attempt.there_s is not None and trio.current_time() - attempt.there_s >= STABLE_S:
            self.left = self.most

    def take(self) -> int:
        """Try once more; give how often that was done in a row."""
        self.left -= 1
        return self.most - self.left - 1


@attrs.define(eq=False)
class SessionKeeper:
    """Keeps the model session of one call; the owner tells it what it does not want any more."""

    services: Services
    line: Line
    reconnect_max: int
    luck: Callable[[], float] = random.random
    parting: str = "goodbye"
    """What is done when there is none any more, as failures tell it."""
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """Of the session, or of the pause before the next one."""
    _is_over: bool = attrs.field(default=False, init=False)
    _number: int = attrs.field(default=0, init=False)
    _held: int | None = attrs.field(default=None, init=False)
    """The number of the session that is there, or is being made."""
    _renews: bool = attrs.field(default=False, init=False)
    """It was dropped for its age alone."""

    def drop(self, number: int | None, *, renews: bool = False) -> None:
        """Let go of this session, for another.  The owner tells the core that it is away.

        ``renews``: nothing is wrong with it but its age.
        """
        if number is not None and number == self._held:
            self._renews = renews
            self._scope.cancel()

    def end(self) -> None:
        """There will be no other."""
        self._is_over = True
        self._scope.cancel()

    async def keep(self, prepared: PreparedSession | None = None) -> None:
        """Keep a session until `end` is called, or none can be had: then the owner is told.

        ``prepared``: the first session, where it was made beforehand.  **Cancellation:** the
        connection is dropped at once, and nobody is told.
        """
        tries = _Tries(self.reconnect_max)
        while True:
            attempt = self._next_attempt(tries.failures, prepared)
            end = await self._hold(attempt)
            prepared = None
            if self._is_over:
                return
            if end is None and self._renews:
                continue
            tries.count(attempt)
            if self._is_final(end) or not tries.left:
                await self._give_up(end)
                return
            if end is not None:
                self._note(end, "reconnect")
                await self.line.send_inbox.send(ev.SessionAway())
            await self._pause(tries.take())

    def _next_attempt(self, failures: int, prepared: PreparedSession | None) -> Attempt:
        self._number += 1
        return Attempt(
            services=self.services, number=self._number, failures=failures, prepared=prepared
        )

    async def _hold(self, attempt: Attempt) -> SessionEnd | None:
        self._scope = trio.CancelScope()
        if self._is_over:
            self._scope.cancel()  # the call ended while nothing was held
        self._held, self._renews = attempt.number, False
        try:
            return await hold_model_session(attempt, self.line, self._scope)
        finally:
            self._held = None

    def _is_final(self, end: SessionEnd | None) -> bool:
        """Whether no other try would end otherwise, at any service."""
        error = None if end is None else end.error
        if isinstance(error, ModelUnavailable):
            return all(one.breaker is not None and one.breaker.is_fatal for one in self._all)
        if not isinstance(error, ModelRefused):
            return False
        return len(self._all) == 1 and error.kind in (RefusalKind.FATAL, RefusalKind.REQUEST)

    @property
    def number(self) -> int:
        """How many sessions the call has had, or tried to have."""
        return self._number

    def count_from(self, number: int) -> None:
        """The call had so many before: what they called by a name is not what others do."""
        self._number = number

    @property
    def _all(self) -> tuple[ModelService, ...]:
        return self.services.services

    async def _pause(self, tries: int) -> None:
        with trio.CancelScope() as self._scope:
            if self._is_over:
                self._scope.cancel()
            await trio.sleep(pause_s(tries, self.luck()))

    async def _give_up(self, end: SessionEnd | None) -> None:
        if end is not None:
            self._note(end, self.parting)
        await self.line.send_inbox.send(ev.SessionLost())

    def _note(self, end: SessionEnd, done: str) -> None:
        self.line.note("model_lost", reason=end.detail)
        what = "model_lost" if end.was_there else "model_connect"
        what = "model_refused" if end.why == "refused" else what
        self.line.note(FAILURE, what=what, detail=end.detail, done=done)
