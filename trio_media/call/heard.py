"""What the caller hears of the model, on the call's clock: for a recording, and for the echo gate.

Rule 1: when is by the writes.  A carrier plays what it has, one piece after the other, and no stall
of ours changes that: marks that come late and all at once move nothing.
Rule 2: how much is by the playout ledger: what it does not count as heard is not told, so the
recording holds of an item just what the model is told of it.
Rule 3: marks correct the schedule.  One that comes early was right, and what is before it moves
back; when several are as late as each other, the carrier is, and what is behind the first moves on.
Rule 4: nobody is told of audio before it was heard.  What is told later replaces what was told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE
from trio_media.core.units import FRAME_MS, MARK_LATE_MS, MARK_LOST_MS

QUEUED_MAX: Final = 4_096  # messages of audio between the owner and the wire; far above any lead
STEADY_MS: Final = 100  # marks whose delays differ by more do not come from a late carrier
KEPT_MS: Final = 3_000  # what a mark may move
assert KEPT_MS > MARK_LATE_MS + MARK_LOST_MS


def nobody(at_ms: int, payload: bytes) -> None:
    """Nobody wants to know."""


@attrs.define
class _Piece:
    """One message of audio, and its place on the ledger's tape."""

    start_ms: int
    payload: bytes
    wrote_ms: int = 0
    begins_ms: int = 0
    told_ms: int = 0
    """How much of it was told."""

    @property
    def length_ms(self) -> int:
        return len(self.payload) // BYTES_PER_MS

    @property
    def ends_ms(self) -> int:
        return self.begins_ms + self.length_ms


