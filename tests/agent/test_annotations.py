"""Every type that is allowed, and those that are not, each with its place."""

from __future__ import annotations

import collections.abc as abc
import datetime
import decimal
import enum
import typing
from typing import Annotated, Any, Literal, NewType, Optional, Union

import attrs
import pytest
import typing_extensions

from trio_media.agent.annotations import form_of, resolve
from trio_media.agent.forms import Problems
from trio_media.agent.places import Place
from trio_media.errors import AgentError

PLACE = Place("book, parameter 'it'")
PhoneNumber = NewType("PhoneNumber", str)
Alias = typing_extensions.TypeAliasType("Alias", list[int])
T = typing.TypeVar("T")


class Colour(enum.Enum):
    """What it looks like."""

    RED = "red"
    BLUE = "blue"
    CRIMSON = "red"  # noqa: PIE796 (an alias is no choice of its own)


class Size(enum.IntEnum):
    SMALL = 1
    BIG = 2


class Ratio(enum.Enum):
    HALF = 0.5


class Empty(enum.Enum):
    pass


@attrs.frozen
class Guest:
    name: str


STRING, INTEGER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, STRING),
        (int, INTEGER),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (object, {}),
        (list, {"type": "array", "items": {}}),
        (list[int], {"type": "array", "items": INTEGER}),
        (typing.List[int], {"type": "array", "items": INTEGER}),  # noqa: UP006
        (tuple[int, ...], {"type": "array", "items": INTEGER}),
        (abc.Sequence[str], {"type": "array", "items": STRING}),
        (set[int], {"type": "array", "items": INTEGER, "uniqueItems": True}),
        (dict, {"type": "object", "additionalProperties": {}}),
        (dict[str, int], {"type": "object", "additionalProperties": INTEGER}),
        (abc.Mapping[PhoneNumber, int], {"type": "object", "additionalProperties": INTEGER}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal["a", 1, True, None], {"enum": ["a", 1, True, None]}),  # noqa: PYI061
        (Literal[Colour.BLUE], {"type": "string", "enum": ["blue"]}),
        (
            Colour,
            {"type": "string", "enum": ["red", "blue"], "description": "What it looks like."},
        ),
        (Size, {"type": "integer", "enum": [1, 2]}),
        (Optional[int], {"anyOf": [INTEGER, {"type": "null"}]}),  # noqa: UP045
        (int | str, {"anyOf": [INTEGER, STRING]}),
        (Union[int, str], {"anyOf": [INTEGER, STRING]}),  # noqa: UP007
        (Annotated[int, "How many\n  people"], {**INTEGER, "description": "How many people"}),
        (Annotated[int, 3], INTEGER),
        (
            list[Annotated[int, "One"]],
            {"type": "array", "items": {**INTEGER, "description": "One"}},
        ),
        (set[Annotated[int | str, "One"]], None),
        (set[tuple[int, ...]], None),
        (set[frozenset[datetime.date]], None),
        (set[Colour], None),
        (PhoneNumber, STRING),
        (Alias, {"type": "array", "items": INTEGER}),
        (datetime.date, {"type": "string", "format": "date"}),
        (datetime.time, {"type": "string", "format": "time"}),
        (datetime.datetime, {"type": "string", "format": "date-time"}),
    ],
)
def test_an_allowed_type_is_described(hint: object, schema: dict[str, object] | None) -> None:
    found = form_of(hint, PLACE).schema()
    assert schema is None or found == schema


@pytest.mark.parametrize(
    ("hint", "why"),
    [
        (decimal.Decimal, "Decimal cannot be described"),
        (complex, "complex cannot be described"),
        (bytes, "bytes cannot be described"),
        ([int], "[<class 'int'>] cannot be described"),
        (T, "~T cannot be described"),
        (abc.Callable[[], None], "cannot be described"),
        (dict[int, str], "its keys must be str"),
        (dict[Literal["a"], str], "its keys must be str"),
        (tuple[int, str], "a tuple must be tuple[X, ...]"),
        (set[list[int]], "the elements of a set must be simple"),
        (set[Guest], "the elements of a set must be simple"),
        (set[Any], "the elements of a set must be simple"),
        (Literal[b"a"], "b'a' is no text, integer, bool or None"),
        (Ratio, "HALF is no text and no integer"),
        (Empty, "it has no members"),
        (list[decimal.Decimal], "Decimal cannot be described"),
        (int | decimal.Decimal, "Decimal cannot be described"),
    ],
)
def test_other_types_are_the_authors_error(hint: object, why: str) -> None:
    with pytest.raises(AgentError) as caught:
        form_of(hint, PLACE)
    assert str(caught.value).startswith("book, parameter 'it': ")
    assert why in str(caught.value)
    assert "; allowed: str, int, float" in str(caught.value)


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (abc.Set[int], [1, 1], {1}),
        (frozenset[int], [1], frozenset({1})),
        (Colour, "red", Colour.RED),
        (Literal[Colour.BLUE], "blue", Colour.BLUE),
        (Guest | None, {"name": "Bo"}, Guest("Bo")),
        (Guest | None, None, None),
        (datetime.date | str, "2024-01-02", datetime.date(2024, 1, 2)),
        (datetime.date | str, "soon", "soon"),
        (dict[str, Guest], {"a": {"name": "Bo"}}, {"a": Guest("Bo")}),
    ],
)
def test_a_type_reads_what_a_model_writes(hint: object, value: object, expected: object) -> None:
    problems = Problems()
    found = form_of(hint, PLACE).read(value, "", problems)
    assert not problems.found
    assert (found, type(found)) == (expected, type(expected))


def test_an_annotation_that_is_text_is_looked_up_in_its_module() -> None:
    assert resolve("Guest | None", globals(), PLACE) == Guest | None
    assert resolve(int, {}, PLACE) is int
    assert resolve("Annotated[int, 'x']", globals(), PLACE) == Annotated[int, "x"]


@pytest.mark.parametrize("text", ["Nowhere", "decimal.Nothing", "1 +", "int[str]"])
def test_an_annotation_that_cannot_be_looked_up_is_the_authors_error(text: str) -> None:
    with pytest.raises(AgentError, match=r"book, parameter 'it': its annotation .* TYPE_CHECKING"):
        resolve(text, globals(), PLACE)
