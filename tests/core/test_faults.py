"""What the observer knows of answers that failed."""

from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.faults import Faults


def trying() -> Faults:
    return Faults(since_ms=5, is_tried=True, faults=2, sorries=1)


@pytest.mark.parametrize(
    "event",
    [
        ev.AudioReceived("R1", "R1.1", 20),
        ev.SessionAway(),
        ev.SessionLost(),
        ev.AnsweringHeld(is_held=True),
        ev.ToolCalled("R1", "R1.C1", "C1"),
    ],
)
def test_what_ends_the_wait_ends_it(event: ev.Event) -> None:
    books = trying()
    books.saw(event)
    assert (books.since_ms, books.is_tried) == (None, False)


@pytest.mark.parametrize(
    "command",
    [
        cm.Taken(1, ev.Reason.DTMF, None, ()),
        cm.SpeechDropped(1),
        cm.ResponseOpened(1, "R1", cm.Cause.SERVER),
        cm.TurnDecided("T1", "answered by the server"),
    ],
)
def test_what_takes_the_place_of_a_try_ends_the_row(command: cm.Command) -> None:
    books = trying()
    books.took(command)
    assert (books.since_ms, books.is_tried, books.faults) == (None, False, 0)


def test_what_goes_on_leaves_the_books_alone() -> None:
    books = trying()
    books.saw(ev.TimePassed())
    books.took(cm.SendMark(1, 1))
    books.took(cm.ResponseOpened(1, "R1", cm.Cause.TURN))
    assert books == trying()


def test_a_create_is_the_try_and_the_caller_waits_for_it() -> None:
    books = trying()
    books.took(cm.CreateResponse(1, 1, cm.Cause.TURN, 1))
    assert (books.since_ms, books.is_tried, books.faults) == (None, True, 2)


def test_keys_are_to_be_answered_until_something_is_asked_for() -> None:
    books = trying()
    books.took(cm.SendKeys(1, "12"))
    assert (books.is_answer_due, books.faults) == (True, 0)
    books.took(cm.CreateResponse(2, 2, cm.Cause.KEYS, 1))
    assert not books.is_answer_due


def test_a_tool_says_something_in_between() -> None:
    books = trying()
    books.saw(ev.ToolCalled("R1", "R1.C1", "C1"))
    assert books.sorries == 0


@pytest.mark.parametrize(
    "event",
    [
        ev.SpeechRequested(1, ev.Say.APPLICATION),
        ev.EndingRequested(1, "done", None, is_final=False, leaves=False, tool_call_id=None),
        ev.ToolAnswered("C1"),
    ],
)
def test_another_wish_begins_a_row_of_its_own(event: ev.Event) -> None:
    books = trying()
    books.saw(event)
    assert books.faults == 0
