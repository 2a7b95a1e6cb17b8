"""Every decision needs its evidence, every event has its duty: each is broken on purpose."""

from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.evidence import unpaid
from trio_media.core.units import (
    ACTIVE_MS,
    CANCEL_RETRY_MS,
    CANCELLING_MS,
    CANCELLING_TOTAL_MS,
    LOCAL_SPEECH_MAX_MS,
    REQUESTED_MS,
)

from .driver import SERVER, Call, active, over_audible, over_heard
from .pretending import NEW, SAID, TICK, breaks, create, pretend, taken


def closed(ended: ev.Ended, response_id: str | None = "R1") -> cm.ResponseClosed:
    return cm.ResponseClosed(1, response_id, ended)


# --- what a decision needs --------------------------------------------------------------------


def test_what_nobody_took_is_cancelled_only_when_it_is_silent_for_so_long(call: Call) -> None:
    active(call)
    cancel = cm.CancelResponse(NEW, "R1")
    breaks(call, "one cancel: 1 was neither taken nor silent", cancel)
    call = Call()
    active(call)
    progress_ms = call.invariants.ledger.responses[1].progress_ms
    call.now_ms = progress_ms + ACTIVE_MS
    pretend(call, cancel)


@pytest.mark.parametrize(
    ("ended", "event"),
    [
        (ev.Ended.COMPLETED, TICK),
        (ev.Ended.CANCELLED, ev.ResponseOver("R9", ev.Ended.CANCELLED)),
        (ev.Ended.REJECTED, TICK),
        (ev.Ended.DEADLINE, TICK),
        (ev.Ended.LOST, TICK),
    ],
)
def test_a_response_is_closed_for_a_reason(call: Call, ended: ev.Ended, event: ev.Event) -> None:
    active(call)
    breaks(call, f"one answer: 1 is closed as {ended.value}", closed(ended), event=event)


@pytest.mark.parametrize(
    ("ended", "event"),
    [
        (ev.Ended.COMPLETED, ev.ResponseOver("R1", ev.Ended.COMPLETED)),
        (ev.Ended.FAILED, ev.ResponseOver(None, ev.Ended.FAILED)),
        (ev.Ended.FAILED, ev.ResponseOver("R7", ev.Ended.FAILED, token=1)),
        (ev.Ended.REJECTED, ev.CommandUnsent(NEW)),
        (ev.Ended.REJECTED, ev.CommandRefused(ev.Refusal.OTHER, NEW)),
        (ev.Ended.LOST, ev.CallEnded()),
    ],
)
def test_a_reason_to_close_is_enough(call: Call, ended: ev.Ended, event: ev.Event) -> None:
    active(call)
    met = [cm.FaultMet(1, "R1", ended, cm.Remedy.LEAVE)] if ended in ev.FAULTS else []
    pretend(call, closed(ended), *met, said(call), event=event)


def said(call: Call) -> cm.SpeechEnded:
    """What becomes of the words that are being said."""
    return cm.SpeechEnded(call.request, cm.SpeechOutcome.CUT_OFF, call.response().heard_ms)


def test_a_hang_up_closes_what_is_open(call: Call) -> None:
    active(call)
    end = cm.EndCall("hung_up")
    pretend(call, closed(ev.Ended.LOST), said(call), end, event=ev.HangUpRequested())


def test_an_unanswered_create_is_given_up_in_its_time_and_not_before(call: Call) -> None:
    call.asks()
    call.now_ms += REQUESTED_MS - 1
    breaks(call, "one answer: 1 is closed as deadline", closed(ev.Ended.DEADLINE, None))
    call = Call()
    call.asks()
    call.now_ms += REQUESTED_MS
    pretend(call, closed(ev.Ended.DEADLINE, None))
    assert call.invariants.ledger.responses[1].is_taken  # should it appear after all


@pytest.mark.parametrize("is_chatty", [True, False])
def test_a_cancelled_response_is_given_up_in_its_time(call: Call, is_chatty: bool) -> None:
    active(call)
    call.interrupts()
    call.now_ms += CANCELLING_TOTAL_MS if is_chatty else CANCELLING_MS
    if is_chatty:
        call.invariants.ledger.responses[1].progress_ms = call.now_ms
    pretend(call, closed(ev.Ended.DEADLINE))


def test_an_onset_takes_nothing(call: Call) -> None:
    over_audible(call)
    call.caller_begins()
    told = (cm.TruncateItem(NEW, "R1.1", 400), cm.ItemHeard(1, "R1.1", 400, 5_000))
    breaks(call, "evidence: an onset", *told, taken(1), event=TICK)


