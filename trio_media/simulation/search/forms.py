"""Canonical forms of the decision core's state.

Two calls with the same canonical form have the same future, but for the exact time at which a
deadline comes that is far away.  What matters of which record is said in ``matters``.
"""

from __future__ import annotations

import enum
import operator
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

import attrs

from trio_media.simulation.search.cloning import PLAIN, reader
from trio_media.simulation.search.matters import (
    DROPPED,
    PAST_MS,
    POSITIONS,
    SPECIAL,
    WHOLE,
    Frame,
    How,
    since,
)


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
    return _Plan(WHOLE.get(kind), hows, reader(plain) if plain else lambda record: ())


def _how(kind: type, name: str) -> How | None:
    if (kind, name) in SPECIAL:
        return SPECIAL[kind, name]
    read = operator.attrgetter(name)
    if name in PAST_MS:
        past_ms = PAST_MS[name]
        return lambda record, frame: since(read(record), frame.now_ms, past_ms)
    if name in POSITIONS:
        return lambda record, frame: read(record) - frame.high_ms
    return None
