"""What the caller's ear can have got of the audio that the carrier holds, as seen from outside."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import attrs

from trio_media.core.known import Flying, KnownItem


def time_passes(playing: deque[Flying], items: Mapping[str, KnownItem], now_ms: int) -> None:
    """Note what real time allows to have been heard, and let go of what was played."""
    for held in playing:
        played_ms = min(held.length_ms, now_ms - held.begins_ms)
        if played_ms <= 0:
            break
        item = items[held.item_id]
        item.audible_ms = max(item.audible_ms, held.offset_ms + played_ms)
    while playing and playing[0].begins_ms + playing[0].length_ms <= now_ms:
        playing.popleft()


def echoed(
    playing: deque[Flying], items: Mapping[str, KnownItem], number: int, now_ms: int
) -> tuple[deque[Flying], int]:
    """The carrier has played what is before a mark, so what is behind it may begin now.

    Returns what it may still hold, and until when it plays that.
    """
    begins_ms = now_ms
    rest: deque[Flying] = deque()
    for held in playing:
        if held.mark <= number:
            item = items[held.item_id]
            item.audible_ms = max(item.audible_ms, held.offset_ms + held.length_ms)
            continue
        rest.append(attrs.evolve(held, begins_ms=min(held.begins_ms, begins_ms)))
        begins_ms = rest[-1].begins_ms + held.length_ms
    return rest, begins_ms
