"""The conversation of a call as it was heard, to be told to a model session that knows nothing.

Rule 1: it is what the present session would remember: the caller's turns that count, of the model
        what was heard, texts and keys of ours, tool calls and what they found.
Rule 2: of what is still being heard, all counts; when it is cut off after all, the session that was
        told so is told better.
Rule 3: what is told bears names of ours, so that it can be told better; what the session adds
        itself keeps the names that it has there.
Rule 4: there is a bound: then the beginning is left out, and the session is told that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias

import attrs

from trio_media.call.texts import Texts
from trio_media.core.units import HEARD_ENOUGH_MS
from trio_media.facts.heard_text import heard_text
from trio_media.realtime.events import Place, RealtimeCodec, Role

ENTRIES_MAX: Final = 400
CHARS_MAX: Final = 60_000  # some ten thousand tokens: what a session is told costs each answer
ITEM_CHARS_MAX: Final = 20_000  # of one item, so that what is around it has room
CUT: Final = " (The rest is left out here.)"
LEFT_OUT: Final = "(The beginning of this conversation is left out here.)"
UNKNOWN: Final = "(The caller said something here of which there is no transcript.)"
EVENT_ID: Final = "told"  # errors name it; the conversation goes on without what was refused

Kind: TypeAlias = Literal["caller", "model", "text", "call"]


@attrs.define(eq=False)
class Entry:
    """One item of the conversation."""

    kind: Kind
    name: str
    """Of the item, or of the call of a tool."""
    role: Role = "user"
    text: str | None = None
    """None: asked of the texts."""
    tool: str = ""
    output: str | None = None
    heard_ms: int | None = None
    """What was heard of it; None: that is not decided yet."""
    received_ms: int = 0
    told_as: str | None = None
    """The name under which the present session was told of it; None: it knows it by itself."""


@attrs.define(eq=False)
class Conversation:
    """The items of one call, in their order.  The owner alone writes."""

    texts: Texts
    _entries: dict[str, Entry] = attrs.field(factory=dict)
    _told: int = 0
    """Counts up; names are made of it."""
    _is_cut: bool = False
    """The beginning is not kept any more."""

    def __bool__(self) -> bool:
        """Whether there is anything to be told."""
        return bool(self._entries)

    # --- what happens --------------------------------------------------------------------------

    def turn(self, item_id: str) -> None:
        """What the caller said became an item."""
        self._add(Entry("caller", item_id))

    def speech(self, item_id: str) -> None:
        """The model has an item that may be heard."""
        self._add(Entry("model", item_id, role="assistant"))

    def heard(self, item_id: str, heard_ms: int, received_ms: int) -> None:
        """What was heard of an item is decided."""
        entry = self._entries.get(item_id)
        if entry is not None:
            entry.heard_ms, entry.received_ms = heard_ms, received_ms

    def text(self, name: str, role: Role, text: str) -> None:
        """A text of ours was added."""
        self._add(Entry("text", name, role=role, text=text))

    def call(self, call_id: str, tool: str, arguments: str) -> None:
        """The model called a tool."""
        self._add(Entry("call", call_id, text=arguments, tool=tool))

    def output(self, call_id: str, output: str) -> None:
        """A tool's call has its output."""
        entry = self._entries.get(call_id)
        if entry is not None:
            entry.output = output

    def gone(self, item_id: str) -> str | None:
        """An item is no part of the conversation any more.

        Returns the name under which the present session was told of it; None: it was not.
        """
        entry = self._entries.pop(item_id, None)
        return None if entry is None else entry.told_as

    def seal(self, prefix: str, output: str) -> None:
        """What comes is of another media stream: texts of ours are named anew, tools have this
        output that have none, and nobody says any more how an item goes on."""
        entries, self._entries = list(self._entries.values()), {}
        for entry in entries:
            if entry.kind == "text":
                entry.name = prefix + entry.name
            elif entry.kind == "call" and entry.output is None:
                entry.output = output
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        self._entries.setdefault(entry.name, entry)
        while len(self._entries) > ENTRIES_MAX:
            del self._entries[next(iter(self._entries))]
            self._is_cut = True

    # --- how it is told ------------------------------------------------------------------------

    def came(self, received_ms: Callable[[str], int]) -> None:
        """More may have come of items than when it was decided what was heard of them: so much
        shorter is the share of their words that was."""
        for entry in self._entries.values():
            if entry.kind == "model" and entry.heard_ms is not None:
                entry.received_ms = max(entry.received_ms, received_ms(entry.name))

    def told_anew(self, codec: RealtimeCodec) -> list[str]:
        """Return the messages that tell all of it to a session, in order."""
        messages: list[str] = []
        entries = list(self._entries.values())
        first = _first_told(entries, self.texts)
        self._is_cut = self._is_cut or first > 0
        if self._is_cut:
            messages.append(codec.encode_text(role="system", text=LEFT_OUT, event_id=EVENT_ID))
        for entry in entries[:first]:
            del self._entries[entry.name]
        for entry in entries[first:]:
            entry.told_as = None
            messages += self._tell(entry, codec, None)
        return messages

    def _tell(self, entry: Entry, codec: RealtimeCodec, after: str | None) -> Iterator[str]:
        if entry.kind == "call":
            yield codec.encode_tool_call(
                call_id=entry.name,
                name=entry.tool,
                arguments=entry.text or "",
                event_id=EVENT_ID,
                place=self._placed(entry, after),
            )
            if entry.output is not None:
                yield codec.encode_tool_output(
                    call_id=entry.name,
                    output=_cut(entry.output),
                    event_id=EVENT_ID,
                    place=self._placed(entry, after),
                )
            return
        text = words_of(entry, self.texts)
        if not text:
            return
        place = self._placed(entry, after)
        yield codec.encode_text(role=entry.role, text=text, event_id=EVENT_ID, place=place)

    def _placed(self, entry: Entry, after: str | None) -> Place:
        """Give an entry a new name in the session; the last one counts."""
        self._told += 1
        entry.told_as = f"told_{self._told}"
        return Place(entry.told_as, after)

    def told_better(self, item_id: str, codec: RealtimeCodec) -> list[str] | None:
        """Return what tells the session that less was heard of an item than it was told.

        None: it knows the item by itself, or not at all.
        """
        entry = self._entries.get(item_id)
        if entry is None or entry.told_as is None:
            return None
        after = self._before(entry)
        delete = codec.encode_delete(item_id=entry.told_as, event_id=EVENT_ID)
        entry.told_as = None
        return [delete, *self._tell(entry, codec, after)]

    def _before(self, entry: Entry) -> str:
        """Return the name of what was told before an item; empty: nothing was."""
        before = ""
        for other in self._entries.values():
            if other is entry:
                break
            before = other.told_as or before
        return before


def words_of(entry: Entry, texts: Texts) -> str:
    """Return what is told of an item that is no tool's call: empty, if nothing is."""
    if entry.text is not None:
        return _cut(entry.text)
    text = texts.of(entry.name)
    if entry.kind == "caller":
        return text or UNKNOWN
    if entry.heard_ms is None or entry.heard_ms + HEARD_ENOUGH_MS >= entry.received_ms:
        return "" if entry.heard_ms == 0 else text
    return heard_text(text, entry.heard_ms, entry.received_ms)


def _cut(text: str) -> str:
    return text if len(text) <= ITEM_CHARS_MAX else text[:ITEM_CHARS_MAX] + CUT


def _first_told(entries: list[Entry], texts: Texts) -> int:
    """Return the first entry from which on all fit."""
    chars = 0
    for at in range(len(entries) - 1, -1, -1):
        entry = entries[at]
        is_call = entry.kind == "call"
        words = f"{entry.text}{_cut(entry.output or '')}" if is_call else words_of(entry, texts)
        chars += len(words)
        if chars > CHARS_MAX:
            return at + 1
    return 0
