"""The carrier's buffer: what the server sends is played in order, in real time.

Rule 1: time is an argument, counted in samples at 8 kHz since the call began; nothing here waits.
Rule 2: because playing never stops, every sample's place in time is known when it arrives.  The
buffer is therefore the timeline of what was, is and will be heard, cut off by a clear.
Rule 3: a mark is echoed when everything before it was played, or was cleared: the two look alike.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

from trio_media.audio.g711 import MULAW_SILENCE, SAMPLE_RATE_HZ
from trio_media.errors import RemoteProtocolError

BUFFERED_BYTES_MAX: Final = 10 * 60 * SAMPLE_RATE_HZ  # the carrier's own limit, ten minutes
MARKS_PENDING_MAX: Final = 36_000  # one every 20 ms over the ten minutes, and some
GAPS_MAX: Final = 100_000  # kept one by one; more are only counted


@attrs.frozen
class Echo:
    """A mark that is due back."""

    name: str
    arrived_at: int
    """Sample at which the mark came."""
    was_cleared: bool
    """It comes back because of a clear.  The server cannot see this."""


@attrs.frozen
class Gap:
    """Silence between two pieces of audio with no clear between them: perhaps a stutter."""

    begins_at: int
    """Sample at which the buffer ran dry."""
    samples: int


@attrs.frozen
class _PendingMark:
    name: str
    arrived_at: int
    due_at: int


class PlayBuffer:
    """One call's buffer.  Every ``now`` must be at or after the last one."""

    def __init__(self) -> None:
        self.plays_until = 0
        """Sample after the last one that is buffered; in the past while nothing plays."""
        self.first_media_at: int | None = None
        self.bytes_discarded = 0
        self.gaps: list[Gap] = []
        self.gap_count = 0
        self._marks: deque[_PendingMark] = deque()
        self._timeline = bytearray()
        self._timeline_begins_at = 0
        self._ran_dry_by_itself = False

    def buffered(self, now: int) -> int:
        """Samples that wait to be played."""
        return max(0, self.plays_until - now)

    def put_media(self, payload: bytes, now: int) -> None:
        """Append audio of any length.  What is over the limit is discarded and counted."""
        kept = payload[: BUFFERED_BYTES_MAX - self.buffered(now)]
        self.bytes_discarded += len(payload) - len(kept)
        if not kept:
            return
        if self.first_media_at is None:
            self.first_media_at = now
        self._note_gap(now)
        begins_at = max(now, self.plays_until)
        silence = begins_at - self._timeline_begins_at - len(self._timeline)
        self._timeline += bytes([MULAW_SILENCE]) * silence + kept
        self.plays_until = begins_at + len(kept)
        self._ran_dry_by_itself = True

    def put_mark(self, name: str, now: int) -> list[Echo]:
        """Append a mark and return what is due, this mark too if nothing is buffered.

        Raises `RemoteProtocolError` when too many marks wait already.
        """
        if len(self._marks) >= MARKS_PENDING_MAX:
            raise RemoteProtocolError(f"more than {MARKS_PENDING_MAX} marks are pending")
        self._marks.append(_PendingMark(name, arrived_at=now, due_at=self.plays_until))
        return self.due_marks(now)

    def clear(self, now: int) -> list[Echo]:
        """Empty the buffer, stop what plays, and return every mark that was pending."""
        played = self.due_marks(now)
        cleared = [Echo(mark.name, mark.arrived_at, was_cleared=True) for mark in self._marks]
        self._marks.clear()
        if self.plays_until > now:
            del self._timeline[now - self._timeline_begins_at :]
            self.plays_until = now
        self._ran_dry_by_itself = False
        return played + cleared

    @property
    def next_mark_due_at(self) -> int | None:
        """Sample at which the oldest pending mark is due."""
        return self._marks[0].due_at if self._marks else None

    def due_marks(self, now: int) -> list[Echo]:
        """Take out the marks before which everything was played."""
        due = []
        while self._marks and self._marks[0].due_at <= now:
            mark = self._marks.popleft()
            due.append(Echo(mark.name, mark.arrived_at, was_cleared=False))
        return due

    def audio(self, begin: int, end: int) -> bytes:
        """Return the timeline from ``begin`` to ``end``; silence where nothing plays.

        Only what lies before ``now`` is final: a clear may still take the rest back.
        """
        assert begin >= self._timeline_begins_at, "this part was forgotten"
        offset = self._timeline_begins_at
        piece = bytes(self._timeline[begin - offset : end - offset])
        return piece + bytes([MULAW_SILENCE]) * (end - begin - len(piece))

    def forget_before(self, sample: int) -> None:
        """Drop the timeline before ``sample``: a call without a recording needs no past."""
        drop = min(max(0, sample - self._timeline_begins_at), len(self._timeline))
        del self._timeline[:drop]
        self._timeline_begins_at += drop

    def _note_gap(self, now: int) -> None:
        if not self._ran_dry_by_itself or now <= self.plays_until:
            return
        self.gap_count += 1
        if len(self.gaps) < GAPS_MAX:
            self.gaps.append(Gap(self.plays_until, now - self.plays_until))
