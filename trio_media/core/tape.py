"""What stands on the tape, and what is on its way to the carrier: the records of `playout`.

A position on the tape is an integer of milliseconds; an item is a track on it.
"""

from __future__ import annotations

import attrs

from trio_media.core.responses import Item
from trio_media.core.units import frames_down, frames_up


@attrs.define(eq=False)
class Track:
    """One item's place on the tape."""

    item: Item
    start_ms: int
    """Where it begins on the tape."""
    skip_ms: int = 0
    """What of the item was heard before the tape was cut: the track begins after it."""

    @property
    def playable_end_ms(self) -> int:
        """Up to where it can be sent now: whole frames, and the padded tail once it is done."""
        length_ms = self.item.received_ms - self.skip_ms
        whole_ms = frames_up(length_ms) if self.item.is_done else frames_down(length_ms)
        return self.start_ms + whole_ms

    def audio_ms(self, position_ms: int) -> int:
        """How much of the item lies before a position on the tape."""
        length_ms = self.item.received_ms - self.skip_ms
        return self.skip_ms + max(0, min(position_ms - self.start_ms, length_ms))


@attrs.define(eq=False)
class Sent:
    """One message of audio on its way."""

    seq: int
    start_ms: int
    end_ms: int
    begins_ms: int | None = None
    """When the carrier begins to play it, None until it is written."""

    @property
    def ends_ms(self) -> int | None:
        """When it has been played."""
        if self.begins_ms is None:
            return None
        return self.begins_ms + self.end_ms - self.start_ms


@attrs.define(eq=False)
class Mark:
    """A mark that did not come back yet."""

    number: int
    position_ms: int
    late_ms: int | None = None
    """When it was sent, if what is before it had been played by then: it comes back no sooner."""


def playing_order(item: Item) -> tuple[int, int]:
    """The order in which items are played: of responses, then as the model made them."""
    return item.response.number, item.response.items.index(item)
