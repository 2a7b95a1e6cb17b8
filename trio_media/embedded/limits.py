"""Validators for numbers within limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

Validator: TypeAlias = Callable[[object, "attrs.Attribute[Any]", float], None]


def within(low: float, high: float) -> Validator:
    """Return an attrs validator for a number between two limits, both allowed."""

    def check(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"{attribute.name} is {value!r}; allowed is {low} to {high}")

    return check
