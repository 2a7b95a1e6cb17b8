"""The making of one output item, event by event.

Rule 1: every event that opens something is followed by the one that closes it, also when the item
is cut off.
Rule 2: what was sent is counted before anything can ask for it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

import attrs

from trio_media.embedded.conversation import Conversation
from trio_media.embedded.items import FunctionCallItem, ItemStatus, SpokenItem
from trio_media.embedded.voice_clips import AudioFormat

ARGUMENTS_CHARS: Final = 24  # of a function call in one delta

Emit: TypeAlias = Callable[..., None]
"""Called with an event's type and its fields."""


@attrs.frozen(kw_only=True)
class Piece:
    """What was just sent of an item."""

    spoken_ms: int
    """Length of its speech; 0 for what is not speech."""
    is_last: bool
    """Whether nothing of the item is left."""


class Generation(Protocol):
    """One output item in the making."""

    @property
    def item(self) -> SpokenItem | FunctionCallItem: ...
    def open(self) -> None:
        """Announce the item."""
        ...

    def advance(self, budget_ms: int, /) -> Piece:
        """Send the next piece, of at most ``budget_ms`` of speech."""
        ...

    def close(self, status: ItemStatus) -> None:
        """Send everything that ends the item."""
        ...


@attrs.frozen(kw_only=True)
class Place:
    """Where an item stands, and whom its events go to."""

    response_id: str
    output_index: int
    conversation: Conversation | None
    """None: the response is out of band, its items stand in no conversation."""
    emit: Emit

    def announce(self, item: SpokenItem | FunctionCallItem) -> None:
        """Send that the item is there."""
        self.emit(
            "response.output_item.added",
            response_id=self.response_id,
            output_index=self.output_index,
            item=item.payload(),
        )
        if self.conversation is not None:
            previous_id = self.conversation.append(item)
            self.emit("conversation.item.added", previous_item_id=previous_id, item=item.payload())

    def conclude(self, item: SpokenItem | FunctionCallItem) -> None:
        """Send that the item is finished."""
        # A client may have deleted it meanwhile: then the conversation has nothing to report.
        if self.conversation is not None and self.conversation.find(item.item_id) is not None:
            self.emit(
                "conversation.item.done",
                previous_item_id=self.conversation.id_before(item.item_id),
                item=item.payload(),
            )
        self.emit(
            "response.output_item.done",
            response_id=self.response_id,
            output_index=self.output_index,
            item=item.payload(),
        )

    def part_event(self, kind: str, item_id: str, **fields: object) -> None:
        """Send an event about the item's only content part."""
        self.emit(
            kind,
            response_id=self.response_id,
            item_id=item_id,
            output_index=self.output_index,
            content_index=0,
            **fields,
        )


class SpeechGeneration:
    """Speech with its transcript, or the transcript alone as text."""

    def __init__(
        self, item: SpokenItem, place: Place, audio_format: AudioFormat, delta_ms: int
    ) -> None:
        self._item = item
        self._place = place
        self._format = audio_format
        self._delta_ms = delta_ms

    @property
    def item(self) -> SpokenItem:
        """The item as far as it is."""
        return self._item

    def open(self) -> None:
        """Announce the item and its content part."""
        self._place.announce(self._item)
        self._part("response.content_part.added", part=self._part_object(""))

    def advance(self, budget_ms: int, /) -> Piece:
        """Send the next delta of text and of audio."""
        item = self._item
        start_ms = item.generated_ms
        end_ms = min(start_ms + min(self._delta_ms, budget_ms), item.speech.total_ms)
        item.generated_ms = end_ms
        text = item.speech.text(start_ms, end_ms)
        if text:
            kind = "output_audio_transcript" if item.is_audio else "output_text"
            self._part(f"response.{kind}.delta", delta=text)
        if item.is_audio and end_ms > start_ms:
            audio = item.speech.audio(start_ms, end_ms, self._format)
            delta = base64.b64encode(audio).decode("ascii")
            self._part("response.output_audio.delta", delta=delta)
        return Piece(spoken_ms=end_ms - start_ms, is_last=end_ms >= item.speech.total_ms)

    def close(self, status: ItemStatus) -> None:
        """Send all the ``done`` events."""
        item = self._item
        item.status = status
        # What was said, also where a truncation has already taken it from the conversation.
        text = item.speech.text(0, item.generated_ms)
        if item.is_audio:
            self._part("response.output_audio.done")
            self._part("response.output_audio_transcript.done", transcript=text)
        else:
            self._part("response.output_text.done", text=text)
        self._part("response.content_part.done", part=self._part_object(text))
        self._place.conclude(item)

    def _part(self, kind: str, **fields: object) -> None:
        self._place.part_event(kind, self._item.item_id, **fields)

    def _part_object(self, text: str) -> dict[str, Any]:
        if self._item.is_audio:
            return {"type": "audio", "transcript": text}
        return {"type": "text", "text": text}


class CallGeneration:
    """A function call with its arguments."""

    def __init__(self, item: FunctionCallItem, place: Place, arguments: str) -> None:
        self._item = item
        self._place = place
        self._arguments = arguments

    @property
    def item(self) -> FunctionCallItem:
        """The item as far as it is."""
        return self._item

    def open(self) -> None:
        """Announce the item."""
        self._place.announce(self._item)

    def advance(self, _budget_ms: int, /) -> Piece:
        """Send the next piece of the arguments; they cost no speech."""
        sent = len(self._item.arguments)
        piece = self._arguments[sent : sent + ARGUMENTS_CHARS]
        self._item.arguments += piece
        self._call_event("response.function_call_arguments.delta", delta=piece)
        return Piece(spoken_ms=0, is_last=len(self._item.arguments) >= len(self._arguments))

    def close(self, status: ItemStatus) -> None:
        """Send all the ``done`` events."""
        item = self._item
        item.status = status
        self._call_event(
            "response.function_call_arguments.done", name=item.name, arguments=item.arguments
        )
        self._place.conclude(item)

    def _call_event(self, kind: str, **fields: object) -> None:
        self._place.emit(
            kind,
            response_id=self._place.response_id,
            item_id=self._item.item_id,
            output_index=self._place.output_index,
            call_id=self._item.call_id,
            **fields,
        )
