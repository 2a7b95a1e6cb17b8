"""What models write for a simple value, taken or refused in words."""

from __future__ import annotations

import datetime
import enum

import pytest

from trio_media.agent.forms import (
    DATE,
    DATE_TIME,
    FLAG,
    NULL,
    PROBLEMS_MAX,
    TEXT,
    TIME,
    Anything,
    Choice,
    Form,
    Number,
    Problems,
    Whole,
    shown,
)


class Colour(enum.Enum):
    RED = "red"
    TWO = 2


CHOICE = Choice((("red", Colour.RED), (2, Colour.TWO), (True, True), (None, None)))


def read(form: Form, value: object) -> object:
    """Read what must be read without a problem."""
    problems = Problems()
    found = form.read(value, "x", problems)
    assert not problems.found
    return found


def problem(form: Form, value: object) -> str:
    """Read what cannot be read."""
    problems = Problems()
    form.read(value, "x", problems)
    (text,) = problems.found
    assert str(problems) == text
    return text


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        (TEXT, "", ""),
        (TEXT, "4", "4"),
        (FLAG, False, False),
        (NULL, None, None),
        (Whole(), 4, 4),
        (Whole(), 4.0, 4),
        (Whole(), 10**30, 10**30),
        (Number(), 4, 4.0),
        (Number(), -4.5, -4.5),
        (Anything(), [{"a": None}], [{"a": None}]),
        (DATE, "2024-12-31", datetime.date(2024, 12, 31)),
        (TIME, "18:30", datetime.time(18, 30)),
        (DATE_TIME, "2024-12-31T18:30", datetime.datetime(2024, 12, 31, 18, 30)),
        (
            DATE_TIME,
            "2024-12-31T18:30:05Z",
            datetime.datetime(2024, 12, 31, 18, 30, 5, tzinfo=datetime.UTC),
        ),
        (CHOICE, "red", Colour.RED),
        (CHOICE, 2, Colour.TWO),
        (CHOICE, 2.0, Colour.TWO),
        (CHOICE, True, True),
        (CHOICE, None, None),
    ],
)
def test_a_value_that_fits_is_read(form: Form, value: object, expected: object) -> None:
    found = read(form, value)
    assert found == expected
    assert type(found) is type(expected)
    assert form.takes(value)


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        (TEXT, 4, "x: expected a string, not 4"),
        (TEXT, None, "x: expected a string, not null"),
        (FLAG, 1, "x: expected true or false, not 1"),
        (FLAG, "true", "x: expected true or false, not 'true'"),
        (NULL, False, "x: expected null, not false"),
        (Whole(), "four", "x: expected an integer, not 'four'"),
        (Whole(), "4", "x: expected an integer (without quotes), not '4'"),
        (Whole(), 4.5, "x: expected an integer, not 4.5"),
        (Whole(), True, "x: expected an integer, not true"),
        (Whole(), [4], "x: expected an integer, not a list"),
        (Number(), "-4.5", "x: expected a number (without quotes), not '-4.5'"),
        (Number(), {}, "x: expected a number, not an object"),
        (Number(), False, "x: expected a number, not false"),
        (DATE, "tomorrow", "x: expected a date such as '2024-12-31', not 'tomorrow'"),
        (DATE, 20241231, "x: expected a date such as '2024-12-31', not 20241231"),
        (TIME, "25:00", "x: expected a time such as '18:30', not '25:00'"),
        (
            DATE_TIME,
            "2024-12-31",
            "x: expected a date and time such as '2024-12-31T18:30', not '2024-12-31'",
        ),
        (CHOICE, "green", "x: must be one of 'red', 2, true, null, not 'green'"),
        (CHOICE, 1, "x: must be one of 'red', 2, true, null, not 1"),
        (CHOICE, False, "x: must be one of 'red', 2, true, null, not false"),
    ],
)
def test_a_value_that_does_not_fit_is_named(form: Form, value: object, expected: str) -> None:
    assert problem(form, value) == expected
    assert not form.takes(value)


def test_an_integer_beyond_every_float_is_a_problem() -> None:
    assert problem(Number(), 10**400) == "x: this number is too large"


def test_a_long_text_is_cut_in_a_message() -> None:
    assert shown("a" * 41) == repr("a" * 40 + "...")
    assert shown("a" * 40) == repr("a" * 40)


def test_problems_are_said_up_to_a_limit() -> None:
    problems = Problems()
    for number in range(PROBLEMS_MAX + 2):
        problems.note("" if number else "x", f"p{number}")
    text = str(problems)
    assert text.startswith("x: p0; p1; ")
    assert text.endswith("; p19; and 2 more")


def test_schemas_say_what_is_read() -> None:
    assert TEXT.schema() == {"type": "string"}
    assert Whole().schema() == {"type": "integer"}
    assert Number().schema() == {"type": "number"}
    assert Anything().schema() == {}
    assert DATE_TIME.schema() == {"type": "string", "format": "date-time"}
    assert CHOICE.schema() == {"enum": ["red", 2, True, None]}
    assert Choice((("a", "a"), ("b", "b")), "Which.").schema() == {
        "type": "string",
        "enum": ["a", "b"],
        "description": "Which.",
    }
