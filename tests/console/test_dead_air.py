"""How long a caller waits for an answer."""

from __future__ import annotations

import pytest

from trio_media.console.dead_air import DeadAir
from trio_media.core import commands as cm


def owing(*, is_model_heard: bool = False) -> DeadAir:
    """Owe an answer to a turn that was over at 1,000 ms, and was decided on later."""
    dead = DeadAir()
    assert dead.caller_began(200) == 0
    dead.caller_ended(500)
    dead.committed("T1", 1_000)
    dead.decided(cm.TurnDecided("T1", "answered"), is_model_heard=is_model_heard)
    return dead


def test_it_lasts_from_the_turns_end_until_the_model_is_heard() -> None:
    dead = owing()
    assert dead.model_began(1_700) == 700
    assert dead.model_began(9_000) == 0


def test_an_answer_that_never_comes_is_waited_for_until_all_is_over() -> None:
    assert owing().model_began(61_000) == 60_000


def test_who_speaks_while_they_wait_waits_on_when_they_fall_silent() -> None:
    dead = owing()
    assert dead.caller_began(1_400) == 400
    dead.caller_ended(2_000)
    dead.caller_ended(2_100)
    assert dead.model_began(2_300) == 300
    dead.caller_ended(3_000)
    assert dead.model_began(4_000) == 0


def test_a_turn_that_is_decided_on_while_the_caller_speaks_is_waited_for_afterwards() -> None:
    dead = DeadAir()
    dead.committed("T1", 1_000)
    assert dead.caller_began(1_100) == 0
    dead.decided(cm.TurnDecided("T1", "answered"), is_model_heard=False)
    dead.caller_ended(1_500)
    assert dead.model_began(1_600) == 100


def test_of_two_turns_that_wait_the_first_counts() -> None:
    dead = owing()
    dead.committed("T2", 1_500)
    dead.decided(cm.TurnDecided("T2", "answered"), is_model_heard=False)
    assert dead.model_began(2_000) == 1_000


@pytest.mark.parametrize("fate", ["void", "left"])
def test_a_turn_that_gets_no_answer_is_waited_for_by_nobody(fate: str) -> None:
    dead = DeadAir()
    dead.committed("T1", 1_000)
    dead.decided(cm.TurnDecided("T1", fate), is_model_heard=False)
    assert dead.model_began(2_000) == 0


def test_nobody_waits_while_the_model_is_heard() -> None:
    assert owing(is_model_heard=True).model_began(5_000) == 0
