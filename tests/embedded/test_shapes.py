from __future__ import annotations

from typing import Any

import pytest

from trio_media.embedded import shapes
from trio_media.embedded.refusals import Refusal
from trio_media.embedded.shapes import Check

PERSON = shapes.record({"name": shapes.text(5), "age": shapes.nullable(shapes.integer(0, 9))})


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (shapes.anything, {"x": [1]}),
        (shapes.flag, False),
        (shapes.text(3), "abc"),
        (shapes.one_of("a", "b"), "b"),
        (shapes.integer(1, 3), 3),
        (shapes.number(0, 1), 0.5),
        (shapes.number(0, 1), 1),
        (shapes.nullable(shapes.flag), None),
        (shapes.nullable(shapes.flag), True),
        (shapes.array(shapes.flag, 2), [True, False]),
        (PERSON, {"name": "Ann"}),
        (PERSON, {}),
        (PERSON, {"age": None}),
        (shapes.tagged({"a": shapes.anything}), {"type": "a", "more": 1}),
        (shapes.either({str: shapes.text(), int: shapes.anything}, "x"), 5),
    ],
)
def test_what_is_right_is_returned_as_it_is(check: Check, value: Any) -> None:
    assert check(value, "p") == value


@pytest.mark.parametrize(
    ("check", "value", "code", "message"),
    [
        (shapes.flag, 1, "invalid_type",
         "Invalid type for 'p': expected a boolean, but got an integer instead."),
        (shapes.text(), None, "invalid_type",
         "Invalid type for 'p': expected a string, but got null instead."),
        (shapes.text(3), "abcd", "string_above_max_length",
         "Invalid 'p': string too long. Expected a string with maximum length 3, but got a string "
         "with length 4 instead."),
        (shapes.one_of("a", "b"), "c", "invalid_value",
         "Invalid value: 'c'. Supported values are: 'a', 'b'."),
        (shapes.one_of("a", "b"), 1, "invalid_type",
         "Invalid type for 'p': expected one of 'a', 'b', but got an integer instead."),
        (shapes.integer(1, 3), 0, "integer_below_min_value",
         "Invalid 'p': integer below minimum value. Expected a value >= 1, but got 0 instead."),
        (shapes.integer(1, 3), 1.0, "invalid_type",
         "Invalid type for 'p': expected an integer, but got a decimal number instead."),
        (shapes.integer(0, 3), True, "invalid_type",
         "Invalid type for 'p': expected an integer, but got a boolean instead."),
        (shapes.number(0, 1), 1.5, "decimal_above_max_value",
         "Invalid 'p': decimal above maximum value. Expected a value <= 1, but got 1.5 instead."),
        (shapes.array(shapes.flag, 1), {}, "invalid_type",
         "Invalid type for 'p': expected an array, but got an object instead."),
        (shapes.array(shapes.flag, 1), [True, True], "array_above_max_length",
         "Invalid 'p': array too long. Expected an array with maximum length 1, but got an array "
         "with length 2 instead."),
        (PERSON, [], "invalid_type",
         "Invalid type for 'p': expected an object, but got an array instead."),
        (shapes.either({str: shapes.text()}, "a name"), 5, "invalid_type",
         "Invalid type for 'p': expected a name, but got an integer instead."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_words(check: Check, value: Any, code: str, message: str) -> None:
    with pytest.raises(Refusal) as refused:
        check(value, "p")
    assert (refused.value.code, str(refused.value)) == (code, message)
    assert refused.value.param == "p"


@pytest.mark.parametrize(
    ("check", "value", "code", "param"),
    [
        (shapes.array(PERSON, 5), [{}, {"name": 3}], "invalid_type", "p[1].name"),
        (PERSON, {"size": 1}, "unknown_parameter", "p.size"),
        (shapes.record({"a": shapes.flag}, ("a",)), {}, "missing_required_parameter", "p.a"),
        (shapes.tagged({"a": PERSON}), {"type": "b"}, "invalid_value", "p.type"),
        (shapes.tagged({"a": PERSON}), {}, "missing_required_parameter", "p.type"),
        (shapes.tagged({"a": PERSON}), 7, "invalid_type", "p"),
    ],
)
def test_the_path_leads_to_what_is_wrong(check: Check, value: Any, code: str, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        check(value, "p")
    assert (refused.value.code, refused.value.param) == (code, param)


def test_a_long_wrong_value_is_cut_short() -> None:
    with pytest.raises(Refusal) as refused:
        shapes.one_of("a")("x" * 10_000, "p")
    assert len(str(refused.value)) < 200
