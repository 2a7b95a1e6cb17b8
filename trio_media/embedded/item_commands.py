"""What a client does to the items of a conversation, and what it is told about it.

Rule 1: each method raises `Refusal`, and then nothing has changed.

Source: https://platform.openai.com/docs/api-reference/realtime-client-events/conversation/item
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from trio_media.embedded.conversation import Conversation
from trio_media.embedded.generation import Emit
from trio_media.embedded.items import parse_client_item
from trio_media.embedded.shapes import integer, nullable, text
from trio_media.embedded.voice_clips import AudioFormat

CONTENT_INDEX_MAX: Final = 1_000  # far more parts than any item has
AUDIO_END_MS_MAX: Final = 2**31 - 1  # what a 32-bit count of milliseconds can say


class ItemCommands:
    """The ``conversation.item`` events of one client."""

    def __init__(
        self, conversation: Conversation, emit: Emit, new_id: Callable[[str], str]
    ) -> None:
        self._conversation = conversation
        self._emit = emit
        self._new_id = new_id

    def create(self, event: Mapping[str, Any]) -> None:
        """Put an item of the client's where it is wanted."""
        wanted_id = nullable(text())(event.get("previous_item_id"), "previous_item_id")
        item = parse_client_item(event["item"], "item", self._new_id("item"))
        previous_id = self._conversation.insert(item, wanted_id)
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._emit(kind, previous_item_id=previous_id, item=item.payload())

    def retrieve(self, event: Mapping[str, Any], audio_format: AudioFormat) -> None:
        """Show an item with the audio that was kept."""
        item = self._conversation.retrieve(text()(event["item_id"], "item_id"))
        self._emit("conversation.item.retrieved", item=item.payload(audio_format))

    def truncate(self, event: Mapping[str, Any]) -> None:
        """Cut what was heard of an item."""
        item_id = text()(event["item_id"], "item_id")
        content_index = integer(0, CONTENT_INDEX_MAX)(event["content_index"], "content_index")
        audio_end_ms = integer(0, AUDIO_END_MS_MAX)(event["audio_end_ms"], "audio_end_ms")
        self._conversation.truncate(item_id, content_index, audio_end_ms)
        self._emit(
            "conversation.item.truncated",
            item_id=item_id,
            content_index=content_index,
            audio_end_ms=audio_end_ms,
        )

    def delete(self, event: Mapping[str, Any]) -> None:
        """Forget an item."""
        item_id = text()(event["item_id"], "item_id")
        self._conversation.delete(item_id)
        self._emit("conversation.item.deleted", item_id=item_id)
