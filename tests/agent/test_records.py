"""Classes of three kinds as records.  Annotations here are text, as in most modules."""

from __future__ import annotations

import dataclasses
from typing import Any, NotRequired, Required, TypedDict

import attrs
import pytest
import typing_extensions

from trio_media.agent.annotations import form_of
from trio_media.agent.forms import Problems
from trio_media.agent.places import Place
from trio_media.agent.records import record_of
from trio_media.errors import AgentError

PLACE = Place("book, parameter 'it'")


@attrs.frozen(kw_only=True)
class Guest:
    """Who comes.

    Attributes:
        name: The family name.
        _age: In years.
    """

    name: str
    _age: int = 18
    tags: list[str] = attrs.field(factory=list)
    number: int = attrs.field(init=False, default=1)


@dataclasses.dataclass
class Table:
    guest: Guest
    seats: tuple[int, ...] = (1,)
    notes: list[str] = dataclasses.field(default_factory=list)
    number: int = dataclasses.field(init=False, default=1)


class Base(TypedDict):
    a: int
    b: NotRequired[int]


class Options(Base, total=False):
    c: int
    d: Required[int]


class Extended(typing_extensions.TypedDict):
    a: int
    b: NotRequired[int]


@attrs.define
class Tree:
    children: list[Tree]


@dataclasses.dataclass
class WithInitVar:
    a: dataclasses.InitVar[int]


@attrs.define
class Unknown:
    a: Nowhere  # type: ignore[name-defined]  # noqa: F821


Bare = attrs.make_class("Bare", ["a"])


def read(owner: type, value: object) -> Any:
    record = record_of(owner, PLACE, form_of)
    assert record is not None
    problems = Problems()
    found = record.read(value, "", problems)
    assert not problems.found
    return found


def schema(owner: type) -> dict[str, Any]:
    record = record_of(owner, PLACE, form_of)
    assert record is not None
    return record.schema()


def test_an_attrs_class_is_described_by_its_keywords() -> None:
    assert schema(Guest) == {
        "type": "object",
        "description": "Who comes.",
        "properties": {
            "name": {"type": "string", "description": "The family name."},
            "age": {"type": "integer", "description": "In years.", "default": 18},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["name"],
        "additionalProperties": False,
    }
    assert read(Guest, {"name": "Bo", "age": 3}) == Guest(name="Bo", age=3)
    assert read(Guest, {"name": "Bo"}) == Guest(name="Bo")


def test_a_dataclass_may_hold_other_classes() -> None:
    found = schema(Table)
    assert found["required"] == ["guest"]
    assert "description" not in found, "its signature is no docstring"
    assert found["properties"]["guest"] == schema(Guest)
    assert found["properties"]["seats"]["default"] == [1]
    assert "default" not in found["properties"]["notes"]
    assert read(Table, {"guest": {"name": "Bo"}, "seats": [2, 3]}) == Table(
        Guest(name="Bo"), (2, 3)
    )


def test_a_typed_dict_knows_what_is_required_even_from_text() -> None:
    assert schema(Options)["required"] == ["a", "d"]
    assert schema(Options)["properties"]["b"] == {"type": "integer"}
    assert schema(Extended)["required"] == ["a"]
    assert read(Options, {"a": 1, "d": 2}) == {"a": 1, "d": 2}


def test_other_classes_are_no_records() -> None:
    assert record_of(dict, PLACE, form_of) is None
    assert record_of(AgentError, PLACE, form_of) is None


@pytest.mark.parametrize(
    ("owner", "text"),
    [
        (Tree, "Tree.children: Tree contains itself"),
        (WithInitVar, "WithInitVar.a: InitVar cannot be described"),
        (Unknown, "an annotation of Unknown cannot be resolved"),
        (Bare, "Bare.a: it has no annotation"),
    ],
)
def test_what_cannot_be_described_is_the_authors_error(owner: type, text: str) -> None:
    with pytest.raises(AgentError) as caught:
        record_of(owner, PLACE, form_of)
    assert str(caught.value).startswith("book, parameter 'it'")
    assert text in str(caught.value)
