"""Tools: one output for each call, one answer for all results of a response; what they ask for."""

from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import SpeechOutcome
from trio_media.core.units import FILLER_AGAIN_MS, RECORDS_KEPT

from .driver import SERVER, Call, active

FILLER = cm.Cause.FILLER


def calls(call: Call, call_id: str = "slow", response_id: str = "R1", **wishes: object) -> None:
    """A response is over that said nothing, and called a tool."""
    call.says(f"T.{response_id}")
    call.opens(response_id)
    call.calls_tool(call_id, response_id, **wishes)  # type: ignore[arg-type]
    call.ends(response_id)


def outputs(call: Call) -> list[tuple[str, bool]]:
    return [(post.call_id, post.was_run) for post in call.all(cm.PostToolOutput)]


# --- one output, one answer -------------------------------------------------------------------


def test_a_tool_is_run_once_however_often_its_call_is_told(call: Call) -> None:
    active(call)
    call.calls_tool("a")
    call.calls_tool("a")
    assert call.all(cm.RunTool) == [cm.RunTool("a")]


def test_a_call_of_a_response_that_was_taken_is_not_run(call: Call) -> None:
    active(call)
    call.interrupts()
    call.calls_tool("a")
    assert call.count(cm.RunTool) == 0
    assert outputs(call) == [("a", False)]


def test_a_result_goes_to_the_model_at_once_and_once(call: Call) -> None:
    active(call)
    call.calls_tool("a")
    call.caller_interrupts()
    call.tool_answers("a")
    call.tool_answers("a")
    assert outputs(call) == [("a", True)]


def test_all_results_of_a_response_have_one_answer(call: Call) -> None:
    calls(call, "a")
    call.does(ev.ToolCalled("R1", "R1.b", "b"))
    call.tool_answers("a")
    assert call.creates() == [cm.Cause.TURN]
    call.tool_answers("b")
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TOOL]


def test_a_result_about_which_nothing_need_be_said_has_no_answer(call: Call) -> None:
    calls(call)
    call.tool_answers("slow", wants_answer=False)
    call.passes(60_000)
    assert call.creates() == [cm.Cause.TURN]


def test_one_of_several_results_is_enough_for_an_answer(call: Call) -> None:
    calls(call, "a")
    call.does(ev.ToolCalled("R1", "R1.b", "b"))
    call.tool_answers("a")
    call.tool_answers("b", wants_answer=False)
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TOOL]


def test_an_answer_to_the_caller_is_one_to_the_results_too(call: Call) -> None:
    calls(call)
    call.server_hears()
    call.tool_answers("slow")
    call.commits()
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TOOL]
    call.opens("R2")
    call.ends("R2")
    call.passes(60_000)
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TOOL]
    assert call.fates()["T1"] == "answered"


def test_results_without_a_session_have_no_answer(call: Call) -> None:
    calls(call)
    call.plays_clip(3_000)
    call.model_is_lost()
    call.tool_answers("slow")
    assert call.core.state.creates.queue == []


def test_a_tool_of_a_record_that_is_forgotten_has_its_output(call: Call) -> None:
    calls(call)
    for number in range(RECORDS_KEPT + 1):
        call.server_opens(f"X{number}")
        call.ends(f"X{number}")
    assert outputs(call) == [("slow", False)]
    call.tool_answers("slow")
    assert outputs(call) == [("slow", False)]


# --- what gives way ---------------------------------------------------------------------------


def test_a_tool_that_gives_way_has_its_output_in_that_moment_and_what_it_returns_reaches_nobody(
    call: Call,
) -> None:
    active(call)
    call.calls_tool("slow", gives_way=True)
    call.calls_tool("sure")
    call.caller_interrupts()
    assert call.all(cm.CancelTool) == [cm.CancelTool("slow")]
    assert outputs(call) == [("slow", False)]
    call.tool_answers("slow")
    assert outputs(call) == [("slow", False)]
    call.tool_answers("sure")
    assert outputs(call) == [("slow", False), ("sure", True)]


def test_a_turn_that_counts_ends_it_though_nothing_was_said(call: Call) -> None:
    calls(call, gives_way=True)
    call.says("T2")
    assert call.all(cm.CancelTool) == [cm.CancelTool("slow")]
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TURN]


def test_an_interruption_by_the_application_ends_it(call: Call) -> None:
    calls(call, gives_way=True)
    assert call.outcome(call.interrupts()) is cm.Outcome.NOTHING_TO_INTERRUPT
    assert call.all(cm.CancelTool) == [cm.CancelTool("slow")]


def test_a_turn_that_the_server_answers_ends_it() -> None:
    call = Call(SERVER)
    call.server_opens()
    call.calls_tool("slow", gives_way=True)
    call.ends()
    call.says()
    assert call.all(cm.CancelTool) == [cm.CancelTool("slow")]


