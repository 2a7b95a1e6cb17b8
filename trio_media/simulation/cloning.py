"""Copies and canonical forms of the decision core's state, fast enough to search with.

Canonical: times relative to now and clamped where they no longer matter, positions relative to what
was heard, names that are never used again left out.  Two calls with the same canonical form have
the same future, but for the exact time at which a deadline comes that is far away.
"""

from __future__ import annotations

import enum
import operator
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

import attrs

from trio_media.core import floor, known, ledger, responses, turns
from trio_media.core.events import Ended
from trio_media.core.units import FALSE_HUSH_WINDOW_MS, LOCAL_SPEECH_MAX_MS, NOISE_WAIT_MS

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
    "flags_asked_ms": 5_000,
    "server_create_until_ms": 0,
    "shield_until_ms": 0,
    "hushed_ms": 700,
    "owed_ms": 2_000,
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
        *("heard_until_ms", "silenced_ms"),
        *("protected_requests", "posted_calls", "calls", "plays_until_ms", "free_ms", "mark"),
    )
)
PLAIN: Final = frozenset((type(None), int, bool, str))
ATOMS: set[type] = set(PLAIN)
"""Classes whose values are shared by copies: frozen records join when they are first seen."""

# --- copies ----------------------------------------------------------------------------------


def clone(value: Any) -> Any:  # noqa: ANN401
    """Copy a graph of records.  Frozen records and atoms are shared."""
    return _clone(value, {})


@attrs.frozen
class _Shape:
    """How records of one class are read and written, a field at a time."""

    names: tuple[str, ...]
    read: Callable[[Any], tuple[Any, ...]]
    writes: tuple[Callable[[Any, Any], None], ...]


_SHAPES: dict[type, _Shape] = {}


def _clone(value: Any, memo: dict[int, Any]) -> Any:  # noqa: ANN401
    kind = type(value)
    shape = _SHAPES.get(kind)
    if shape is None:
        return _clone_unshaped(value, kind, memo)
    copy = memo.get(id(value))
    if copy is None:
        memo[id(value)] = copy = object.__new__(kind)
        for write, inner in zip(shape.writes, shape.read(value), strict=True):
            write(copy, inner if type(inner) in ATOMS else _clone(inner, memo))
    return copy


def _clone_unshaped(value: Any, kind: type, memo: dict[int, Any]) -> Any:  # noqa: ANN401
    if kind in ATOMS or kind is tuple:  # tuples are of atoms here
        return value
    if kind is list:
        return [_clone(v, memo) for v in value] if value else []
    if kind is deque:
        return deque([_clone(v, memo) for v in value])
    if kind is dict:
        return {key: v if type(v) in ATOMS else _clone(v, memo) for key, v in value.items()}
    if kind is set:
        return set(value)
    if _is_shared(kind):
        ATOMS.add(kind)
        return value
    _SHAPES[kind] = _shape(kind)
    return _clone(value, memo)


def _is_shared(kind: type) -> bool:
    if issubclass(kind, enum.Enum):
        return True
    # attrs marks frozen classes by the way they refuse to be changed.
    return kind.__setattr__.__name__ == "_frozen_setattrs"


