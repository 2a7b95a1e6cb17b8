"""The observer's promises to whoever asks something of a call: what would break each."""

from __future__ import annotations

import pytest

from trio_media.core import asked
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import Cause, DigitsOutcome, EndingOutcome, SpeechOutcome
from trio_media.core.policy import Policy
from trio_media.core.units import ENDING_SILENT_MS, HEARD_ENOUGH_MS

from .driver import Call, active, over_audible, over_heard
from .pretending import NEW, TICK, breaks, create, pretend, taken

WAITING = ev.TimePassed()


def ended(
    call: Call, outcome: SpeechOutcome = SpeechOutcome.HEARD, heard_ms: int = 0, request: int = 0
) -> cm.SpeechEnded:
    return cm.SpeechEnded(request or call.request, outcome, heard_ms)


# --- creates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", [Cause.TURN, Cause.KEYS, Cause.TOOL, Cause.RECOVERY])
def test_nothing_is_answered_while_answers_are_held(call: Call, cause: Cause) -> None:
    call.holds()
    call.invariants.ledger.dues.answers_again = 1
    breaks(call, "one answer: while answers are held", create(cause))


@pytest.mark.parametrize("cause", [Cause.KEYS, Cause.RECOVERY])
def test_nothing_is_answered_while_a_tool_holds_answers(call: Call, cause: Cause) -> None:
    active(call)
    call.calls_tool("slow", holds=True)
    call.ends()
    breaks(call, "one answer: while answers are held", create(cause))


def test_a_filler_is_about_a_tool_that_runs_and_wants_it(call: Call) -> None:
    over_heard(call)
    breaks(call, "tools: a filler, and no tool runs", create(Cause.FILLER))
    call.does(ev.ToolCalled("R1", "R1.a", "a"))
    breaks(call, "tools: a filler, and no tool runs", create(Cause.FILLER))
    call.does(ev.ToolCalled("R1", "R1.b", "b", filler_ms=1_000))
    pretend(call, create(Cause.FILLER))


def test_a_filler_is_not_said_over_anybody(call: Call) -> None:
    over_audible(call)
    call.does(ev.ToolCalled("R1", "R1.b", "b", filler_ms=1_000))
    breaks(call, "tools: a filler while somebody speaks", create(Cause.FILLER))


def test_a_word_is_asked_for_where_that_is_wanted_and_so_often() -> None:
    breaks(Call(), "quiet: a word is asked for too often", create(Cause.SILENCE))
    call = Call(Policy(silence_ms=1_000, silence_asks=1))
    pretend(call, create(Cause.SILENCE))
    call = Call(Policy(silence_ms=1_000, silence_asks=1))
    call.invariants.ledger.dues.silences = 1
    breaks(call, "quiet: a word is asked for too often", create(Cause.SILENCE))


def test_a_word_is_not_asked_for_while_something_goes_on() -> None:
    for begin in (over_audible, lambda c: c.is_to_end(leaves=True)):
        call = Call(Policy(silence_ms=1_000))
        begin(call)
        call.invariants.ledger.dues.silences = 0
        promise = "end: a create while" if call.invariants.ledger.ending else "quiet: a word is"
        breaks(call, promise, create(Cause.SILENCE))
    call = Call(Policy(silence_ms=1_000))
    over_heard(call)
    call.does(ev.ToolCalled("R1", "R1.a", "a"))
    breaks(call, "quiet: a word is asked for while something", create(Cause.SILENCE))


def test_a_goodbye_is_said_once_and_for_an_ending(call: Call) -> None:
    over_audible(call)
    breaks(call, "end: a goodbye for nothing", create(Cause.GOODBYE))
    call.is_to_end(words=True)
    call.ends()
    breaks(call, "end: a goodbye for nothing", create(Cause.GOODBYE))


def test_words_are_somebodys(call: Call) -> None:
    asked_by = cm.CreateResponse(NEW, NEW, Cause.APPLICATION, NEW, request=NEW)
    breaks(call, f"one answer: nobody asked for {NEW}", asked_by)


def test_nothing_is_created_while_the_call_is_handed_over(call: Call) -> None:
    call.is_to_end(leaves=True)
    breaks(call, "end: a create while the call is handed over", create())


# --- words ------------------------------------------------------------------------------------


def test_words_have_one_outcome_and_are_somebodys(call: Call) -> None:
    over_heard(call)
    breaks(call, "outcome: request 1 has two outcomes", ended(call, heard_ms=400))
    breaks(call, f"outcome: request {NEW} has two outcomes", ended(call, request=NEW))


