"""The three styles of docstrings, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.agent.docstrings import describe

GOOGLE = """Book a table
    for some people.

    More that is not for the model.

    Args:
        time (str): When they come,
            on the hour.
        people: How many: one to eight.
        note:
            Anything else.

    Returns:
        reference: not a parameter.
    """
SPHINX = """Book a table
    for some people.

    :param str time: When they come,
        on the hour.
    :param people: How many: one to eight.
    :type people: int
    :param note:
        Anything else.
    :returns: a reference
    """
NUMPY = """Book a table
    for some people.

    Parameters
    ----------
    time : str
        When they come,
        on the hour.
    people : int, optional
        How many: one to eight.
    note
        Anything else.

    Returns
    -------
    reference : str
        Not a parameter.
    """


@pytest.mark.parametrize("docstring", [GOOGLE, SPHINX, NUMPY], ids=["google", "sphinx", "numpy"])
def test_every_style_tells_the_same(docstring: str) -> None:
    told = describe(docstring)
    assert told.summary == "Book a table for some people."
    assert told.parameters == {
        "time": "When they come, on the hour.",
        "people": "How many: one to eight.",
        "note": "Anything else.",
    }


@pytest.mark.parametrize("docstring", [None, "", "   \n  "])
def test_no_docstring_says_nothing(docstring: str | None) -> None:
    told = describe(docstring)
    assert (told.summary, told.parameters) == ("", {})


@pytest.mark.parametrize(
    "docstring",
    ["Args:\n    x: A thing.", ":param x: A thing.", "Parameters\n---\nx\n    A thing."],
)
def test_a_docstring_of_parameters_alone_has_no_summary(docstring: str) -> None:
    told = describe(docstring)
    assert (told.summary, told.parameters) == ("", {"x": "A thing."})


def test_a_first_section_ends_where_the_next_begins() -> None:
    told = describe("Args:\n        x: A thing.\n\n    Returns:\n        y: no.")
    assert (told.summary, told.parameters) == ("", {"x": "A thing."})
    assert describe("Args:").parameters == {}


def test_several_names_share_what_numpy_style_says_of_them() -> None:
    told = describe("S.\n\nParameters\n----------\nx, y : int\n    Where.\n*args\n    More.\n")
    assert told.parameters == {"x": "Where.", "y": "Where.", "args": "More."}


def test_a_section_ends_where_prose_begins_again() -> None:
    told = describe("S.\n\nArgs:\n    x: A thing.\nNote: this is prose.\n    y: prose too.")
    assert told.parameters == {"x": "A thing."}


def test_a_numpy_section_ends_at_the_next() -> None:
    told = describe("S.\n\nParameters\n---\nx\n    A thing.\n\nNotes\n---\ny\n    Prose.")
    assert told.parameters == {"x": "A thing."}


def test_a_sphinx_field_ends_at_a_blank_line() -> None:
    told = describe("S.\n\n:param x: A thing.\n\nProse.")
    assert told.parameters == {"x": "A thing."}


def test_prose_in_a_section_is_left_out() -> None:
    told = describe("S.\n\nArgs:\n    They are few!\n    x: A thing.")
    assert told.parameters == {"x": "A thing."}
    told = describe("S.\n\nParameters\n---\nThey are few!\nx\n    A thing.")
    assert told.parameters == {"x": "A thing."}


def test_stars_and_attributes_are_read() -> None:
    told = describe("S.\n\nAttributes:\n    x (int | None): A thing.\n    **more: The rest.")
    assert told.parameters == {"x": "A thing.", "more": "The rest."}


@given(st.text(alphabet="ab :*-\n(),\tArgsParametersparam"))
def test_no_docstring_is_an_error(docstring: str) -> None:
    told = describe(docstring)
    assert "\n" not in told.summary
    assert all(text and "\n" not in text for text in told.parameters.values())
