"""What one argument of a tool may be: as JSON schema for the model, and as a Python value.

Rule 1: a form never raises for what a model wrote: it notes a problem, with its path, and goes on,
so that the model learns of all of them at once.
Rule 2: what is sloppy is taken where nothing is lost (4.0 is 4); nothing is guessed ("4" is no 4).

Source: https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

import attrs

JsonSchema: TypeAlias = dict[str, Any]

PROBLEMS_MAX: Final = 20  # more would not be read, and each costs tokens
SHOWN_CHARS_MAX: Final = 40  # of a wrong text: enough to find it again


@attrs.define
class Problems:
    """What is wrong with the arguments of one tool call, in the order of the reading."""

    found: list[str] = attrs.field(factory=list)

    def note(self, path: str, text: str) -> None:
        """Add a problem; the path is empty for the arguments as a whole."""
        self.found.append(f"{path}: {text}" if path else text)

    def wanted(self, path: str, wording: str, value: object) -> None:
        """Add that something else was expected than this value."""
        self.note(path, f"expected {wording}, not {shown(value)}")

    def __str__(self) -> str:
        """Return all of them on one line, the first `PROBLEMS_MAX` in words."""
        left_out = len(self.found) - PROBLEMS_MAX
        more = [f"and {left_out} more"] if left_out > 0 else []
        return "; ".join([*self.found[:PROBLEMS_MAX], *more])


class Form(Protocol):
    """One type, as a model may write it."""

    @property
    def wording(self) -> str:
        """What is expected, with its article: ``an integer``."""
        ...

    def schema(self) -> JsonSchema:
        """Return a JSON schema, new each time."""
        ...

    def takes(self, value: object) -> bool:
        """Say whether a decoded JSON value is of the right kind, whatever is in it."""
        ...

    def read(self, value: object, path: str, problems: Problems) -> Any:  # noqa: ANN401
        """Return the Python value; where that cannot be, note why and return anything."""
        ...


@attrs.frozen
class Plain:
    """A JSON value that is a Python value as it stands: text, a flag, null."""

    json_type: str
    wording: str
    python_type: type

    def schema(self) -> JsonSchema:
        """Return the type alone."""
        return {"type": self.json_type}

    def takes(self, value: object) -> bool:
        """Compare the type exactly: true is no number."""
        return type(value) is self.python_type

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Return the value itself."""
        if not self.takes(value):
            problems.wanted(path, self.wording, value)
        return value


TEXT: Final = Plain("string", "a string", str)
FLAG: Final = Plain("boolean", "true or false", bool)
NULL: Final = Plain("null", "null", type(None))


@attrs.frozen
class Whole:
    """An integer; one that is written with a fraction of zero is meant."""

    wording: str = "an integer"

    def schema(self) -> JsonSchema:
        """Return the type alone."""
        return {"type": "integer"}

    def takes(self, value: object) -> bool:
        """Take 4 and 4.0."""
        return type(value) is int or (type(value) is float and value.is_integer())

    def read(self, value: object, path: str, problems: Problems) -> int:
        """Return the integer."""
        if isinstance(value, int | float) and self.takes(value):
            return int(value)
        problems.wanted(path, self.wording + _unquoted(value), value)
        return 0


@attrs.frozen
class Number:
    """A finite number; JSON knows no other."""

    wording: str = "a number"

    def schema(self) -> JsonSchema:
        """Return the type alone."""
        return {"type": "number"}

    def takes(self, value: object) -> bool:
        """Take integers too, but no flags."""
        return type(value) in (int, float)

    def read(self, value: object, path: str, problems: Problems) -> float:
        """Return the number as a float."""
        if isinstance(value, int | float) and self.takes(value):
            try:
                return float(value)
            except OverflowError:
                problems.note(path, "this number is too large")
        else:
            problems.wanted(path, self.wording + _unquoted(value), value)
        return 0.0


def _unquoted(value: object) -> str:
    """Return what more there is to say about a number that is written as text."""
    is_number = (
        isinstance(value, str) and value.strip().lstrip("+-").replace(".", "", 1).isdecimal()
    )
    return " (without quotes)" if is_number else ""


@attrs.frozen
class Anything:
    """Any JSON value, taken as it is."""

    wording: str = "anything"

    def schema(self) -> JsonSchema:
        """Return the schema that allows all."""
        return {}

    def takes(self, value: object) -> bool:
        """Take it."""
        return True

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Return the value itself."""
        return value


@attrs.frozen
class Moment:
    """A date, a time or both, as ISO 8601 text."""

    json_format: str
    wording: str
    parse: Callable[[str], object]

    def schema(self) -> JsonSchema:
        """Return a string with its format."""
        return {"type": "string", "format": self.json_format}

    def takes(self, value: object) -> bool:
        """Take text of this format alone, so that it can be told from other text."""
        return isinstance(value, str) and self._parsed(value) is not None

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Return the date or time."""
        parsed = self._parsed(value) if isinstance(value, str) else None
        if parsed is None:
            problems.wanted(path, self.wording, value)
        return parsed

    def _parsed(self, text: str) -> object | None:
        try:
            return self.parse(text)
        except ValueError:
            return None


def _datetime_of(text: str) -> datetime.datetime:
    # A day alone would be read as its midnight, of which the model said nothing.
    if len(text) <= len("2024-W01-1"):
        raise ValueError(text)
    return datetime.datetime.fromisoformat(text)


DATE: Final = Moment("date", "a date such as '2024-12-31'", datetime.date.fromisoformat)
TIME: Final = Moment("time", "a time such as '18:30'", datetime.time.fromisoformat)
DATE_TIME: Final = Moment("date-time", "a date and time such as '2024-12-31T18:30'", _datetime_of)


@attrs.frozen
class Choice:
    """One of some texts, integers, flags or null, each of which stands for a Python value."""

    members: tuple[tuple[object, object], ...]
    """As JSON, and in Python."""
    description: str | None = None

    @property
    def wording(self) -> str:
        """All that is allowed."""
        return "one of " + ", ".join(shown(written) for written, _ in self.members)

    def schema(self) -> JsonSchema:
        """Return the values, and their type where they have one."""
        values = [written for written, _ in self.members]
        types = {_TYPE_NAMES[type(value)] for value in values}
        found: JsonSchema = {"type": types.pop()} if len(types) == 1 else {}
        found["enum"] = values
        if self.description:
            found["description"] = self.description
        return found

    def takes(self, value: object) -> bool:
        """Take the members alone, so that a choice can be told from other text."""
        return any(_is_same(value, written) for written, _ in self.members)

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Return what the value stands for."""
        for written, meant in self.members:
            if _is_same(value, written):
                return meant
        problems.note(path, f"must be {self.wording}, not {shown(value)}")
        return None


_TYPE_NAMES: Final[Mapping[type, str]] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    type(None): "null",
}


def _is_same(value: object, written: object) -> bool:
    # Python takes True for 1; a model does not.  2.0 is 2.
    if isinstance(value, bool) or isinstance(written, bool):
        return value is written
    return value == written


def shown(value: object) -> str:
    """Return a decoded JSON value in few words for a message."""
    if isinstance(value, str):
        short = value if len(value) <= SHOWN_CHARS_MAX else value[:SHOWN_CHARS_MAX] + "..."
        return repr(short)
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else json.dumps(value)
