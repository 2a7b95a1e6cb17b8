"""What is claimed about cancelling, claim by claim, and the faults that broke such claims.

All of it is a property of the decision core: it is the only one that decides about a cancel.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import Outcome
from trio_media.core.events import Ended, Refusal
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.core.responses import Cancel, Phase
from trio_media.simulation.driving import CoreCall

SERVER = Policy(authority=Authority.SERVER)


@pytest.fixture
def call() -> CoreCall:
    return CoreCall()


def cancels(call: CoreCall) -> list[str]:
    return [cancel.response_id for cancel in call.all(cm.CancelResponse)]


# --- a cancel goes out only when the response is in progress ----------------------------------


def test_no_cancel_when_nothing_was_ever_said(call: CoreCall) -> None:
    request = call.interrupts()
    assert cancels(call) == []
    assert call.outcome(request) is Outcome.NOTHING_TO_INTERRUPT


def test_no_cancel_while_a_create_only_waits(call: CoreCall) -> None:
    call.server_hears()
    call.asks()
    request = call.interrupts()
    assert cancels(call) == []
    assert call.outcome(request) is Outcome.CANCELLED
    assert call.count(cm.CreateResponse) == 0


def test_no_cancel_before_the_id_is_known_and_one_when_it_appears(call: CoreCall) -> None:
    call.asks()
    request = call.interrupts()
    assert cancels(call) == []
    call.opens("R1")
    assert cancels(call) == ["R1"]
    call.ends("R1", Ended.CANCELLED)
    assert call.outcome(request) is Outcome.CANCELLED


def test_a_cancel_before_the_first_audio(call: CoreCall) -> None:
    call.asks()
    call.opens()
    call.interrupts()
    assert cancels(call) == ["R1"]
    assert call.count(cm.ClearCarrier) == 1


def test_a_cancel_in_the_middle_of_an_answer(call: CoreCall) -> None:
    call.begins_to_answer()
    call.interrupts()
    assert cancels(call) == ["R1"]


def test_no_cancel_once_generation_is_over_though_it_is_heard(call: CoreCall) -> None:
    call.answers(5_000)
    call.passes(400)
    request = call.interrupts()
    assert cancels(call) == []
    assert call.outcome(request) is Outcome.ALREADY_OVER
    assert call.all(cm.TruncateItem)[0].audio_end_ms == 400


def test_no_cancel_when_all_was_heard(call: CoreCall) -> None:
    call.answers(400)
    call.passes(1_000)
    request = call.interrupts()
    assert cancels(call) == []
    assert call.outcome(request) is Outcome.NOTHING_TO_INTERRUPT


def test_no_cancel_of_what_the_server_interrupted() -> None:
    call = CoreCall(SERVER)
    call.begins_to_answer()
    call.server_hears()
    request = call.interrupts()
    call.ends("R1", Ended.TURN_DETECTED)
    assert cancels(call) == []
    assert call.outcome(request) is Outcome.SERVER_CANCELLED


# --- a cancel in flight prevents a second ------------------------------------------------------


def test_a_cancel_in_flight_prevents_a_second(call: CoreCall) -> None:
    call.begins_to_answer()
    requests = [call.interrupts(reason) for reason in (ev.Reason.APPLICATION, ev.Reason.TOOL)]
    call.caller_interrupts()
    call.does(ev.KeyPressed("5"))
    assert cancels(call) == ["R1"]
    call.ends("R1", Ended.CANCELLED)
    assert [call.outcome(request) for request in requests] == [Outcome.CANCELLED] * 2


def test_a_settled_cancel_prevents_a_second(call: CoreCall) -> None:
    call.begins_to_answer()
    call.interrupts()
    call.refuses(Refusal.NOT_ACTIVE, call.all(cm.CancelResponse)[0].command)
    call.interrupts()
    assert cancels(call) == ["R1"]


def test_two_open_responses_get_one_cancel_each(call: CoreCall) -> None:
    call.begins_to_answer()
    call.server_opens("R2")
    call.interrupts()
    call.interrupts()
    assert cancels(call) == ["R1", "R2"]


# --- the lifecycle is tracked -------------------------------------------------------------------


def test_the_lifecycle_is_tracked(call: CoreCall) -> None:
    call.asks()
    response = call.core.state.book.responses[0]
    phases = [response.phase]
    call.opens()
    phases.append(response.phase)
    call.speaks(600)
    call.interrupts()
    phases.append(response.phase)
    facts = [response.cancel]
    call.ends("R1", Ended.CANCELLED)
    phases.append(response.phase)
    facts.append(response.cancel)
    assert phases == [Phase.REQUESTED, Phase.ACTIVE, Phase.CANCELLING, Phase.OVER]
    assert facts == [Cancel.OUT, Cancel.SETTLED]


# --- flushing is idempotent ---------------------------------------------------------------------


def test_flushing_is_idempotent(call: CoreCall) -> None:
    call.begins_to_answer(2_000)
    call.passes(300)
    call.caller_begins()
    call.caller_is_sure()
    call.interrupts()
    call.interrupts()
    assert call.count(cm.ClearCarrier) == 1
    assert call.count(cm.TruncateItem) == 1
    assert call.count(cm.ItemHeard) == 1


def test_late_audio_after_the_flush_is_not_played(call: CoreCall) -> None:
    call.begins_to_answer(200)
    call.interrupts()
    played = call.count(cm.PlayAudio)
    call.speaks(1_000)
    call.speaks(1_000, "R1.2")
    call.ends("R1", Ended.CANCELLED)
    call.speaks(1_000)
    call.passes(3_000)
    assert call.count(cm.PlayAudio) == played


# --- "not active" is no error -------------------------------------------------------------------


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("is_before_the_end", [True, False])
def test_not_active_is_no_error_in_either_order(
    call: CoreCall, is_named: bool, is_before_the_end: bool
) -> None:
    call.begins_to_answer()
    request = call.interrupts()
    command = call.all(cm.CancelResponse)[0].command if is_named else None
    if is_before_the_end:
        call.refuses(Refusal.NOT_ACTIVE, command)
        call.ends()
    else:
        call.ends()
        call.refuses(Refusal.NOT_ACTIVE, command)
    assert call.outcome(request) is Outcome.ALREADY_OVER
    call.answers(400, "R2")
    call.interrupts()
    assert cancels(call) == ["R1"]
    assert not call.core.state.is_over


def test_not_active_without_any_terminal_event_ends_the_wait(call: CoreCall) -> None:
    call.begins_to_answer()
    request = call.interrupts()
    call.refuses(Refusal.NOT_ACTIVE, None)
    call.passes(3_000)
    assert call.outcome(request) is Outcome.TIMED_OUT
    call.asks()
    assert call.count(cm.CreateResponse) == 2


def test_not_active_for_an_old_response_leaves_the_new_one_alone(call: CoreCall) -> None:
    call.begins_to_answer()
    call.interrupts()
    call.ends("R1", Ended.CANCELLED)
    call.begins_to_answer(600, "R2")
    call.refuses(Refusal.NOT_ACTIVE, call.all(cm.CancelResponse)[0].command)
    call.refuses(Refusal.NOT_ACTIVE, None)
    call.interrupts()
    assert cancels(call) == ["R1", "R2"]


# --- nothing is reset beyond what the model was saying ------------------------------------------


def test_the_callers_turn_survives_a_cancel(call: CoreCall) -> None:
    call.begins_to_answer()
    call.server_hears("T1")
    call.interrupts()
    call.ends("R1", Ended.CANCELLED)
    call.server_hears_end("T1")
    call.commits("T1")
    assert call.all(cm.CreateResponse)[-1].cause is cm.Cause.TURN


def test_what_was_asked_to_be_kept_survives_a_cancel(call: CoreCall) -> None:
    call.begins_to_answer()
    kept = call.asks(keep=True)
    call.interrupts()
    call.ends("R1", Ended.CANCELLED)
    assert call.all(cm.CreateResponse)[-1].request == kept


def test_a_tool_survives_a_cancel(call: CoreCall) -> None:
    call.begins_to_answer()
    call.does(ev.ToolCalled("R1", "R1.call", "call"))
    call.interrupts()
    call.ends("R1", Ended.CANCELLED)
    call.does(ev.ToolAnswered("call"))
    assert call.all(cm.PostToolOutput)[0].was_run
    assert call.all(cm.CreateResponse)[-1].cause is cm.Cause.TOOL


def test_keys_survive_a_cancel(call: CoreCall) -> None:
    call.begins_to_answer()
    call.does(ev.KeyPressed("4"))
    call.does(ev.KeyPressed("2"))
    call.ends("R1", Ended.CANCELLED)
    call.passes(1_500)
    assert call.all(cm.SendKeys)[0].digits == "42"


def test_the_intent_to_hang_up_survives_a_cancel_that_is_out(call: CoreCall) -> None:
    call.begins_to_answer()
    request = call.interrupts()
    call.does(ev.HangUpRequested())
    assert call.count(cm.EndCall) == 1
    assert call.outcome(request) is Outcome.CALL_ENDED


def test_the_model_session_and_the_hang_up_survive_a_cancel(call: CoreCall) -> None:
    call.begins_to_answer()
    call.interrupts()
    assert call.core.state.is_session_ready
    assert call.count(cm.EndModelSession) == 0
    call.does(ev.HangUpRequested())
    assert call.all(cm.EndCall)[0].reason == "hung_up"


# --- a failed cancel can be retried -------------------------------------------------------------


def test_a_failed_cancel_can_be_retried(call: CoreCall) -> None:
    call.begins_to_answer()
    request = call.interrupts()
    call.does(ev.CommandUnsent(call.all(cm.CancelResponse)[0].command))
    call.passes(99)
    assert cancels(call) == ["R1"]
    call.passes(1)
    assert cancels(call) == ["R1", "R1"]
    call.ends("R1", Ended.CANCELLED)
    assert call.outcome(request) is Outcome.CANCELLED


def test_a_cancel_that_can_never_be_sent_is_given_up(call: CoreCall) -> None:
    call.begins_to_answer()
    request = call.interrupts()
    for _ in range(40):
        last = call.all(cm.CancelResponse)[-1]
        call.does(ev.CommandUnsent(last.command))
        call.passes(100)
    assert call.outcome(request) is Outcome.TIMED_OUT


def test_a_cancel_that_was_refused_is_not_sent_again(call: CoreCall) -> None:
    call.begins_to_answer()
    request = call.interrupts()
    call.refuses(Refusal.OTHER, call.all(cm.CancelResponse)[0].command)
    call.interrupts()
    call.passes(3_000)
    assert cancels(call) == ["R1"]
    assert call.outcome(request) is Outcome.FAILED


def test_a_retry_is_not_needed_when_the_response_ended_meanwhile(call: CoreCall) -> None:
    call.begins_to_answer()
    call.interrupts()
    call.does(ev.CommandUnsent(call.all(cm.CancelResponse)[0].command))
    call.ends()
    call.passes(1_000)
    assert cancels(call) == ["R1"]


def test_a_retry_is_not_needed_when_the_server_interrupts_meanwhile() -> None:
    call = CoreCall(SERVER)
    call.begins_to_answer()
    call.interrupts()
    call.does(ev.CommandUnsent(call.all(cm.CancelResponse)[0].command))
    call.server_hears()
    call.passes(1_000)
    assert cancels(call) == ["R1"]
    assert not call.core.state.book.has_unsettled_cancel()


# --- all cancel state is gone when the call closes ----------------------------------------------


@pytest.mark.parametrize("end", [ev.HangUpRequested(), ev.CallEnded()])
def test_all_cancel_state_is_gone_when_the_call_closes(call: CoreCall, end: ev.Event) -> None:
    call.begins_to_answer()
    request = call.interrupts()
    call.does(end)
    state = call.core.state
    assert call.outcome(request) is Outcome.CALL_ENDED
    assert not state.book.open()
    assert not state.book.has_unsettled_cancel()
    assert not state.interruptions
    assert call.core.next_deadline() is None
    logged = len(call.log)
    call.refuses(Refusal.NOT_ACTIVE, None)
    call.ends()
    call.interrupts()
    call.passes(60_000)
    assert len(call.log) == logged


# --- one guard serves every way to cancel -------------------------------------------------------


def _by_deadline(call: CoreCall) -> None:
    call.passes(30_000)


def _by_hang_up(call: CoreCall) -> None:
    call.does(ev.HangUpRequested())


def _by_long_server_speech(call: CoreCall) -> None:
    call.server_hears("long")
    call.passes(1_200)


WAYS: dict[str, Callable[[CoreCall], object]] = {
    "speech": lambda call: call.caller_interrupts(),
    "key": lambda call: call.does(ev.KeyPressed("1")),
    "application": lambda call: call.interrupts(),
    "tool": lambda call: call.interrupts(ev.Reason.TOOL),
    "long server speech": _by_long_server_speech,
    "hang-up": _by_hang_up,
    "deadline": _by_deadline,
}


@pytest.mark.parametrize("second", WAYS)
@pytest.mark.parametrize("first", WAYS)
def test_one_guard_serves_every_way_to_cancel(call: CoreCall, first: str, second: str) -> None:
    call.begins_to_answer()
    WAYS[first](call)
    WAYS[second](call)
    assert cancels(call) == ["R1"]


def test_speech_that_the_server_hears_goes_through_the_same_guard() -> None:
    call = CoreCall(Policy(ear=Ear.SERVER))
    call.begins_to_answer()
    call.server_hears("T1")
    call.server_hears("T2")
    call.interrupts()
    assert cancels(call) == ["R1"]


# --- faults that systems doing this job really had ----------------------------------------------


def test_a_failed_send_does_not_leave_the_response_marked_as_cancelled(call: CoreCall) -> None:
    """The mute and the cancel are separate facts: it stays muted, and can still be cancelled."""
    call.begins_to_answer()
    call.interrupts()
    call.does(ev.CommandUnsent(call.all(cm.CancelResponse)[0].command))
    response = call.core.state.book.responses[0]
    assert response.is_muted
    facts = [response.cancel]
    call.passes(100)
    facts.append(response.cancel)
    assert facts == [Cancel.UNSENT, Cancel.OUT]


def test_asking_whether_a_cancel_may_go_out_does_not_record_it(call: CoreCall) -> None:
    """A take that finds nothing of its own to cancel leaves no trace for the next one."""
    call.begins_to_answer()
    call.interrupts(through=0)
    response = call.core.state.book.responses[0]
    assert response.cancel is Cancel.NONE
    call.interrupts()
    assert cancels(call) == ["R1"]


@pytest.mark.parametrize("way", ["speech", "key", "application", "tool", "deadline"])
def test_whoever_cancels_a_failed_send_is_retried(call: CoreCall, way: str) -> None:
    """There is one way out, so no caller of it can swallow a failure."""
    call.begins_to_answer()
    WAYS[way](call)
    call.does(ev.CommandUnsent(call.all(cm.CancelResponse)[0].command))
    call.passes(100)
    assert cancels(call) == ["R1", "R1"]


def test_a_late_error_for_an_old_cancel_does_not_forget_the_response_that_speaks_now(
    call: CoreCall,
) -> None:
    call.begins_to_answer()
    call.interrupts()
    call.ends("R1", Ended.CANCELLED)
    call.begins_to_answer(600, "R2")
    call.refuses(Refusal.NOT_ACTIVE, call.all(cm.CancelResponse)[0].command)
    assert call.core.state.book.by_id("R2") in call.core.state.exposed()
    call.interrupts()
    assert cancels(call) == ["R1", "R2"]


def test_many_detectors_at_once_send_one_cancel(call: CoreCall) -> None:
    call.begins_to_answer(3_000)
    call.passes(500)
    call.server_hears("T1")
    call.caller_begins()
    call.caller_is_sure()
    call.does(ev.KeyPressed("1"))
    call.interrupts()
    call.interrupts(ev.Reason.TOOL)
    call.passes(1_300)
    assert cancels(call) == ["R1"]
    assert call.count(cm.ClearCarrier) == 1


def test_an_answer_that_is_generated_but_not_heard_can_be_interrupted(call: CoreCall) -> None:
    call.begins_to_answer(8_000)
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.ends()
    call.passes(1_000)
    call.caller_interrupts()
    assert call.count(cm.ClearCarrier) == 1
    assert call.all(cm.TruncateItem)[0].audio_end_ms == 1_000


def test_the_end_of_an_item_is_not_the_end_of_its_response(call: CoreCall) -> None:
    call.begins_to_answer(400)
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.does(ev.ToolCalled("R1", "R1.call", "call"))
    call.interrupts()
    assert cancels(call) == ["R1"]


def test_the_end_of_an_old_response_does_not_end_the_new_one(call: CoreCall) -> None:
    call.begins_to_answer()
    call.server_opens("R2")
    call.interrupts(through=1)
    call.ends("R1", Ended.CANCELLED)
    call.ends("R1", Ended.CANCELLED)
    assert call.core.state.book.by_id("R2") in call.core.state.book.open()
    call.interrupts()
    assert cancels(call) == ["R1", "R2"]


@pytest.mark.parametrize("refusal", list(Refusal))
def test_an_error_that_names_nothing_changes_nothing(call: CoreCall, refusal: Refusal) -> None:
    call.begins_to_answer()
    call.asks(keep=True)
    logged = len(call.log)
    call.refuses(refusal, None)
    call.refuses(refusal, 9_999)
    assert len(call.log) == logged
    assert call.core.state.book.responses[0].phase is Phase.ACTIVE
    call.interrupts()
    assert cancels(call) == ["R1"]


def test_a_long_answer_is_not_given_up_while_it_makes_progress(call: CoreCall) -> None:
    """The wait runs from the last progress, not from the beginning."""
    call.begins_to_answer(200)
    for _ in range(10):
        call.passes(10_000)
        call.speaks(200)
    assert cancels(call) == []
    call.asks(keep=True)
    call.passes(29_999)
    assert cancels(call) == []
    call.passes(1)
    assert cancels(call) == ["R1"]
    call.passes(3_000)
    assert call.count(cm.CreateResponse) == 2
