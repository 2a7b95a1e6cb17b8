"""The caller's turns, and the keys: what the caller said, and whether it is answered.

A turn opens when the server hears speech and ends by its commit, by failure or by deadline.  It is
answered at most once.

Rule 1: under our own authority a turn that was spoken wholly over speech of the model that nobody
        took is void when it has no words: no answer, and its item is deleted.  Every other
        committed turn counts.
Rule 2: a turn that ended by deadline is not answered, unless it is committed later.
Rule 3: keys are a turn of their own: complete when none came for a while.
"""

from __future__ import annotations

import enum

import attrs

from trio_media.core.events import Verdict
from trio_media.core.units import (
    KEYS_KEPT,
    KEYS_PAUSE_MS,
    TURN_COMMIT_MS,
    TURN_MAX_MS,
    TURN_SILENT_MS,
    TURNS_KEPT,
    VERDICT_MS,
    earliest,
)


class TurnState(enum.Enum):
    """Where a turn stands."""

    OPEN = "open"
    """In progress: nothing is created meanwhile."""
    LAPSED = "lapsed"
    """Ended without a commit."""
    JUDGED = "judged"
    """Committed over untaken speech: its transcript decides whether it counts."""
    COUNTS = "counts"
    """Committed, an answer is owed."""
    ANSWERED = "answered"
    VOID = "void"


@attrs.define(eq=False)
class Turn:
    """One caller's turn."""

    item_id: str
    state: TurnState
    opened_ms: int
    heard_ms: int
    """When the caller was last heard in it."""
    over: int | None
    """The newest response when it opened, if something that nobody took was open or audible all
    the time since; else None."""
    is_voiced: bool = False
    """The local ear heard a human voice in it."""
    stopped_ms: int | None = None
    committed_ms: int | None = None
    verdict: Verdict | None = None
    answer: int | None = None
    """The response that was asked for as its answer; None: none was, or by the server."""

    @property
    def is_covered(self) -> bool:
        """Whether it was spoken wholly over speech of the model that nobody took, so far."""
        return self.over is not None

    def deadline_ms(self, *, is_heard: bool) -> int | None:
        """When waiting for its next event ends.  ``is_heard``: the local ear hears speech."""
        if self.state is TurnState.OPEN:
            if self.stopped_ms is not None:
                return self.stopped_ms + TURN_COMMIT_MS
            # Noise is heard too: it must not keep a turn open whose end was lost.
            silent_ms = None if is_heard else self.heard_ms + TURN_SILENT_MS
            return earliest(silent_ms, self.opened_ms + TURN_MAX_MS)
        if self.state is TurnState.JUDGED:
            assert self.committed_ms is not None
            return self.committed_ms + VERDICT_MS
        return None


@attrs.define
class TurnBook:
    """The turns that late events may still name, oldest first."""

    turns: list[Turn] = attrs.field(factory=list)
    live: list[Turn] = attrs.field(factory=list)
    """Those that are neither answered nor void: most questions are about them alone."""

    def find(self, item_id: str) -> Turn | None:
        """Return the turn that will be, or is, this item."""
        return next((turn for turn in self.turns if turn.item_id == item_id), None)

    def in_state(self, state: TurnState) -> list[Turn]:
        """Return the turns in a state, oldest first."""
        return [turn for turn in self.live if turn.state is state]

    @property
    def in_progress(self) -> bool:
        """Whether the caller is in a turn."""
        return any(turn.state is TurnState.OPEN for turn in self.live)

    @property
    def is_speaking(self) -> bool:
        """Whether the server hears the caller now."""
        return any(t.state is TurnState.OPEN and t.stopped_ms is None for t in self.live)

    @property
    def has_unanswered(self) -> bool:
        """Whether a turn may still get an answer that it has not got."""
        waiting = (TurnState.OPEN, TurnState.JUDGED, TurnState.COUNTS)
        return any(turn.state in waiting for turn in self.live)

    @property
    def is_undecided(self) -> bool:
        """Whether the caller says something, or it is not known yet whether that counts."""
        return any(turn.state in (TurnState.OPEN, TurnState.JUDGED) for turn in self.live)

    def opened(
        self, item_id: str, now_ms: int, *, over: int | None, is_voiced: bool = False
    ) -> None:
        """The server hears the caller begin, over which response (None: over nothing).

        A turn already known is not opened again.
        """
        if self.find(item_id) is not None:
            return
        for turn in self.in_state(TurnState.OPEN):
            if turn.stopped_ms is None:
                turn.stopped_ms = now_ms  # a new turn means that the one before has stopped
        self._add(Turn(item_id, TurnState.OPEN, now_ms, now_ms, over, is_voiced))

    def stopped(self, item_id: str, now_ms: int) -> None:
        """The server hears the caller stop."""
        turn = self.find(item_id)
        if turn is not None and turn.state is TurnState.OPEN and turn.stopped_ms is None:
            turn.stopped_ms = now_ms

    def committed(self, item_id: str, now_ms: int) -> Turn | None:
        """A turn became an item.  Returns it, or None when that was known already."""
        turn = self.find(item_id)
        if turn is None:
            turn = Turn(item_id, TurnState.OPEN, now_ms, now_ms, over=None)
            self._add(turn)
        if turn.committed_ms is not None:
            return None
        turn.committed_ms = now_ms
        return turn

    def heard(self, now_ms: int) -> None:
        """The local ear hears the caller, now or until now."""
        for turn in self.in_state(TurnState.OPEN):
            turn.heard_ms = now_ms

    def voiced(self) -> None:
        """The local ear hears a human voice."""
        for turn in self.in_state(TurnState.OPEN):
            turn.is_voiced = True

    def uncover(self) -> None:
        """The model was silent, or was interrupted: turns were not spoken over it alone.

        One that lapsed may still be committed, so it counts too.
        """
        for turn in self.live:
            if turn.committed_ms is None:
                turn.over = None

    def next_deadline_ms(self, *, is_heard: bool) -> int | None:
        """Return when the first wait for a turn's event ends."""
        return earliest(*(turn.deadline_ms(is_heard=is_heard) for turn in self.live))

    def rest(self) -> None:
        """Let those go that have their fate: it never changes."""
        if self.live:
            fates = (TurnState.ANSWERED, TurnState.VOID)
            self.live = [turn for turn in self.live if turn.state not in fates]

    def _add(self, turn: Turn) -> None:
        self.turns.append(turn)
        self.live.append(turn)
        done = (TurnState.LAPSED, TurnState.ANSWERED, TurnState.VOID)
        if len(self.turns) > TURNS_KEPT:
            oldest = next((t for t in self.turns if t.state in done), None)
            oldest = oldest if oldest is not None else self.turns[0]
            self.turns.remove(oldest)
            self.live = [turn for turn in self.live if turn is not oldest]


@attrs.define
class Keys:
    """The keys that the model does not know yet."""

    digits: str = ""
    pressed_ms: int = 0

    def pressed(self, digit: str, now_ms: int) -> None:
        """A key was pressed."""
        if len(self.digits) < KEYS_KEPT:
            self.digits += digit
        self.pressed_ms = now_ms

    def take(self) -> str:
        """Hand over the keys, once."""
        digits, self.digits = self.digits, ""
        return digits

    def next_deadline_ms(self) -> int | None:
        """Return when the caller has finished dialling."""
        return self.pressed_ms + KEYS_PAUSE_MS if self.digits else None
