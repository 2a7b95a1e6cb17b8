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

from trio_media.call.line import Line
from trio_media.call.model_service import ModelService
from trio_media.call.model_session import SessionEnd, hold_model_session
from trio_media.call.prepared import PreparedSession
from trio_media.core import events as ev
from trio_media.errors import ModelRefused
from trio_media.realtime.numbering import NumberedCodec

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


@attrs.define(eq=False)
class SessionKeeper:
    """Keeps the model session of one call; the owner tells it what it does not want any more."""

    service: ModelService
    line: Line
    reconnect_max: int
    luck: Callable[[], float] = random.random
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """Of the session, or of the pause before the next one."""
    _is_over: bool = attrs.field(default=False, init=False)
    _number: int = attrs.field(default=0, init=False)
    _held: int | None = attrs.field(default=None, init=False)
    """The number of the session that is there, or is being made."""

    def drop(self, number: int | None) -> None:
        """Let go of this session, for another.  The owner tells the core that it is away."""
        if number is not None and number == self._held:
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
        failures = 0
        while True:
            began_s = trio.current_time()
            end = await self._hold(prepared)
            prepared = None
            if self._is_over:
                return
            tried_s = trio.current_time() - began_s
            lasted_s = tried_s if end is None else end.lasted_s  # a slow connect is no session
            is_stable = lasted_s >= STABLE_S
            failures = 0 if is_stable else failures + 1
            if is_final(end) or failures > self.reconnect_max or not self.reconnect_max:
                await self._give_up(end)
                return
            if end is not None:
                self._note(end, "reconnect")
                await self.line.send_inbox.send(ev.SessionAway())
            await self._pause(failures)

    async def _hold(self, prepared: PreparedSession | None) -> SessionEnd | None:
        self._scope = trio.CancelScope()
        if self._is_over:
            self._scope.cancel()  # the call ended while nothing was held
        self._number += 1
        service = self.service
        if self._number > 1:
            service = attrs.evolve(service, codec=NumberedCodec(service.codec, self._number))
        self._held = self._number
        try:
            return await hold_model_session(
                service, self.line, self._scope, self._number, prepared=prepared
            )
        finally:
            self._held = None

    async def _pause(self, failures: int) -> None:
        with trio.CancelScope() as self._scope:
            if self._is_over:
                self._scope.cancel()
            await trio.sleep(pause_s(max(0, failures - 1), self.luck()))

    async def _give_up(self, end: SessionEnd | None) -> None:
        if end is not None:
            self._note(end, "goodbye")
        await self.line.send_inbox.send(ev.SessionLost())

    def _note(self, end: SessionEnd, done: str) -> None:
        self.line.note("model_lost", reason=end.detail)
        what = "model_lost" if end.was_there else "model_connect"
        what = "model_refused" if end.why == "refused" else what
        self.line.note("failure", what=what, detail=end.detail, done=done)


def is_final(end: SessionEnd | None) -> bool:
    """Whether no other try would end otherwise."""
    error = None if end is None else end.error
    return isinstance(error, ModelRefused) and error.code != "session_expired"
