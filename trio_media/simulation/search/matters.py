"""What matters of each record for its future.

Times matter relative to now and only as far as anything still depends on them, positions relative
to what was heard; names that are never used again do not matter at all.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

import attrs

from trio_media.core import (
    digits,
    dues,
    ending,
    floor,
    known,
    ledger,
    responses,
    state,
    turns,
)
from trio_media.core.events import Ended
from trio_media.core.outcomes import Cause
from trio_media.core.units import (
    FALSE_HUSH_WINDOW_MS,
    LOCAL_SPEECH_MAX_MS,
    NOISE_WAIT_MS,
    RECORDED_MS,
)

LONG_MS: Final = 12_000  # what waits for nobody to speak waits no longer than this
FAR_MS: Final = 6_000  # deadlines further away than this differ in nothing that is searched
PAST_MS: Final[Mapping[str, int]] = {
    "not_before_ms": 0,
    "guard_until_ms": 0,
    "long_speech_ms": 0,
    "since_ms": 700,
    "voiced_ms": 1_000,
    "quiet_ms": 200,
    "confirm_ms": 0,
    "begins_ms": 4_000,
    "idle_since_ms": 200,
    "late_ms": 2_000,
    "flags_asked_ms": 5_000,
    "server_create_until_ms": 0,
    "shield_until_ms": 0,
    "hushed_ms": 700,
    "owed_ms": 2_000,
    "owed_from_ms": 0,
}
"""Absolute times, and how far back each matters."""
POSITIONS: Final = frozenset(
    ("start_ms", "end_ms", "next_ms", "marked_ms", "base_ms", "settled_ms", "position_ms")
)
DROPPED: Final = frozenset(
    (
        *("policy", "out", "epoch", "last_seq", "last_mark", "last_command", "high_ms"),
        *("last_interruption", "interruption", "opened", "last_number", "seq", "opened_ms"),
        *("number", "cancel_command", "request", "shield_mark", "first_seq", "cancel_at_ms"),
        *("protected_requests", "plays_until_ms", "free_ms", "mark"),
        *("create_command", "stopped_ms", "unsent_ms", "local_began_ms", "posted", "greetings"),
        *("was_speaking", "has_caller_taken", "has_tools", "gives_up"),
    )
)


@attrs.frozen
class Frame:
    """What a canonical form is relative to."""

    now_ms: int
    high_ms: int
    """Up to where the caller heard the tape."""
    is_owed: bool
    """An answer is owed, or may be at the end of a hush: since when it is quiet matters."""
    may_hush: bool
    """Another onset may come: what earlier ones led to matters."""
    gone: frozenset[str] = frozenset()
    """Ids of responses that are over, settled and told, and that nothing can name any more."""
    may_go: bool = False
    """The session may go away: what the next one is to answer matters."""
    newest: int = 0
    """The newest number of a response."""


How = Callable[[Any, Frame], Hashable]
"""What matters of a field of a record."""


def since(at_ms: int | None, now_ms: int, past_ms: int) -> int | None:
    """When something was or will be, relative to now, as far back as it matters."""
    return None if at_ms is None else max(at_ms - now_ms, -past_ms)


def plain(value: object) -> Hashable:
    """Return what a form may hold: numbers, names and None."""
    return value.value if isinstance(value, enum.Enum) else value


def _left(deadline_ms: int | None, now_ms: int) -> int | None:
    """How much is left until a deadline, as far as that matters."""
    return None if deadline_ms is None else min(deadline_ms - now_ms, FAR_MS)


def _speech_left(record: floor.Floor, frame: Frame) -> Hashable:
    since_ms = record.speech_since_ms
    return None if since_ms is None else _left(since_ms + LOCAL_SPEECH_MAX_MS, frame.now_ms)


def _quiet(record: floor.Floor | ledger.Ledger, frame: Frame) -> Hashable:
    """Since when it is quiet, on both ears together."""
    ended_ms = max(record.local_ended_ms, record.server_ended_ms)
    return since(ended_ms, frame.now_ms, 2_000) if frame.is_owed else None


def _noise_left(record: floor.Floor, frame: Frame) -> Hashable:
    """How long noise may still put off what is owed."""
    left_ms = record.noise_since_ms + NOISE_WAIT_MS - frame.now_ms
    return min(max(left_ms, 0), FAR_MS) if frame.is_owed else None


def _was_false(record: floor.Floor, frame: Frame) -> Hashable:
    last_ms = record.last_false_ms
    return frame.may_hush and last_ms is not None and frame.now_ms - last_ms <= FALSE_HUSH_WINDOW_MS


def _retry(record: responses.Response, frame: Frame) -> Hashable:
    return record.retry_ms - frame.now_ms if record.cancel is responses.Cancel.UNSENT else None


def _is_awaited(record: responses.Response) -> bool:
    return record.request is not None and not record.is_told


def _ended(record: responses.Response, frame: Frame) -> Hashable:
    is_whole = record.ended is Ended.COMPLETED and _is_awaited(record)
    return record.ended is Ended.TURN_DETECTED, is_whole


def _cause(record: responses.Response, frame: Frame) -> Hashable:
    matters = record.is_open or record.cause is Cause.CLIP
    return record.cause.value if matters else None


def _since(name: str, past_ms: int = LONG_MS) -> How:
    """When something was, relative to now, as far back as what waits for it is long."""
    read = operator.attrgetter(name)
    return lambda record, frame: since(read(record), frame.now_ms, past_ms)


def _is_set(name: str) -> How:
    read = operator.attrgetter(name)
    return lambda record, frame: read(record) is not None


def _deadline_left(record: ending.Ending | digits.Collection, frame: Frame) -> Hashable:
    at_ms = record.deadline_ms if isinstance(record, ending.Ending) else record.deadline_ms()
    return _left(at_ms, frame.now_ms)


def _pressed(record: turns.Keys, frame: Frame) -> Hashable:
    return frame.now_ms - record.pressed_ms if record.digits else None


def _in_turn(name: str, *states: turns.TurnState) -> How:
    """What matters of a turn in these states, and in no other."""
    read = operator.attrgetter(name)
    return lambda record, frame: plain(read(record)) if record.state in states else None


def _stopped(record: turns.Turn, frame: Frame) -> Hashable:
    is_open = record.state is turns.TurnState.OPEN
    return record.stopped_ms is not None if is_open else None


def _turn_verdict(record: turns.Turn, frame: Frame) -> Hashable:
    """One that is answered may be so again, if nobody knows what was said."""
    matters = record.state in UNDECIDED or (frame.may_go and record.state in DECIDED)
    return plain(record.verdict) if matters else None


def _answer(record: turns.Turn, frame: Frame) -> Hashable:
    if record.answer is None or not frame.may_go:
        return None
    return frame.newest - record.answer


def _calls(record: responses.Response, frame: Frame) -> Hashable:
    return frame.may_go and record.is_open and bool(record.calls)


def _nothing(record: object, frame: Frame) -> Hashable:
    return None


WHILE_OPEN: Final = frozenset(
    (responses.Response, name)
    for name in (
        "is_doomed",
        "is_server_interrupted",
        "cancel",
        "cancel_refused",
        "is_kept",
        "tries",
    )
)
"""What matters of a response while it is open, and never after it."""
NAMED: Final = frozenset(
    (
        (responses.ResponseBook, "responses"),
        (ledger.Ledger, "responses"),
        (ledger.Ledger, "items"),
    )
)
"""Records that are reached by a response's id alone: they go with it."""
UNDECIDED: Final = (turns.TurnState.OPEN, turns.TurnState.LAPSED, turns.TurnState.JUDGED)
DECIDED: Final = (turns.TurnState.COUNTS, turns.TurnState.ANSWERED)
SPECIAL: Final[Mapping[tuple[type, str], How]] = {
    (responses.Response, "progress_ms"): lambda record, frame: _left(
        record.deadline_ms(), frame.now_ms
    ),
    (responses.Response, "token"): lambda record, frame: record.token is not None,
    (responses.Response, "retry_ms"): _retry,
    (responses.Response, "ended"): _ended,
    (responses.Response, "cause"): _cause,
    (responses.Response, "is_told"): lambda record, frame: _is_awaited(record),
    (responses.PendingTool, "silent_since_ms"): _since("silent_since_ms"),
    (ending.Ending, "since_ms"): _nothing,
    (ending.Ending, "quiet_ms"): _deadline_left,
    (ending.Ending, "left_ms"): _is_set("left_ms"),
    (ending.Ending, "words"): _is_set("words"),
    (digits.Collection, "since_ms"): _deadline_left,
    (state.Away, "since_ms"): _is_set("since_ms"),
    (state.Away, "quiet_ms"): _since("quiet_ms"),
    (state.Away, "last_words_ms"): _since("last_words_ms", RECORDED_MS),
    (state.Away, "renew_by_ms"): lambda record, frame: _left(record.renew_by_ms, frame.now_ms),
    (state.Idle, "since_ms"): _since("since_ms"),
    (state.State, "texts"): lambda record, frame: len(record.texts),
    (known.KnownResponse, "was_completed"): lambda record, frame: (
        record.was_completed and record.request is not None
    ),
    (known.KnownEnding, "since_ms"): _since("since_ms"),
    (known.KnownEnding, "left_ms"): _is_set("left_ms"),
    (turns.Keys, "pressed_ms"): _pressed,
    (turns.TurnBook, "live"): _nothing,
    (turns.Turn, "heard_ms"): lambda record, frame: _left(
        record.deadline_ms(is_heard=False), frame.now_ms
    ),
    (turns.Turn, "stopped_ms"): _stopped,
    (turns.Turn, "committed_ms"): lambda record, frame: record.committed_ms is not None,
    (turns.Turn, "verdict"): _turn_verdict,
    (turns.Turn, "answer"): _answer,
    (turns.Turn, "over"): _in_turn("over", *UNDECIDED),
    (turns.Turn, "is_voiced"): _in_turn("is_voiced", *UNDECIDED),
    (floor.Floor, "speech_since_ms"): _speech_left,
    (floor.Floor, "local_ended_ms"): _quiet,
    (floor.Floor, "server_ended_ms"): _nothing,
    (floor.Floor, "believed_ended_ms"): _noise_left,
    (floor.Floor, "last_false_ms"): _was_false,
    (floor.Floor, "weak_ignored_until_ms"): lambda record, frame: (
        frame.may_hush and frame.now_ms < record.weak_ignored_until_ms
    ),
    (ledger.Ledger, "away_ms"): _is_set("away_ms"),
    (ledger.Ledger, "unheard_ms"): _since("unheard_ms"),
    (ledger.Ledger, "local_ended_ms"): _quiet,
    (ledger.Ledger, "server_ended_ms"): _nothing,
    (ledger.Ledger, "waiting_requests"): lambda record, frame: len(record.waiting_requests),
    (ledger.Ledger, "waiting_takes"): lambda record, frame: len(record.waiting_takes),
    (known.KnownResponse, "progress_ms"): _nothing,
    (responses.Response, "calls"): _calls,
    (dues.Dues, "unended"): lambda record, frame: len(record.unended),
    (dues.Dues, "digits"): lambda record, frame: len(record.digits),
    (dues.Dues, "asked"): lambda record, frame: len(record.asked),
    (dues.Dues, "kept"): lambda record, frame: len(record.kept & record.asked),
}


def _brief_item(item: responses.Item, frame: Frame) -> Hashable | None:
    """An item that is told and let go: only its verdict is left."""
    return (item.item_id, item.is_speech, item.fate.value) if item.is_released else None


def _brief_known(item: known.KnownItem, frame: Frame) -> Hashable | None:
    if item.heard_ms is None:
        return None
    return item.response_id, item.is_speech, item.heard_ms > 0, item.told is not None


WHOLE: Final[Mapping[type, Callable[[Any, Frame], Hashable | None]]] = {
    responses.Item: _brief_item,
    known.KnownItem: _brief_known,
}
"""Records of which little matters in the end."""
