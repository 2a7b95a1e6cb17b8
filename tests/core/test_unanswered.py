"""The observer sees a core that leaves callers without an answer: each promise, broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core import failing, unanswered
from trio_media.core.commands import Remedy
from trio_media.core.events import Ended
from trio_media.core.invariants import BrokenInvariant
from trio_media.core.policy import Policy
from trio_media.core.units import CREATE_RETRY_MS, SORRIES_IN_A_ROW

from .driver import Call
from .pretending import breaks, pretend

OVER = ev.ResponseOver("R1", Ended.FAILED)
CLOSED = cm.ResponseClosed(1, "R1", Ended.FAILED)
SORRY = cm.PlayRecorded(cm.Recorded.SORRY)


def met(remedy: Remedy, ended: Ended = Ended.FAILED) -> cm.FaultMet:
    return cm.FaultMet(1, "R1", ended, remedy)


def answering(said_ms: int = 0, policy: Policy | None = None) -> Call:
    """A call in which the answer to a turn is open."""
    call = Call(policy or Policy())
    call.says()
    call.opens()
    if said_ms:
        call.speaks(said_ms)
    return call


def fails_on(call: Call, times: int) -> None:
    """Have the answers to a turn fail, with time for the next try."""
    for _ in range(times):
        name = f"R{call.all(cm.CreateResponse)[-1].response}"
        call.opens(name)
        call.ends(name, Ended.FAILED)
        call.passes(6_000)


# --- pretended -------------------------------------------------------------------------------


def test_a_fault_of_which_nothing_is_made() -> None:
    breaks(answering(), "nothing is done about it", CLOSED, event=OVER)


def test_a_remedy_for_what_did_not_fail() -> None:
    breaks(answering(), "ended in no fault", met(Remedy.RETRY), event=OVER)


def test_an_answer_that_is_left_and_nobody_hears_of_it() -> None:
    breaks(answering(), "nobody hears of it", CLOSED, met(Remedy.LEAVE), event=OVER)


def test_an_answer_that_was_begun_may_be_left() -> None:
    pretend(answering(400), CLOSED, met(Remedy.LEAVE), event=OVER)


@pytest.mark.parametrize(
    "excuse",
    [
        lambda call: call.holds(),
        lambda call: call.server_hears("T2"),
        lambda call: call.presses("1"),
    ],
)
def test_an_answer_may_be_left_to_others(excuse: Callable[[Call], Any]) -> None:
    call = answering(policy=Policy(dtmf_interrupts=False))
    excuse(call)
    pretend(call, CLOSED, met(Remedy.LEAVE), event=OVER)


def test_words_that_are_due_and_are_not_said() -> None:
    breaks(answering(), "nothing is said", CLOSED, met(Remedy.SAY), event=OVER)


def test_a_model_that_is_to_be_given_up_and_is_not() -> None:
    renewed = cm.EndModelSession("another one")
    breaks(answering(), "nothing is said", CLOSED, met(Remedy.END), renewed, event=OVER)


def test_a_sorry_for_nothing() -> None:
    breaks(answering(), "sorry for nothing", SORRY)


def test_an_answer_that_begins_anew_though_it_was_heard() -> None:
    breaks(answering(400), "begins anew", CLOSED, met(Remedy.RETRY), event=OVER)


def test_a_goodbye_that_nobody_wants_is_asked_for_again() -> None:
    call = Call()
    call.is_to_end(words=True)
    call.opens()
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    breaks(call, "wanted by nobody", CLOSED, met(Remedy.RETRY), event=OVER)


def test_an_explanation_of_nothing() -> None:
    explains = cm.CreateResponse(9, 9, cm.Cause.EXPLANATION, 9)
    breaks(Call(), "nobody cut off", explains)


# --- a core that is broken -------------------------------------------------------------------


def test_a_core_that_closes_failed_answers_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "heed", lambda state, response, now_ms: None)
    call = answering()
    with pytest.raises(BrokenInvariant, match="nothing is done about it"):
        call.ends(ended=Ended.FAILED)


def test_a_core_that_forgets_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "_retry", lambda state, response, now_ms: None)
    call = answering()
    call.ends(ended=Ended.FAILED)
    call.passes(unanswered.PAUSE_MS_MAX)
    with pytest.raises(BrokenInvariant, match="not asked for again"):
        call.passes(1)


def test_a_core_that_pauses_for_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "RATE_PAUSE_MS", 8_000)
    call = answering()
    call.ends(ended=Ended.RATE_LIMITED)
    with pytest.raises(BrokenInvariant, match="not asked for again"):
        call.passes(8_000)


def test_a_core_that_tries_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "FAULT_TRIES", 1_000)
    call = Call()
    call.says()
    with pytest.raises(BrokenInvariant, match="without end"):
        fails_on(call, unanswered.FAULTS_MAX + 1)


def test_a_core_that_says_sorry_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "SORRIES_IN_A_ROW", 1_000)
    call = Call()
    with pytest.raises(BrokenInvariant, match="sorry without end"):
        for number in range(SORRIES_IN_A_ROW + 1):
            call.says(f"T{number}")
            fails_on(call, 3)


def test_a_core_that_lets_the_caller_wait_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failing, "is_tried", lambda state: False)
    call = Call(Policy(away_words_ms=1_500))
    call.says()
    call.opens()
    call.ends(ended=Ended.RATE_LIMITED)
    call.passes(1_000)
    call.opens("R2")
    with pytest.raises(BrokenInvariant, match="told nothing"):
        call.passes(1_000)


def test_a_try_that_something_keeps_back_is_not_late() -> None:
    call = answering()
    call.ends(ended=Ended.FAILED)
    call.does(ev.ServerSpeechStarted("T2"))
    call.caller_begins()
    call.passes(20_000)
    call.caller_stops()
    call.server_hears_end("T2")
    call.commits("T2")
    assert call.creates() == [cm.Cause.TURN] * 2


def test_a_try_is_due_when_nothing_keeps_it_back_any_more() -> None:
    call = answering()
    call.ends(ended=Ended.FAILED)
    call.does(ev.ServerSpeechStarted("T2"))
    call.passes(CREATE_RETRY_MS)
    assert call.invariants.ledger.faults.free_ms is None
