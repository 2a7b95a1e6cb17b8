"""Which audio is the answer to a turn."""

from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core.awaited import COMMITS_MAX, Answer, AwaitedAnswer


def decided(awaited: AwaitedAnswer, item_id: str, fate: str = "answered") -> bool:
    return awaited.decided(cm.TurnDecided(item_id, fate))


def asked(awaited: AwaitedAnswer, number: int, cause: cm.Cause = cm.Cause.TURN) -> None:
    awaited.creating(cm.CreateResponse(number, number, cause, number))


def opened(awaited: AwaitedAnswer, number: int, cause: cm.Cause = cm.Cause.TURN) -> None:
    awaited.opened(cm.ResponseOpened(number, f"R{number}", cause))


def answering() -> AwaitedAnswer:
    """Await the answer to a turn that was over at 100 ms."""
    awaited = AwaitedAnswer()
    awaited.committed("T1", 100)
    assert decided(awaited, "T1")
    return awaited


def answer_of(awaited: AwaitedAnswer) -> Answer:
    assert awaited.answer is not None
    return awaited.answer


def test_the_answer_is_the_first_audio_of_the_response_that_the_turn_asked_for() -> None:
    awaited = answering()
    asked(awaited, 7, cm.Cause.FILLER)
    opened(awaited, 7, cm.Cause.FILLER)
    awaited.received("R7", "I7")
    asked(awaited, 8)
    asked(awaited, 9)
    opened(awaited, 8)
    opened(awaited, 9)
    awaited.received("R9", "I9")
    awaited.received("R8", "I8")
    awaited.received("R8", "another item")
    for seq, item_id in enumerate(("I7", "I9", "I8", "I8")):
        answer_of(awaited).playing(item_id, seq)
    assert awaited.wrote(1) is None
    told = awaited.wrote(5)
    assert told is not None
    assert (told.committed_ms, told.response, told.item_id, told.seq) == (100, 8, "I8", 2)
    assert awaited.answer is None


def test_what_a_server_answers_by_itself_was_asked_for_by_nobody() -> None:
    awaited = AwaitedAnswer()
    awaited.committed("T1", 100)
    assert decided(awaited, "T1", "answered by the server")
    opened(awaited, 7, cm.Cause.FILLER)
    opened(awaited, 8, cm.Cause.SERVER)
    opened(awaited, 9, cm.Cause.SERVER)
    assert answer_of(awaited).response_id == "R8"


def test_a_server_that_answers_before_us_does_not_answer_what_we_asked_for() -> None:
    awaited = answering()
    asked(awaited, 8)
    opened(awaited, 7, cm.Cause.SERVER)
    assert answer_of(awaited).response_id is None


@pytest.mark.parametrize("fate", ["void", "left", "lapsed"])
def test_a_turn_that_gets_no_answer_awaits_none(fate: str) -> None:
    awaited = AwaitedAnswer()
    awaited.committed("T1", 100)
    assert not decided(awaited, "T1", fate)
    assert awaited.answer is None
    assert not decided(awaited, "T1")  # its fate never changes


def test_a_turn_that_was_never_over_awaits_nothing() -> None:
    assert not decided(AwaitedAnswer(), "T1")


def test_the_first_commit_of_a_turn_counts() -> None:
    awaited = AwaitedAnswer()
    awaited.committed("T1", 100)
    awaited.committed("T1", 200)
    decided(awaited, "T1")
    assert answer_of(awaited).committed_ms == 100


def test_an_answer_that_is_cut_before_it_is_written_is_awaited_no_more() -> None:
    awaited = answering()
    awaited.cleared()
    asked(awaited, 1)
    opened(awaited, 1)
    awaited.received("R1", "I1")
    awaited.cleared()
    answer_of(awaited).playing("I1", 4)
    awaited.cleared()
    assert awaited.wrote(4) is None


def test_where_nothing_is_awaited_nothing_is_taken_in() -> None:
    awaited = AwaitedAnswer()
    asked(awaited, 1)
    opened(awaited, 1)
    awaited.received("R1", "I1")
    awaited.cleared()
    assert awaited.wrote(1) is None


def test_nothing_piles_up_where_turns_have_no_fate() -> None:
    awaited = AwaitedAnswer()
    for number in range(COMMITS_MAX + 10):
        awaited.committed(f"T{number}", number)
    assert decided(awaited, f"T{COMMITS_MAX - 1}")
    assert not decided(awaited, f"T{COMMITS_MAX}")
