from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import Cause
from trio_media.core.events import Ended, Refusal
from trio_media.core.policy import Authority, Policy
from trio_media.core.responses import Phase
from trio_media.core.units import RECORDS_KEPT
from trio_media.simulation.driving import CoreCall

SERVER = Policy(authority=Authority.SERVER)


@pytest.fixture
def call() -> CoreCall:
    return CoreCall()


def opened(call: CoreCall) -> list[tuple[int, str]]:
    return [(o.response, o.response_id) for o in call.all(cm.ResponseOpened)]


# --- whose response it is -----------------------------------------------------------------------


def test_a_token_says_whose_response_it_is(call: CoreCall) -> None:
    call.asks()
    call.server_opens("stranger")
    call.opens("R1")
    assert [r.response_id for r in call.core.state.book] == ["stranger", "R1"]


def test_without_tokens_the_one_that_was_asked_for_is_it(call: CoreCall) -> None:
    call.asks()
    call.server_opens("R1")
    assert opened(call) == [(1, "R1")]
    assert call.all(cm.ResponseOpened)[0].cause is Cause.APPLICATION


def test_once_the_service_sends_tokens_nothing_is_guessed(call: CoreCall) -> None:
    call.asks()
    call.opens("R1")
    call.ends("R1")
    call.asks()
    call.does(ev.ItemAdded("stranger", "S.1", is_speech=True))
    call.interrupts()
    call.opens("R2")
    assert opened(call) == [(1, "R1"), (3, "stranger"), (2, "R2")]
    assert "R2" in [cancel.response_id for cancel in call.all(cm.CancelResponse)]


def test_what_the_server_is_about_to_create_is_not_ours() -> None:
    call = CoreCall(SERVER)
    call.asks()
    call.says("T1")
    call.server_opens("R1")
    assert opened(call) == [(2, "R1")]


def test_what_the_server_did_not_create_in_time_is_ours_again() -> None:
    call = CoreCall(SERVER)
    call.says("T1")
    call.asks()
    call.passes(1_500)
    call.server_opens("R1")
    assert opened(call) == [(1, "R1")]


def test_a_name_nobody_knows_gets_a_record(call: CoreCall) -> None:
    call.speaks(200, "X.1")
    assert opened(call) == [(1, "X")]
    assert call.all(cm.PlayAudio)[0].item_id == "X.1"


def test_a_token_nobody_knows_is_the_servers(call: CoreCall) -> None:
    call.does(ev.ResponseCreated("R1", 999))
    assert call.all(cm.ResponseOpened)[0].cause is Cause.SERVER


def test_a_response_that_is_announced_twice_is_one(call: CoreCall) -> None:
    call.asks()
    call.opens()
    call.opens()
    assert len(opened(call)) == 1


def test_a_response_that_the_server_creates_pays_what_is_owed() -> None:
    call = CoreCall()
    call.begins_to_answer()
    call.caller_interrupts()
    call.caller_stops()
    call.ends("R1", Ended.CANCELLED)
    assert call.core.state.owed.is_owed
    call.ends("stranger")  # a late terminal event of nobody is no answer
    assert call.core.state.owed.is_owed
    call.server_opens("R2")
    assert not call.core.state.owed.is_owed


# --- given up, and then there after all ---------------------------------------------------------


@pytest.mark.parametrize("has_token", [True, False])
def test_a_response_whose_create_was_given_up_is_doomed_when_it_appears(
    call: CoreCall, has_token: bool
) -> None:
    call.asks()
    call.passes(10_000)
    assert call.all(cm.ResponseClosed)[0].ended is Ended.DEADLINE
    if has_token:
        call.opens("R1")
    else:
        call.server_opens("R1")
    call.speaks(1_000)
    assert [c.response_id for c in call.all(cm.CancelResponse)] == ["R1"]
    assert call.count(cm.PlayAudio) == 0


def test_under_the_servers_authority_what_it_may_have_made_itself_is_not_doomed() -> None:
    call = CoreCall(SERVER)
    call.asks()
    call.passes(10_000)
    call.server_opens("R1")
    assert call.count(cm.CancelResponse) == 0


def test_a_silent_response_is_cancelled_and_what_came_of_it_plays_on(call: CoreCall) -> None:
    call.begins_to_answer(40_000)
    call.passes(30_000)
    assert call.count(cm.CancelResponse) == 1
    assert call.count(cm.ClearCarrier) == 0
    call.speaks(400)
    call.ends("R1", Ended.CANCELLED)
    call.passes(20_000)
    assert call.all(cm.ItemHeard) == [cm.ItemHeard(1, "R1.1", 40_400, 40_400)]


