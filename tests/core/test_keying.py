"""Keys that somebody of ours asked for: whose they are, and how long they are waited for."""

from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import DigitsOutcome
from trio_media.core.policy import Policy
from trio_media.core.units import COLLECTIONS_KEPT, KEYS_PAUSE_MS

from .driver import Call, active

COMPLETE, TERMINATED = DigitsOutcome.COMPLETE, DigitsOutcome.TERMINATED
TIMED_OUT, CALL_ENDED = DigitsOutcome.TIMED_OUT, DigitsOutcome.CALL_ENDED


def test_keys_that_were_asked_for_are_not_the_models(call: Call) -> None:
    request = call.wants_keys(2)
    call.presses("12")
    assert call.keys(request) == ("12", COMPLETE)
    call.passes(10_000)
    assert call.count(cm.SendKeys) == 0
    assert call.creates() == []


def test_the_key_that_ends_them_is_nobodys(call: Call) -> None:
    request = call.wants_keys()
    call.presses("1#")
    assert call.keys(request) == ("1", TERMINATED)
    call.passes(10_000)
    assert call.count(cm.SendKeys) == 0


def test_keys_afterwards_are_the_models_again(call: Call) -> None:
    call.wants_keys(1)
    call.presses("12")
    call.passes(KEYS_PAUSE_MS)
    assert [keys.digits for keys in call.all(cm.SendKeys)] == ["2"]


# --- typed ahead ------------------------------------------------------------------------------


def test_callers_who_know_a_menu_do_not_wait_for_it(call: Call) -> None:
    call.presses("12")
    request = call.wants_keys(2)
    assert call.keys(request) == ("12", COMPLETE)
    call.passes(10_000)
    assert call.count(cm.SendKeys) == 0


def test_what_is_typed_ahead_beyond_what_is_wanted_is_the_models(call: Call) -> None:
    call.presses("123")
    call.passes(1_000)
    request = call.wants_keys(2)
    assert call.keys(request) == ("12", COMPLETE)
    call.passes(KEYS_PAUSE_MS - 1)
    assert call.count(cm.SendKeys) == 0, "it counts as pressed now"
    call.passes(1)
    assert [keys.digits for keys in call.all(cm.SendKeys)] == ["3"]


def test_what_the_model_knows_already_is_nobody_elses(call: Call) -> None:
    call.presses("12")
    call.passes(KEYS_PAUSE_MS)
    request = call.wants_keys(2)
    assert call.keys(request) is None


def test_what_is_typed_ahead_is_pressed_now(call: Call) -> None:
    call.presses("1")
    call.passes(1_000)
    request = call.wants_keys(2, between_ms=2_000)
    call.passes(1_999)
    assert call.keys(request) is None
    call.passes(1)
    assert call.keys(request) == ("1", TIMED_OUT)


# --- who waits --------------------------------------------------------------------------------


def test_who_asks_first_is_served_first_and_the_others_wait(call: Call) -> None:
    first, second = call.wants_keys(1), call.wants_keys(2)
    call.presses("1")
    assert (call.keys(first), call.keys(second)) == (("1", COMPLETE), None)
    call.presses("23")
    assert call.keys(second) == ("23", COMPLETE)


def test_the_second_waits_for_its_first_key_from_when_it_is_served(call: Call) -> None:
    first, second = call.wants_keys(first_ms=5_000), call.wants_keys(first_ms=3_000)
    call.passes(5_000)
    assert call.keys(first) == ("", TIMED_OUT)
    call.passes(2_999)
    assert call.keys(second) is None
    call.passes(1)
    assert call.keys(second) == ("", TIMED_OUT)


def test_more_requests_than_anybody_makes_have_no_keys(call: Call) -> None:
    requests = [call.wants_keys() for _ in range(COLLECTIONS_KEPT + 1)]
    assert call.keys(requests[-1]) == ("", TIMED_OUT)
    assert call.keys(requests[-2]) is None


def test_keys_of_a_request_that_was_abandoned_are_nobodys(call: Call) -> None:
    first, second = call.wants_keys(), call.wants_keys(1)
    call.presses("1")
    call.does(ev.DigitsAbandoned(first))
    call.presses("2")
    assert call.keys(first) is None
    assert call.keys(second) == ("2", COMPLETE)


def test_who_abandoned_has_no_keys_at_the_end(call: Call) -> None:
    first, second = call.wants_keys(), call.wants_keys()
    call.presses("1")
    call.does(ev.DigitsAbandoned(second))
    call.does(ev.CallEnded())
    assert call.keys(first) == ("1", CALL_ENDED)
    assert call.keys(second) is None


# --- how long ---------------------------------------------------------------------------------


