"""Write a Python default as the JSON that a model would write for it."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

import attrs

from trio_media.agent.compound import NO_DEFAULT

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def default_as_json(value: object) -> object:
    """Return a default as JSON, or `NO_DEFAULT` where there is none or JSON cannot hold it."""
    if value is NO_DEFAULT:
        return NO_DEFAULT
    try:
        return _as_json(value)
    except (TypeError, RecursionError):  # of what JSON has no word for, or no end
        return NO_DEFAULT


def _as_json(value: object) -> Json:
    if isinstance(value, enum.Enum):
        return _as_json(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {_name(name): _as_json(element) for name, element in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_as_json(element) for element in value]
    if isinstance(value, AbstractSet):
        return [_as_json(element) for element in sorted(value)]  # each time in the same order
    return _record_as_json(value)


def _record_as_json(value: object) -> Json:
    owner: type[Any] = type(value)
    if attrs.has(owner):
        fields = [field for field in attrs.fields(owner) if field.init]
        return {field.alias: _as_json(getattr(value, field.name)) for field in fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [field for field in dataclasses.fields(value) if field.init]
        return {part.name: _as_json(getattr(value, part.name)) for part in parts}
    raise TypeError(f"JSON cannot hold {type(value).__name__}")


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a JSON object has no name {name!r}")
    return name