def test_what_was_heard_of_words_is_what_real_time_allows(call: Call) -> None:
    over_audible(call)
    cut = ended(call, SpeechOutcome.CUT_OFF, heard_ms=401)
    breaks(call, "truth: request 1: heard 401 of 5000, by real time 400", cut)


def test_without_a_session_nobody_counts_what_came(call: Call) -> None:
    over_audible(call)
    call.model_is_lost()
    pretend(call, ended(call, SpeechOutcome.CUT_OFF, heard_ms=401))


def test_heard_is_all_of_it_but_for_what_nobody_can_tell(call: Call) -> None:
    call.answers(1_000)
    call.passes(1_000 - HEARD_ENOUGH_MS - 1)
    heard = ended(call, heard_ms=1_000 - HEARD_ENOUGH_MS - 1)
    breaks(call, "truth: request 1: heard 849 of 1000, and is all of it", heard)
    call.passes(1)
    pretend(call, ended(call, heard_ms=1_000 - HEARD_ENOUGH_MS))


def test_nothing_heard_is_not_heard(call: Call) -> None:
    call.answers(HEARD_ENOUGH_MS - 10)
    breaks(call, "truth: request 1: heard 0 of 140, and is all of it", ended(call))


def test_what_is_not_completed_is_not_heard(call: Call) -> None:
    call.begins_to_answer(800)
    call.now_ms += 800
    breaks(call, "truth: .*, and is all of it", ended(call, heard_ms=800), event=TICK)


@pytest.mark.parametrize("outcome", [SpeechOutcome.CUT_OFF, SpeechOutcome.CALL_ENDED])
def test_what_was_heard_to_its_end_is_nothing_else(call: Call, outcome: SpeechOutcome) -> None:
    call.answers(1_000)
    call.now_ms += 1_000
    breaks(call, f"truth: .*, and is {outcome.value}", ended(call, outcome, 1_000), event=TICK)


# --- keys -------------------------------------------------------------------------------------


def test_keys_are_given_once_to_whoever_asked(call: Call) -> None:
    none = cm.DigitsCollected(NEW, "", DigitsOutcome.TIMED_OUT)
    breaks(call, f"outcome: request {NEW} has keys twice", none)


@pytest.mark.parametrize(
    ("digits", "outcome"),
    [
        ("1", DigitsOutcome.COMPLETE),
        ("123", DigitsOutcome.COMPLETE),
        ("123", DigitsOutcome.TERMINATED),
    ],
)
def test_keys_are_as_many_as_were_asked_for(
    call: Call, digits: str, outcome: DigitsOutcome
) -> None:
    request = call.wants_keys(2)
    breaks(call, f"keys: {digits} of 2", cm.DigitsCollected(request, digits, outcome))


def test_the_model_does_not_get_keys_that_were_asked_for(call: Call) -> None:
    call.wants_keys(2)
    breaks(call, "keys: the model gets keys that were asked for", cm.SendKeys(NEW, "1"))


# --- the end ----------------------------------------------------------------------------------

ENDED = cm.EndCall("done")


def test_a_call_ends_because_somebody_asked_for_it(call: Call) -> None:
    breaks(call, "end: nobody asked for it", ENDED)
    breaks(call, "end: nobody asked for it", cm.Leave(1))


@pytest.mark.parametrize("begin", [active, over_audible])
def test_a_call_that_ends_when_all_was_heard_cuts_nobody_off(call: Call, begin: object) -> None:
    begin(call)  # type: ignore[operator]
    call.is_to_end()
    breaks(call, "end: the model is cut off", ENDED, event=WAITING)


def test_a_request_to_end_cuts_nobody_off_in_its_own_step(call: Call) -> None:
    active(call)
    request = ev.EndingRequested(NEW)
    breaks(call, "end: the model is cut off", cm.EndingBegan(NEW, "done"), ENDED, event=request)


def test_a_wait_that_is_over_may_cut_somebody_off(call: Call) -> None:
    call.asks()
    call.opens()
    call.is_to_end()
    call.now_ms += ENDING_SILENT_MS
    call.invariants.ledger.dues.unended.clear()
    pretend(call, ENDED, event=WAITING)


def test_what_was_taken_is_not_cut_off(call: Call) -> None:
    active(call)
    call.is_to_end()
    call.interrupts()
    assert not asked.is_speaking(call.invariants.ledger)


def test_its_words_come_first(call: Call) -> None:
    request = ev.EndingRequested(NEW, words=NEW + 1)
    began = cm.EndingBegan(NEW, "done")
    breaks(call, "end: its words were not said", began, ENDED, event=request)


