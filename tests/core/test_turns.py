from __future__ import annotations

from trio_media.core.turns import Keys, Turn, TurnBook, TurnState
from trio_media.core.units import (
    KEYS_KEPT,
    KEYS_PAUSE_MS,
    TURN_COMMIT_MS,
    TURN_MAX_MS,
    TURN_SILENT_MS,
    TURNS_KEPT,
    VERDICT_MS,
)


def test_a_turn_is_opened_once() -> None:
    book = TurnBook()
    book.opened("T", 1, over=1)
    book.opened("T", 2, over=None)
    assert [turn.opened_ms for turn in book.turns] == [1]


def test_a_new_turn_means_that_the_one_before_has_stopped() -> None:
    book = TurnBook()
    book.opened("T1", 1, over=None)
    book.opened("T2", 5, over=None)
    book.opened("T3", 9, over=None)
    assert [turn.stopped_ms for turn in book.turns] == [5, 9, None]


def test_only_an_open_turn_that_goes_on_can_stop() -> None:
    book = TurnBook()
    book.stopped("nobody", 1)
    book.opened("T", 1, over=None)
    assert book.is_speaking
    book.stopped("T", 2)
    book.stopped("T", 3)
    assert book.turns[0].stopped_ms == 2
    assert book.in_progress
    assert not book.is_speaking


def test_a_commit_is_taken_once_and_needs_no_opening() -> None:
    book = TurnBook()
    turn = book.committed("T", 4)
    assert turn is not None
    assert not turn.is_covered
    assert book.committed("T", 5) is None
    assert turn.committed_ms == 4


def test_the_deadlines_of_a_turn() -> None:
    turn = Turn("T", TurnState.OPEN, 0, heard_ms=50, over=None)
    assert turn.deadline_ms(is_heard=False) == 50 + TURN_SILENT_MS
    assert turn.deadline_ms(is_heard=True) == TURN_MAX_MS
    turn.heard_ms = TURN_MAX_MS - 1
    assert turn.deadline_ms(is_heard=False) == TURN_MAX_MS
    turn.stopped_ms = 70
    assert turn.deadline_ms(is_heard=True) == 70 + TURN_COMMIT_MS
    turn.state, turn.committed_ms = TurnState.JUDGED, 90
    assert turn.deadline_ms(is_heard=False) == 90 + VERDICT_MS
    turn.state = TurnState.COUNTS
    assert turn.deadline_ms(is_heard=False) is None


def test_only_open_turns_hear_the_caller() -> None:
    book = TurnBook()
    book.opened("T1", 0, over=None)
    book.turns[0].state = TurnState.LAPSED
    book.opened("T2", 0, over=None)
    book.heard(9)
    assert [turn.heard_ms for turn in book.turns] == [0, 9]
    assert book.next_deadline_ms(is_heard=False) == 9 + TURN_SILENT_MS


def test_a_turn_is_uncovered_until_it_is_committed_even_when_it_lapsed() -> None:
    book = TurnBook()
    for name in ("open", "lapsed", "committed"):
        book.opened(name, 0, over=1)
    book.turns[1].state = TurnState.LAPSED
    book.committed("committed", 1)
    book.uncover()
    assert [turn.is_covered for turn in book.turns] == [False, False, True]


def test_a_turn_waits_for_an_answer_until_it_has_its_fate() -> None:
    waits = {}
    for state in TurnState:
        book = TurnBook()
        book.opened("T", 0, over=None)
        book.turns[0].state = state
        waits[state] = book.has_unanswered
    assert {state for state, has in waits.items() if has} == {
        TurnState.OPEN,
        TurnState.JUDGED,
        TurnState.COUNTS,
    }


def test_old_turns_are_forgotten_those_with_a_fate_first() -> None:
    book = TurnBook()
    for number in range(TURNS_KEPT + 1):
        if number == 3:
            book.turns[1].state = TurnState.VOID
        book.opened(f"T{number}", number, over=None)
    assert len(book.turns) == TURNS_KEPT
    assert book.find("T1") is None
    book.opened("one more", 0, over=None)
    assert len(book.turns) == TURNS_KEPT
    assert book.find("T0") is None


def test_a_turn_with_a_fate_is_found_and_asked_about_no_more() -> None:
    book = TurnBook()
    for state in TurnState:
        book.opened(state.value, 0, over=None)
        book.turns[-1].state = state
    book.rest()
    fates = {TurnState.ANSWERED, TurnState.VOID}
    assert [turn.state for turn in book.live] == [s for s in TurnState if s not in fates]
    assert [turn.state for turn in book.turns] == list(TurnState)


def test_a_turn_that_is_forgotten_is_asked_about_no_more() -> None:
    book = TurnBook()
    for number in range(TURNS_KEPT + 1):
        book.opened(f"T{number}", number, over=None)
    assert book.live == book.turns


def test_keys_are_handed_over_once_and_wait_for_a_pause() -> None:
    keys = Keys()
    assert keys.next_deadline_ms() is None
    keys.pressed("1", 5)
    keys.pressed("#", 9)
    assert keys.next_deadline_ms() == 9 + KEYS_PAUSE_MS
    assert keys.take() == "1#"
    assert keys.take() == ""


def test_keys_without_end_are_not_kept() -> None:
    keys = Keys()
    for _ in range(KEYS_KEPT + 5):
        keys.pressed("0", 0)
    assert len(keys.digits) == KEYS_KEPT


def test_a_turn_is_a_voices_only_when_somebody_says_so() -> None:
    book = TurnBook()
    book.opened("T1", 0, over=None)
    assert [turn.is_voiced for turn in book.turns] == [False]
    book.voiced()
    assert [turn.is_voiced for turn in book.turns] == [True]
