"""Functions as tools: what the model is told, what it may write, and what it is told then."""

from __future__ import annotations

import datetime
import enum
import functools
import json
import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, Optional

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.agent.schema import ToolSchema, tool_schema
from trio_media.errors import AgentError, ArgumentsWrong, ConfigError, TrioMediaError


class FakeCall:
    """Stands for the call that tools are given."""


class SpecialCall(FakeCall):
    """An application's own."""


OurCall = types.new_class("Call", (), {}, lambda ns: ns.update(__module__="trio_media.agent.call"))
TheirCall = types.new_class("Call", (), {}, lambda ns: ns.update(__module__="elsewhere"))


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Guest:
    name: str
    age: int | None = None


async def book_table(
    call: FakeCall,
    time: datetime.time,
    people: Annotated[int, "How many, with children"],
    guests: list[Guest],
    colour: Colour = Colour.RED,
    note: str = None,  # type: ignore[assignment]  # noqa: RUF013
) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
    """Book a table.

    Args:
        time: When they come.
        people: How many.
        note: Anything else.
    """


def nothing() -> None:
    pass


TOOL = tool_schema(book_table, call_type=FakeCall)


def problems_of(tool: ToolSchema, text: str) -> str:
    with pytest.raises(ArgumentsWrong) as caught:
        tool.arguments_of(text)
    return str(caught.value)


def test_a_function_is_described_by_its_annotations_and_docstring() -> None:
    assert (TOOL.name, TOOL.description, TOOL.takes_call) == ("book_table", "Book a table.", "call")
    assert list(TOOL.parameters["properties"]) == ["time", "people", "guests", "colour", "note"]
    assert TOOL.parameters["required"] == ["time", "people", "guests"]
    assert TOOL.parameters["additionalProperties"] is False
    properties = TOOL.parameters["properties"]
    assert properties["time"]["description"] == "When they come."
    assert properties["people"]["description"] == "How many, with children"
    assert properties["colour"]["default"] == "red"
    assert properties["note"]["default"] is None
    json.dumps(TOOL.parameters)


def test_good_arguments_become_python_values() -> None:
    text = '{"time": "18:30", "people": 4.0, "guests": [{"name": "Bo"}], "colour": "blue"}'
    assert TOOL.arguments_of(text) == {
        "time": datetime.time(18, 30),
        "people": 4,
        "guests": [Guest("Bo")],
        "colour": Colour.BLUE,
    }


def test_every_wrong_argument_is_named_at_once() -> None:
    text = '{"people": "four", "guests": [{"age": 3}, {"name": 1}], "colour": "green", "tiem": 1}'
    assert problems_of(TOOL, text) == (
        "time is missing; people: expected an integer, not 'four'; guests[0].name is missing; "
        "guests[1].name: expected a string, not 1; colour: must be one of 'red', 'blue', "
        "not 'green'; unknown argument 'tiem'; known: 'time', 'people', 'guests', 'colour', 'note'"
    )


def test_null_leaves_a_default_of_none() -> None:
    assert "note" not in TOOL.arguments_of('{"time":"18:30","people":1,"guests":[],"note":null}')


@pytest.mark.parametrize("text", [None, "", "  \n", "{}"])
def test_no_text_is_no_arguments(text: str | None) -> None:
    assert tool_schema(nothing).arguments_of(text) == {}
    with pytest.raises(ArgumentsWrong, match=r"^time is missing; people is missing; guests is"):
        TOOL.arguments_of(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"time": "18:3', "the arguments are no JSON: Input data was truncated"),
        ('{"people": NaN}', "the arguments are no JSON"),
        ('{"people": Infinity}', "the arguments are no JSON"),
        ('{"people": 1e999}', "the arguments are no JSON"),
        ("{} {}", "the arguments are no JSON"),
        ('"\ud800"', "the arguments are no JSON"),
        ("[" * 100_000, "the arguments are no JSON"),
        ("[1]", "the arguments must be one JSON object, not a list"),
        ("null", "the arguments must be one JSON object, not null"),
        ('"{}"', "the arguments must be one JSON object, not '{}'"),
    ],
)
def test_what_is_no_json_object_is_refused(text: str, problem: str) -> None:
    assert problems_of(TOOL, text).startswith(problem)


def test_the_call_is_known_by_the_class_given_and_its_subclasses() -> None:
    def one(call: SpecialCall) -> None: ...
    def described(it: Annotated[FakeCall, "ours"], x: int) -> None: ...
    def other(call: TheirCall) -> None: ...

    assert tool_schema(one, call_type=FakeCall).takes_call == "call"
    assert tool_schema(described, call_type=FakeCall).takes_call == "it"
    assert tool_schema(nothing, call_type=FakeCall).takes_call is None
    with pytest.raises(AgentError, match="parameter 'call': Call cannot be described"):
        tool_schema(other, call_type=FakeCall)


