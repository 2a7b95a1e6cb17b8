"""Checks for the fields of client events: each says what is wrong in the service's own words.

A check takes a value and its path and returns the value, or raises `Refusal`.  Checks compose:
``record({"model": text(), "language": nullable(text())})``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from trio_media.embedded.refusals import Refusal

Check: TypeAlias = Callable[[object, str], Any]

_KIND_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),  # before int, of which it is a subclass
    (int, "an integer"),
    (float, "a decimal number"),
    (str, "a string"),
    (dict, "an object"),
    (list, "an array"),
)


def kind_name(value: object) -> str:
    """Name a JSON value's kind with its article: ``a string``."""
    for kind, name in _KIND_NAMES:
        if isinstance(value, kind):
            return name
    return "null"


def wrong_kind(path: str, expected: str, value: object) -> Refusal:
    """Return the refusal of a value that is of another kind than ``expected``."""
    found = kind_name(value)
    return Refusal(
        "invalid_type",
        f"Invalid type for '{path}': expected {expected}, but got {found} instead.",
        path,
    )


def missing(path: str) -> Refusal:
    """Return the refusal of an event that lacks a field."""
    return Refusal("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def unknown(path: str) -> Refusal:
    """Return the refusal of a field that the protocol does not have."""
    return Refusal("unknown_parameter", f"Unknown parameter: '{path}'.", path)


def unsupported(path: str, value: object, allowed: tuple[str, ...]) -> Refusal:
    """Return the refusal of a value that is not one of those allowed."""
    shown = str(value)[:80]
    choices = ", ".join(f"'{choice}'" for choice in allowed)
    return Refusal(
        "invalid_value", f"Invalid value: '{shown}'. Supported values are: {choices}.", path
    )


def anything(value: object, _path: str) -> object:
    """Accept any value."""
    return value


def flag(value: object, path: str) -> bool:
    """Accept a boolean."""
    if not isinstance(value, bool):
        raise wrong_kind(path, "a boolean", value)
    return value


def text(chars_max: int = 1_000_000) -> Check:
    """Accept a string of at most ``chars_max`` characters."""

    def check(value: object, path: str) -> str:
        if not isinstance(value, str):
            raise wrong_kind(path, "a string", value)
        if len(value) > chars_max:
            raise Refusal(
                "string_above_max_length",
                f"Invalid '{path}': string too long. Expected a string with maximum length "
                f"{chars_max}, but got a string with length {len(value)} instead.",
                path,
            )
        return value

    return check


def one_of(*allowed: str) -> Check:
    """Accept one of a few strings."""

    def check(value: object, path: str) -> str:
        if not isinstance(value, str):
            raise wrong_kind(path, "one of " + ", ".join(f"'{a}'" for a in allowed), value)
        if value not in allowed:
            raise unsupported(path, value, allowed)
        return value

    return check


def integer(low: int, high: int) -> Check:
    """Accept an integer within two limits, both allowed."""

    def check(value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_kind(path, "an integer", value)
        _within(value, low, high, path, "integer")
        return value

    return check


def number(low: float, high: float) -> Check:
    """Accept a number within two limits, both allowed."""

    def check(value: object, path: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_kind(path, "a decimal number", value)
        _within(value, low, high, path, "decimal")
        return value

    return check


def _within(value: float, low: float, high: float, path: str, kind: str) -> None:
    if value < low:
        side, bound, sign = "below_min", "below minimum", f">= {low}"
    elif value > high:
        side, bound, sign = "above_max", "above maximum", f"<= {high}"
    else:
        return
    raise Refusal(
        f"{kind}_{side}_value",
        f"Invalid '{path}': {kind} {bound} value. Expected a value {sign}, "
        f"but got {value} instead.",
        path,
    )


def nullable(inner: Check) -> Check:
    """Accept null, or what ``inner`` accepts."""

    def check(value: object, path: str) -> object:
        return None if value is None else inner(value, path)

    return check


def array(inner: Check, entries_max: int) -> Check:
    """Accept a list of at most ``entries_max`` values that ``inner`` accepts."""

    def check(value: object, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise wrong_kind(path, "an array", value)
        if len(value) > entries_max:
            raise Refusal(
                "array_above_max_length",
                f"Invalid '{path}': array too long. Expected an array with maximum length "
                f"{entries_max}, but got an array with length {len(value)} instead.",
                path,
            )
        return [inner(entry, f"{path}[{index}]") for index, entry in enumerate(value)]

    return check


def record(fields: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    """Accept an object with these fields and no others."""

    def check(value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise wrong_kind(path, "an object", value)
        for name in required:
            if name not in value:
                raise missing(f"{path}.{name}")
        checked: dict[str, Any] = {}
        for name, entry in value.items():
            if name not in fields:
                raise unknown(f"{path}.{name}")
            checked[name] = fields[name](entry, f"{path}.{name}")
        return checked

    return check


def tagged(shapes: Mapping[str, Check], tag: str = "type") -> Check:
    """Accept an object whose ``tag`` names one of several shapes."""

    def check(value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise wrong_kind(path, "an object", value)
        if tag not in value:
            raise missing(f"{path}.{tag}")
        kind = one_of(*shapes)(value[tag], f"{path}.{tag}")
        checked: dict[str, Any] = shapes[kind](value, path)
        return checked

    return check


def either(kinds: Mapping[type, Check], expected: str) -> Check:
    """Accept what the check for the value's own kind accepts."""

    def check(value: object, path: str) -> object:
        chosen = kinds.get(type(value))
        if chosen is None:
            raise wrong_kind(path, expected, value)
        return chosen(value, path)

    return check