def test_the_servers_speech_takes_when_it_was_heard(call: Call) -> None:
    over_audible(call)
    told = (cm.ClearCarrier(2), cm.TruncateItem(NEW, "R1.1", 400))
    heard = cm.ItemHeard(1, "R1.1", 400, 5_000)
    by_server = taken(1, reason=ev.Reason.SERVER_SPEECH)
    breaks(call, "evidence: the server heard nobody", *told, heard, by_server)


@pytest.mark.parametrize("reason", [ev.Reason.DTMF, ev.Reason.APPLICATION, ev.Reason.HANG_UP])
def test_nobody_is_interrupted_for_whoever_did_not_ask(call: Call, reason: ev.Reason) -> None:
    over_heard(call)
    breaks(call, f"evidence: nobody asked for {reason.value}", taken(reason=reason))


def test_what_was_not_meant_is_not_taken(call: Call) -> None:
    call.answers(1_000)
    call.asks()
    stale = ev.InterruptRequested(NEW, ev.Reason.APPLICATION, through=1)
    doomed = taken(2, reason=ev.Reason.APPLICATION)
    breaks(call, "evidence: .* were not meant", cm.ClearCarrier(2), doomed, event=stale)


def test_a_create_answers_a_turn_that_is_not_answered(call: Call) -> None:
    breaks(call, "one answer: of no turn", create(cm.Cause.TURN))
    call = Call()
    call.server_hears()
    committed = ev.TurnCommitted("T1")
    pretend(call, cm.TurnDecided("T1", "answered"), create(cm.Cause.TURN), event=committed)


def test_a_create_that_is_tried_again_answers_no_new_turn(call: Call) -> None:
    call.says()
    [first] = call.all(cm.CreateResponse)
    again = ev.CommandRefused(ev.Refusal.ALREADY_ACTIVE, first.command)
    pretend(call, closed(ev.Ended.REJECTED, None), event=again)
    pretend(call, create(cm.Cause.TURN))


def test_a_create_answers_all_results_of_a_response(call: Call) -> None:
    active(call)
    call.calls_tool("a")
    call.calls_tool("b")
    call.ends()
    call.does(ev.ToolAnswered("a"))
    breaks(call, "one answer: of a tool's result", create(cm.Cause.TOOL))


def test_nobody_greets_after_the_caller_spoke() -> None:
    call = Call(is_ready=False)
    request = call.asks(greeting=True)
    call.invariants.ledger.is_ready = True
    greeting = cm.CreateResponse(NEW, NEW, cm.Cause.GREETING, NEW, request)
    call.invariants.ledger.turns["T1"] = "undecided"
    breaks(call, "one answer: a greeting after the caller spoke", greeting)


def test_protected_speech_waits_until_the_server_does_not_act() -> None:
    call = Call(SERVER)
    request = call.asks(protected=True)
    protected = cm.CreateResponse(NEW, NEW, cm.Cause.APPLICATION, NEW, request, protected=True)
    breaks(call, "protected: created before", protected)


def test_protected_speech_loses_its_protection_for_want_of_a_confirmation_alone() -> None:
    call = Call(SERVER)
    request = call.asks(protected=True)
    unprotected = cm.CreateResponse(NEW, NEW, cm.Cause.APPLICATION, NEW, request)
    breaks(call, "protected: created without the protection", unprotected)
    call.invariants.ledger.lapses = 1
    pretend(call, unprotected)
    assert call.invariants.ledger.lapses == 0


def test_what_was_to_be_kept_is_not_dropped_by_an_interruption(call: Call) -> None:
    call.server_hears()
    kept, other = call.asks(keep=True), call.asks()
    pretend(call, cm.SpeechDropped(other))
    breaks(call, "outcome: request .* has two outcomes", cm.SpeechDropped(other))
    call.invariants.ledger.dues.unended.add(other)
    breaks(call, "one answer: request .* is dropped, and was not queued", cm.SpeechDropped(other))
    breaks(call, "one answer: request .* was to be kept", cm.SpeechDropped(kept))


@pytest.mark.parametrize(
    "event", [ev.HangUpRequested(), ev.InterruptRequested(NEW, ev.Reason.HANG_UP)]
)
def test_the_end_drops_what_was_to_be_kept(call: Call, event: ev.Event) -> None:
    call.server_hears()
    kept = call.asks(keep=True)
    settled = cm.InterruptionSettled(
        NEW, NEW, ev.Reason.HANG_UP, cm.Outcome.NOTHING_TO_INTERRUPT, 0
    )
    is_asked = isinstance(event, ev.InterruptRequested)
    ends = settled if is_asked else cm.EndCall("hung_up")
    pretend(call, cm.SpeechDropped(kept), ends, event=event)


def test_a_tool_is_not_run_for_what_was_taken(call: Call) -> None:
    active(call)
    call.interrupts()
    called = ev.ToolCalled("R1", "R1.call", "call")
    breaks(call, "tools: call is run for", cm.RunTool("call"), event=called)