@pytest.mark.parametrize("verdict", [ev.Verdict.BACKCHANNEL, ev.Verdict.EMPTY])
def test_a_turn_that_does_not_count_ends_nothing(call: Call, verdict: ev.Verdict) -> None:
    calls(call, gives_way=True)
    call.plays_clip(1_000)
    call.speaks_over()
    call.transcribed(verdict)
    assert call.count(cm.CancelTool) == 0


def test_a_key_for_the_model_ends_it_where_keys_interrupt(call: Call) -> None:
    calls(call, gives_way=True)
    call.presses("1")
    assert call.all(cm.CancelTool) == [cm.CancelTool("slow")]


# --- fillers ----------------------------------------------------------------------------------


def test_while_a_tool_runs_and_nobody_speaks_the_model_says_that_it_is_still_at_it(
    call: Call,
) -> None:
    calls(call, filler_ms=2_000)
    call.passes(1_999)
    assert FILLER not in call.creates()
    call.passes(1)
    assert call.creates()[-1] is FILLER


def test_the_silence_before_a_filler_begins_when_the_model_was_heard(call: Call) -> None:
    active(call)
    call.calls_tool("slow", filler_ms=2_000)
    call.ends()
    call.passes(4_600 + 1_999)
    assert FILLER not in call.creates()
    call.passes(1)
    assert call.creates()[-1] is FILLER


def test_the_silence_before_a_filler_begins_when_the_mark_was_given_up() -> None:
    call = Call(has_marks=False)
    active(call)
    call.calls_tool("slow", filler_ms=500)
    call.ends()
    call.passes(20_000)
    assert FILLER in call.creates()


def test_now_and_then_it_says_so_again(call: Call) -> None:
    calls(call, filler_ms=2_000)
    call.passes(2_000)
    call.opens("F")
    call.speaks(500, "F.1")
    call.ends("F")
    call.passes(500 + FILLER_AGAIN_MS - 1)
    assert call.creates().count(FILLER) == 1
    call.passes(1)
    assert call.creates().count(FILLER) == 2


def test_one_filler_is_about_all_tools_that_run(call: Call) -> None:
    calls(call, "a", filler_ms=2_000)
    call.does(ev.ToolCalled("R1", "R1.b", "b", filler_ms=3_000))
    call.passes(2_000)
    call.opens("F")
    call.speaks(500, "F.1")
    call.ends("F")
    call.passes(5_000)
    assert call.creates().count(FILLER) == 1


def test_a_tool_that_wants_none_has_none(call: Call) -> None:
    calls(call)
    call.passes(60_000)
    assert FILLER not in call.creates()


def test_a_result_before_the_filler_is_sent_is_what_is_said(call: Call) -> None:
    calls(call, filler_ms=2_000)
    call.core.state.creates.not_before_ms = call.now_ms + 3_000
    call.passes(2_000)
    assert [q.cause for q in call.core.state.creates.queue] == [FILLER]
    call.tool_answers("slow")
    call.passes(1_000)
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TOOL]


def test_a_silent_result_before_the_filler_is_sent_drops_it(call: Call) -> None:
    calls(call, filler_ms=2_000)
    call.core.state.creates.not_before_ms = call.now_ms + 3_000
    call.passes(2_000)
    call.tool_answers("slow", wants_answer=False)
    call.passes(5_000)
    assert call.creates() == [cm.Cause.TURN]


def test_a_result_while_the_filler_is_spoken_is_said_after_it(call: Call) -> None:
    calls(call, filler_ms=2_000)
    call.passes(2_000)
    call.opens("F")
    call.speaks(1_000, "F.1")
    call.tool_answers("slow")
    assert call.creates()[-1] is FILLER
    call.ends("F")
    assert call.creates()[-1] is cm.Cause.TOOL
    call.passes(1_000)
    assert call.heard() == {"F.1": 1_000}


def test_a_filler_that_the_caller_interrupts_is_not_said_again_at_once(call: Call) -> None:
    calls(call, filler_ms=2_000)
    call.passes(2_000)
    call.opens("F")
    call.speaks(1_000, "F.1")
    call.passes(300)
    call.caller_interrupts()
    call.caller_stops()
    call.ends("F", ev.Ended.CANCELLED)
    call.passes(1_900)
    assert call.creates().count(FILLER) == 1


@pytest.mark.parametrize("what", ["a turn", "a voice", "a hold", "no session", "words to come"])
def test_there_is_no_filler_while(call: Call, what: str) -> None:
    calls(call, filler_ms=2_000)
    match what:
        case "a turn":
            call.server_hears()
        case "a voice":
            call.caller_begins()
            call.caller_is_a_voice()
        case "a hold":
            call.holds()
        case "no session":
            call.core.state.is_session_ready = False
        case _:
            call.core.state.creates.not_before_ms = call.now_ms + 3_000
            call.asks()
    call.passes(2_000)
    assert FILLER not in call.creates()


