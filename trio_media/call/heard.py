"""What the caller hears of the model, on the call's clock: for the recording and the echo gate.

Rule 1: audio is heard when the carrier has it, one piece after the other, as the playout ledger
says: a piece that a mark has moved is heard where it was moved to.
Rule 2: nobody is told of audio before it was heard, so nothing has to be taken back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.core.tape import Sent

QUEUED_MAX: Final = 4_096  # messages of audio between the owner and the wire; far above any lead


def nobody(at_ms: int, payload: bytes) -> None:
    """Nobody wants to know."""


@attrs.define
class _Piece:
    seq: int
    begins_ms: int
    payload: bytes

    @property
    def ends_ms(self) -> int:
        return self.begins_ms + len(self.payload) // BYTES_PER_MS


@attrs.define
class HeardTape:
    """Places written audio on the call's clock.  The owner's."""

    scheduled: Callable[[int, bytes], None] = nobody
    """Told, when the carrier gets audio, when it will be heard."""
    cleared: Callable[[int], None] = lambda at_ms: None
    """Told from when on nothing of what was scheduled is heard."""
    heard: Callable[[int, bytes], None] = nobody
    """Told what was heard, and when it began."""
    _queued: dict[int, bytes] = attrs.field(factory=dict)
    _playing: deque[_Piece] = attrs.field(factory=deque)
    _plays_until_ms: int = 0

    def queued(self, seq: int, payload: bytes) -> None:
        """Audio is on its way to the wire."""
        if len(self._queued) < QUEUED_MAX:
            self._queued[seq] = payload

    def wrote(self, seq: int, at_ms: int) -> None:
        """The carrier has everything up to ``seq``."""
        for number in [n for n in self._queued if n <= seq]:
            piece = _Piece(number, max(at_ms, self._plays_until_ms), self._queued.pop(number))
            self._playing.append(piece)
            self._plays_until_ms = piece.ends_ms
            self.scheduled(piece.begins_ms, piece.payload)

    def follow(self, sent: Iterable[Sent], now_ms: int) -> None:
        """A mark came: what the ledger has behind it is heard when the ledger says."""
        begins_ms = {one.seq: one.begins_ms for one in sent}
        while self._playing and self._playing[0].seq not in begins_ms:
            piece = self._playing.popleft()  # the mark says that it was heard, if only just
            length_ms = len(piece.payload) // BYTES_PER_MS
            self.heard(min(piece.begins_ms, now_ms - length_ms), piece.payload)
        moved = False
        for piece in self._playing:
            new_ms = begins_ms.get(piece.seq)
            moved = moved or (new_ms is not None and new_ms != piece.begins_ms)
            if moved:
                piece.begins_ms = piece.begins_ms if new_ms is None else new_ms
        if not self._playing or not moved:
            return
        self._plays_until_ms = self._playing[-1].ends_ms
        self.cleared(self._playing[0].begins_ms)
        for piece in self._playing:
            self.scheduled(piece.begins_ms, piece.payload)

    def advance(self, now_ms: int) -> None:
        """Let time pass: tell of the pieces that were heard to their ends."""
        while self._playing and self._playing[0].ends_ms <= now_ms:
            piece = self._playing.popleft()
            self.heard(piece.begins_ms, piece.payload)

    def cut(self, at_ms: int) -> None:
        """The carrier played on until ``at_ms``, and what was not written never comes."""
        self.advance(at_ms)
        if self._playing and self._playing[0].begins_ms < at_ms:
            piece = self._playing[0]
            self.heard(piece.begins_ms, piece.payload[: (at_ms - piece.begins_ms) * BYTES_PER_MS])
        self._playing.clear()
        self._queued.clear()
        self._plays_until_ms = min(self._plays_until_ms, at_ms)
        self.cleared(at_ms)