# --- what an event obliges to -----------------------------------------------------------------


def test_a_hang_up_ends_the_call(call: Call) -> None:
    breaks(call, "end: a hang-up ends nothing", event=ev.HangUpRequested())


def test_a_lost_session_ends_every_response(call: Call) -> None:
    active(call)
    breaks(call, "lost: 1 is open without a session", event=ev.SessionLost())


def test_a_cancel_that_was_not_written_is_ordered_again(call: Call) -> None:
    active(call)
    call.interrupts()
    pretend(call, event=ev.CommandUnsent(call.all(cm.CancelResponse)[0].command))
    call.now_ms += CANCEL_RETRY_MS
    pretend(call, event=TICK)
    call.now_ms += 1
    breaks(call, "one cancel: one that was not written", event=TICK)


def test_a_tool_call_has_its_output(call: Call) -> None:
    active(call)
    called = ev.ToolCalled("R1", "R1.call", "call")
    breaks(call, "tools: call is neither run nor answered", event=called)


def test_a_tools_result_goes_to_the_model(call: Call) -> None:
    active(call)
    call.calls_tool("call")
    breaks(call, "tools: the model does not get", event=ev.ToolAnswered("call"))


def test_a_call_that_has_its_output_may_be_reported_again(call: Call) -> None:
    active(call)
    call.calls_tool("call")
    call.does(ev.ToolAnswered("call"))
    pretend(call, event=ev.ToolCalled("R1", "R1.call", "call"))
    pretend(call, event=ev.ToolAnswered("call"))


def test_a_refused_create_is_closed_at_once(call: Call) -> None:
    call.asks()
    refused = ev.CommandRefused(ev.Refusal.OTHER, call.all(cm.CreateResponse)[0].command)
    breaks(call, "one answer: a refused create is open", event=refused)


@pytest.mark.parametrize(
    "event", [ev.InterruptRequested(NEW, ev.Reason.APPLICATION), ev.KeyPressed("1")]
)
@pytest.mark.parametrize("is_over", [True, False])
def test_an_interruption_takes_what_is_open_or_heard(
    call: Call, event: ev.Event, is_over: bool
) -> None:
    (over_audible if is_over else active)(call)
    breaks(call, "silence: 1 goes on after an interruption", event=event)


def test_confirmed_speech_takes_unless_it_is_too_old_to_be_meant(call: Call) -> None:
    active(call)
    call.invariants.ledger.saw(ev.LocalSpeechBegan(), call.now_ms)
    breaks(call, "silence: 1 goes on", event=ev.LocalSpeechConfirmed())
    call = Call()
    active(call)
    call.invariants.ledger.saw(ev.LocalSpeechBegan(), call.now_ms)
    call.now_ms += LOCAL_SPEECH_MAX_MS
    pretend(call, event=ev.LocalSpeechConfirmed())


def test_protected_speech_goes_on() -> None:
    call = Call()
    call.asks(protected=True)
    call.opens()
    call.speaks(1_000)
    pretend(call, event=ev.KeyPressed("1"))


# --- what is due at the end -------------------------------------------------------------------


def test_nothing_is_due_after_an_answer_was_heard(call: Call) -> None:
    over_heard(call)
    assert list(unpaid(call.invariants.ledger)) == []


def test_what_was_asked_for_and_not_got_is_due(call: Call) -> None:
    over_audible(call)
    no_outcome = "whoever asked for words does not know what became of them"
    assert list(unpaid(call.invariants.ledger)) == [
        no_outcome,
        "what was heard of R1.1 is not known",
    ]
    call.server_hears()
    call.asks(keep=True)
    call.does(ev.KeyPressed("1"))
    assert list(unpaid(call.invariants.ledger)) == [
        "speech that was asked for was neither created nor dropped",
        no_outcome,
        "the model does not know of keys",
        "a turn is open or undecided",
    ]


def test_a_result_is_due_an_answer_once_all_of_them_are_there(call: Call) -> None:
    active(call)
    call.calls_tool("a")
    call.calls_tool("b")
    call.server_hears()
    call.ends()
    call.does(ev.ToolAnswered("a"))
    due = "a tool's result has no answer"
    assert due not in list(unpaid(call.invariants.ledger))
    call.does(ev.ToolAnswered("b"))
    assert due in list(unpaid(call.invariants.ledger))


def test_nothing_is_due_without_a_session(call: Call) -> None:
    over_audible(call)
    call.model_is_lost()
    assert list(unpaid(call.invariants.ledger)) == []


def test_an_event_that_says_who_is_heard_takes_by_words(call: Call) -> None:
    over_audible(call)
    told = (cm.ClearCarrier(2), cm.TruncateItem(NEW, "R1.1", 400))
    pretend(call, *told, cm.ItemHeard(1, "R1.1", 400, 5_000), taken(1), event=SAID)
