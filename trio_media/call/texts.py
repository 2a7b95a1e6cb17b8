"""The words of the call's items, as the model service tells them."""

from __future__ import annotations

from typing import Final

import attrs

ITEMS_MAX: Final = 512  # a model session's memory holds no more; the oldest go first
CHARS_MAX: Final = 20_000  # of one item: nobody speaks longer in one breath


@attrs.define(eq=False)
class Texts:
    """Words by item.  The model's reader adds, the owner reads."""

    _whole: dict[str, str] = attrs.field(factory=dict)
    _pieces: dict[str, list[str]] = attrs.field(factory=dict)
    """Of items whose words are still coming."""

    def more(self, item_id: str, text: str) -> None:
        """More words of an item came."""
        if item_id in self._whole:
            return  # it says no more than was told
        pieces = self._pieces.setdefault(item_id, [])
        room = CHARS_MAX - sum(map(len, pieces))
        if room > 0:
            pieces.append(text[:room])
        _bound(self._pieces)

    def whole(self, item_id: str, text: str) -> None:
        """All words of an item are known."""
        self._pieces.pop(item_id, None)
        self._whole[item_id] = text.strip()[:CHARS_MAX]
        _bound(self._whole)

    def of(self, item_id: str) -> str:
        """Return what is known of an item's words; empty: nothing is."""
        whole = self._whole.get(item_id)
        return "".join(self._pieces.get(item_id, ())).strip() if whole is None else whole

    def unfinished(self) -> dict[str, str]:
        """Return the words of the items that are still coming, and expect no more of them."""
        self._whole |= {item_id: self.of(item_id) for item_id in self._pieces}
        unfinished = {item_id: self._whole[item_id] for item_id in self._pieces}
        self._pieces = {}
        _bound(self._whole)
        return unfinished


def _bound(kept: dict[str, object] | dict[str, str] | dict[str, list[str]]) -> None:
    while len(kept) > ITEMS_MAX:
        del kept[next(iter(kept))]
