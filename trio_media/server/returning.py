"""Calls whose media stream was cut, for as long as they may come back.

The carrier asks us what follows when a media stream has ended.  Of a call that nobody has ended we
say: another media stream.  What the call is made of waits here for it.

Rule 1: a call comes back because our webhook said so; whoever connects unasked is somebody else.
Rule 2: a call comes back so often, and not at once again: what is cut all the time is told so.
Rule 3: a media stream that the carrier stopped is a call that is over, and is told so at once; what
        was said in it is kept for a while, for the carrier may connect its caller again.
Rule 4: one that does not come back is over, and its agent is told then; a drain waits for that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import attrs
import trio

from trio_media.agent.call import Call
from trio_media.boundary import crash_boundary
from trio_media.call.attending import Attendance
from trio_media.call.going import CALLER_HUNG_UP
from trio_media.call.record import CallEnd
from trio_media.call.resuming import Resumption

RETURN_S: Final = 10.0  # the carrier asks at once, or is not going to
REMEMBERED_S: Final = 60.0  # what costs nothing but some memory is kept for longer
RETURNS_MAX: Final = 5  # of one call; a line that is cut more often is no line
AGAIN_S: Final = 1.0  # between two answers of ours; what fails at once is not tried at once again
STOPPED_MAX: Final = 1_000  # calls: some tens of kilobytes each
CUT_S: Final = 2.0  # a media stream that is over ends here within this

log = logging.getLogger("trio_media.server")


@attrs.define(eq=False, kw_only=True)
class CutCall:
    """A call that may come back."""

    call: Call
    attendance: Attendance
    resumption: Resumption
    end: CallEnd
    """How it ended, if it does not."""
    count_end: Callable[[CallEnd], None]
    """Told of its end."""
    give_up_place: Callable[[], None]
    """Told that its place is free."""
    was_asked_back: bool = False
    settled: trio.Event = attrs.field(factory=trio.Event)
    """It is back, or will not come."""


@attrs.define
class _Asked:
    """How often a call was asked back."""

    times: int = 0
    last_s: float = -AGAIN_S


@attrs.define(eq=False)
class Returning:
    """The calls of one process whose media streams were cut."""

    _nursery: trio.Nursery
    _cut: dict[str, CutCall] = attrs.field(factory=dict)
    _asked: dict[str, _Asked] = attrs.field(factory=dict)
    _stopped: dict[str, tuple[float, Resumption]] = attrs.field(factory=dict)
    """What was said in calls that are over, should the caller be there after all, and until when
    that is kept; the oldest first."""
    _news: trio.Event = attrs.field(factory=trio.Event)

    def __contains__(self, call_sid: object) -> bool:
        return call_sid in self._cut

    def keep(self, cut: CutCall) -> bool:
        """Keep a call whose media stream was cut, until it comes back or is given up.

        Returns False when it was cut too often.
        """
        if cut.resumption.number > RETURNS_MAX:
            return False
        cut.call.cut()
        self._cut[cut.resumption.call_sid] = cut
        self._nursery.start_soon(_await_return, self, cut)
        self.note()
        return True

    def ask_back(self, call_sid: str) -> CutCall | None:
        """Ask for a call that was cut; None: there is none, or it is given up."""
        cut, now_s = self._cut.get(call_sid), trio.current_time()
        if cut is None:
            return None
        asked = self._asked.setdefault(call_sid, _Asked())
        if asked.times >= RETURNS_MAX or now_s - asked.last_s < AGAIN_S:
            self.give_up(call_sid, cut.end.reason)
            return None
        asked.times, asked.last_s = asked.times + 1, now_s
        cut.was_asked_back = True
        return cut

    def take(self, call_sid: str) -> CutCall | None:
        """Hand over a call that was asked back, now that it is there; None: there is none."""
        cut = self._cut.get(call_sid)
        if cut is None or not cut.was_asked_back:
            return None
        del self._cut[call_sid]
        cut.settled.set()
        return cut

    def give_up(self, call_sid: str, reason: str = CALLER_HUNG_UP) -> None:
        """A call does not come back, if it was awaited."""
        cut = self._cut.pop(call_sid, None)
        self._asked.pop(call_sid, None)
        if cut is not None:
            cut.end = attrs.evolve(cut.end, reason=reason)
            self._nursery.start_soon(_end, cut)
            cut.settled.set()

    def forget(self, call_sid: str) -> None:
        """A call has ended for good, or never was cut."""
        if call_sid not in self._cut:
            self._asked.pop(call_sid, None)

    # --- calls that are over, as far as anybody knows --------------------------------------------

    def remember(self, resumption: Resumption) -> None:
        """The carrier stopped a media stream.  Mostly the caller has hung up."""
        if resumption.number > RETURNS_MAX or not resumption.has_begun:
            return
        now_s = trio.current_time()
        self._stopped.pop(resumption.call_sid, None)
        self._stopped[resumption.call_sid] = (now_s + REMEMBERED_S, resumption)
        for call_sid, (until_s, _) in list(self._stopped.items()):
            if until_s > now_s and len(self._stopped) <= STOPPED_MAX:
                break
            del self._stopped[call_sid]

    def remembers(self, call_sid: str) -> bool:
        """Whether a call can go on though its media stream was stopped."""
        until_s, _ = self._stopped.get(call_sid, (0.0, None))
        return until_s > trio.current_time()

    def recall(self, call_sid: str) -> Resumption | None:
        """Hand over what was said in a call, once; None: nothing is known."""
        is_known = self.remembers(call_sid)
        stopped = self._stopped.pop(call_sid, None)
        return stopped[1] if stopped is not None and is_known else None

    def note(self) -> None:
        """A media stream has ended."""
        news, self._news = self._news, trio.Event()
        news.set()

    async def until_cut(self, is_live: Callable[[], bool], call_sid: str) -> None:
        """Wait until a call is here, or has ended otherwise; not for long."""
        with trio.move_on_after(CUT_S):
            while call_sid not in self._cut and is_live():
                await self._news.wait()


async def _await_return(returning: Returning, cut: CutCall) -> None:
    """Give a call up that does not come back."""
    with trio.move_on_after(RETURN_S):
        await cut.settled.wait()
    if not cut.settled.is_set():
        returning.give_up(cut.resumption.call_sid, cut.end.reason)


async def _end(cut: CutCall) -> None:
    """Tell everybody that a call is over.  Other calls must not notice what goes wrong with it."""
    fields = {"call_sid": cut.resumption.call_sid, "reason": cut.end.reason}
    log.info("a call that was cut did not come back", extra=fields)
    try:
        with crash_boundary(_note_crash):
            cut.count_end(cut.end)
            await cut.call.ended(cut.end)
    finally:
        cut.give_up_place()


def _note_crash(error: BaseException) -> None:
    log.error("ending a call that was cut crashed", exc_info=error)
