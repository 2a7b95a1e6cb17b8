"""How much was heard of the model in a logged call, also of what still played when it ended."""

from __future__ import annotations

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.heard_spans import Ear, HeardSpan


@attrs.frozen
class HeardItem:
    """An item of the model's speech, and how much of it was heard."""

    item_id: str
    heard_ms: int
    received_ms: int


class Hearing:
    """Takes in a log's events and commands; knows of each item what was heard, in the end."""

    def __init__(self) -> None:
        self.heard_ms = 0
        """Of all items for which the core has said so."""
        self.received_ms = 0
        """Likewise."""
        self._received_ms: dict[str, int] = {}
        self._played_ms: dict[str, int] = {}
        self._ear = Ear()

    def event(self, event: ev.Event, t_ms: int) -> None:
        """Take in audio that came, and audio that was written."""
        match event:
            case ev.AudioReceived(item_id=item_id, length_ms=length_ms):
                self._received_ms[item_id] = self._received_ms.get(item_id, 0) + length_ms
            case ev.CarrierWrote(seq=seq, at_ms=at_ms):
                self._ear.wrote(seq, at_ms)
                self._played(self._ear.heard_by(t_ms))
            case _:
                pass

    def command(self, command: cm.Command, t_ms: int) -> None:
        """Take in what was sent and cleared, and what was known to be heard."""
        match command:
            case cm.PlayAudio():
                self._ear.sent(command)
            case cm.ClearCarrier():
                self._played(self._ear.cleared(t_ms))
            case cm.ItemHeard(item_id=item_id, heard_ms=heard_ms, received_ms=received_ms):
                self.heard_ms += heard_ms
                self.received_ms += received_ms
                self._received_ms.pop(item_id, None)
                self._played_ms.pop(item_id, None)
            case _:
                pass

    def end(self, t_ms: int) -> list[HeardItem]:
        """End the call.  Returns what was heard, by real time alone, of what was still playing."""
        self._played(self._ear.cleared(t_ms))
        return [
            HeardItem(item_id, min(played_ms, received_ms), received_ms)
            for item_id, received_ms in self._received_ms.items()
            if (played_ms := self._played_ms.get(item_id, 0)) > 0
        ]

    def _played(self, spans: list[HeardSpan]) -> None:
        for span in spans:
            played_ms = self._played_ms.get(span.item_id, 0)
            self._played_ms[span.item_id] = max(played_ms, span.heard_ms)
