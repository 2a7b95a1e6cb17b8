"""What the fields of a record hold, read from its annotations, for ``cloning`` and ``forms``.

Both write, once for each class of record, the Python that a person would write by hand: looking at
the type of every value instead makes the search several times slower.
"""

from __future__ import annotations

import enum
import types
import typing
from collections import deque
from collections.abc import Iterator
from typing import Any

import attrs


@attrs.frozen
class Held:
    """What a field holds."""

    container: type | None
    """``list``, ``tuple``, ``deque``, ``dict`` or ``set``; None: one value."""
    record: type | None
    """The class of the records in it; None: it holds other values, which never change."""
    is_enum: bool
    is_optional: bool


def held_by(kind: type) -> dict[str, Held]:
    """Return what every field of a class of records holds.

    Raises `TypeError` if an annotation is of none of the kinds that are known here.
    """
    hints = typing.get_type_hints(kind)
    return {field.name: _held(hints[field.name]) for field in attrs.fields(kind)}


def _held(hint: Any) -> Held:  # noqa: ANN401
    members = _members(hint)
    is_optional = type(None) in members
    members = [member for member in members if member is not type(None)]
    container = typing.get_origin(members[0]) if len(members) == 1 else None
    if container is None:
        return Held(None, _record_of(members), _is_enum(members[0]), is_optional)
    if container not in (list, tuple, deque, dict, set):
        raise TypeError(f"{hint} is no container that is known here")
    inner = _held(typing.get_args(members[0])[1 if container is dict else 0])
    if inner.container not in (None, tuple):
        raise TypeError(f"{hint} is a container of containers")
    return Held(container, inner.record, inner.is_enum, is_optional)


def _members(hint: Any) -> list[Any]:  # noqa: ANN401
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return list(typing.get_args(hint)) if is_union else [hint]


def _record_of(members: list[Any]) -> type | None:
    records = [member for member in members if isinstance(member, type) and attrs.has(member)]
    if len(members) == 1 and records:
        return records[0]
    if any(changes(record) for record in records):
        raise TypeError(f"one of several records that change: {members}")
    return None


def _is_enum(kind: Any) -> bool:  # noqa: ANN401
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


def changes(kind: type | None) -> bool:
    """Whether a class is of records that change; attrs marks frozen ones by how they refuse to."""
    return kind is not None and kind.__setattr__.__name__ != "_frozen_setattrs"


def within(root: type) -> Iterator[type]:
    """Yield every class of records that is reached from one, that one first."""
    found = [root]
    for kind in found:
        yield kind
        for held in held_by(kind).values():
            if held.record is not None and held.record not in found:
                found.append(held.record)


def shared_within(root: type) -> frozenset[type]:
    """Return the classes of changing records to which several fields may point."""
    pointers: dict[type, int] = {}
    for kind in within(root):
        for held in held_by(kind).values():
            if held.record is not None and changes(held.record):
                pointers[held.record] = pointers.get(held.record, 0) + 1
    return frozenset(kind for kind, count in pointers.items() if count > 1)
