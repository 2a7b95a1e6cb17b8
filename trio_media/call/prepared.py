"""A model session made before the call's media stream has started, so that nobody waits for it.

Rule 1: it says nothing until it is taken, which happens once at most.
Rule 2: whoever made it closes it, unless it was taken; then whoever took it does.
"""

from __future__ import annotations

import attrs
import trio

from trio_media.call.choosing import Services
from trio_media.call.leg import Leg
from trio_media.call.model_service import ModelService
from trio_media.core import events as ev


@attrs.frozen
class Agreed:
    """What was agreed on with the service."""

    ready: ev.SessionReady
    ends_s: float | None
    """When the service ends the session, on Trio's clock; None: nobody knows of an end."""


@attrs.define(eq=False)
class PreparedSession:
    """A session that is agreed on, for one call."""

    service: ModelService
    """Whose session it is, or is going to be."""
    services: Services | None = attrs.field(default=None, kw_only=True)
    """Those to choose from; None: there is but one."""
    _leg: Leg | None = None
    _agreed: Agreed | None = None
    connect_ms: int = attrs.field(default=0, init=False)
    """How long it took to make it."""
    is_handed_over: bool = attrs.field(default=False, init=False)
    """Whoever took it has its leg, and closes it."""
    settled: trio.Event = attrs.field(factory=trio.Event)
    """It is there, or will not be."""
    taken: trio.Event = attrs.field(factory=trio.Event)
    """Nobody else can have it."""
    over: trio.Event = attrs.field(factory=trio.Event)
    """Nobody needs it any more."""

    def agreed(self, leg: Leg, agreed: Agreed, connect_ms: int) -> None:
        """The service gave us the session that we asked for, ``connect_ms`` after we began to."""
        self._leg, self._agreed, self.connect_ms = leg, agreed, connect_ms
        self.settled.set()

    def lost(self) -> None:
        """There is no such session, or no more."""
        self._leg = None
        self.settled.set()

    def let_go(self) -> None:
        """Nobody needs it, taken or not.  Doing it again changes nothing."""
        self.taken.set()
        self.over.set()

    async def take(self) -> tuple[Leg, Agreed] | None:
        """Wait until it is settled, and take the session over; None: there is none.

        The caller puts a deadline around this, and lets it go afterwards, whatever comes of it.
        **Cancellation:** it is not taken over.
        """
        if self.taken.is_set():
            return None
        self.taken.set()
        await self.settled.wait()
        if self._leg is None or self._agreed is None or self.over.is_set():
            return None
        self.is_handed_over = True
        return self._leg, self._agreed