def test_a_filler_of_a_protected_tool_is_protected(call: Call) -> None:
    calls(call, filler_ms=2_000, protects=True)
    call.passes(2_000)
    assert call.all(cm.CreateResponse)[-1].protected
    call.opens("F")
    call.speaks(1_000, "F.1")
    call.passes(300)
    call.caller_interrupts()
    assert call.count(cm.ClearCarrier) == 0


# --- protected --------------------------------------------------------------------------------


def test_the_answer_about_a_protected_tool_is_protected_whatever_it_is_joined_with(
    call: Call,
) -> None:
    calls(call, "a", protects=True)
    call.does(ev.ToolCalled("R1", "R1.b", "b"))
    call.server_hears()
    call.tool_answers("b")
    call.tool_answers("a")
    call.commits()
    create = call.all(cm.CreateResponse)[-1]
    assert (create.cause, create.protected) == (cm.Cause.TOOL, True)


def test_an_answer_that_waits_already_becomes_protected(call: Call) -> None:
    calls(call, protects=True)
    call.core.state.creates.not_before_ms = 1_000
    call.says("T2")
    assert [q.is_protected for q in call.core.state.creates.queue] == [False]
    call.tool_answers("slow")
    assert [q.is_protected for q in call.core.state.creates.queue] == [True]


# --- who waits --------------------------------------------------------------------------------


def holding(call: Call, **wishes: object) -> None:
    """A tool that holds answers runs, and the caller says something."""
    calls(call, holds=True, **wishes)
    call.says("T2")


def test_a_turn_waits_for_a_tool_that_holds_answers_and_is_answered_with_its_result(
    call: Call,
) -> None:
    holding(call)
    call.passes(5_000)
    assert call.creates() == [cm.Cause.TURN]
    call.tool_answers("slow")
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TURN]
    call.opens("R2")
    call.ends("R2")
    call.passes(60_000)
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TURN]


def test_whatever_else_is_to_be_said_does_not_wait(call: Call) -> None:
    holding(call)
    request = call.asks()
    assert call.creates()[-1] is cm.Cause.APPLICATION
    call.opens("R2")
    call.speaks(400, "R2.1")
    call.ends("R2")
    call.passes(500)
    assert call.said(request) is SpeechOutcome.HEARD


def test_a_filler_keeps_the_caller_company_while_their_answer_is_held(call: Call) -> None:
    holding(call, filler_ms=2_000)
    call.passes(2_000)
    assert call.creates()[-1] is FILLER


def test_what_holds_answers_and_gives_way_holds_none(call: Call) -> None:
    holding(call, gives_way=True)
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TURN]
    assert outputs(call) == [("slow", False)]


def test_results_of_others_wait_too_and_none_waits_for_another(call: Call) -> None:
    calls(call, "a", holds=True)
    call.asks()
    call.opens("R2")
    call.does(ev.ToolCalled("R2", "R2.b", "b", holds_answers=True))
    call.ends("R2")
    call.tool_answers("b")
    assert cm.Cause.TOOL not in call.creates()
    call.tool_answers("a")
    assert call.creates().count(cm.Cause.TOOL) == 1


def test_an_owed_answer_waits_for_a_tool_that_holds_answers(call: Call) -> None:
    calls(call, holds=True)
    call.begins_to_answer(2_000, "R2")
    call.passes(300)
    call.caller_interrupts()
    call.caller_stops()
    call.ends("R2", ev.Ended.CANCELLED)
    call.passes(10_000)
    assert cm.Cause.RECOVERY not in call.creates()
    call.tool_answers("slow")
    assert call.creates()[-1] is cm.Cause.TOOL


# --- held -------------------------------------------------------------------------------------


def test_a_result_that_comes_while_answers_are_held_is_answered_afterwards(call: Call) -> None:
    calls(call)
    call.holds()
    call.tool_answers("slow")
    call.passes(5_000)
    assert call.creates() == [cm.Cause.TURN]
    call.holds(is_held=False)
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TOOL]


def test_an_answer_to_results_that_a_hold_drops_is_given_afterwards(call: Call) -> None:
    calls(call)
    call.core.state.creates.not_before_ms = 1_000
    call.tool_answers("slow")
    assert call.core.state.creates.queue
    call.holds()
    assert call.core.state.creates.queue == []
    call.passes(5_000)
    call.holds(is_held=False)
    assert call.creates() == [cm.Cause.TURN, cm.Cause.TOOL]