@attrs.define
class HeardTape:
    """Places written audio on the call's clock.  The owner's."""

    scheduled: Callable[[int, bytes], None] = nobody
    """Told, when the carrier gets audio, when it will be heard."""
    cleared: Callable[[int], None] = lambda at_ms: None
    """Told from when on nothing of what was scheduled is heard."""
    heard: Callable[[int, bytes], None] = nobody
    """Told what was heard, and when it began."""
    _queued: dict[int, _Piece] = attrs.field(factory=dict)
    _pieces: list[_Piece] = attrs.field(factory=list)
    """What the carrier was given since the last clear, as far back as it may move."""
    _plays_until_ms: int = 0
    _settled_ms: int = 0
    _late: list[tuple[int, int]] = attrs.field(factory=list)
    """Late marks in a row: up to which position, and by how much."""

    def queued(self, seq: int, start_ms: int, payload: bytes) -> None:
        """Audio is on its way to the wire, from a position of the ledger on."""
        if len(self._queued) < QUEUED_MAX:
            self._queued[seq] = _Piece(start_ms, payload)

    def wrote(self, seq: int, at_ms: int) -> None:
        """The carrier has everything up to ``seq``."""
        for number in [n for n in self._queued if n <= seq]:
            piece = self._queued.pop(number)
            piece.wrote_ms = at_ms
            self._pieces.append(piece)
            self._play_after(piece)

    def _play_after(self, piece: _Piece) -> None:
        piece.begins_ms = max(piece.wrote_ms, self._plays_until_ms)
        self._plays_until_ms = piece.ends_ms
        self.scheduled(piece.begins_ms, piece.payload)

    def echoed(self, settled_ms: int, now_ms: int) -> None:
        """A mark says that the carrier has played everything before a position."""
        settled = [piece for piece in self._pieces if piece.start_ms < settled_ms]
        if not settled or settled_ms <= self._settled_ms:
            return
        self._settled_ms = settled_ms
        last = settled[-1]
        played_ms = min(last.length_ms, settled_ms - last.start_ms)
        late_ms = now_ms - last.begins_ms - played_ms
        if late_ms < -FRAME_MS:
            self._move_back(settled, late_ms, now_ms)
        self._weigh(settled_ms, late_ms, now_ms)

    def follow(self, high_ms: int, now_ms: int) -> None:
        """Let time pass: tell of the pieces that were heard to their ends.

        ``high_ms``: the position up to which the ledger counts audio as heard.
        """
        for piece in self._pieces:
            if self._heard_ms(piece, high_ms, now_ms) < piece.length_ms:
                break
            self._tell(piece, piece.length_ms)
        while self._pieces and self._is_past(self._pieces[0], now_ms):
            del self._pieces[0]

    def cut(self, high_ms: int, now_ms: int) -> None:
        """The carrier plays nothing more, and what was not written never comes."""
        for piece in self._pieces:
            self._tell(piece, self._heard_ms(piece, high_ms, now_ms))
        self._pieces.clear()
        self._queued.clear()
        self._late.clear()
        self._settled_ms = 0
        self._plays_until_ms = min(self._plays_until_ms, now_ms)
        self.cleared(now_ms)

    def _heard_ms(self, piece: _Piece, high_ms: int, now_ms: int) -> int:
        # After a resume the ledger is ahead for a moment: it counts nothing twice, ears do.
        return min(piece.length_ms, high_ms - piece.start_ms, now_ms - piece.begins_ms)

    def _tell(self, piece: _Piece, heard_ms: int) -> None:
        if heard_ms > piece.told_ms:
            told = piece.payload[piece.told_ms * BYTES_PER_MS : heard_ms * BYTES_PER_MS]
            self.heard(piece.begins_ms + piece.told_ms, told)
            piece.told_ms = heard_ms

    def _is_past(self, piece: _Piece, now_ms: int) -> bool:
        """Whether no mark can move a piece any more, or nobody would be told of that."""
        if piece.told_ms < piece.length_ms:
            return False
        if piece.ends_ms <= now_ms - KEPT_MS:
            return True
        # What a mark has settled can be moved, but is never scheduled again; from the first of
        # some late marks on it may be.
        firm_ms = self._late[0][0] if self._late else self._settled_ms
        return self.heard is nobody and piece.start_ms + piece.length_ms <= firm_ms

    def _move_back(self, settled: list[_Piece], late_ms: int, now_ms: int) -> None:
        """Have these pieces be over sooner, and what is before and behind them where it can be."""
        next_ms = settled[-1].ends_ms + late_ms
        for piece in reversed(settled):
            if piece.ends_ms <= next_ms:
                break
            piece.begins_ms, piece.told_ms = next_ms - piece.length_ms, 0
            next_ms = piece.begins_ms
        self.cleared(now_ms)
        self._plays_until_ms = settled[-1].ends_ms
        for piece in self._pieces[len(settled) :]:
            self._play_after(piece)

    def _weigh(self, settled_ms: int, late_ms: int, now_ms: int) -> None:
        """Believe that the carrier is late when marks say so for as long as the ledger doubts."""
        if not MARK_LATE_MS < late_ms < MARK_LOST_MS:
            self._late.clear()
            return
        if self._late and abs(late_ms - self._late[0][1]) > STEADY_MS:
            self._late.clear()
        self._late.append((settled_ms, late_ms))
        first_ms = self._late[0][0]
        if settled_ms - first_ms >= MARK_LATE_MS:
            self._move_on(first_ms, min(late for _, late in self._late), now_ms)
            self._late.clear()

    def _move_on(self, from_ms: int, by_ms: int, now_ms: int) -> None:
        """Have everything from a position on be heard later."""
        moved = [piece for piece in self._pieces if piece.start_ms >= from_ms]
        for piece in moved:
            if piece.told_ms:
                silence = bytes((MULAW_SILENCE,)) * (piece.told_ms * BYTES_PER_MS)
                self.heard(piece.begins_ms, silence)
        self.cleared(now_ms)
        for piece in moved:
            piece.begins_ms, piece.told_ms = piece.begins_ms + by_ms, 0
            self._plays_until_ms = piece.ends_ms
            self.scheduled(piece.begins_ms, piece.payload)