def test_a_tool_that_runs_comes_first(call: Call) -> None:
    over_heard(call)
    call.does(ev.ToolCalled("R1", "R1.a", "a"))
    began = cm.EndingBegan(NEW, "done")
    breaks(call, "end: a tool runs", began, ENDED, event=ev.EndingRequested(NEW))
    call.invariants.ledger.ending = None
    own = ev.EndingRequested(NEW, tool_call_id="a")
    pretend(call, began, ENDED, event=own)


def test_a_turn_of_a_caller_who_may_keep_the_call_comes_first(call: Call) -> None:
    call.server_hears()
    began = cm.EndingBegan(NEW, "done")
    breaks(call, "end: the caller is in a turn", began, ENDED, event=ev.EndingRequested(NEW))
    call.invariants.ledger.ending = None
    pretend(call, began, ENDED, event=ev.EndingRequested(NEW, is_final=True))


def test_there_is_one_ending_at_a_time(call: Call) -> None:
    active(call)
    call.is_to_end()
    breaks(call, "end: two endings at once", cm.EndingBegan(NEW, "done"))


def test_a_final_ending_is_not_revoked(call: Call) -> None:
    active(call)
    request = call.is_to_end(final=True)
    settled = cm.EndingSettled(request, EndingOutcome.REVOKED)
    breaks(call, "end: a final ending is revoked", settled)


def test_the_caller_is_not_answered_in_a_call_that_ends(call: Call) -> None:
    active(call)
    call.server_hears()
    call.is_to_end()
    answered = cm.TurnDecided("T1", "answered by the server")
    breaks(call, "end: the caller is answered, and the call ends", answered)


def test_a_caller_who_interrupts_keeps_the_call(call: Call) -> None:
    active(call)
    call.is_to_end()
    call.invariants.ledger.is_voiced = True
    cancel = cm.CancelResponse(NEW, "R1")
    breaks(call, "end: the caller interrupts, and the call ends", cancel, taken(1))


def test_what_is_final_or_handed_over_is_kept_by_nobody(call: Call) -> None:
    call.server_hears()
    call.is_to_end(leaves=True, final=True)
    answered = cm.TurnDecided("T1", "answered by the server")
    pretend(call, answered)
    call.invariants.ledger.turns["T1"] = "open"
    ending = call.invariants.ledger.ending
    assert ending is not None
    ending.is_final = False
    pretend(call, answered)


def test_a_call_is_handed_over_once_and_if_it_was_to_be(call: Call) -> None:
    active(call)
    call.is_to_end()
    call.now_ms += ENDING_SILENT_MS
    breaks(call, "end: the call was to end here", cm.Leave(2))
    call = Call()
    call.is_to_end(leaves=True)
    breaks(call, "end: handed over twice", cm.Leave(1))


def test_an_ending_that_comes_too_late_leaves_the_first_as_it_is(call: Call) -> None:
    first = call.is_to_end(leaves=True)
    late = cm.EndingSettled(NEW, EndingOutcome.REPLACED)
    pretend(call, late, event=ev.EndingRequested(NEW))
    assert call.invariants.ledger.ending is not None
    pretend(call, cm.EndingSettled(first, EndingOutcome.FAILED))
    assert call.invariants.ledger.ending is None


# --- tools ------------------------------------------------------------------------------------


def test_what_is_cancelled_runs_and_gives_way(call: Call) -> None:
    active(call)
    call.calls_tool("sure")
    breaks(call, "tools: other is cancelled, and does not run", cm.CancelTool("other"))
    breaks(call, "tools: sure is cancelled, and gives way to nobody", cm.CancelTool("sure"))


def test_what_gives_way_does_so_at_once(call: Call) -> None:
    over_heard(call)
    call.does(ev.ToolCalled("R1", "R1.a", "a", is_cancelled_by_interruption=True))
    call.server_hears()
    settled = cm.InterruptionSettled(
        NEW, NEW, ev.Reason.APPLICATION, cm.Outcome.NOTHING_TO_INTERRUPT, 0
    )
    asks = ev.InterruptRequested(NEW, ev.Reason.APPLICATION)
    breaks(call, "tools: a does not give way", settled, event=asks)
    answered = cm.TurnDecided("T1", "answered by the server")
    breaks(call, "tools: a does not give way", answered, event=ev.TurnCommitted("T1"))
    call.invariants.ledger.turns = {"T1": "open", "T2": "open"}
    pretend(call, answered, event=ev.TurnCommitted("T2"))
    call.invariants.ledger.turns["T1"] = "open"
    pretend(call, answered)
    breaks(call, "tools: a does not give way", taken())


def test_what_waits_to_be_asked_for_has_not_failed(call: Call) -> None:
    call.does(ev.SessionAway())
    request = call.asks()
    failed = cm.SpeechEnded(request, cm.SpeechOutcome.FAILED, 0)
    breaks(call, f"request {request} is not tried again", failed)
