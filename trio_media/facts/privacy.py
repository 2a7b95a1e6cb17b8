"""What of a call is told to others than its application: texts as it allows them, and pauses.

Rule 1: a text is told as the application's redaction gives it.  Where that fails, the text is
        withheld.
Rule 2: while recording is paused no audio and no text is told, and no key.  A text belongs to a
        pause when anything of it was said, or written down, in it.
Rule 3: the application itself is told everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import attrs

from trio_media.facts.transcript import REDACTED, WITHHELD, Role

PAUSED: Final = "recording_paused"  # the note: ``why``
RESUMED: Final = "recording_resumed"
TEXT_ROLES: Final[Mapping[str, Role]] = {
    "caller_text": "caller",
    "model_text": "model",
    "model_text_delta": "model",
}
"""The notes that say what was said, by who said it."""
UNKNOWN_MS: Final = 10_000  # how long before its text something may have been said that is unknown
EARLIER_MS: Final = 500  # speech began before anybody heard that it is speech
PAUSES_MAX: Final = 1_000  # of one call; beyond, the last pause goes on
Redact: TypeAlias = Callable[[Role, str], str]
"""Gives a text as others may have it.  Must be quick, and not fail."""


@attrs.define
class _Pause:
    begins_ms: int
    ends_ms: int | None = None
    """None: it goes on."""
    is_of_caller: bool = False
    """Only the caller's words are withheld: nobody has asked them yet."""

    def overlaps(self, begins_ms: int, ends_ms: int) -> bool:
        return self.begins_ms <= ends_ms and (self.ends_ms is None or begins_ms < self.ends_ms)


class Pauses:
    """When nothing was recorded."""

    def __init__(self) -> None:
        self._pauses: list[_Pause] = []

    def __bool__(self) -> bool:
        """Whether there was any."""
        return bool(self._pauses)

    @property
    def is_paused(self) -> bool:
        """Whether nothing is recorded now."""
        return bool(self._pauses) and self._pauses[-1].ends_ms is None

    def begin(self, at_ms: int, *, is_of_caller: bool = False) -> None:
        """Record nothing from now on.  ``is_of_caller``: only their words are withheld."""
        if not self.is_paused:
            self._pauses.append(_Pause(at_ms, is_of_caller=is_of_caller))
        elif not is_of_caller:
            self._pauses[-1].is_of_caller = False

    def end(self, at_ms: int) -> None:
        """Record again from now on."""
        if self.is_paused and len(self._pauses) < PAUSES_MAX:
            self._pauses[-1].ends_ms = at_ms

    def note(self, kind: str, t_ms: int) -> None:
        """Take in a note."""
        if kind == PAUSED:
            self.begin(t_ms)
        elif kind == RESUMED:
            self.end(t_ms)

    def withhold(self, role: Role, begins_ms: int, ends_ms: int) -> bool:
        """Whether words of this time are withheld."""
        return any(
            pause.overlaps(begins_ms, ends_ms) and (role == "caller" or not pause.is_of_caller)
            for pause in reversed(self._pauses)
        )

    def recorded(self, begins_ms: int, ends_ms: int) -> Iterator[tuple[int, int]]:
        """Give the parts of a time that are recorded, in order."""
        newest_ms = self._pauses[-1].ends_ms if self._pauses else begins_ms
        if newest_ms is not None and begins_ms >= newest_ms:
            yield begins_ms, ends_ms  # as nearly always
            return
        for pause in self._pauses:
            if not pause.overlaps(begins_ms, ends_ms - 1):
                continue
            if begins_ms < pause.begins_ms:
                yield begins_ms, pause.begins_ms
            if pause.ends_ms is None:
                return
            begins_ms = max(begins_ms, pause.ends_ms)
        if begins_ms < ends_ms:
            yield begins_ms, ends_ms


def _unknown(_role: Role, _item_id: str) -> int | None:
    return None


@attrs.define(eq=False)
class Privacy:
    """What may be told of one call."""

    redact: Redact | None = None
    """None: texts are told as they are.  Does not raise."""
    began_ms: Callable[[Role, str], int | None] = _unknown
    """When what has a text began to be said; None: that is not known."""
    pauses: Pauses = attrs.field(factory=Pauses)
    _reasons: set[str] = attrs.field(factory=set)

    @property
    def is_open(self) -> bool:
        """Whether everything may be told."""
        return self.redact is None and not self.pauses

    def is_paused_for(self, why: str) -> bool:
        """Whether nothing is recorded for this reason."""
        return why in self._reasons

    def pause(self, why: str, now_ms: int, *, is_of_caller: bool = False) -> bool:
        """Stop recording, for a reason of several; return whether that is new.

        ``is_of_caller``: for this reason what the model says need not be withheld.
        """
        is_new = not self._reasons
        self._reasons.add(why)
        self.pauses.begin(now_ms, is_of_caller=is_of_caller)
        return is_new

    def resume(self, why: str, now_ms: int) -> bool:
        """Record again, as far as this reason goes; return whether it is recorded again."""
        if why not in self._reasons:
            return False
        self._reasons.discard(why)
        if self._reasons:
            return False
        self.pauses.end(now_ms)
        return not self.pauses.is_paused

    def told(self, kind: str, fields: Mapping[str, Any], now_ms: int) -> Mapping[str, Any]:
        """Give the fields of a note as others may have them."""
        role = TEXT_ROLES.get(kind)
        if role is None or self.is_open:
            return fields
        text = self._text(role, kind, str(fields.get("item_id", "")), fields.get("text"), now_ms)
        return {**fields, "text": text}

    def _text(self, role: Role, kind: str, item_id: str, text: object, now_ms: int) -> str:
        began_ms = self.began_ms(role, item_id)
        since_ms = now_ms - UNKNOWN_MS if began_ms is None else began_ms - EARLIER_MS
        if self.pauses.withhold(role, since_ms, now_ms):
            return WITHHELD
        if self.redact is None:
            return str(text)
        # Of a piece nobody can say what it is a piece of.
        redacted = REDACTED if kind == "model_text_delta" else self.redact(role, str(text))
        return redacted if isinstance(redacted, str) else REDACTED