def test_without_a_class_ours_is_known_by_its_name() -> None:
    def ours(call: OurCall) -> None: ...
    def theirs(call: TheirCall) -> None: ...

    assert tool_schema(ours).takes_call == "call"
    with pytest.raises(AgentError):
        tool_schema(theirs)


def test_a_name_and_a_description_may_be_given() -> None:
    tool = tool_schema(lambda: None, name="do-it_1", description="Do it.")
    assert (tool.name, tool.description) == ("do-it_1", "Do it.")
    assert tool_schema(nothing).description == ""


@pytest.mark.parametrize("name", ["", "a b", "a" * 65, "a\n", "é"])
def test_a_wrong_name_is_the_authors_error(name: str) -> None:
    with pytest.raises(AgentError, match="1 to 64 of a-z"):
        tool_schema(nothing, name=name)


def test_a_lambda_needs_a_name() -> None:
    with pytest.raises(AgentError, match="tool '<lambda>'"):
        tool_schema(lambda: None)


def test_what_a_model_cannot_give_is_the_authors_error() -> None:
    def many(*args: int) -> None: ...
    def named(**kwargs: int) -> None: ...
    def placed(x: int, /) -> None: ...
    def bare(x) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
    def strange(x: complex) -> None: ...
    def unknown(x: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821
    def twice(a: FakeCall, b: FakeCall) -> None: ...

    cases: list[tuple[Callable[..., object], str]] = [
        (many, "many, parameter 'args': *args cannot"),
        (named, "named, parameter 'kwargs': **kwargs cannot"),
        (placed, "placed, parameter 'x': it is positional-only"),
        (bare, "bare, parameter 'x': it has no annotation"),
        (strange, "strange, parameter 'x': complex cannot be described to a model; allowed: str"),
        (unknown, "unknown, parameter 'x': its annotation 'Nowhere' cannot be resolved"),
        (twice, "twice, parameter 'b': the call is already given as 'a'"),
    ]
    for function, text in cases:
        with pytest.raises(AgentError) as caught:
            tool_schema(function, call_type=FakeCall)
        assert str(caught.value).startswith(text)
    with pytest.raises(AgentError, match="type: its parameters cannot be read"):
        tool_schema(type)


def test_a_wrapped_function_is_described_as_what_it_wraps() -> None:
    @functools.wraps(book_table)
    def wrapper(*args: Any, **kwargs: Any) -> object:
        return book_table(*args, **kwargs)

    assert tool_schema(wrapper, call_type=FakeCall).parameters == TOOL.parameters


class Desk:
    def add(self, guest: Guest) -> None:
        """Add."""

    def __call__(self, guest: Guest, table: int) -> None:
        """Add to a table."""


def test_a_method_a_partial_and_an_object_are_tools() -> None:
    assert tool_schema(Desk().add).parameters["required"] == ["guest"]
    tool = tool_schema(functools.partial(Desk(), table=3), name="add", description="Do.")
    assert (tool.description, tool.parameters["required"]) == ("Do.", ["guest"])
    tool = tool_schema(functools.partial(Desk.add, Desk()), name="add")
    assert tool.parameters["required"] == ["guest"]


def test_the_errors_say_who_must_act() -> None:
    assert issubclass(AgentError, ConfigError)
    assert issubclass(ArgumentsWrong, TrioMediaError)
    assert not issubclass(ArgumentsWrong, ConfigError)


# Laws: random types, random values of them.


@attrs.frozen
class Typed:
    """A type, values of it, and how a model writes them; made without the code under test."""

    hint: Any
    values: st.SearchStrategy[Any]
    write: Callable[[Any], Any] = lambda value: value


def iso(value: Any) -> str:
    text: str = value.isoformat()
    return text


SIMPLE = [
    Typed(str, st.text()),
    Typed(int, st.integers()),
    Typed(float, st.floats(allow_nan=False, allow_infinity=False)),
    Typed(bool, st.booleans()),
    Typed(type(None), st.none()),
    Typed(datetime.date, st.dates(), iso),
    Typed(datetime.time, st.times(), iso),
    Typed(datetime.datetime, st.datetimes(timezones=st.just(datetime.UTC)), iso),
    Typed(Colour, st.sampled_from(Colour), lambda member: member.value),
    Typed(Literal["a", 1, True], st.sampled_from(["a", 1, True])),
]


def list_of(one: Typed) -> Typed:
    return Typed(list[one.hint], st.lists(one.values, max_size=4), lambda v: [*map(one.write, v)])


def tuple_of(one: Typed) -> Typed:
    return attrs.evolve(
        list_of(one), hint=tuple[one.hint, ...], values=list_of(one).values.map(tuple)
    )


def set_of(one: Typed) -> Typed:
    return attrs.evolve(list_of(one), hint=set[one.hint], values=st.sets(one.values, max_size=4))


def map_of(one: Typed) -> Typed:
    return Typed(
        dict[str, one.hint],
        st.dictionaries(st.text(), one.values, max_size=4),
        lambda value: {name: one.write(element) for name, element in value.items()},
    )


def optional(one: Typed) -> Typed:
    return Typed(
        Optional[one.hint],  # noqa: UP045 (it takes what the operator does not)
        one.values | st.none(),
        lambda value: None if value is None else one.write(value),
    )


def record_of(one: Typed) -> Typed:
    owner = attrs.make_class(
        "Owner", {"a": attrs.field(type=one.hint), "b": attrs.field(type=list[one.hint])}
    )
    return Typed(
        owner,
        st.builds(owner, one.values, st.lists(one.values, max_size=2)),
        lambda value: {"a": one.write(value.a), "b": [one.write(each) for each in value.b]},
    )


TYPES: st.SearchStrategy[Typed] = st.recursive(
    st.sampled_from(SIMPLE) | st.sampled_from(SIMPLE).map(set_of),
    lambda inner: st.one_of(
        inner.map(make) for make in (list_of, tuple_of, map_of, optional, record_of)
    ),
    max_leaves=3,
)


def check_schema(schema: Any) -> None:
    """Check a schema's structure, as far as this package uses it."""
    assert isinstance(schema, dict)
    known = {"type", "items", "uniqueItems", "properties", "required", "additionalProperties"}
    assert set(schema) <= known | {"anyOf", "enum", "format", "description", "default"}
    names = ("string", "integer", "number", "boolean", "null", "array", "object")
    assert schema.get("type", "string") in names
    assert ("items" in schema) == (schema.get("type") == "array")
    for below in schema.get("anyOf", [])[:]:
        check_schema(below)
    for below in schema.get("properties", {}).values():
        check_schema(below)
    assert set(schema.get("required", [])) <= set(schema.get("properties", {}))
    if "items" in schema:
        check_schema(schema["items"])
    if isinstance(schema.get("additionalProperties", False), dict):
        check_schema(schema["additionalProperties"])
    assert schema.get("enum", [None])
    assert schema.get("anyOf", [None])


def fits(value: Any, schema: Any) -> bool:
    """Validate a JSON value slowly and separately from the code under test."""
    kinds = {
        "string": str, "integer": int, "number": (int, float), "boolean": bool,
        "null": type(None), "array": list, "object": dict,
    }  # fmt: skip
    if "anyOf" in schema:
        return any(fits(value, one) for one in schema["anyOf"])
    if "enum" in schema and (type(value), value) not in [(type(v), v) for v in schema["enum"]]:
        return False
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, bool) and schema.get("type") in ("integer", "number"):
        return False
    if isinstance(value, list):
        return all(fits(one, schema["items"]) for one in value)
    if isinstance(value, dict):
        properties, more = schema.get("properties", {}), schema["additionalProperties"]
        if not set(schema.get("required", [])) <= set(value):
            return False
        if more is False and not set(value) <= set(properties):
            return False
        return all(fits(one, properties.get(name, more)) for name, one in value.items())
    return True


def tool_of(hint: Any) -> ToolSchema:
    def function(x): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202

    function.__annotations__ = {"x": hint}
    return tool_schema(function)


@given(st.data())
def test_what_a_model_writes_for_a_value_is_read_as_that_value(draws: st.DataObject) -> None:
    typed = draws.draw(TYPES)
    value = draws.draw(typed.values)
    tool = tool_of(typed.hint)
    written = {"x": typed.write(value)}
    check_schema(tool.parameters)
    assert fits(written, tool.parameters), (written, tool.parameters)
    found = tool.arguments_of(json.dumps(written))["x"]
    assert found == value
    assert type(found) is type(value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3) | st.sampled_from(["red", "2024-01-02", "18:30"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(TYPES, JSON_VALUES)
def test_whatever_a_model_writes_is_read_or_refused_in_words(typed: Typed, value: Any) -> None:
    tool = tool_of(typed.hint)
    try:
        found = tool.arguments_of(json.dumps({"x": value}))
    except ArgumentsWrong:
        return
    # What is read must be what was written, as the model's own JSON would be.
    if not fits({"x": value}, tool.parameters):
        # Only 4.0 for 4 is taken beyond the schema.
        assert typed.write(found["x"]) == value
