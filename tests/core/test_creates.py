from __future__ import annotations

import pytest

from trio_media.core.commands import Cause
from trio_media.core.creates import ANSWERS, OWED, Creates, Owed, Queued
from trio_media.core.units import RECOVERIES_IN_A_ROW


@pytest.mark.parametrize("second", ANSWERS)
@pytest.mark.parametrize("first", ANSWERS)
def test_causes_that_want_an_answer_are_one_create(first: Cause, second: Cause) -> None:
    creates = Creates()
    creates.want_answer(first, 1)
    creates.want_answer(second, 2)
    assert len(creates.queue) == 1
    is_owed = first in OWED and second in OWED
    assert creates.queue[0].is_kept is (not is_owed)
    assert creates.queue[0].cause is (second if first in OWED and not is_owed else first)


def test_a_request_to_speak_is_not_an_answer() -> None:
    creates = Creates()
    creates.ask(Queued(Cause.APPLICATION, 0, 1))
    creates.want_answer(Cause.TURN, 1)
    creates.want_answer(Cause.TURN, 1)
    creates.ask_again(Queued(Cause.APPLICATION, 0, 2))
    assert [queued.cause for queued in creates.queue] == [
        Cause.APPLICATION,
        Cause.APPLICATION,
        Cause.TURN,
    ]
    assert creates.queue[0].request == 2


def test_an_answer_that_came_to_nothing_and_one_that_waits_are_one_create() -> None:
    creates = Creates()
    creates.ask(Queued(Cause.APPLICATION, 0, 1))
    creates.want_answer(Cause.TOOL, 2)
    creates.ask_again(Queued(Cause.KEYS, 1, tries=1))
    assert [queued.cause for queued in creates.queue] == [Cause.KEYS, Cause.APPLICATION]
    assert creates.queue[0].tries == 1


def test_an_owed_answer_that_came_to_nothing_does_not_make_one_that_waits_less() -> None:
    creates = Creates()
    creates.want_answer(Cause.TURN, 2)
    creates.ask_again(Queued(Cause.RECOVERY, 1, is_kept=False, tries=1))
    assert creates.queue == [Queued(Cause.TURN, 1, is_kept=True, tries=1)]


def test_an_interruption_drops_what_is_older_and_not_kept() -> None:
    creates = Creates()
    creates.ask(Queued(Cause.APPLICATION, 1, 1, is_kept=False))
    creates.ask(Queued(Cause.APPLICATION, 1, 2, is_kept=True))
    creates.ask(Queued(Cause.APPLICATION, 4, 3, is_kept=False))
    assert [queued.request for queued in creates.drop(3)] == [1]
    assert [queued.request for queued in creates.drop(None)] == [3]
    assert [queued.request for queued in creates.queue] == [2]


def test_a_greeting_and_an_owed_answer_can_be_dropped_alone() -> None:
    creates = Creates()
    creates.ask(Queued(Cause.GREETING, 0, 1))
    creates.want_answer(Cause.RECOVERY, 0)
    assert [queued.request for queued in creates.drop_greeting()] == [1]
    creates.drop_recovery()
    assert creates.queue == []


def test_answers_are_owed_so_many_times_in_a_row_and_a_turn_begins_anew() -> None:
    owed = Owed()
    paid = []
    for _ in range(RECOVERIES_IN_A_ROW + 1):
        owed.take_by_speech()
        assert owed.is_owed
        paid.append(owed.pay())
        owed.in_a_row += paid[-1]
        assert not owed.is_owed
    assert paid == [True] * RECOVERIES_IN_A_ROW + [False]
    owed.take_by_speech()
    owed.turn_counts()
    assert not owed.is_owed
    assert owed.in_a_row == 0
    owed.take_by_speech()
    assert owed.pay()


def test_an_answer_that_waits_will_do_if_nothing_drops_it_and_it_is_protected_enough() -> None:
    creates = Creates()
    assert not creates.has_answer(is_protected=False)
    creates.want_answer(Cause.RECOVERY, 0)
    assert not creates.has_answer(is_protected=False)
    creates.want_answer(Cause.TOOL, 0)
    assert creates.has_answer(is_protected=False)
    assert not creates.has_answer(is_protected=True)
    creates.want_answer(Cause.TOOL, 0, is_protected=True)
    assert creates.has_answer(is_protected=True)


def test_an_answer_makes_words_that_fill_a_silence_needless() -> None:
    creates = Creates()
    for cause in (Cause.FILLER, Cause.SILENCE, Cause.GOODBYE):
        creates.ask(Queued(cause, 0))
    creates.want_answer(Cause.TURN, 0)
    assert [queued.cause for queued in creates.queue] == [Cause.GOODBYE, Cause.TURN]


def test_a_hold_drops_answers_and_what_nobody_asked_for() -> None:
    creates = Creates()
    for cause in Cause:
        creates.ask(Queued(cause, 0))
    creates.drop_answers()
    left = [queued.cause for queued in creates.queue]
    assert not {*left} & {*ANSWERS, Cause.FILLER, Cause.SILENCE}
    assert Cause.APPLICATION in left


def test_what_is_asked_again_is_protected_if_one_of_both_was() -> None:
    creates = Creates()
    creates.want_answer(Cause.TOOL, 0, is_protected=True)
    creates.ask_again(Queued(Cause.TURN, 0))
    assert [(q.cause, q.is_protected) for q in creates.queue] == [(Cause.TURN, True)]
