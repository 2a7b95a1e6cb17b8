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


@attrs.define(eq=False)
class PreparedSession:
    """A session that is agreed on, for one call."""

    service: ModelService
    """Whose session it is, or is going to be."""
    services: Services | None = attrs.field(default=None, kw_only=True)
    """Those to choose from; None: there is but one."""
    _leg: Leg | None = None
    _ready: ev.SessionReady | None = None
    is_handed_over: bool = attrs.field(default=False, init=False)
    """Whoever took it has its leg, and closes it."""
    settled: trio.Event = attrs.field(factory=trio.Event)
    """It is there, or will not be."""
    taken: trio.Event = attrs.field(factory=trio.Event)
    """Nobody else can have it."""
    over: trio.Event = attrs.field(factory=trio.Event)
    """Nobody needs it any more."""

    def agreed(self, leg: Leg, ready: ev.SessionReady) -> None:
        """The service gave us the session that we asked for."""
        self._leg, self._ready = leg, ready
        self.settled.set()

    def lost(self) -> None:
        """There is no such session, or no more."""
        self._leg = None
        self.settled.set()

    def let_go(self) -> None:
        """Nobody needs it, taken or not.  Doing it again changes nothing."""
        self.taken.set()
        self.over.set()

    async def take(self) -> tuple[Leg, ev.SessionReady] | None:
        """Wait until it is settled, and take the session over; None: there is none.

        The caller puts a deadline around this, and lets it go afterwards, whatever comes of it.
        **Cancellation:** it is not taken over.
        """
        if self.taken.is_set():
            return None
        self.taken.set()
        await self.settled.wait()
        if self._leg is None or self._ready is None or self.over.is_set():
            return None
        self.is_handed_over = True
        return self._leg, self._ready
