"""What the model said, for the summary: responses, their items, and how much of each was heard."""

from __future__ import annotations

from collections.abc import Iterable

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.heard_spans import Ear, HeardSpan
from trio_media.recording.summary_records import ItemRecord, Kept, ResponseRecord, clip


class ModelSpeech:
    """The model's side of a call."""

    def __init__(self) -> None:
        self.responses: Kept[int, ResponseRecord] = Kept()
        self.received_ms = 0
        self.sent_ms = 0
        self._items: Kept[str, ItemRecord] = Kept()
        self._numbers: dict[str, int] = {}
        self._placed: set[str] = set()
        self._unplaced: dict[str, str] = {}
        """Items that came before the number of their response was known."""
        self._ear = Ear()

    @property
    def dropped(self) -> int:
        """Mentions of what there was no room for."""
        return self.responses.dropped + self._items.dropped

    def event(self, event: ev.Event, t_ms: int) -> None:
        """Take in an event."""
        match event:
            case ev.ItemAdded(response_id=response_id, item_id=item_id, is_speech=True):
                self._item(response_id, item_id)
            case ev.AudioReceived(response_id=response_id, item_id=item_id, length_ms=length_ms):
                self.received_ms += length_ms
                if (item := self._item(response_id, item_id)) is not None and not item.is_decided:
                    item.received_ms += length_ms
            case ev.CarrierWrote(seq=seq, at_ms=at_ms):
                self._ear.wrote(seq, at_ms)
                self.advance(t_ms)
            case ev.CallEnded():
                self._heard(self._ear.cleared(t_ms))
            case _:
                pass

    def command(self, command: cm.Command, t_ms: int) -> None:
        """Take in a command."""
        match command:
            case cm.PlayAudio(length_ms=length_ms):
                self.sent_ms += length_ms
                self._ear.sent(command)
            case cm.ClearCarrier():
                self._heard(self._ear.cleared(t_ms))
            case cm.ItemHeard() | cm.TruncateItem() | cm.DeleteItem():
                self._about_item(command)
            case _:
                self._about_response(command, t_ms)

    def transcribed(self, item_id: str, text: str, *, is_more: bool) -> None:
        """Take in what an item says."""
        # A transcript may come before the first event of its item: its response is found then.
        if (item := self._items.get_or_make(item_id, lambda: ItemRecord(item_id))) is not None:
            item.text = clip((item.text or "") + text) if is_more else clip(text)

    def advance(self, now_ms: int) -> None:
        """Note what was heard until now."""
        self._heard(self._ear.heard_by(now_ms))

    def _heard(self, spans: Iterable[HeardSpan]) -> None:
        for span in spans:
            item = self._items.get(span.item_id)
            if item is not None and not item.is_decided:
                item.heard_ms = max(item.heard_ms, min(span.heard_ms, item.received_ms))

    def _item(self, response_id: str, item_id: str) -> ItemRecord | None:
        item = self._items.get_or_make(item_id, lambda: ItemRecord(item_id))
        if item is not None and item_id not in self._placed:
            self._place(response_id, item)
        return item

    def _place(self, response_id: str, item: ItemRecord) -> None:
        response = self._by_id(response_id)
        if response is None:
            self._unplaced[item.item_id] = response_id
            return
        self._unplaced.pop(item.item_id, None)
        self._placed.add(item.item_id)
        response.items.append(item)

    def _by_id(self, response_id: str) -> ResponseRecord | None:
        number = self._numbers.get(response_id)
        return None if number is None else self.responses.get(number)

    def _about_item(self, command: cm.ItemHeard | cm.TruncateItem | cm.DeleteItem) -> None:
        item = self._items.get(command.item_id)
        if item is None:
            return  # a turn of the caller that was none
        match command:
            case cm.ItemHeard(heard_ms=heard_ms, received_ms=received_ms):
                item.heard_ms = heard_ms
                item.received_ms = received_ms
                item.is_decided = True
            case cm.TruncateItem(audio_end_ms=audio_end_ms):
                item.truncated_ms = audio_end_ms
            case cm.DeleteItem():
                item.is_deleted = True

    def _about_response(self, command: cm.Command, t_ms: int) -> None:
        match command:
            case cm.CreateResponse(response=number, cause=cause):
                self.responses.get_or_make(
                    number, lambda: ResponseRecord(number, cause.value, t_ms)
                )
            case cm.ResponseOpened(response=number, response_id=response_id, cause=cause):
                self._opened(number, response_id, cause.value, t_ms)
            case cm.CancelResponse(response_id=response_id):
                if (response := self._by_id(response_id)) is not None:
                    response.cancelled_ms = t_ms
            case cm.ResponseClosed(response=number, ended=ended):
                if (response := self.responses.get(number)) is not None:
                    response.closed_ms = t_ms
                    response.ended = ended.value
            case _:
                pass

    def _opened(self, number: int, response_id: str, cause: str, t_ms: int) -> None:
        response = self.responses.get_or_make(number, lambda: ResponseRecord(number, cause))
        if response is None:
            return
        self._numbers[response_id] = number
        response.response_id = response_id
        response.opened_ms = t_ms
        for item_id, home in list(self._unplaced.items()):
            item = self._items.get(item_id)
            if home == response_id and item is not None:
                self._place(response_id, item)
