"""What the caller said to the model session, as far as it may have to be said to the next one.

Time here is counted in the caller's audio that was sent, over all sessions of the call.

Rule 1: kept is what the service has not shown to have, and each turn of which only the sound is
        known: until its words are, or nobody can want it any more.
Rule 2: what is said again is the sound of the turns that are asked for, and what came after all
        that the service ever reported.  A turn that was understood is not said twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import attrs

from trio_media.audio.g711 import BYTES_PER_MS

UNREPORTED_MS: Final = 1_500  # a service reports speech within this, its own lead included
TURN_KEPT_MS: Final = 10_000  # nobody waits longer for the words, or the answer, of a turn
KEPT_MS_MAX: Final = 60_000  # ... and nobody speaks longer without either
PAUSE_MS: Final = 1_000  # of what follows a turn: the service ends it by that silence
TURNS_MAX: Final = 64  # nobody says so much within what is kept; the oldest go first


@attrs.define(eq=False)
class _Turn:
    """Where a turn stands in the caller's audio."""

    start_ms: int
    end_ms: int | None = None
    is_settled: bool = False
    """Its words are known, or nobody wants it."""


@attrs.define(eq=False)
class CallerSound:
    """The caller's audio that was sent, as far back as it is needed, mu-law at 8 kHz."""

    _kept: bytearray = attrs.field(factory=bytearray)
    _first_ms: int = 0
    """Where what is kept begins."""
    _began_ms: int = 0
    """Where the present session begins."""
    _received: list[tuple[float, int]] = attrs.field(factory=list)
    """What had been sent, and when: `received` picks one."""
    _received_ms: int | None = None
    """So much the service is known to have; None: it has not shown anything."""
    _turns: dict[str, _Turn] = attrs.field(factory=dict)
    _reported_ms: int = 0
    """Where the newest turn ended, kept or not: what came before has been judged."""

    @property
    def end_ms(self) -> int:
        """How much was sent."""
        return self._first_ms + len(self._kept) // BYTES_PER_MS

    def sent(self, payload: bytes | bytearray) -> None:
        """Audio is on its way to the service."""
        self._kept += payload

    # --- what the service says -----------------------------------------------------------------

    def began(self, item_id: str, audio_start_ms: int) -> None:
        """The service heard a turn begin, so far into the session's audio; 0: it does not say."""
        if item_id in self._turns:
            return
        told_ms = self._began_ms + audio_start_ms
        is_told = audio_start_ms > 0 and told_ms < self.end_ms
        start_ms = max(told_ms if is_told else self.end_ms - UNREPORTED_MS, self._first_ms)
        for turn in self._turns.values():  # one more means that the one before has ended
            if turn.end_ms is None:
                self._end(turn, max(turn.start_ms, start_ms if is_told else self.end_ms))
        self._turns[item_id] = _Turn(start_ms)
        if len(self._turns) > TURNS_MAX:
            del self._turns[next(iter(self._turns))]

    def ended(self, item_id: str, audio_end_ms: int = 0) -> None:
        """The service heard it end, so far into the session's audio, the silence behind it
        included; 0: it does not say."""
        turn = self._turns.get(item_id)
        start_ms = self._reported_ms if turn is None else turn.start_ms
        told_ms = self._began_ms + audio_end_ms
        is_told = audio_end_ms > 0 and start_ms < told_ms <= self.end_ms
        end_ms = told_ms if is_told else self.end_ms
        if turn is None:  # it was too long to be kept, or began unnoticed
            self._reported_ms = end_ms
        elif turn.end_ms is None:
            self._end(turn, end_ms)

    def _end(self, turn: _Turn, end_ms: int) -> None:
        turn.end_ms = end_ms
        self._reported_ms = max(self._reported_ms, end_ms)

    def settled(self, item_id: str) -> None:
        """The words of a turn are known, or nobody wants it."""
        turn = self._turns.get(item_id)
        if turn is not None:
            turn.is_settled = True
            if turn.end_ms is None:
                self._end(turn, self.end_ms)

    def received(self, by_s: float) -> None:
        """The service has all that was sent until then, in seconds on Trio's clock."""
        while self._received and self._received[0][0] <= by_s:
            self._received_ms = self._received.pop(0)[1]

    def look(self, now_s: float) -> None:
        """Forget what nobody needs any more.  To be called now and then."""
        end_ms = self.end_ms
        self._received.append((now_s, end_ms))
        keep_ms = self._tail_ms()
        for turn in self._turns.values():
            since_end_ms = 0 if turn.end_ms is None else end_ms - turn.end_ms
            if not turn.is_settled and since_end_ms < TURN_KEPT_MS:
                keep_ms = min(keep_ms, turn.start_ms)
        keep_ms = max(keep_ms, end_ms - KEPT_MS_MAX)
        # One that never ends is forgotten when its beginning is.
        self._turns = {
            name: turn
            for name, turn in self._turns.items()
            if (turn.start_ms if turn.end_ms is None else turn.end_ms) >= keep_ms
        }
        if keep_ms > self._first_ms:
            del self._kept[: (keep_ms - self._first_ms) * BYTES_PER_MS]
            self._first_ms = keep_ms
        del self._received[:-64]

    def _tail_ms(self) -> int:
        """Where that begins which the service may not have, or not have reported yet."""
        unreported_ms = self.end_ms - UNREPORTED_MS
        return unreported_ms if self._received_ms is None else min(unreported_ms, self._received_ms)

    # --- when it is gone ------------------------------------------------------------------------

    def take_again(self, item_ids: Collection[str]) -> bytes:
        """Return what the next session is to hear first, and begin anew with it.

        ``item_ids``: the turns of which only the sound is known.  What is returned is to be sent,
        and counts as sent then.
        """
        asked = [turn for item_id, turn in self._turns.items() if item_id in item_ids]
        others = [turn for turn in self._turns.values() if turn not in asked]
        spans = [(turn.start_ms, self._until_ms(turn, others)) for turn in asked]
        tail_ms = max(self._tail_ms(), self._reported_ms, self._first_ms)
        spans.append((tail_ms, self.end_ms))
        again = b"".join(self._between(*span) for span in _merged(spans))
        self._first_ms = self._began_ms = self.end_ms
        self._kept = bytearray()
        self._turns = {}
        self._received, self._received_ms = [], None
        return again

    def _until_ms(self, turn: _Turn, others: Iterable[_Turn]) -> int:
        """Where what is said again of a turn ends: behind its silence, before another turn."""
        if turn.end_ms is None:
            return self.end_ms
        after = [other.start_ms for other in others if other.start_ms >= turn.end_ms]
        return min(turn.end_ms + PAUSE_MS, *after, self.end_ms)

    def _between(self, start_ms: int, end_ms: int) -> bytes:
        start = max(0, start_ms - self._first_ms) * BYTES_PER_MS
        return bytes(self._kept[start : max(0, end_ms - self._first_ms) * BYTES_PER_MS])


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Put together what overlaps, in order."""
    merged: list[tuple[int, int]] = []
    for start_ms, end_ms in sorted(spans):
        if merged and start_ms <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_ms))
        else:
            merged.append((start_ms, end_ms))
    return merged