def test_two_responses_that_fall_silent_at_once_are_both_cancelled(call: CoreCall) -> None:
    call.asks()
    call.opens("R1")
    call.server_opens("R2")
    call.passes(30_000)
    assert [cancel.response_id for cancel in call.all(cm.CancelResponse)] == ["R1", "R2"]


def test_a_cancelled_response_that_goes_on_and_on_is_closed(call: CoreCall) -> None:
    call.begins_to_answer()
    call.interrupts()
    for _ in range(15):
        call.passes(2_000)
        call.speaks(100)
    assert call.all(cm.ResponseClosed)[-1].ended is Ended.DEADLINE


# --- items and audio ----------------------------------------------------------------------------


def test_audio_is_played_in_the_order_of_items(call: CoreCall) -> None:
    call.begins_to_answer(300)
    call.speaks(300, "R1.2")
    call.speaks(100, "R1.1")
    call.ends()
    call.passes(2_000)
    assert [h.item_id for h in call.all(cm.ItemHeard)] == ["R1.1", "R1.2"]
    assert [h.heard_ms for h in call.all(cm.ItemHeard)] == [400, 300]


def test_no_audio_is_nothing(call: CoreCall) -> None:
    call.begins_to_answer(0)
    assert call.count(cm.PlayAudio) == 0


def test_late_audio_of_an_item_that_is_done_is_dropped(call: CoreCall) -> None:
    call.begins_to_answer(200)
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.speaks(400)
    call.passes(1_000)
    assert sum(audio.length_ms for audio in call.all(cm.PlayAudio)) == 200


def test_items_are_known_before_their_audio(call: CoreCall) -> None:
    call.asks()
    call.opens()
    call.does(ev.ItemAdded("R1", "R1.1", is_speech=True))
    call.does(ev.ItemAdded("R1", "R1.1", is_speech=True))
    assert len(call.core.state.book.responses[0].items) == 1


# --- tools --------------------------------------------------------------------------------------


def calls_tool(call: CoreCall, call_id: str, response_id: str = "R1") -> None:
    call.does(ev.ToolCalled(response_id, f"{response_id}.{call_id}", call_id))


def test_several_tool_results_lead_to_one_answer_after_the_end(call: CoreCall) -> None:
    call.begins_to_answer(200)
    calls_tool(call, "a")
    calls_tool(call, "b")
    calls_tool(call, "a")
    assert [run.call_id for run in call.all(cm.RunTool)] == ["a", "b"]
    call.does(ev.ToolAnswered("a"))
    call.does(ev.ToolAnswered("a"))
    call.ends()
    assert call.count(cm.CreateResponse) == 1
    call.does(ev.ToolAnswered("b"))
    assert [post.call_id for post in call.all(cm.PostToolOutput)] == ["a", "b"]
    assert call.all(cm.CreateResponse)[-1].cause is Cause.TOOL
    assert call.count(cm.CreateResponse) == 2


def test_a_tool_of_a_muted_response_is_not_run_but_has_its_output(call: CoreCall) -> None:
    call.begins_to_answer(200)
    call.interrupts()
    calls_tool(call, "a")
    assert call.count(cm.RunTool) == 0
    assert [(post.call_id, post.was_run) for post in call.all(cm.PostToolOutput)] == [("a", False)]


def test_a_tool_that_was_run_has_its_result_as_output(call: CoreCall) -> None:
    call.begins_to_answer(200)
    calls_tool(call, "call")
    call.does(ev.ToolAnswered("call"))
    posted = call.all(cm.PostToolOutput)
    assert [(post.call_id, post.was_run) for post in posted] == [("call", True)]


def test_a_function_call_is_never_played(call: CoreCall) -> None:
    call.asks()
    call.opens()
    call.does(ev.ToolCalled("R1", "R1.call", "call"))
    call.speaks(400, "R1.call")
    assert call.count(cm.PlayAudio) == 0


def test_a_function_call_is_never_deleted(call: CoreCall) -> None:
    call.asks()
    call.opens()
    call.does(ev.ItemAdded("R1", "R1.a", is_speech=False))
    calls_tool(call, "a")
    call.interrupts()
    call.does(ev.ItemAdded("R1", "R1.b", is_speech=False))
    call.ends("R1", Ended.CANCELLED)
    assert call.count(cm.DeleteItem) == 0


def test_a_result_of_nobody_is_nothing(call: CoreCall) -> None:
    assert call.does(ev.ToolAnswered("nobody")) == []


