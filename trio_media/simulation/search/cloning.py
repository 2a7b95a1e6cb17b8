"""Copies of the decision core's state and of the world's, fast enough to search with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from trio_media.simulation.search.records import Held, changes, held_by, shared_within, within

R = TypeVar("R")
Copier = Callable[[Any, dict[int, Any]], Any]
EMPTY: Final[Mapping[type | None, str]] = {list: "[]", set: "set()", dict: "{}"}
_COPIERS: dict[type, Copier] = {}


def clone(value: R) -> R:
    """Copy a graph of records.  What never changes is shared with the copy."""
    copier = _COPIERS.get(type(value))
    if copier is None:
        copier = _COPIERS[type(value)] = _compile(type(value))
    copy: R = copier(value, {})
    return copy


def _compile(root: type) -> Copier:
    names: dict[str, Any] = {"new": object.__new__, "deque": deque}
    shared = shared_within(root)
    for kind in filter(changes, within(root)):
        names[kind.__name__] = kind
        exec(_source(kind, is_shared=kind in shared), names)  # written here, from no input
    copier: Copier = names[f"copy_{root.__name__}"]
    return copier


def _source(kind: type, *, is_shared: bool) -> str:
    """Write the function that copies a record of a class."""
    lines = [f"def copy_{kind.__name__}(old, memo):"]
    if is_shared:
        lines += ["    copy = memo.get(id(old))", "    if copy is not None: return copy"]
    lines.append(f"    copy = new({kind.__name__})")
    if is_shared:
        lines.append("    memo[id(old)] = copy")
    lines += [f"    copy.{name} = {_copy(name, held)}" for name, held in held_by(kind).items()]
    return "\n".join([*lines, "    return copy"])


def _copy(name: str, held: Held) -> str:
    value = f"old.{name}"
    if held.record is None or not changes(held.record):
        # Most containers are empty most of the time; tuples never change.
        if held.container in EMPTY:
            return f"{value}.copy() if {value} else {EMPTY[held.container]}"
        return value if held.container in (None, tuple) else f"{value}.copy()"
    copied = f"copy_{held.record.__name__}"
    if held.container is None:
        copy = f"{copied}({value}, memo)"
        return f"None if {value} is None else {copy}" if held.is_optional else copy
    if held.container is dict:
        return f"{{k: {copied}(v, memo) for k, v in {value}.items()}} if {value} else {{}}"
    copies = f"[{copied}(v, memo) for v in {value}] if {value} else []"
    return copies if held.container is list else f"{held.container.__name__}({copies})"
