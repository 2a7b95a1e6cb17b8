"""May this call come in?

A call is asked about twice: by the carrier's webhook, where it can still be turned away at no cost,
and by its media stream, seconds later.  What the webhook was promised, the stream gets: the place
is reserved between the two.

Rule 1: the question and the place are one step without a checkpoint, so the limit is exact.
Rule 2: calls and promises together are never more than the limit.
Rule 3: a slot is given back whatever ends the call; a promise, when nobody comes for it in time.
Rule 4: where there is no call and none is promised, lateness refuses nobody: whoever made this
        machine slow, it was not us, and turning the only caller away makes nothing faster.
Rule 5: draining is for good and for all: a promise that was not redeemed by then is void.
Rule 6: a call whose media stream was cut gives its place back as any other, and is let in again
        whoever came meanwhile, also in a drain: its caller is here already.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias

import attrs
import trio

from trio_media.errors import CallRefused
from trio_media.server.lateness import LoopLateness

Reason: TypeAlias = Literal["draining", "full", "late", "model_unavailable"]
"""Why there is no place; the last is the webhook's to say, see `model_access`: a media stream that
comes all the same is taken."""

REFUSALS: Final[dict[Reason, str]] = {
    "draining": "the server is shutting down",
    "full": "the server has as many calls as it may have",
    "late": "the server is too busy",
    "model_unavailable": "no model service is to be had",
}
RESERVED_S: Final = 5.0  # the carrier opens the stream within a second or two of its webhook


@attrs.define(eq=False)
class Slot:
    """The place of one media stream, of which it is not yet known whose it is."""

    _admission: Admission
    call_sid: str | None = None
    """None until the stream has said it."""
    is_for_return: bool = False
    """It was given for want of a call that was cut: nobody else is let in any more."""

    def leave(self) -> None:
        """The stream was cut, and its call may come back: let it in then.

        `give_up` is to follow, unless a stream of that call begins.
        """
        self._admission._leave(self)

    def give_up(self) -> None:
        """The call does not come back.  Doing it again changes nothing."""
        self._admission._give_up(self)

    def begin(self, call_sid: str) -> None:
        """Say whose stream it is.

        Raises:
            CallRefused: nothing was promised to this call, and what room there is was promised to
                others (``full``).
        """
        self._admission._begin(self, call_sid)


class Admission:
    """Counts the calls and the promises, and says when there may be no more."""

    def __init__(
        self,
        *,
        max_calls: int,
        lateness: LoopLateness,
        now_s: Callable[[], float] = trio.current_time,
    ) -> None:
        self._max_calls = max_calls
        self._lateness = lateness
        self._now_s = now_s
        self._slots: set[Slot] = set()
        self._until_s: dict[str, float] = {}
        """Until when a place is kept, by whom it is kept for."""
        self._away: dict[str, Slot] = {}
        """The slots that calls had which were cut, and may come back."""
        self._ended = 0
        self._draining = False
        self._drained = trio.Event()

    @property
    def active(self) -> int:
        """How many slots are taken."""
        return len(self._slots)

    @property
    def reserved(self) -> int:
        """How many places are kept for calls whose media stream is not here."""
        self._forget_late_comers()
        return len(self._until_s)

    @property
    def ended(self) -> int:
        """How many slots were given back up to now."""
        return self._ended

    @property
    def is_draining(self) -> bool:
        """Whether `drain` was called."""
        return self._draining

    def refusal(self) -> Reason | None:
        """Say why a call that came now would be refused; None when it would be taken."""
        if self._draining:
            return "draining"
        taken = self._taken
        if taken >= self._max_calls:
            return "full"
        if taken and self._lateness.is_late:
            return "late"
        return None

    def reserve(
        self, call_sid: str, *, lasts_s: float = RESERVED_S, instead_of: str = ""
    ) -> Reason | None:
        """Promise a place to a call whose media stream is about to come.

        Asked again, the promise lasts longer; a call that is here already needs none.
        ``instead_of``: a promise under another name, which this one replaces where it still holds.
        Returns why there is no place, as `refusal` does; None: it is promised.
        """
        self._forget_late_comers()
        if call_sid in self._away:
            self._until_s[call_sid] = self._now_s() + lasts_s
            return None
        is_promised = self._until_s.pop(instead_of, None) is not None or call_sid in self._until_s
        is_here = any(slot.call_sid == call_sid for slot in self._slots)
        if self._draining or not (is_promised or is_here):
            reason = self.refusal()
            if reason is not None:
                return reason
        if is_promised or not is_here:
            self._until_s[call_sid] = self._now_s() + lasts_s
        return None

    def release(self, call_sid: str) -> None:
        """Take a promise back, if there is one: the call is not going to come."""
        self._until_s.pop(call_sid, None)

    @contextlib.contextmanager
    def slot(self) -> Iterator[Slot]:
        """Hold a slot for the length of the block.

        A stream says whose it is after it was let in.  As long as more calls are promised a place
        than streams are silent about that, it is taken for one of those.

        Raises:
            CallRefused: there is none; ``reason`` is that of `refusal`.
        """
        # Where it is expected there is room for it, by rule 2; a drain leaves nothing to expect.
        is_expected = self.reserved > self._unnamed
        if not is_expected:
            reason = self.refusal()
            if reason is not None:
                raise CallRefused(reason)
        slot = Slot(self, is_for_return=self._draining)
        self._slots.add(slot)
        try:
            yield slot
        finally:
            self._slots.discard(slot)
            self._ended += 1
            self._note_drained()

    def drain(self) -> None:
        """Refuse every further call, for good.  Calls that have a slot keep it."""
        self._draining = True
        self._until_s.clear()
        self._note_drained()

    async def wait_drained(self) -> None:
        """Wait until `drain` was called and the last call has ended."""
        await self._drained.wait()

    @property
    def _unnamed(self) -> int:
        return sum(slot.call_sid is None for slot in self._slots)

    @property
    def _taken(self) -> int:
        """How many places are not to be had."""
        # The streams that have said nothing yet are those for which places are kept, so neither
        # is counted on top of the other.
        unnamed = self._unnamed
        return self.active - unnamed + max(unnamed, self.reserved)

    def _begin(self, slot: Slot, call_sid: str) -> None:
        was_promised = self._until_s.pop(call_sid, None) is not None
        was_promised = self._away.pop(call_sid, None) is not None or was_promised
        if slot.is_for_return and not was_promised:
            raise CallRefused("draining")
        slot.call_sid = call_sid
        if not was_promised and self._taken > self._max_calls:
            # It came in on a promise to somebody else, who keeps it.
            slot.call_sid = None
            raise CallRefused("full")

    def _leave(self, slot: Slot) -> None:
        if slot.call_sid is not None:
            self._slots.discard(slot)
            self._away[slot.call_sid] = slot

    def _give_up(self, slot: Slot) -> None:
        # A call that came back, and was cut again, has another place by now.
        if slot.call_sid is not None and self._away.get(slot.call_sid) is slot:
            del self._away[slot.call_sid]
            self._until_s.pop(slot.call_sid, None)
            self._note_drained()

    def _forget_late_comers(self) -> None:
        if self._until_s:
            now_s = self._now_s()
            for call_sid in [one for one, until_s in self._until_s.items() if until_s <= now_s]:
                del self._until_s[call_sid]

    def _note_drained(self) -> None:
        if self._draining and not self._slots and not self._away:
            self._drained.set()