def test_a_tool_call_that_is_forgotten_has_its_output(call: CoreCall) -> None:
    call.answers(20, "R0")
    call.does(ev.ToolCalled("R0", "R0.call", "slow"))
    for number in range(1, RECORDS_KEPT + 2):
        call.answers(20, f"R{number}")
        call.passes(100)
    assert [(p.call_id, p.was_run) for p in call.all(cm.PostToolOutput)] == [("slow", False)]
    call.does(ev.ToolAnswered("slow"))
    assert call.count(cm.PostToolOutput) == 1


# --- terminal events ----------------------------------------------------------------------------


def test_the_end_of_a_response_names_it(call: CoreCall) -> None:
    call.begins_to_answer()
    call.ends("R1", Ended.FAILED)
    assert call.all(cm.ResponseClosed) == [cm.ResponseClosed(1, "R1", Ended.FAILED)]


def test_what_is_no_speech_is_not_played_when_it_comes_after_the_end_either(
    call: CoreCall,
) -> None:
    call.answers(200)
    call.passes(1_000)
    played = call.count(cm.PlayAudio)
    call.does(ev.ItemAdded("R1", "R1.9", is_speech=False))
    call.speaks(400, "R1.9")
    assert call.count(cm.PlayAudio) == played


def test_an_owed_answer_that_is_rejected_is_one_less_in_a_row(call: CoreCall) -> None:
    call.asks()
    for number in range(2):
        call.opens(f"R{number}")
        call.speaks(2_000, f"R{number}.1")
        call.passes(500)
        call.caller_interrupts()
        call.caller_stops()
        call.ends(f"R{number}", Ended.CANCELLED)
        call.passes(2_000)
    assert call.core.state.owed.in_a_row == 2
    call.refuses(Refusal.OTHER, call.all(cm.CreateResponse)[-1].command)
    assert call.core.state.owed.in_a_row == 1


def test_a_second_terminal_event_changes_nothing(call: CoreCall) -> None:
    call.answers(200)
    call.ends("R1", Ended.FAILED)
    assert [closed.ended for closed in call.all(cm.ResponseClosed)] == [Ended.COMPLETED]


def test_a_terminal_event_can_be_the_first_of_its_response(call: CoreCall) -> None:
    call.asks()
    token = call.all(cm.CreateResponse)[0].token
    call.does(ev.ResponseOver("R1", Ended.FAILED, token))
    assert call.core.state.book.responses[0].phase is Phase.OVER
    assert opened(call) == [(1, "R1")]


def test_a_doomed_response_whose_first_event_is_its_last_is_not_cancelled(call: CoreCall) -> None:
    call.asks()
    request = call.interrupts()
    call.does(ev.ResponseOver("R1", Ended.FAILED, call.all(cm.CreateResponse)[0].token))
    assert call.count(cm.CancelResponse) == 0
    assert call.outcome(request) is cm.Outcome.ALREADY_OVER


def test_a_terminal_event_that_is_the_first_of_its_response_says_whose_it_is(
    call: CoreCall,
) -> None:
    call.answers(200)  # the service says whose a response is
    call.passes(1_000)
    call.asks()
    token = call.all(cm.CreateResponse)[-1].token
    call.does(ev.ResponseOver("R2", Ended.FAILED, token))
    assert call.all(cm.ResponseOpened)[-1] == cm.ResponseOpened(2, "R2", Cause.APPLICATION)
    assert not call.core.state.book.open()


def test_a_create_that_was_rejected_is_no_response_that_appears_later(call: CoreCall) -> None:
    call.asks()
    call.refuses(Refusal.OTHER, call.all(cm.CreateResponse)[-1].command)
    call.server_opens("X")
    assert call.all(cm.ResponseOpened) == [cm.ResponseOpened(2, "X", Cause.SERVER)]
    assert call.count(cm.CancelResponse) == 0


def test_an_item_of_a_muted_response_of_which_the_end_alone_is_told_is_deleted(
    call: CoreCall,
) -> None:
    cancelled(call)
    call.does(ev.ItemAudioDone("R1", "R1.2"))
    call.ends("R1", Ended.CANCELLED)
    assert [told.item_id for told in call.all(cm.DeleteItem)] == ["R1.1", "R1.2"]


def test_a_terminal_event_with_a_token_alone_ends_that_create(call: CoreCall) -> None:
    call.asks()
    call.does(ev.ResponseOver(None, Ended.FAILED, call.all(cm.CreateResponse)[0].token))
    assert not call.core.state.book.open()
    call.does(ev.ResponseOver(None, Ended.FAILED, 999))


