"""A model session made before the call's media stream has started, so that nobody waits for it.

It says nothing until it is taken, and is let go when nobody takes it in time.
"""

from __future__ import annotations

import attrs
import trio

from trio_media.call.leg import Leg
from trio_media.call.model_service import ModelService
from trio_media.core import events as ev


@attrs.define(eq=False)
class PreparedSession:
    """A session that is agreed on, for one call."""

    service: ModelService
    _leg: Leg | None = None
    _ready: ev.SessionReady | None = None
    settled: trio.Event = attrs.field(factory=trio.Event)
    """It is there, or will not be."""
    taken: trio.Event = attrs.field(factory=trio.Event)
    over: trio.Event = attrs.field(factory=trio.Event)
    """Whoever took it is done with it."""

    def agreed(self, leg: Leg, ready: ev.SessionReady) -> None:
        """The service gave us the session that we asked for."""
        self._leg, self._ready = leg, ready
        self.settled.set()

    def lost(self) -> None:
        """There is no such session, or no more."""
        self._leg = None
        self.settled.set()

    async def take(self) -> tuple[Leg, ev.SessionReady] | None:
        """Wait until it is settled, and take the session over; None: there is none.

        At most once.  The caller puts a deadline around this.
        """
        assert not self.taken.is_set(), "a session is for one call"
        self.taken.set()
        await self.settled.wait()
        if self._leg is None or self._ready is None:
            return None
        return self._leg, self._ready