def test_the_first_key_is_waited_for_from_when_the_prompt_was_heard(call: Call) -> None:
    request = call.wants_keys(first_ms=3_000)
    call.answers(2_000)
    call.passes(4_999)
    assert call.keys(request) is None
    call.passes(1)
    assert call.keys(request) == ("", TIMED_OUT)


def test_a_prompt_whose_marks_are_lost_is_waited_for_and_no_longer() -> None:
    """Nothing happens between the last write and the time at which its mark is given up."""
    call = Call(has_marks=False)
    call.answers(1_000)
    request = call.wants_keys(first_ms=500)
    call.passes(1_000)
    assert call.keys(request) is None
    call.passes(10_000)
    assert call.keys(request) == ("", TIMED_OUT)


def test_a_prompt_that_waits_to_be_said_is_waited_for(call: Call) -> None:
    call.server_hears()
    call.asks()
    request = call.wants_keys(first_ms=500)
    call.passes(5_000)
    assert call.keys(request) is None


def test_a_second_prompt_begins_the_wait_anew(call: Call) -> None:
    request = call.wants_keys(first_ms=1_000)
    call.passes(900)
    call.plays_clip(500)
    call.passes(1_400)
    assert call.keys(request) is None
    call.passes(100)
    assert call.keys(request) == ("", TIMED_OUT)


def test_a_hush_is_no_silence(call: Call) -> None:
    call.answers(1_000)
    request = call.wants_keys(first_ms=200)
    call.passes(900)
    call.caller_begins()
    call.passes(600)
    assert call.is_hushed
    assert call.keys(request) is None


def test_each_further_key_is_waited_for_from_the_last_whatever_is_said_meanwhile(
    call: Call,
) -> None:
    request = call.wants_keys(between_ms=2_000)
    call.presses("1")
    call.plays_clip(9_000, protected=True)
    call.passes(2_000)
    assert call.keys(request) == ("1", TIMED_OUT)


def test_an_answer_that_waits_for_a_tool_is_no_prompt(call: Call) -> None:
    """The tool may wait for these keys: else both would wait for ever."""
    call.says()
    call.opens()
    call.calls_tool("pay", holds=True)
    call.ends()
    call.says("T2")
    assert call.core.state.creates.queue
    request = call.wants_keys(first_ms=3_000)
    call.passes(3_000)
    assert call.keys(request) == ("", TIMED_OUT)


def test_an_answer_that_is_held_is_no_prompt(call: Call) -> None:
    call.says()
    call.holds()
    call.refuses(ev.Refusal.ALREADY_ACTIVE, call.all(cm.CreateResponse)[-1].command)
    assert call.core.state.creates.queue
    request = call.wants_keys(first_ms=3_000)
    call.passes(3_000)
    assert call.keys(request) == ("", TIMED_OUT)


# --- what a key does besides ------------------------------------------------------------------


@pytest.mark.parametrize("interrupts", [True, False])
def test_a_key_that_was_asked_for_interrupts_if_the_operator_wants_that(interrupts: bool) -> None:
    call = Call(Policy(dtmf_interrupts=interrupts))
    active(call)
    request = call.wants_keys(1)
    call.presses("1")
    assert call.count(cm.Taken) == interrupts
    assert call.keys(request) == ("1", COMPLETE)


def test_a_key_that_was_asked_for_ends_no_tool_and_one_that_was_not_does(call: Call) -> None:
    """The tool that asks for keys is the one that waits for them."""
    active(call)
    call.calls_tool("pay", gives_way=True)
    call.ends()
    call.wants_keys(1)
    call.presses("1")
    assert call.count(cm.CancelTool) == 0
    call.presses("2")
    assert call.all(cm.CancelTool) == [cm.CancelTool("pay")]


def test_the_end_of_the_call_gives_what_there_is(call: Call) -> None:
    first, second = call.wants_keys(), call.wants_keys()
    call.presses("12")
    call.does(ev.HangUpRequested())
    assert call.keys(first) == ("12", CALL_ENDED)
    assert call.keys(second) == ("", CALL_ENDED)


def test_keys_are_collected_without_a_session(call: Call) -> None:
    call.plays_clip(9_000, protected=True)
    call.model_is_lost()
    request = call.wants_keys(2)
    call.presses("12")
    assert call.keys(request) == ("12", COMPLETE)


def test_a_wait_that_ended_while_the_process_stood_still_is_over_before_a_late_key(
    call: Call,
) -> None:
    request = call.wants_keys(1, first_ms=1_000)
    call.now_ms += 5_000
    call.presses("1")
    assert call.keys(request) == ("", TIMED_OUT)
