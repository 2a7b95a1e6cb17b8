"""What the summary of a call keeps: plain records, and a bounded place for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

import attrs

RECORDS_MAX: Final = 1_000  # of one kind; an hour of lively talk, and still written in no time
TEXT_CHARS_MAX: Final = 8_000  # of one transcript

_Key = TypeVar("_Key", int, str)
_Record = TypeVar("_Record")


def clip(text: object) -> str:
    """Give at most as much text as one transcript may have, of what UTF-8 can hold."""
    return str(text)[:TEXT_CHARS_MAX].encode(errors="replace").decode()


class Kept(Generic[_Key, _Record]):
    """Records by their key, in order of appearance, as many as are kept."""

    def __init__(self) -> None:
        self._records: dict[_Key, _Record] = {}
        self.dropped = 0
        """Mentions of records that there was no room for."""

    def get(self, key: _Key) -> _Record | None:
        """Return a record that is there."""
        return self._records.get(key)

    def get_or_make(self, key: _Key, make: Callable[[], _Record]) -> _Record | None:
        """Return the record, a new one if need be; None when there is no room for it."""
        record = self._records.get(key)
        if record is None and len(self._records) < RECORDS_MAX:
            record = self._records[key] = make()
        if record is None:
            self.dropped += 1
        return record

    def all(self) -> list[_Record]:
        """Return the records, oldest first."""
        return list(self._records.values())


@attrs.define(slots=False)
class TurnRecord:
    """Something that the caller said."""

    item_id: str
    opened_ms: int
    stopped_ms: int | None = None
    committed_ms: int | None = None
    transcript: str | None = None
    verdict: str | None = None
    """``words``, ``backchannel`` or ``empty``."""
    fate: str | None = None
    """``answered``, ``answered by the server``, ``left``, ``void`` or ``lapsed``."""
    answer_ms: int | None = None
    """From its commit to the first audio of its answer on the carrier's wire; None: there was no
    answer, or it was cut off before."""


@attrs.define(slots=False)
class ItemRecord:
    """Something that the model said."""

    item_id: str
    received_ms: int = 0
    heard_ms: int = 0
    is_decided: bool = False
    """``heard_ms`` is what the call was decided by; else it is what real time allows so far."""
    text: str | None = None
    truncated_ms: int | None = None
    """What the model was told was heard; None when it was told nothing."""
    is_deleted: bool = False


@attrs.define(slots=False)
class ResponseRecord:
    """A response of the model."""

    number: int
    cause: str
    asked_ms: int | None = None
    """When our create was ordered; None when the server created it."""
    response_id: str | None = None
    opened_ms: int | None = None
    cancelled_ms: int | None = None
    """When our cancel was ordered."""
    closed_ms: int | None = None
    ended: str | None = None
    items: list[ItemRecord] = attrs.field(factory=list)


@attrs.define(slots=False)
class BargeInRecord:
    """One interruption."""

    t_ms: int
    reason: str
    responses: list[int]
    """Numbers of the responses concerned."""
    hush_to_take_ms: int | None
    """How long the model was hushed before; None when it was not."""
    request: int | None = None
    heard_ms: int | None = None
    """What was heard of the newest response concerned."""
    outcome: str | None = None
    settle_ms: int | None = None
    """From the take to the outcome."""


@attrs.define(slots=False)
class HushRecord:
    """The model was silenced for a moment."""

    t_ms: int
    item_id: str | None
    heard_ms: int
    length_ms: int | None = None
    ended: str | None = None
    """``resumed`` or ``taken``."""
    onset_to_hush_ms: int | None = None
    """From the audio that gave the caller's onset away, which is its second frame; None when nobody
    was heard locally."""
    was_false: bool = False
    """It resumed, and nobody had spoken."""


@attrs.define(slots=False)
class EndingRecord:
    """A request to end the call, or to hand it over."""

    t_ms: int
    reason: str
    request: int | None
    """None: nobody of ours asked; the caller was silent."""
    is_final: bool = False
    leaves: bool = False
    outcome: str | None = None
    """``ended``, ``handed over``, ``revoked``, ``replaced`` or ``failed``; None: it was under way
    when the call ended."""
    took_ms: int | None = None


@attrs.define(slots=False)
class ToolRecord:
    """A tool that was run."""

    call_id: str
    t_ms: int
    name: str | None = None
    outcome: str | None = None
    """``done``, ``failed``, ``late``, ``twice``, ``unknown`` or ``cancelled``; None: it ran on."""
    took_ms: int | None = None


@attrs.define(slots=False)
class DigitsRecord:
    """Keys that were asked for: how many, and never which."""

    t_ms: int
    count: int
    collected: int | None = None
    outcome: str | None = None
    """``complete``, ``terminated``, ``timed_out`` or ``call_ended``; None: nobody waited longer."""
    took_ms: int | None = None
