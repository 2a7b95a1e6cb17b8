"""Lists, mappings, records and unions, with every problem in its place."""

from __future__ import annotations

import attrs
import pytest

from trio_media.agent.compound import Described, Either, Field, ListOf, MapOf, Record
from trio_media.agent.forms import DATE, NULL, TEXT, Choice, Form, Number, Problems, Whole

GUEST = Record(
    (
        Field(name="name", form=TEXT),
        Field(name="age", form=Whole(), is_required=False, default=None),
    )
)


def read(form: Form, value: object) -> tuple[object, list[str]]:
    problems = Problems()
    return form.read(value, "x", problems), problems.found


def test_a_list_becomes_the_collection_that_was_asked_for() -> None:
    assert read(ListOf(Whole(), tuple), [1, 2.0]) == ((1, 2), [])
    assert read(ListOf(Whole(), set, is_unique=True), [1, 1]) == ({1}, [])
    assert ListOf(Whole(), set, is_unique=True).schema() == {
        "type": "array",
        "items": {"type": "integer"},
        "uniqueItems": True,
    }


def test_every_wrong_element_is_named_with_its_place() -> None:
    found, problems = read(ListOf(ListOf(Whole(), list), list), [[1, "a"], [None]])
    assert found is None
    assert problems == [
        "x[0][1]: expected an integer, not 'a'",
        "x[1][0]: expected an integer, not null",
    ]
    assert read(ListOf(Whole(), list), "1, 2")[1] == ["x: expected a list, not '1, 2'"]


def test_a_mapping_reads_its_values() -> None:
    assert read(MapOf(Whole()), {"a": 1}) == ({"a": 1}, [])
    assert read(MapOf(Whole()), {"a": "b"})[1] == ["x.a: expected an integer, not 'b'"]
    assert read(MapOf(Whole()), [1])[1] == ["x: expected an object, not a list"]
    assert MapOf(TEXT).schema() == {"type": "object", "additionalProperties": {"type": "string"}}


def test_a_record_names_all_that_is_wrong_at_once() -> None:
    found, problems = read(GUEST, {"age": "old", "nmae": "Bo"})
    assert found is None
    assert problems == [
        "x.name is missing",
        "x.age: expected an integer, not 'old'",
        "x: unknown argument 'nmae'; known: 'name', 'age'",
    ]
    assert read(GUEST, 3)[1] == ["x: expected an object, not 3"]
    assert read(Record(()), {"a": 1})[1] == ["x: unknown argument 'a'; known: none"]


def test_null_for_a_default_of_none_is_left_to_the_default() -> None:
    assert read(GUEST, {"name": "Bo", "age": None}) == ({"name": "Bo"}, [])
    with_number = Record((Field(name="age", form=Whole(), is_required=False, default=5),))
    assert read(with_number, {"age": None})[1] == ["x.age: expected an integer, not null"]
    nullable = Record((Field(name="age", form=NULL, is_required=False, default=None),))
    assert read(nullable, {"age": None}) == ({"age": None}, [])


def test_a_validator_has_the_last_word() -> None:
    @attrs.frozen
    class Party:
        size: int = attrs.field(validator=attrs.validators.in_([2, 4]))

    form = Record((Field(name="size", form=Whole()),), Party)
    assert read(form, {"size": 4}) == (Party(4), [])
    assert read(form, {"size": 3})[1] == ["x: 'size' must be in [2, 4] (got 3)"]


@pytest.mark.parametrize(
    ("error", "text"), [(ValueError(), "ValueError"), (TypeError("a"), "a"), (ValueError(3), None)]
)
def test_a_validator_without_words_is_named_by_its_type(error: Exception, text: str | None) -> None:
    def refuse() -> None:
        raise error

    assert read(Record((), refuse), {})[1] == [f"x: {text or 'ValueError'}"]


def test_of_several_forms_the_one_that_fits_is_taken() -> None:
    form = Either((DATE, Number(), Whole(), TEXT, NULL))
    for value in (4, 4.5, "monday", None):
        found, problems = read(form, value)
        assert (found, type(found), problems) == (value, type(value), [])
    assert type(read(form, 4.0)[0]) is float
    assert type(read(Either((Whole(), Number())), 4.0)[0]) is float
    assert read(form, True)[1] == [
        "x: expected a date such as '2024-12-31' or a number or an integer or a string or null, "
        "not true"
    ]


def test_the_only_form_of_the_right_kind_says_what_is_wrong() -> None:
    form = Either((GUEST, NULL))
    assert read(form, {})[1] == ["x.name is missing"]


def test_where_no_form_fits_each_says_why() -> None:
    form = Either((GUEST, Record((Field(name="id", form=TEXT),))))
    assert read(form, {"id": "a"}) == ({"id": "a"}, [])
    assert read(form, {})[1] == [
        "x: fits none of its forms: x.name is missing; or: x.id is missing"
    ]
    assert form.takes({})
    assert not form.takes([])


def test_a_description_stands_beside_its_form() -> None:
    form = Described(Choice((("a", "a"),), "Of the choice."), "Of this use.")
    assert form.schema()["description"] == "Of this use."
    assert form.wording == "one of 'a'"
    assert form.takes("a")
    assert read(form, "a") == ("a", [])
    field = Field(name="x", form=form, description="Of the docstring.")
    assert field.schema()["description"] == "Of this use."
    field = Field(name="x", form=TEXT, description="Of the docstring.", default="b")
    assert field.schema() == {
        "type": "string",
        "description": "Of the docstring.",
        "default": "b",
    }


def test_a_record_takes_nothing_but_its_parts() -> None:
    assert attrs.evolve(GUEST, description="Who.").schema() == {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "default": None}},
        "required": ["name"],
        "additionalProperties": False,
        "description": "Who.",
    }
    assert GUEST.takes({})
    assert ListOf(TEXT, list).takes([])
    assert MapOf(TEXT).takes({})
