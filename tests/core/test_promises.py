"""Each promise is broken on purpose, and the observer says which one it was.

A call is driven to where the promise matters; then the observer is told of commands that the core
would not give.  A command that is right there is shown to pass, where it is not obvious.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import BrokenInvariant
from trio_media.core.known import KnownResponse
from trio_media.core.ledger import Ledger
from trio_media.core.policy import Authority, Policy
from trio_media.core.promises import keeps_back, owed_is_paid
from trio_media.core.units import (
    ACTIVE_MS,
    CANCELLING_MS,
    CANCELLING_TOTAL_MS,
    CREATE_RETRY_MS,
    RECOVERIES_IN_A_ROW,
    REQUESTED_MS,
)

from .driver import SERVER, Call, active, hushed, over_audible, over_heard
from .pretending import NEW, breaks, create, pretend, taken

# --- one cancel -------------------------------------------------------------------------------


def test_a_cancel_names_a_known_response(call: Call) -> None:
    active(call)
    pretend(call, cm.CancelResponse(NEW, "R1"), taken(1))
    breaks(call, "one cancel: of an unknown", cm.CancelResponse(NEW, "R9"))


def test_a_response_is_cancelled_once(call: Call) -> None:
    active(call)
    call.interrupts()
    breaks(call, "one cancel: a second", cm.CancelResponse(NEW, "R1"))


def test_what_is_over_is_not_cancelled(call: Call) -> None:
    over_audible(call)
    breaks(call, "one cancel: of a response that is over", cm.CancelResponse(NEW, "R1"))


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_the_server_interrupted_is_not_cancelled(is_terminal: bool) -> None:
    call = Call(SERVER)
    active(call)
    call.server_opens("R2")
    if is_terminal:
        call.ends("R2", ev.Ended.TURN_DETECTED)
    else:
        call.server_hears()
    breaks(call, "one cancel: the server did it", cm.CancelResponse(NEW, "R1"))


def test_what_began_after_the_server_interrupted_may_be_cancelled() -> None:
    call = Call(SERVER)
    active(call)
    call.server_opens("R2")
    call.ends("R1", ev.Ended.TURN_DETECTED)
    pretend(call, cm.CancelResponse(NEW, "R2"), taken(2))


def test_a_cancel_of_which_no_byte_was_written_may_be_given_again(call: Call) -> None:
    active(call)
    call.interrupts()
    call.does(ev.CommandUnsent(call.all(cm.CancelResponse)[0].command))
    pretend(call, cm.CancelResponse(NEW, "R1"))


def test_what_is_taken_is_cancelled(call: Call) -> None:
    active(call)
    breaks(call, "one cancel: 1 goes on unheard", cm.ClearCarrier(2), taken(1))


def test_a_doomed_response_is_cancelled_when_its_id_appears(call: Call) -> None:
    call.asks()
    call.interrupts()
    opened = cm.ResponseOpened(1, "R1", cm.Cause.APPLICATION)
    breaks(call, "one cancel: 1 goes on", opened, event=ev.ResponseCreated("R1", 1))


# --- silence ----------------------------------------------------------------------------------


def test_a_clear_is_for_a_hush_or_a_take(call: Call) -> None:
    active(call)
    breaks(call, "silence: a clear for nothing", cm.ClearCarrier(2))


def test_a_hush_clears(call: Call) -> None:
    active(call)
    breaks(call, "silence: a hush without a clear", cm.Hushed(400, "R1.1"))


def test_no_audio_goes_in_front_of_the_clear(call: Call) -> None:
    active(call)
    more = cm.PlayAudio(NEW, 1, "R1.1", 1_400, 20)
    breaks(call, "silence: audio in front", more, cm.ClearCarrier(2), cm.Hushed(400, "R1.1"))


def test_a_take_inside_a_hush_sends_no_clear(call: Call) -> None:
    hushed(call)
    cancel = cm.CancelResponse(NEW, "R1")
    breaks(call, "silence: a clear inside a hush", cm.ClearCarrier(3), cancel, taken(1))


def test_a_clear_begins_an_epoch(call: Call) -> None:
    active(call)
    hush = cm.Hushed(400, "R1.1")
    breaks(call, "silence: a clear without a new epoch", cm.ClearCarrier(1), hush)


def test_what_is_hushed_is_not_hushed_again(call: Call) -> None:
    hushed(call)
    breaks(call, "hush: hushed twice", cm.Hushed(400, "R1.1"), cm.ClearCarrier(3))


def test_what_is_not_hushed_is_not_resumed(call: Call) -> None:
    active(call)
    breaks(call, "hush: resumed without", cm.Resumed())


@pytest.mark.parametrize(
    ("promise", "span"),
    [
        ("truth: audio of an unknown item", cm.PlayAudio(NEW, 1, "R9.1", 0, 20)),
        ("silence: audio of another epoch", cm.PlayAudio(NEW, 0, "R1.1", 1_400, 20)),
        ("silence: audio out of order", cm.PlayAudio(1, 1, "R1.1", 1_400, 20)),
        ("truth: audio that was never received", cm.PlayAudio(NEW, 1, "R1.1", 5_000, 20)),
        ("truth: audio that was never received", cm.PlayAudio(NEW, 1, "R1.1", -20, 20)),
        ("truth: R1.1: audio was skipped", cm.PlayAudio(NEW, 1, "R1.1", 4_000, 20)),
    ],
)
def test_what_is_played_is_there_in_order_and_without_a_gap(
    call: Call, promise: str, span: cm.PlayAudio
) -> None:
    active(call)
    breaks(call, promise, span)


def test_no_message_of_audio_is_sent_twice(call: Call) -> None:
    active(call)
    last = call.all(cm.PlayAudio)[-1]
    breaks(call, "silence: audio out of order", last)


def test_a_model_that_is_gone_need_not_know_what_was_heard(call: Call) -> None:
    over_audible(call)
    call.model_is_lost()
    call.caller_interrupts()
    assert call.heard() == {"R1.1": 400}


def test_nothing_is_played_in_a_hush(call: Call) -> None:
    hushed(call)
    breaks(call, "silence: audio in a hush", cm.PlayAudio(NEW, 2, "R1.1", 300, 20))


def test_a_resume_skips_nothing(call: Call) -> None:
    hushed(call)
    skips = cm.PlayAudio(NEW, 2, "R1.1", 420, 20)
    breaks(call, "truth: R1.1: audio was skipped", cm.Resumed(), skips)


def test_a_resume_does_not_skip_the_items_behind_the_one_that_was_playing(call: Call) -> None:
    call.begins_to_answer(600)
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.speaks(600, "R1.2")
    call.passes(300)
    call.caller_begins()
    assert call.all(cm.Hushed) == [cm.Hushed(300, "R1.1")]
    again = cm.PlayAudio(NEW, 2, "R1.1", 200, 400)
    skips = cm.PlayAudio(NEW + 1, 2, "R1.2", 400, 20)
    breaks(call, "truth: R1.2: audio was skipped", cm.Resumed(), again, skips)


def test_nothing_is_played_of_what_was_taken(call: Call) -> None:
    call.begins_to_answer(2_000)
    call.does(ev.ItemAdded("R1", "R1.2", is_speech=True))
    call.interrupts()
    call.invariants.ledger.items["R1.1"].heard_ms = None
    breaks(call, "silence: R1.1 was taken", cm.PlayAudio(NEW, 2, "R1.1", 0, 20))


def test_nothing_is_played_when_its_bytes_went(call: Call) -> None:
    over_heard(call)
    breaks(call, "truth: R1.1: played after", cm.PlayAudio(NEW, 1, "R1.1", 380, 20))


def test_what_is_no_speech_is_not_played(call: Call) -> None:
    active(call)
    call.calls_tool("call")
    call.invariants.ledger.items["R1.call"].received_ms = 100
    breaks(call, "silence: what is played is no speech", cm.PlayAudio(NEW, 1, "R1.call", 0, 20))


# --- marks ------------------------------------------------------------------------------------


def test_a_mark_names_the_epoch_and_is_never_reused(call: Call) -> None:
    active(call)
    breaks(call, "marks: a mark of another epoch", cm.SendMark(0, NEW))
    breaks(call, "marks: a mark's name was reused", cm.SendMark(1, 1))
    last = cm.SendMark(1, call.all(cm.SendMark)[-1].number)
    breaks(call, "marks: a mark's name was reused", last)


# --- truth ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard_ms", "received_ms", "detail"),
    [
        (-1, 5_000, "heard -1 of 5000"),
        (5_001, 5_000, "heard 5001 of 5000"),
        (400, 5_001, "heard 400 of 5001"),
        (401, 5_000, "heard 401 of 5000, by real time 400"),
    ],
)
def test_heard_is_never_above_what_was_received_or_played_by_real_time(
    call: Call, heard_ms: int, received_ms: int, detail: str
) -> None:
    active(call)
    breaks(call, f"truth: R1.1: {detail}", cm.ItemHeard(1, "R1.1", heard_ms, received_ms))


def test_heard_is_never_above_what_was_written(call: Call) -> None:
    active(call)
    call.is_stalled = True
    call.passes(5_000)
    breaks(call, "truth: R1.1: heard 1401 of 5000", cm.ItemHeard(1, "R1.1", 1_401, 5_000))


def test_what_was_heard_is_said_once(call: Call) -> None:
    over_heard(call)
    breaks(call, "truth: .* said twice", cm.ItemHeard(1, "R1.1", 400, 400))


@pytest.mark.parametrize("at_ms", [0, -1, 5_001])
def test_a_truncation_lies_within_what_was_received(call: Call, at_ms: int) -> None:
    over_audible(call)
    breaks(call, f"truth: R1.1: {at_ms} of 5000", cm.TruncateItem(NEW, "R1.1", at_ms))


def test_an_item_is_told_once_and_never_when_it_is_no_speech(call: Call) -> None:
    active(call)
    call.calls_tool("call")
    call.interrupts()
    breaks(call, "truth: R1.1 was told already", cm.TruncateItem(NEW, "R1.1", 400))
    breaks(call, "truth: R1.call is no speech", cm.DeleteItem(NEW, "R1.call"))


def test_what_was_heard_is_not_deleted(call: Call) -> None:
    over_heard(call)
    breaks(call, "truth: R1.1 was heard, and is deleted", cm.DeleteItem(NEW, "R1.1"))


def test_an_item_is_not_deleted_before_its_response_is_over(call: Call) -> None:
    call.begins_to_answer(1_000)
    call.interrupts()
    breaks(call, "truth: R1.1 is deleted before", cm.DeleteItem(NEW, "R1.1"))


def test_a_turn_that_was_answered_is_not_deleted(call: Call) -> None:
    call.says()
    breaks(call, "truth: T1 is answered, and deleted", cm.DeleteItem(NEW, "T1"))


def test_what_nobody_took_was_heard_to_the_end(call: Call) -> None:
    over_audible(call)
    breaks(
        call,
        "truth: R1.1: heard 400 of 5000, and nobody took it",
        cm.ItemHeard(1, "R1.1", 400, 5_000),
    )


def test_the_model_knows_what_was_not_heard(call: Call) -> None:
    over_audible(call)
    heard = cm.ItemHeard(1, "R1.1", 400, 5_000)
    breaks(call, "truth: .* the model does not know", cm.ClearCarrier(2), taken(1), heard)


def test_the_model_knows_exactly_what_was_heard(call: Call) -> None:
    over_audible(call)
    told = cm.TruncateItem(NEW, "R1.1", 380)
    heard = cm.ItemHeard(1, "R1.1", 400, 5_000)
    breaks(call, "truth: .* told 380", cm.ClearCarrier(2), told, heard, taken(1))


def test_nearly_all_of_what_is_done_may_be_left_alone(call: Call) -> None:
    call.answers(1_000)
    call.passes(850)
    pretend(call, cm.ClearCarrier(2), taken(1), cm.ItemHeard(1, "R1.1", 850, 1_000))


def test_what_was_nearly_heard_to_its_end_keeps_no_create_back(call: Call) -> None:
    call.answers(1_000)
    call.passes(900)
    call.interrupts()
    assert call.truncates() == {}
    call.asks()
    assert call.count(cm.CreateResponse) == 2


# --- one answer -------------------------------------------------------------------------------


def test_there_is_one_response_at_a_time(call: Call) -> None:
    active(call)
    breaks(call, "one answer: one is open", create())


def test_no_create_goes_out_while_a_cancel_is_unsettled(call: Call) -> None:
    active(call)
    call.interrupts()
    call.invariants.ledger.responses[1].is_open = False
    breaks(call, "one answer: a cancel is unsettled", create())


def test_no_create_goes_out_in_the_callers_turn(call: Call) -> None:
    call.server_hears()
    breaks(call, "one answer: the caller is in a turn", create())


def test_no_create_goes_out_in_a_hush(call: Call) -> None:
    over_audible(call)
    call.caller_begins()
    breaks(call, "one answer: the floor is hushed", create())


def test_no_create_goes_out_before_the_model_session_is_ready() -> None:
    breaks(Call(is_ready=False), "one answer: the session is not ready", create())


def test_the_numbers_of_responses_are_not_reused(call: Call) -> None:
    over_heard(call)
    again = cm.CreateResponse(NEW, NEW, cm.Cause.APPLICATION, 1)
    breaks(call, "one answer: a number was reused", again)


def test_the_model_knows_what_was_not_heard_before_it_speaks_again(call: Call) -> None:
    call.begins_to_answer(1_000)
    call.interrupts()
    cancelled = ev.ResponseOver("R1", ev.Ended.CANCELLED)
    closed = cm.ResponseClosed(1, "R1", ev.Ended.CANCELLED)
    breaks(call, "truth: R1.1 was not heard", closed, create(), event=cancelled)


def test_a_turn_has_one_fate(call: Call) -> None:
    call.says()
    breaks(call, "one answer: T1 was answered, and is void", cm.TurnDecided("T1", "void"))


def test_a_void_turn_is_not_answered(call: Call) -> None:
    active(call)
    call.confirms(server_acts=False, transcribes=False)
    call.says()
    breaks(call, "one answer: T1 was void, and is answered", cm.TurnDecided("T1", "answered"))


def test_a_turn_that_lapsed_may_be_answered_after_all(call: Call) -> None:
    call.does(ev.ServerSpeechStarted("T1"))
    call.does(ev.TurnFailed("T1"))
    pretend(call, cm.TurnDecided("T1", "answered"))


def test_nothing_is_told_to_a_session_that_is_gone(call: Call) -> None:
    over_audible(call)
    call.model_is_lost()
    breaks(call, "lost: told to a lost session", cm.SendKeys(NEW, "1"))


def test_each_tool_call_has_one_output(call: Call) -> None:
    active(call)
    call.calls_tool("call")
    call.does(ev.ToolAnswered("call"))
    breaks(call, "tools: posted twice", cm.PostToolOutput(NEW, "call", was_run=True))


# --- no dead air ------------------------------------------------------------------------------


def test_a_hush_ends_within_hush_max_ms(call: Call) -> None:
    hushed(call)
    call.now_ms += call.policy.hush_max_ms
    pretend(call)
    call.now_ms += 1
    breaks(call, "dead air: a hush outlived")


def test_a_response_without_progress_is_given_up(call: Call) -> None:
    call.begins_to_answer()
    call.now_ms = ACTIVE_MS + CANCELLING_MS
    pretend(call)
    call.now_ms += 1
    breaks(call, "dead air: 1 is open without progress")


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_every_interruption_has_an_outcome_in_time(call: Call, is_asked_for: bool) -> None:
    over_audible(call)
    if is_asked_for:
        pretend(call, event=ev.InterruptRequested(NEW, ev.Reason.APPLICATION, through=0))
    else:
        told = (cm.TruncateItem(NEW, "R1.1", 400), cm.ItemHeard(1, "R1.1", 400, 5_000))
        by_key = taken(1, reason=ev.Reason.DTMF)
        pretend(call, cm.ClearCarrier(2), *told, by_key, event=ev.KeyPressed("1"))
    call.now_ms += REQUESTED_MS + CANCELLING_TOTAL_MS + CANCELLING_MS
    pretend(call)
    call.now_ms += 1
    breaks(call, "outcome: an interruption without an outcome")


def interrupted_by_a_cough(call: Call) -> None:
    """Speech took the floor, ended, and no turn says what it was: an answer is owed."""
    over_audible(call)
    call.caller_interrupts()
    call.caller_stops()


def test_an_owed_answer_comes(call: Call) -> None:
    interrupted_by_a_cough(call)
    call.now_ms += call.policy.recover_ms + CREATE_RETRY_MS
    pretend(call)
    call.now_ms += 1
    breaks(call, "dead air: an owed answer does not come")


def test_an_owed_answer_is_due_since_the_last_of_what_it_waits_for() -> None:
    for field in ("owed_ms", "local_ended_ms", "server_ended_ms"):
        ledger = Ledger(Policy(), is_ready=True, owed_ms=0)
        setattr(ledger, field, 1_000)
        owed_is_paid(ledger, 0)
        due_ms = 1_000 + ledger.policy.recover_ms + CREATE_RETRY_MS
        owed_is_paid(ledger, due_ms)
        with pytest.raises(BrokenInvariant, match="an owed answer does not come"):
            owed_is_paid(ledger, due_ms + 1)


def test_an_owed_answer_may_wait_for_what_keeps_it_back(call: Call) -> None:
    interrupted_by_a_cough(call)
    call.server_hears()
    call.now_ms += 2 * call.policy.recover_ms
    pretend(call)


def test_an_owed_answer_is_due_since_the_first_take_of_what_owes_it(call: Call) -> None:
    active(call)
    call.caller_interrupts()
    taken_ms = call.now_ms
    call.passes(100)
    pretend(call, taken(1, reason=ev.Reason.LOCAL_SPEECH))
    assert call.invariants.ledger.owed_ms == taken_ms


def test_what_the_server_opened_only_to_end_it_pays_nothing(call: Call) -> None:
    interrupted_by_a_cough(call)
    opened = cm.ResponseOpened(NEW, "X", cm.Cause.SERVER)
    closed = cm.ResponseClosed(NEW, "X", ev.Ended.FAILED)
    met = cm.FaultMet(NEW, "X", ev.Ended.FAILED, cm.Remedy.LEAVE)
    pretend(call, opened, closed, met, event=ev.ResponseOver("X", ev.Ended.FAILED))
    assert call.invariants.ledger.owed_ms is not None


def over(**changes: bool) -> KnownResponse:
    return KnownResponse(1, 0, is_open=False, **changes)


@pytest.mark.parametrize(
    ("changes", "keeps"),
    [
        ({}, False),
        ({"responses": {1: over()}}, False),
        ({"turns": {"T1": "answered", "T2": "void", "T3": "lapsed"}}, False),
        ({"recoveries": RECOVERIES_IN_A_ROW - 1}, False),
        ({"is_lost": True}, True),
        ({"is_over": True}, True),
        ({"is_ready": False}, True),
        ({"is_heard": True}, True),
        ({"hushed_ms": 0}, True),
        ({"flags_asked_ms": 0}, True),
        ({"recoveries": RECOVERIES_IN_A_ROW}, True),
        ({"turns": {"T1": "open"}}, True),
        ({"turns": {"T1": "undecided"}}, True),
        ({"responses": {1: KnownResponse(1, 0)}}, True),
        ({"responses": {1: over(is_cancel_settled=False)}}, True),
        ({"responses": {1: over(is_protected=True)}}, True),
    ],
)
def test_each_thing_that_keeps_an_owed_answer_back_does_so_alone(
    changes: dict[str, Any], keeps: bool
) -> None:
    ledger = attrs.evolve(Ledger(Policy(), is_ready=True), **changes)
    assert keeps_back(ledger) is keeps


def test_owed_answers_have_an_end(call: Call) -> None:
    for number in range(2):
        call.begins_to_answer(5_000, f"R{number}")
        call.passes(400)
        call.caller_interrupts()
        call.caller_stops()
        call.ends(f"R{number}", ev.Ended.CANCELLED)
        call.passes(2_000)
        call.opens(f"owed{number}")
        call.ends(f"owed{number}")
    assert call.creates().count(cm.Cause.RECOVERY) == 2
    breaks(call, "dead air: owed answers without end", create(cm.Cause.RECOVERY))


# --- protected speech -------------------------------------------------------------------------


def protected(call: Call) -> None:
    """Protected speech is at the carrier."""
    call.asks(protected=True)
    call.opens()
    call.speaks(5_000)
    call.passes(400)


def test_a_clear_spares_protected_speech(call: Call) -> None:
    protected(call)
    breaks(call, "protected: a clear cuts", cm.ClearCarrier(2), cm.Hushed(400, "R1.1"))


def test_a_clear_spares_protected_speech_that_is_not_written_yet() -> None:
    call = Call(is_stalled=True)
    protected(call)
    breaks(call, "protected: a clear cuts", cm.ClearCarrier(2), cm.Hushed(0, "R1.1"))


@pytest.mark.parametrize(
    "event", [ev.HangUpRequested(), ev.InterruptRequested(NEW, ev.Reason.HANG_UP)]
)
def test_a_hang_up_cuts_protected_speech(call: Call, event: ev.Event) -> None:
    protected(call)
    cancel = cm.CancelResponse(NEW, "R1")
    ends = [cm.EndCall("hung_up")] if isinstance(event, ev.HangUpRequested) else []
    hung_up = taken(1, reason=ev.Reason.HANG_UP)
    settled = cm.InterruptionSettled(
        NEW, None, ev.Reason.HANG_UP, cm.Outcome.CALL_ENDED, heard_ms=0
    )
    cut = cm.SpeechEnded(call.request, cm.SpeechOutcome.CALL_ENDED, 0)
    pretend(call, cm.ClearCarrier(2), cancel, hung_up, settled, cut, *ends, event=event)


def test_protected_speech_is_taken_by_a_hang_up_alone(call: Call) -> None:
    protected(call)
    breaks(call, "protected: 1 was taken", taken(1))


def test_speech_is_not_protected_while_the_server_acts() -> None:
    """Its create is due only when the service has confirmed that the server does not act."""
    call = Call(Policy(authority=Authority.SERVER))
    call.does(ev.SpeechRequested(1, ev.Say.APPLICATION, protected=True))
    call.confirms(server_acts=False)
    assert call.invariants.ledger.responses[1].is_protected


# --- outcomes ---------------------------------------------------------------------------------


def settled(request: int | None, outcome: cm.Outcome) -> cm.InterruptionSettled:
    return cm.InterruptionSettled(NEW, request, ev.Reason.APPLICATION, outcome, 0)


def test_an_outcome_is_for_somebody_who_waits(call: Call) -> None:
    active(call)
    breaks(call, "outcome: an outcome nobody waits for", settled(NEW, cm.Outcome.CANCELLED))


def test_there_are_not_two_outcomes(call: Call) -> None:
    active(call)
    breaks(call, "outcome: two outcomes", settled(None, cm.Outcome.CANCELLED))


ENDS: dict[str, Callable[[], tuple[ev.Event, tuple[cm.Command, ...]]]] = {
    "by us": lambda: (ev.HangUpRequested(), (cm.EndCall("hung_up"),)),
    "by anybody": lambda: (ev.CallEnded(), ()),
}


@pytest.mark.parametrize("way", ENDS)
def test_an_interruption_that_nobody_asked_for_has_an_outcome_when_the_call_ends(
    call: Call, way: str
) -> None:
    active(call)
    call.caller_interrupts()
    event, commands = ENDS[way]()
    breaks(call, "outcome: no outcome at the end", *commands, event=event)


@pytest.mark.parametrize("way", ENDS)
def test_a_request_that_led_to_nothing_has_an_outcome_when_the_call_ends(
    call: Call, way: str
) -> None:
    pretend(call, event=ev.InterruptRequested(NEW, ev.Reason.APPLICATION))
    event, commands = ENDS[way]()
    breaks(call, "outcome: no outcome at the end", *commands, event=event)


@pytest.mark.parametrize("way", ENDS)
def test_whoever_waits_has_an_outcome_when_the_call_ends(call: Call, way: str) -> None:
    active(call)
    call.interrupts()
    event, commands = ENDS[way]()
    breaks(call, "outcome: no outcome at the end", *commands, event=event)
