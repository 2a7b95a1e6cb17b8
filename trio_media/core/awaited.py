"""A turn's answer, followed from the turn's commit to the caller's ear: for whoever times it.

Rule 1: it is the answer of the newest turn that gets one; what still plays of an older answer, and
        what is said besides, is not it.
Rule 2: an answer that is cut off before any of it was written is awaited no more.
"""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.core import commands as cm

COMMITS_MAX: Final = 64  # turns whose fate is open


@attrs.define(eq=False)
class Answer:
    """An answer on its way."""

    turn: str
    """The item of the turn that it answers."""
    committed_ms: int
    response: int | None = None
    """Its number; None until there is a create for it."""
    response_id: str | None = None
    item_id: str | None = None
    seq: int | None = None
    """Of its first audio."""

    def playing(self, item_id: str, seq: int) -> None:
        """Audio goes to the carrier."""
        if self.seq is None and self.item_id == item_id:
            self.seq = seq


@attrs.define(eq=False)
class AwaitedAnswer:
    """Which answer is awaited in one call.  Fed with what the call's events and commands say."""

    answer: Answer | None = None
    _commits_ms: dict[str, int] = attrs.field(factory=dict)

    def committed(self, item_id: str, now_ms: int) -> None:
        """A turn of the caller is over."""
        if len(self._commits_ms) < COMMITS_MAX:
            self._commits_ms.setdefault(item_id, now_ms)

    def decided(self, command: cm.TurnDecided) -> bool:
        """It is known what becomes of a turn; give whether its answer is awaited from here on."""
        committed_ms = self._commits_ms.pop(command.item_id, None)
        if committed_ms is None or not command.fate.startswith("answered"):
            return False
        self.answer = Answer(command.item_id, committed_ms)
        return True

    def creating(self, command: cm.CreateResponse) -> None:
        """A response is asked for."""
        answer = self.answer
        if answer is not None and answer.response is None and command.cause is cm.Cause.TURN:
            answer.response = command.response

    def opened(self, command: cm.ResponseOpened) -> None:
        """A response has its id."""
        answer = self.answer
        if answer is None or answer.response_id is not None:
            return
        is_server = answer.response is None and command.cause is cm.Cause.SERVER
        if is_server or answer.response == command.response:
            answer.response_id = command.response_id

    def received(self, response_id: str, item_id: str) -> None:
        """Audio came from the model."""
        answer = self.answer
        if answer is not None and answer.response_id == response_id:
            answer.item_id = answer.item_id or item_id

    def cleared(self) -> None:
        """The carrier is to throw away what it holds."""
        if self.answer is not None and self.answer.seq is not None:
            self.answer = None

    def wrote(self, seq: int) -> Answer | None:
        """The carrier has taken the audio up to ``seq``; give the answer that begins with it."""
        answer = self.answer
        if answer is None or answer.seq is None or seq < answer.seq:
            return None
        self.answer = None
        return answer
