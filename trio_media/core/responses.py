"""The record of every response, and the book in which late events still find it.

Rule 1: an event acts on the response that it names; a name nobody knows gets a record.
Rule 2: a record outlives its terminal event, so that what comes late meets the verdict.
Rule 3: facets are kept apart (phase, cancel, mute, what was heard); none is derived from another.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import attrs

from trio_media.core.commands import Cause
from trio_media.core.creates import NEVER, Vain
from trio_media.core.events import Ended
from trio_media.core.units import (
    ACTIVE_MS,
    CANCELLING_MS,
    CANCELLING_TOTAL_MS,
    HEARD_ENOUGH_MS,
    RECORDS_KEPT,
    REQUESTED_MS,
    earliest,
)


class Phase(enum.Enum):
    """Where a response's generation stands.  Queued ones are not responses yet (``creates``)."""

    REQUESTED = "requested"
    """``response.create`` is out, no id known."""
    ACTIVE = "active"
    CANCELLING = "cancelling"
    """Taken, its terminal event not here yet."""
    OVER = "over"
    """Generation is over; whether it is still audible is asked of ``playout``."""


class Cancel(enum.Enum):
    """What became of a response's one cancel."""

    NONE = "none"
    OUT = "out"
    """Ordered; at most one ever is."""
    UNSENT = "unsent"
    """Ordered, but no byte was written: may be ordered again."""
    SETTLED = "settled"


class Fate(enum.Enum):
    """What the model was, or will be, told about an item."""

    UNTOLD = "untold"
    TRUNCATED = "truncated"
    DELETE_DUE = "delete_due"
    """Nothing of it was heard: deleted once its response is over."""
    DELETED = "deleted"


@attrs.define(eq=False)
class Item:
    """One output item of a response."""

    item_id: str
    response: Response
    is_speech: bool = True
    received_ms: int = 0
    is_done: bool = False
    """It gets no more audio."""
    heard_ms: int = 0
    """High-water mark of what the caller heard of it."""
    fate: Fate = Fate.UNTOLD
    is_released: bool = False

    @property
    def is_heard_enough(self) -> bool:
        """Whether "all of it was heard" is true as far as anyone can tell."""
        unheard_ms = self.received_ms - self.heard_ms
        return self.heard_ms > 0 and self.is_done and unheard_ms <= HEARD_ENOUGH_MS


@attrs.define(eq=False)
class PendingTool:
    """A tool call whose result is not there."""

    call_id: str
    filler_ms: int | None = None
    """Silence after which the model says that it is still at it."""
    silent_since_ms: int | None = None
    """Since when nobody speaks; None while somebody does."""
    is_cancelled_by_interruption: bool = False
    is_protecting: bool = False
    holds_answers: bool = False


@attrs.define(eq=False)
class Response:
    """One response, from our create or from its first event on."""

    number: int
    """Order in which responses became known."""
    cause: Cause
    phase: Phase
    progress_ms: int
    """When it last made progress; its deadline runs from here."""
    token: int | None = None
    request: int | None = None
    is_told: bool = False
    """Whoever asked for it knows what became of it."""
    response_id: str | None = None
    is_guessed: bool = False
    """It was taken for the answer to our create, though the service did not say so."""
    is_protected: bool = False
    is_doomed: bool = False
    """Taken before its id was known: cancelled when the id appears."""
    is_muted: bool = False
    """None of its audio is played from here on."""
    is_server_interrupted: bool = False
    cancel: Cancel = Cancel.NONE
    cancel_command: int | None = None
    cancel_at_ms: int = 0
    """When its end was first awaited."""
    retry_ms: int = 0
    """When an unsent cancel is ordered again."""
    cancel_refused: bool = False
    """The cancel was answered by an error other than "not active"."""
    is_kept: bool = True
    """Asked for again after a refusal, it stays in the queue whatever interrupts."""
    tries: int = 0
    """How often this was refused before."""
    vain: Vain = NEVER
    """What the service was asked for in its place before, and did not give."""
    is_lingering: bool = False
    """Closed by deadline: the server may still think that it is open."""
    ended: Ended | None = None
    items: list[Item] = attrs.field(factory=list)
    calls: set[str] = attrs.field(factory=set)
    """Tool calls it made."""
    pending_tools: dict[str, PendingTool] = attrs.field(factory=dict)
    """Tool calls whose results are not there."""
    owes_tool_answer: bool = False
    is_answer_protected: bool = False
    """The answer to the results cannot be interrupted."""
    was_served: bool = False
    """The service ran a tool for it, and nothing was said about that in it."""

    @property
    def is_open(self) -> bool:
        """Whether it is known, or must be assumed, to be generating."""
        return self.phase is not Phase.OVER

    @property
    def has_begun(self) -> bool:
        """Whether anything came of it: audio, or a call of a tool."""
        return bool(self.calls) or any(item.received_ms for item in self.items)

    @property
    def is_awaited(self) -> bool:
        """Whether anything is still to come of it, besides what may be played."""
        return (
            self.is_open
            or bool(self.pending_tools)
            or self.owes_tool_answer
            or (self.request is not None and not self.is_told)
        )

    @property
    def heard_ms(self) -> int:
        """What the caller heard of all its items."""
        return sum(item.heard_ms for item in self.items)

    def find_item(self, item_id: str) -> Item | None:
        """Return the item with this id, if it is known."""
        return next((item for item in self.items if item.item_id == item_id), None)

    def deadline_ms(self) -> int | None:
        """When to give up waiting for its next event."""
        phase = self.phase
        if phase is Phase.OVER:
            return None
        if phase is Phase.ACTIVE:
            return self.progress_ms + ACTIVE_MS
        if phase is Phase.REQUESTED:
            return self.progress_ms + REQUESTED_MS
        return min(self.progress_ms + CANCELLING_MS, self.cancel_at_ms + CANCELLING_TOTAL_MS)

    def close(self, ended: Ended) -> None:
        """Generation is over: no item gets more audio, and the cancel has its answer."""
        self.phase = Phase.OVER
        self.ended = ended
        self.is_lingering = ended is Ended.DEADLINE
        if self.cancel is not Cancel.NONE:
            self.cancel = Cancel.SETTLED
        for item in self.items:
            item.is_done = True


