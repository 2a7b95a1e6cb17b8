"""The conversation: items in order, and the four things that a client may do to them.

Rule 1: what this holds is all that the model knows; nothing is remembered beside it.
Rule 2: an item is in it at most once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trio_media.embedded.items import (
    ClientItem,
    FunctionCallItem,
    Item,
    SpokenItem,
    truncates_no_audio,
)
from trio_media.embedded.refusals import Refusal

ITEMS_MAX: Final = 5_000  # an hour of short turns; beyond it a client is out of control
ROOT: Final = "root"  # as a previous item: put it first


class Conversation:
    """The default conversation of one model session."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Whether no further item is taken."""
        return len(self._items) >= ITEMS_MAX

    @property
    def last_id(self) -> str | None:
        """The id of the newest item."""
        return self._items[-1].item_id if self._items else None

    def find(self, item_id: str) -> Item | None:
        """Return an item, or None when there is none with this id."""
        return next((item for item in self._items if item.item_id == item_id), None)

    def id_before(self, item_id: str) -> str | None:
        """Return the id of the item before one, or None where there is none."""
        ids = [item.item_id for item in self._items]
        index = ids.index(item_id) if item_id in ids else 0
        return ids[index - 1] if index > 0 else None

    def append(self, item: Item) -> str | None:
        """Add an item at the end and return the id of the one before it."""
        previous_id = self.last_id
        if self.is_full:
            # As the service does when its context is full: the oldest is forgotten.
            self._items.pop(0)
        self._items.append(item)
        return previous_id

    def insert(self, item: ClientItem, previous_id: str | None) -> str | None:
        """Add a client's item and return the id of the one before it.

        Raises `Refusal` for an id that is taken, an unknown ``previous_id``, an output whose call
        is not there, and a full conversation.
        """
        self._refuse_insert(item)
        if previous_id is None:
            return self.append(item)
        if previous_id == ROOT:
            self._items.insert(0, item)
            return None
        self._items.insert(self._index(previous_id, "create", "previous_item_id") + 1, item)
        return previous_id

    def retrieve(self, item_id: str) -> Item:
        """Return an item.  Raises `Refusal` when there is none with this id."""
        return self._items[self._index(item_id, "retrieve", "item_id")]

    def delete(self, item_id: str) -> None:
        """Forget an item.  Raises `Refusal` when there is none with this id."""
        del self._items[self._index(item_id, "delete", "item_id")]

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cut what was heard of an item's audio.  Raises `Refusal` when it has not so much."""
        item = self._items[self._index(item_id, "truncate", "item_id")]
        if not isinstance(item, SpokenItem):
            raise truncates_no_audio()
        if content_index != 0:
            raise Refusal(
                "invalid_value",
                f"Content index {content_index} is out of range for item '{item_id}'.",
                "content_index",
            )
        item.truncate(audio_end_ms)

    def _refuse_insert(self, item: ClientItem) -> None:
        if self.is_full:
            raise Refusal(
                "invalid_value", f"The conversation holds {ITEMS_MAX} items already.", "item"
            )
        if self.find(item.item_id) is not None:
            raise Refusal(
                "item_create_duplicate_item_id",
                f"Error adding item: an item with ID '{item.item_id}' already exists in "
                "the conversation.",
                "item.id",
            )
        if item.is_tool_output and not self._has_call(item.content["call_id"]):
            raise Refusal(
                "invalid_tool_call_id",
                f"Tool call ID '{item.content['call_id']}' not found in conversation.",
                "item.call_id",
            )

    def _has_call(self, call_id: str) -> bool:
        return any(_call_id(item) == call_id for item in self._items)

    def _index(self, item_id: str, verb: str, param: str) -> int:
        for index, item in enumerate(self._items):
            if item.item_id == item_id:
                return index
        field = "previous_item_id" if verb == "create" else "item_id"
        raise Refusal(
            f"item_{verb}_invalid_{field}",
            f"Error {_PARTICIPLES[verb]} item: the item with id '{item_id[:80]}' does not exist.",
            param,
        )


_PARTICIPLES: Final = {
    "create": "creating",
    "retrieve": "retrieving",
    "delete": "deleting",
    "truncate": "truncating",
}


def _call_id(item: Item) -> str | None:
    if isinstance(item, FunctionCallItem):
        return item.call_id
    if isinstance(item, ClientItem) and item.content["type"] == "function_call":
        call_id: str = item.content["call_id"]
        return call_id
    return None
