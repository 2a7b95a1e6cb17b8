"""Keys that somebody of ours asked for: they are not the model's.

Rule 1: who asks first is served first; the others wait.
Rule 2: keys that the model does not know yet belong to who asks, as if pressed now: callers who
        know a menu do not wait for it.
Rule 3: the first key is waited for from when the model is silent, each further one from the one
        before.
"""

from __future__ import annotations

import attrs

from trio_media.core.commands import DigitsOutcome
from trio_media.core.units import COLLECTIONS_KEPT


@attrs.define
class Collection:
    """One request for keys."""

    request: int
    count: int
    terminator: str
    first_ms: int
    between_ms: int
    since_ms: int | None = None
    """When the wait in progress began; None while the caller is told what to press."""
    digits: str = ""

    def pressed(self, digit: str, now_ms: int) -> DigitsOutcome | None:
        """A key was pressed.  Returns how that completes the keys, if it does."""
        if digit == self.terminator:
            return DigitsOutcome.TERMINATED
        self.digits += digit
        self.since_ms = now_ms
        return DigitsOutcome.COMPLETE if len(self.digits) >= self.count else None

    def deadline_ms(self) -> int | None:
        """When the next key is waited for no longer."""
        if self.since_ms is None:
            return None
        return self.since_ms + (self.between_ms if self.digits else self.first_ms)


@attrs.define
class Collections:
    """The requests for keys, the one that is served first."""

    waiting: list[Collection] = attrs.field(factory=list)

    @property
    def current(self) -> Collection | None:
        """The request that gets the keys."""
        return self.waiting[0] if self.waiting else None

    def ask(self, collection: Collection) -> bool:
        """Somebody wants keys.  Returns False when too many do."""
        if len(self.waiting) >= COLLECTIONS_KEPT:
            return False
        self.waiting.append(collection)
        return True

    def next(self) -> None:
        """The first request is done with: the next one is served."""
        del self.waiting[0]

    def abandon(self, request: int) -> None:
        """Nobody waits for these keys any more."""
        self.waiting = [c for c in self.waiting if c.request != request]
