"""The bytes of the model's speech, by item, until they are heard or known never to be.

Rule 1: audio is kept in the pieces in which it came, so that nothing is copied to make room, and
        what was heard goes piece by piece.
Rule 2: pieces too small to be worth one are put together.
"""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE
from trio_media.core.units import CHUNK_MS
from trio_media.errors import RemoteProtocolError

STORE_BYTES_MAX: Final = 30 * 60_000 * BYTES_PER_MS  # half an hour unheard is no conversation
RELEASED_MAX: Final = 512  # items whose late audio is still recognised as late
PIECE_BYTES_MIN: Final = CHUNK_MS * BYTES_PER_MS  # smaller pieces are put together up to this


@attrs.define(eq=False)
class _Stored:
    """What is kept of one item."""

    pieces: list[bytes] = attrs.field(factory=list)
    first_byte: int = 0
    """Where in the item the first piece begins."""
    end_byte: int = 0
    """How much of the item has come."""


@attrs.define(eq=False)
class AudioStore:
    """Mu-law bytes of items.  The reader of the model adds, the owner of the call takes."""

    _items: dict[str, _Stored] = attrs.field(factory=dict)
    _released: dict[str, int] = attrs.field(factory=dict)
    """Items of which nothing is kept, and how many bytes of each have come; the oldest first."""
    held_bytes: int = 0

    def add(self, item_id: str, payload: bytes) -> int:
        """Keep audio; return how many whole milliseconds the item has gained.

        Raises `RemoteProtocolError` when the model sends more than anyone will hear.
        """
        if item_id in self._released:
            self._released[item_id] += len(payload)
            return 0
        stored = self._items.get(item_id)
        if stored is None:
            stored = self._items[item_id] = _Stored()
        before_ms = stored.end_byte // BYTES_PER_MS
        self.held_bytes += len(payload)
        if self.held_bytes > STORE_BYTES_MAX:
            raise RemoteProtocolError(f"more than {STORE_BYTES_MAX} bytes of unheard audio")
        pieces = stored.pieces
        if pieces and len(pieces[-1]) + len(payload) <= PIECE_BYTES_MIN:
            pieces[-1] += payload
        else:
            pieces.append(payload)
        stored.end_byte += len(payload)
        return stored.end_byte // BYTES_PER_MS - before_ms

    def received_ms(self, item_id: str) -> int:
        """How much of an item has come, kept or not; 0: it is not known, or not any more."""
        stored = self._items.get(item_id)
        came = self._released.get(item_id, 0) if stored is None else stored.end_byte
        return came // BYTES_PER_MS

    def span(self, item_id: str, offset_ms: int, length_ms: int) -> bytes:
        """Return a span, padded with silence to its length.  Nothing before it may be forgotten
        but by `forget_before`, and nothing that was is asked for."""
        stored = self._items[item_id]
        start = offset_ms * BYTES_PER_MS - stored.first_byte
        assert start >= 0, f"{item_id} is kept from byte {stored.first_byte} on"
        missing = length_ms * BYTES_PER_MS
        found: list[bytes] = []
        for piece in stored.pieces:
            if start < len(piece):
                found.append(piece[start : start + missing])  # a whole piece is not copied
                missing -= len(found[-1])
                if not missing:
                    break
            start = max(0, start - len(piece))
        if missing:
            found.append(bytes((MULAW_SILENCE,)) * missing)
        return found[0] if len(found) == 1 else b"".join(found)

    def forget_before(self, item_id: str, offset_ms: int) -> None:
        """Forget what nobody will ask for again: whole pieces that end by ``offset_ms``."""
        stored = self._items[item_id]
        pieces, first_byte = stored.pieces, stored.first_byte
        count = 0
        while count < len(pieces) and first_byte + len(pieces[count]) <= offset_ms * BYTES_PER_MS:
            first_byte += len(pieces[count])
            count += 1
        self.held_bytes -= first_byte - stored.first_byte
        stored.first_byte = first_byte
        del pieces[:count]

    def release(self, item_id: str) -> None:
        """Forget an item's audio, and what may still come of it."""
        stored = self._items.pop(item_id, None)
        if stored is not None:
            self.held_bytes -= stored.end_byte - stored.first_byte
        came = 0 if stored is None else stored.end_byte
        self._released[item_id] = self._released.get(item_id, 0) + came
        if len(self._released) > RELEASED_MAX:
            del self._released[next(iter(self._released))]
