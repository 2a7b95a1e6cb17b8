"""Canonical forms of the decision core's state.

Two calls with the same canonical form have the same future, but for the exact time at which a
deadline comes that is far away.  What matters of which record is said in ``matters``.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import Any, Final

from trio_media.core.responses import Phase
from trio_media.simulation.search.matters import (
    DROPPED,
    NAMED,
    PAST_MS,
    POSITIONS,
    SPECIAL,
    WHILE_OPEN,
    WHOLE,
    Frame,
)
from trio_media.simulation.search.records import Held, held_by, shared_within, within

DIGEST_BYTES: Final = 16  # two of a billion states are taken for one with a chance of 1 in 10**21
MARSHAL: Final = 2  # the last version in which the same values always give the same bytes
Former = Callable[[Any, Frame, dict[int, int]], Hashable]
_FORMERS: dict[type, Former] = {}


def canonical(value: Any, frame: Frame) -> Hashable:  # noqa: ANN401
    """Return what of a record matters for its future: tuples of plain values."""
    former = _FORMERS.get(type(value))
    if former is None:
        former = _FORMERS[type(value)] = _compile(type(value))
    return former(value, frame, {})


def digest(form: Any) -> int:  # noqa: ANN401
    """Return 128 bits that stand for a canonical form."""
    return int.from_bytes(blake2b(marshal.dumps(form, MARSHAL), digest_size=DIGEST_BYTES).digest())


def _compile(root: type) -> Former:
    names: dict[str, Any] = {"OVER": Phase.OVER}
    shared = shared_within(root)
    for kind in within(root):
        exec(_source(kind, names, is_shared=kind in shared), names)  # written here, from no input
    former: Former = names[f"form_{root.__name__}"]
    return former


def _source(kind: type, names: dict[str, Any], *, is_shared: bool) -> str:
    """Write the function that gives the form of a record of a class."""
    lines = [f"def form_{kind.__name__}(v, frame, seen):"]
    if is_shared:  # where it was met before is what matters of it then
        lines += ["    number = seen.get(id(v))", "    if number is not None: return number"]
        lines += ["    seen[id(v)] = len(seen)"]
    if kind in WHOLE:
        names[f"brief_{kind.__name__}"] = WHOLE[kind]
        lines += [f"    brief = brief_{kind.__name__}(v, frame)"]
        lines += ["    if brief is not None: return brief"]
    parts = [
        _form(kind, name, held, names)
        for name, held in held_by(kind).items()
        if name not in DROPPED
    ]
    lines += ["    now_ms, gone = frame.now_ms, frame.gone", f"    return ({', '.join(parts)},)"]
    return "\n".join(lines)


def _form(kind: type, name: str, held: Held, names: dict[str, Any]) -> str:
    """Write the expression for what matters of a field."""
    value = f"v.{name}"
    if (kind, name) in SPECIAL:
        how = f"how_{kind.__name__}_{name}"
        names[how] = SPECIAL[kind, name]
        return f"{how}(v, frame)"
    if name in PAST_MS:
        ago = f"(at if (at := {value} - now_ms) > {-PAST_MS[name]} else {-PAST_MS[name]})"
        return f"(None if {value} is None else {ago})" if held.is_optional else ago
    if name in POSITIONS:
        return f"{value} - frame.high_ms"
    if held.container is not None:
        which = " if w.response_id not in gone" if (kind, name) in NAMED else ""
        return f"({_form_of_many(value, held, which)} if {value} else ())"
    one = _form_of_one(value, held)
    if (kind, name) in WHILE_OPEN:
        return f"({one} if v.phase is not OVER else None)"
    return f"(None if {value} is None else {one})" if held.is_optional and one != value else one


def _form_of_many(value: str, held: Held, which: str) -> str:
    if held.container is dict:
        return f"tuple([(k, {_form_of_one('w', held)}) for k, w in {value}.items(){which}])"
    if held.container is set:
        return f"tuple(sorted({value}))"
    one = _form_of_one("w", held)
    return f"tuple({value})" if one == "w" else f"tuple([{one} for w in {value}{which}])"


def _form_of_one(value: str, held: Held) -> str:
    if held.is_enum:
        return f"{value}._value_"
    return value if held.record is None else f"form_{held.record.__name__}({value}, frame, seen)"
