"""The bytes of the model's speech, by item, until they are heard or known never to be."""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE
from trio_media.errors import RemoteProtocolError

STORE_BYTES_MAX: Final = 30 * 60_000 * BYTES_PER_MS  # half an hour unheard is no conversation
RELEASED_MAX: Final = 512  # items whose late audio is still recognised as late


@attrs.define(eq=False)
class AudioStore:
    """Mu-law bytes of items.  The reader of the model adds, the owner of the call takes."""

    _items: dict[str, bytearray] = attrs.field(factory=dict)
    _released: dict[str, None] = attrs.field(factory=dict)
    """Used as a set that knows which is the oldest."""
    held_bytes: int = 0

    def add(self, item_id: str, payload: bytes) -> int:
        """Keep audio; return how many whole milliseconds the item has gained.

        Raises `RemoteProtocolError` when the model sends more than anyone will hear.
        """
        if item_id in self._released:
            return 0
        audio = self._items.setdefault(item_id, bytearray())
        before_ms = len(audio) // BYTES_PER_MS
        self.held_bytes += len(payload)
        if self.held_bytes > STORE_BYTES_MAX:
            raise RemoteProtocolError(f"more than {STORE_BYTES_MAX} bytes of unheard audio")
        audio += payload
        return len(audio) // BYTES_PER_MS - before_ms

    def span(self, item_id: str, offset_ms: int, length_ms: int) -> bytes:
        """Return a span, padded with silence to its length."""
        start = offset_ms * BYTES_PER_MS
        end = start + length_ms * BYTES_PER_MS
        audio = bytes(self._items[item_id][start:end])
        return audio.ljust(end - start, bytes((MULAW_SILENCE,)))

    def release(self, item_id: str) -> None:
        """Forget an item's audio, and what may still come of it."""
        self.held_bytes -= len(self._items.pop(item_id, b""))
        self._released[item_id] = None
        if len(self._released) > RELEASED_MAX:
            del self._released[next(iter(self._released))]