def test_a_terminal_event_that_says_nothing_ends_the_only_one_that_is_open(call: CoreCall) -> None:
    nameless = ev.ResponseOver(None, Ended.FAILED)
    assert call.does(nameless) == []
    call.begins_to_answer()
    call.server_opens("R2")
    call.does(nameless)
    assert len(call.core.state.book.open()) == 2
    call.ends("R2")
    call.does(nameless)
    assert not call.core.state.book.open()


# --- refusals -----------------------------------------------------------------------------------


def test_a_refused_truncate_is_harmless(call: CoreCall) -> None:
    call.answers(2_000)
    call.passes(500)
    call.interrupts()
    logged = len(call.log)
    call.refuses(Refusal.OTHER, call.all(cm.TruncateItem)[0].command)
    call.does(ev.CommandUnsent(call.all(cm.TruncateItem)[0].command))
    assert len(call.log) == logged


def test_not_active_that_names_nothing_settles_the_only_cancel_that_is_out(call: CoreCall) -> None:
    call.begins_to_answer()
    call.server_opens("R2")
    call.interrupts()
    call.refuses(Refusal.NOT_ACTIVE, None)
    assert call.core.state.book.has_unsettled_cancel()
    call.ends("R2", Ended.CANCELLED)
    call.refuses(Refusal.NOT_ACTIVE, None)
    assert not call.core.state.book.has_unsettled_cancel()


def test_a_cancel_is_settled_once(call: CoreCall) -> None:
    call.begins_to_answer()
    call.interrupts()
    command = call.all(cm.CancelResponse)[0].command
    call.refuses(Refusal.NOT_ACTIVE, command)
    call.refuses(Refusal.OTHER, command)
    call.does(ev.CommandUnsent(command))
    response = call.core.state.book.responses[0]
    assert not response.cancel_refused


def test_a_late_refusal_of_a_create_that_was_taken_up_is_nothing(call: CoreCall) -> None:
    call.begins_to_answer()
    command = call.all(cm.CreateResponse)[0].command
    call.refuses(Refusal.ALREADY_ACTIVE, command)
    call.does(ev.CommandUnsent(command))
    assert call.core.state.book.responses[0].phase is Phase.ACTIVE


def test_what_is_unsent_of_nobody_is_nothing(call: CoreCall) -> None:
    assert call.does(ev.CommandUnsent(999)) == []


# --- the session is lost ------------------------------------------------------------------------


def test_what_was_heard_of_a_lost_session_plays_on_and_then_the_call_ends(call: CoreCall) -> None:
    call.begins_to_answer(1_000)
    call.passes(300)
    call.does(ev.SessionLost())
    call.passes(699)
    assert not call.core.state.is_over
    call.passes(1)
    assert call.all(cm.ItemHeard) == [cm.ItemHeard(1, "R1.1", 1_000, 1_000)]
    assert call.all(cm.EndCall) == [cm.EndCall("model_lost")]


def test_nothing_is_told_to_a_lost_session(call: CoreCall) -> None:
    call.answers(3_000)
    call.does(ev.ToolCalled("R1", "R1.call", "call"))
    call.passes(500)
    call.does(ev.SessionLost())
    logged = len(call.log)
    call.caller_interrupts()
    call.does(ev.ToolAnswered("call"))
    kinds = {type(command) for _, command in call.log[logged:]}
    assert not kinds & {cm.TruncateItem, cm.DeleteItem, cm.PostToolOutput, cm.CancelResponse}
    assert cm.ClearCarrier in kinds


def test_a_lost_session_says_nothing_more(call: CoreCall) -> None:
    call.answers(3_000)
    call.does(ev.SessionLost())
    logged = len(call.log)
    call.does(ev.SessionReady(server_acts=True))
    call.server_opens("ghost")
    call.speaks(400, "ghost.1")
    call.says("T1")
    call.does(ev.SessionLost())
    assert len(call.log) == logged


def test_a_hush_delays_the_end_of_a_lost_session(call: CoreCall) -> None:
    call.asks()
    call.opens()
    call.caller_begins()
    call.does(ev.SessionLost())
    assert call.count(cm.EndCall) == 0
    call.passes(700)
    assert call.count(cm.EndCall) == 1


# --- cancels, and what the service says of them -------------------------------------------------


def cancelled(call: CoreCall) -> int:
    """Have a response cancelled; return the cancel's command."""
    call.begins_to_answer(1_000)
    call.interrupts()
    return call.all(cm.CancelResponse)[-1].command


