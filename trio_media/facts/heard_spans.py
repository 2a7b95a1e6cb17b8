"""When the caller heard which audio, as far as the log tells.  Pure.

The carrier plays what was written to it, in order and in real time, until it is cleared.  This is
for pictures and for what was still playing when the call ended; what the model was told is in
``ItemHeard``, which knows of marks as well.
"""

from __future__ import annotations

from collections import deque

import attrs

from trio_media.core.commands import PlayAudio


@attrs.frozen
class HeardSpan:
    """A stretch of an item at the caller's ear."""

    item_id: str
    offset_ms: int
    """Where in the item it begins."""
    begins_ms: int
    ends_ms: int

    @property
    def heard_ms(self) -> int:
        """How much of the item was heard when it ended."""
        return self.offset_ms + self.ends_ms - self.begins_ms


class Ear:
    """The carrier's buffer and the caller's ear behind it."""

    def __init__(self) -> None:
        self._unwritten: deque[PlayAudio] = deque()
        self._playing: deque[HeardSpan] = deque()
        self._dry_ms = 0

    def sent(self, audio: PlayAudio) -> None:
        """Audio was handed to the carrier's outbox."""
        self._unwritten.append(audio)

    def wrote(self, seq: int, at_ms: int) -> list[HeardSpan]:
        """The carrier took everything up to ``seq``.  Returns what is scheduled by that."""
        scheduled: list[HeardSpan] = []
        while self._unwritten and self._unwritten[0].seq <= seq:
            audio = self._unwritten.popleft()
            begins_ms = max(self._dry_ms, at_ms)
            self._dry_ms = begins_ms + audio.length_ms
            scheduled.append(HeardSpan(audio.item_id, audio.offset_ms, begins_ms, self._dry_ms))
        self._playing.extend(scheduled)
        return scheduled

    def cleared(self, at_ms: int) -> list[HeardSpan]:
        """The carrier throws away what it holds.  Returns what was heard of that until then."""
        self._unwritten.clear()
        heard = self.heard_by(at_ms)
        for span in self._playing:
            if span.begins_ms < at_ms:
                heard.append(attrs.evolve(span, ends_ms=at_ms))
        self._playing.clear()
        self._dry_ms = min(self._dry_ms, at_ms)
        return heard

    def heard_by(self, now_ms: int) -> list[HeardSpan]:
        """Return, once, the spans that have ended."""
        heard: list[HeardSpan] = []
        while self._playing and self._playing[0].ends_ms <= now_ms:
            heard.append(self._playing.popleft())
        return heard
