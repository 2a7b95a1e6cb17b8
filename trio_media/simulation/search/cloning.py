"""Copies of the decision core's state and of the world's, fast enough to search with."""

from __future__ import annotations

import enum
import operator
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import attrs

PLAIN: Final = frozenset((type(None), int, bool, str))
ATOMS: set[type] = set(PLAIN)
"""Classes whose values are shared by copies: frozen records join when they are first seen."""


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
    return _Shape(names, reader(names), writes)


def reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Read several fields at once."""
    read = operator.attrgetter(*names)
    return read if len(names) > 1 else lambda record: (read(record),)