def test_a_cancel_of_which_nothing_was_written_is_ordered_again_a_moment_later(
    call: CoreCall,
) -> None:
    call.does(ev.CommandUnsent(cancelled(call)))
    call.passes(99)
    assert call.count(cm.CancelResponse) == 1
    call.passes(1)
    assert call.count(cm.CancelResponse) == 2


def test_a_cancel_that_nobody_saw_is_not_needed_when_the_server_interrupts() -> None:
    call = CoreCall(SERVER)
    call.begins_to_answer(1_000)
    request = call.interrupts()
    call.does(ev.CommandUnsent(call.all(cm.CancelResponse)[-1].command))
    call.server_hears()
    call.passes(1_000)
    call.ends("R1", Ended.CANCELLED)
    assert call.count(cm.CancelResponse) == 1
    assert call.outcome(request) is cm.Outcome.SERVER_CANCELLED


def test_what_is_over_is_deleted_though_an_older_response_is_not(call: CoreCall) -> None:
    call.begins_to_answer(1_000)
    call.server_opens("R2")
    call.speaks(1_000, "R2.1")
    call.interrupts()
    call.ends("R2", Ended.CANCELLED)
    assert [told.item_id for told in call.all(cm.DeleteItem)] == ["R2.1"]


def test_not_active_that_names_nothing_settles_nothing_when_two_cancels_are_out(
    call: CoreCall,
) -> None:
    call.begins_to_answer(1_000)
    call.server_opens("R2")
    call.interrupts()
    cancels = [cancel.command for cancel in call.all(cm.CancelResponse)]
    call.refuses(Refusal.NOT_ACTIVE, None)
    for command in cancels:
        call.does(ev.CommandUnsent(command))
    call.passes(100)
    assert [c.response_id for c in call.all(cm.CancelResponse)] == ["R1", "R2", "R1", "R2"]


@pytest.mark.parametrize(
    ("refusal", "outcome"),
    [(Refusal.OTHER, cm.Outcome.FAILED), (Refusal.NOT_ACTIVE, cm.Outcome.TIMED_OUT)],
)
def test_a_cancel_that_was_refused_and_ended_nothing_has_failed(
    call: CoreCall, refusal: Refusal, outcome: cm.Outcome
) -> None:
    call.begins_to_answer(1_000)
    request = call.interrupts()
    call.refuses(refusal, call.all(cm.CancelResponse)[-1].command)
    call.passes(3_000)
    assert call.outcome(request) is outcome


def test_what_ended_though_its_cancel_was_refused_was_cancelled(call: CoreCall) -> None:
    call.begins_to_answer(1_000)
    request = call.interrupts()
    call.refuses(Refusal.OTHER, call.all(cm.CancelResponse)[-1].command)
    call.ends("R1", Ended.CANCELLED)
    assert call.outcome(request) is cm.Outcome.CANCELLED


def test_what_was_not_written_is_found_among_older_responses(call: CoreCall) -> None:
    call.answers(200)
    call.passes(1_000)
    call.says()
    call.does(ev.CommandUnsent(call.all(cm.CreateResponse)[-1].command))
    call.passes(250)
    causes = [create.cause for create in call.all(cm.CreateResponse)]
    assert causes == [Cause.APPLICATION, Cause.TURN, Cause.TURN]


def test_a_create_refused_after_the_servers_own_response_is_over_is_tried_again(
    call: CoreCall,
) -> None:
    call.says()
    call.server_opens()  # it looks like the answer
    call.ends()
    call.refuses(Refusal.ALREADY_ACTIVE, call.all(cm.CreateResponse)[-1].command)
    call.passes(249)
    assert call.count(cm.CreateResponse) == 1
    call.passes(1)
    assert call.count(cm.CreateResponse) == 2


def test_an_answer_owed_after_the_server_interrupted_waits_from_when_it_said_so() -> None:
    call = CoreCall(SERVER)
    call.server_opens("R1")
    call.speaks(2_000)
    call.passes(300)
    call.ends("R1", Ended.TURN_DETECTED)
    call.passes(9_000)
    created = [at_ms for at_ms, c in call.log if isinstance(c, cm.CreateResponse)]
    assert created == [300 + call.policy.recover_ms]


def test_the_servers_speech_that_goes_on_is_not_ended_by_what_it_interrupted() -> None:
    call = CoreCall(SERVER)
    call.server_hears()
    call.server_opens("R1")
    call.speaks(2_000)
    call.passes(300)
    call.ends("R1", Ended.TURN_DETECTED)
    assert call.core.state.floor.server_ended_ms == 0
