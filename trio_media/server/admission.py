"""May this call come in?

Rule 1: the question and the slot are one step without a checkpoint, so the limit is exact.
Rule 2: a slot is given back whatever ends the call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import trio

from trio_media.errors import CallRefused
from trio_media.server.lateness import LoopLateness

Reason: TypeAlias = Literal["draining", "full", "late"]

REFUSALS: Final[dict[Reason, str]] = {
    "draining": "the server is shutting down",
    "full": "the server has as many calls as it may have",
    "late": "the server is too busy",
}


class Admission:
    """Counts the calls and says when there may be no more."""

    def __init__(self, *, max_calls: int, lateness: LoopLateness) -> None:
        self._max_calls = max_calls
        self._lateness = lateness
        self._active = 0
        self._ended = 0
        self._draining = False
        self._drained = trio.Event()

    @property
    def active(self) -> int:
        """How many slots are taken."""
        return self._active

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
        if self._active >= self._max_calls:
            return "full"
        if self._lateness.is_late:
            return "late"
        return None

    @contextlib.contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot for the length of the block.

        Raises:
            CallRefused: there is none; ``reason`` is that of `refusal`.
        """
        reason = self.refusal()
        if reason is not None:
            raise CallRefused(reason)
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            self._ended += 1
            self._note_drained()

    def drain(self) -> None:
        """Refuse every further call, for good.  Calls that have a slot keep it."""
        self._draining = True
        self._note_drained()

    async def wait_drained(self) -> None:
        """Wait until `drain` was called and the last call has ended."""
        await self._drained.wait()

    def _note_drained(self) -> None:
        if self._draining and self._active == 0:
            self._drained.set()