@attrs.define
class ResponseBook:
    """All responses that anything may still name, oldest first."""

    responses: list[Response] = attrs.field(factory=list)
    live: list[Response] = attrs.field(factory=list)
    """Those that are not finished: most questions are about them alone."""
    last_number: int = 0
    has_tools: bool = False
    """A live response may have a tool without its result, or a result without its answer."""

    def __iter__(self) -> Iterator[Response]:
        return iter(self.responses)

    def open(self) -> list[Response]:
        """Return the responses that are generating, oldest first."""
        return [response for response in self.live if response.is_open]

    def add(
        self,
        cause: Cause,
        phase: Phase,
        now_ms: int,
        *,
        token: int | None = None,
        response_id: str | None = None,
    ) -> Response:
        """Begin a record."""
        self.last_number += 1
        response = Response(
            number=self.last_number,
            cause=cause,
            phase=phase,
            progress_ms=now_ms,
            token=token,
            response_id=response_id,
        )
        self.responses.append(response)
        self.live.append(response)
        return response

    def by_id(self, response_id: str) -> Response | None:
        """Find a response by the server's id."""
        return next((r for r in reversed(self.responses) if r.response_id == response_id), None)

    def by_token(self, token: int) -> Response | None:
        """Find a response by the token of our create."""
        return next((r for r in self.responses if r.token == token), None)

    def by_command(self, command: int) -> Response | None:
        """Find the response whose create (its token) or cancel was this command."""
        return next(
            (r for r in self.responses if command in (r.token, r.cancel_command)),
            None,
        )

    def sole(self, phase: Phase) -> Response | None:
        """Return the one response in this phase; None when there is none, or several."""
        found = [response for response in self.live if response.phase is phase]
        return found[0] if len(found) == 1 else None

    def has_unsettled_cancel(self) -> bool:
        """Whether a cancel is out that nothing answered yet."""
        return any(r.cancel in (Cancel.OUT, Cancel.UNSENT) for r in self.live)

    def revive(self, response: Response) -> None:
        """Something came for a response that may have been finished."""
        if response not in self.live:
            self.live.append(response)
            self.live.sort(key=lambda live: live.number)

    def rest(self, on_tape: set[int]) -> None:
        """Let those go of which nothing more is awaited.  ``on_tape``: what may still be played."""
        self.live = [r for r in self.live if r.is_awaited or r.number in on_tape]
        if self.has_tools:
            self.has_tools = any(r.pending_tools or r.owes_tool_answer for r in self.live)

    def prune(self, on_tape: set[int]) -> list[Response]:
        """Drop the oldest records beyond the number kept; never what is open or on the tape."""
        excess = len(self.responses) - RECORDS_KEPT
        dropped: list[Response] = []
        for response in self.responses:
            if len(dropped) >= excess:
                break
            if not response.is_open and response.number not in on_tape:
                dropped.append(response)
        if dropped:
            self.responses = [r for r in self.responses if r not in dropped]
            self.live = [r for r in self.live if r not in dropped]
        return dropped

    def next_deadline_ms(self) -> int | None:
        """Return when the first response is given up."""
        return earliest(*(response.deadline_ms() for response in self.live))