def _shape(kind: type) -> _Shape:
    names = tuple(field.name for field in attrs.fields(kind))
    writes = tuple(getattr(kind, name).__set__ for name in names)
    return _Shape(names, _reader(names), writes)


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Read several fields at once."""
    read = operator.attrgetter(*names)
    return read if len(names) > 1 else lambda record: (read(record),)


# --- canonical -------------------------------------------------------------------------------


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


How = Callable[[Any, Frame], Hashable]
"""What matters of a field of a record."""


def canonical(value: Any, frame: Frame) -> Hashable:  # noqa: ANN401
    """Return what of a record matters for its future."""
    return _canonical(value, frame, {})


def _canonical(value: Any, frame: Frame, seen: dict[int, int]) -> Hashable:  # noqa: ANN401
    kind = type(value)
    plan = _PLANS.get(kind)
    if plan is None:
        return _canonical_unplanned(value, kind, frame, seen)
    number = seen.get(id(value))
    if number is not None:
        return number
    seen[id(value)] = len(seen)
    if plan.brief is not None and (brief := plan.brief(value)) is not None:
        return brief
    out: list[Hashable] = [how(value, frame) for how in plan.hows]
    for inner in plan.read(value):
        out.append(inner if type(inner) in PLAIN else _canonical(inner, frame, seen))  # noqa: PERF401
    return tuple(out)


def _canonical_unplanned(
    value: Any,  # noqa: ANN401
    kind: type,
    frame: Frame,
    seen: dict[int, int],
) -> Hashable:
    if kind in (list, tuple, deque):
        return tuple([_canonical(v, frame, seen) for v in value]) if value else ()
    if kind is dict:
        return tuple([(key, _canonical(v, frame, seen)) for key, v in value.items()])
    if kind is set:
        return tuple(sorted(value))
    if kind in PLAIN:
        return value  # type: ignore[no-any-return]
    if isinstance(value, enum.Enum):
        return value.name
    _PLANS[kind] = _plan(kind)
    return _canonical(value, frame, seen)


@attrs.frozen
class _Plan:
    """How records of one class are made canonical."""

    brief: Callable[[Any], Hashable | None] | None
    hows: tuple[How, ...]
    read: Callable[[Any], tuple[Any, ...]]
    """The fields of which nothing special is known."""


_PLANS: dict[type, _Plan] = {}


def _plan(kind: type) -> _Plan:
    names = [field.name for field in attrs.fields(kind) if field.name not in DROPPED]
    special = {name: _how(kind, name) for name in names}
    plain = tuple(name for name in names if special[name] is None)
    hows = tuple(how for how in special.values() if how is not None)
    return _Plan(WHOLE.get(kind), hows, _reader(plain) if plain else lambda record: ())


def _how(kind: type, name: str) -> How | None:
    if (kind, name) in SPECIAL:
        return SPECIAL[kind, name]
    read = operator.attrgetter(name)
    if name in PAST_MS:
        past_ms = PAST_MS[name]
        return lambda record, frame: _since(read(record), frame.now_ms, past_ms)
    if name in POSITIONS:
        return lambda record, frame: read(record) - frame.high_ms
    return None


def _since(at_ms: int | None, now_ms: int, past_ms: int) -> int | None:
    return None if at_ms is None else max(at_ms - now_ms, -past_ms)


def _left(deadline_ms: int | None, now_ms: int) -> int | None:
    """How much is left until a deadline, as far as that matters."""
    return None if deadline_ms is None else min(deadline_ms - now_ms, FAR_MS)


def _speech_left(record: floor.Floor, frame: Frame) -> Hashable:
    since_ms = record.speech_since_ms
    return None if since_ms is None else _left(since_ms + LOCAL_SPEECH_MAX_MS, frame.now_ms)


def _quiet(record: floor.Floor | ledger.Ledger, frame: Frame) -> Hashable:
    """Since when it is quiet, on both ears together."""
    ended_ms = max(record.local_ended_ms, record.server_ended_ms)
    return _since(ended_ms, frame.now_ms, 2_000) if frame.is_owed else None


def _noise_left(record: floor.Floor, frame: Frame) -> Hashable:
    """How long noise may still put off what is owed."""
    left_ms = record.noise_since_ms + NOISE_WAIT_MS - frame.now_ms
    return min(max(left_ms, 0), FAR_MS) if frame.is_owed else None


def _was_false(record: floor.Floor, frame: Frame) -> Hashable:
    last_ms = record.last_false_ms
    return frame.may_hush and last_ms is not None and frame.now_ms - last_ms <= FALSE_HUSH_WINDOW_MS


def _retry(record: responses.Response, frame: Frame) -> Hashable:
    return record.retry_ms - frame.now_ms if record.cancel is responses.Cancel.UNSENT else None


def _while_open(name: str) -> How:
    """What matters of a response while it is open, and never after it."""
    read = operator.attrgetter(name)
    return lambda record, frame: read(record) if record.is_open else None


def _ended(record: responses.Response, frame: Frame) -> Hashable:
    return record.ended is Ended.TURN_DETECTED


def _pressed(record: turns.Keys, frame: Frame) -> Hashable:
    return frame.now_ms - record.pressed_ms if record.digits else None


def _in_turn(name: str, *states: turns.TurnState) -> How:
    """What matters of a turn in these states, and in no other."""
    read = operator.attrgetter(name)
    return lambda record, frame: read(record) if record.state in states else None


def _stopped(record: turns.Turn, frame: Frame) -> Hashable:
    is_open = record.state is turns.TurnState.OPEN
    return record.stopped_ms is not None if is_open else None


def _nothing(record: object, frame: Frame) -> Hashable:
    return None


UNDECIDED: Final = (turns.TurnState.OPEN, turns.TurnState.LAPSED, turns.TurnState.JUDGED)
SPECIAL: Final[Mapping[tuple[type, str], How]] = {
    (responses.Response, "progress_ms"): lambda record, frame: _left(
        record.deadline_ms(), frame.now_ms
    ),
    (responses.Response, "token"): lambda record, frame: record.token is not None,
    (responses.Response, "retry_ms"): _retry,
    (responses.Response, "ended"): _ended,
    (responses.Response, "is_doomed"): _while_open("is_doomed"),
    (responses.Response, "is_server_interrupted"): _while_open("is_server_interrupted"),
    (responses.Response, "cancel"): _while_open("cancel"),
    (responses.Response, "cancel_refused"): _while_open("cancel_refused"),
    (responses.Response, "cause"): _while_open("cause"),
    (responses.Response, "is_kept"): _while_open("is_kept"),
    (responses.Response, "tries"): _while_open("tries"),
    (turns.Keys, "pressed_ms"): _pressed,
    (turns.Turn, "heard_ms"): lambda record, frame: _left(
        record.deadline_ms(is_heard=False), frame.now_ms
    ),
    (turns.Turn, "stopped_ms"): _stopped,
    (turns.Turn, "committed_ms"): lambda record, frame: record.committed_ms is not None,
    (turns.Turn, "verdict"): _in_turn("verdict", *UNDECIDED),
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
    (ledger.Ledger, "local_ended_ms"): _quiet,
    (ledger.Ledger, "server_ended_ms"): _nothing,
    (ledger.Ledger, "waiting_requests"): lambda record, frame: len(record.waiting_requests),
    (ledger.Ledger, "waiting_takes"): lambda record, frame: len(record.waiting_takes),
    (known.KnownResponse, "progress_ms"): _nothing,
}


def _brief_item(item: responses.Item) -> Hashable | None:
    """An item that is told and let go: only its verdict is left."""
    return (item.item_id, item.is_speech, item.fate) if item.is_released else None


def _brief_known(item: known.KnownItem) -> Hashable | None:
    if item.heard_ms is None:
        return None
    return item.response_id, item.is_speech, item.heard_ms > 0, item.told is not None


WHOLE: Final[Mapping[type, Callable[[Any], Hashable | None]]] = {
    responses.Item: _brief_item,
    known.KnownItem: _brief_known,
}
"""Records of which little matters in the end."""
