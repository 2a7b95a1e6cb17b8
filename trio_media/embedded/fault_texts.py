"""Faults as an operator writes them: ``refuse:status=503,times=2``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from trio_media.embedded.faults import KINDS, Fault
from trio_media.errors import ConfigError

_READERS: Final[Mapping[Any, Callable[[str], object]]] = {
    int: int,
    float: float,
    str: str,
    int | None: int,
    float | None: float,
}
"""By the type of a field."""


def parse_fault(text: str) -> Fault:
    """Read ``KIND:KEY=VALUE,KEY=VALUE``; the keys are the fields of the fault.

    Raises `ConfigError`, which names what is wrong and what is allowed.
    """
    name, _, rest = text.partition(":")
    kind = KINDS.get(name)
    if kind is None:
        raise ConfigError(f"fault {text!r}: {name!r} is none of {', '.join(KINDS)}")
    types = {field.name: field.type for field in attrs.fields(attrs.resolve_types(kind))}
    values: dict[str, Any] = {}
    for entry in rest.split(",") if rest else ():
        key, _, value = entry.partition("=")
        if key not in types:
            raise ConfigError(f"fault {text!r}: {key!r} is none of {', '.join(sorted(types))}")
        try:
            values[key] = _READERS[types[key]](value)
        except ValueError:
            raise ConfigError(f"fault {text!r}: {key} is no number: {value!r}") from None
    missing = [
        field.name
        for field in attrs.fields(kind)
        if field.default is attrs.NOTHING and field.name not in values
    ]
    if missing:
        raise ConfigError(f"fault {text!r}: {', '.join(missing)} is missing")
    try:
        return kind(**values)
    except ValueError as error:
        raise ConfigError(f"fault {text!r}: {error}") from error
