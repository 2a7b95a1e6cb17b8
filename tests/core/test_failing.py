"""Answers that the model does not give, and creates that it refuses: nobody waits in vain."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core import failing
from trio_media.core.commands import Cause, Recorded, Remedy, SpeechOutcome
from trio_media.core.creates import Vain
from trio_media.core.events import FAULTS, Ended
from trio_media.core.evidence import unpaid
from trio_media.core.policy import Policy
from trio_media.core.units import (
    CREATE_RETRY_MS,
    FAULT_TRIES,
    RATE_TRIES,
    SORRIES_IN_A_ROW,
    WORDS_AGAIN_MS,
)

from .driver import SERVER, Call, active, over_audible

WORDS_MS = 2_000
TOLD = Policy(away_words_ms=WORDS_MS)
LIMITED, FAILED, FILTERED, CUT = (
    Ended.RATE_LIMITED,
    Ended.FAILED,
    Ended.FILTERED,
    Ended.CUT_SHORT,
)


def remedies(call: Call) -> list[Remedy]:
    return [met.remedy for met in call.all(cm.FaultMet)]


def recorded(call: Call) -> list[Recorded]:
    return [played.words for played in call.all(cm.PlayRecorded)]


def fails(call: Call, ended: Ended = FAILED, *, said_ms: int = 0) -> None:
    """Have the newest create come to nothing, or to something that is not all."""
    name = f"R{call.all(cm.CreateResponse)[-1].response}"
    call.opens(name)
    if said_ms:
        call.speaks(said_ms, f"{name}.1")
    call.ends(name, ended)


def fails_on(call: Call, ended: Ended, *, said_ms: int = 0, times: int = 12) -> None:
    """Have every create fail so, until there are no more."""
    for _ in range(times):
        before = call.count(cm.CreateResponse)
        fails(call, ended, said_ms=said_ms)
        call.passes(5_000)
        if call.count(cm.CreateResponse) == before:
            return
    raise AssertionError("creates without end")


def create_times(call: Call) -> list[int]:
    return [at_ms for at_ms, one in call.log if isinstance(one, cm.CreateResponse)]


# --- what is tried ---------------------------------------------------------------------------


def test_a_rate_limited_answer_is_asked_for_again_ever_more_slowly(call: Call) -> None:
    call.says()
    for pause_ms in (1_000, 2_000, 4_000):
        before = call.count(cm.CreateResponse)
        fails(call, LIMITED)
        call.passes(pause_ms - 1)
        assert call.count(cm.CreateResponse) == before
        call.passes(1)
        assert call.count(cm.CreateResponse) == before + 1
    fails(call, LIMITED)
    call.passes(60_000)
    assert call.creates() == [Cause.TURN] * (1 + RATE_TRIES)
    assert recorded(call) == [Recorded.SORRY]


def test_an_answer_that_failed_is_asked_for_again_at_once_and_not_for_ever(call: Call) -> None:
    call.says()
    fails(call)
    call.passes(CREATE_RETRY_MS)
    assert call.creates() == [Cause.TURN] * 2
    fails_on(call, FAILED)
    assert call.creates() == [Cause.TURN] * (1 + FAULT_TRIES)
    assert remedies(call) == [Remedy.RETRY, Remedy.RETRY, Remedy.SAY]
    assert recorded(call) == [Recorded.SORRY]


def test_an_answer_that_is_given_at_the_second_try_is_the_answer(call: Call) -> None:
    call.says()
    fails(call)
    call.passes(CREATE_RETRY_MS)
    call.opens("R2")
    call.speaks(400, "R2.1")
    call.ends("R2")
    call.passes(60_000)
    assert call.creates() == [Cause.TURN] * 2
    assert recorded(call) == []


def test_what_was_cut_off_goes_on_twice(call: Call) -> None:
    call.says()
    fails_on(call, FAILED, said_ms=600)
    assert call.creates() == [Cause.TURN, Cause.CONTINUATION, Cause.CONTINUATION]
    assert recorded(call) == [Recorded.SORRY]
    assert call.heard() == {"R1.1": 600, "R2.1": 600, "R3.1": 600}


def test_what_was_cut_short_goes_on_twice_and_is_left_then(call: Call) -> None:
    call.says()
    fails_on(call, CUT, said_ms=600)
    assert call.creates() == [Cause.TURN, Cause.CONTINUATION, Cause.CONTINUATION]
    assert remedies(call)[-1] is Remedy.LEAVE
    assert recorded(call) == []


def test_what_was_cut_short_before_a_word_is_asked_for_again(call: Call) -> None:
    call.says()
    fails_on(call, CUT)
    assert remedies(call) == [Remedy.RETRY, Remedy.RETRY, Remedy.SAY]


def test_a_continuation_that_is_cut_short_before_a_word_is_left(call: Call) -> None:
    call.says()
    fails(call, CUT, said_ms=600)
    call.passes(5_000)
    fails_on(call, CUT)
    assert remedies(call) == [Remedy.CONTINUE, Remedy.LEAVE]


def test_what_is_rate_limited_half_way_goes_on_after_a_while(call: Call) -> None:
    call.says()
    fails(call, LIMITED, said_ms=600)
    call.passes(999)
    assert call.creates() == [Cause.TURN]
    call.passes(1)
    assert call.creates() == [Cause.TURN, Cause.CONTINUATION]
    fails_on(call, LIMITED, said_ms=600)
    assert remedies(call) == [Remedy.CONTINUE] * RATE_TRIES + [Remedy.SAY]


@pytest.mark.parametrize("said_ms", [0, 600])
def test_what_was_filtered_is_explained_once(call: Call, said_ms: int) -> None:
    call.says()
    fails_on(call, FILTERED, said_ms=said_ms)
    assert call.creates() == [Cause.TURN, Cause.EXPLANATION]
    assert recorded(call) == [Recorded.SORRY]


def test_tries_of_all_kinds_have_an_end(call: Call) -> None:
    call.says()
    kinds = [(FAILED, 600), (LIMITED, 0), (FILTERED, 0), (CUT, 600), (LIMITED, 0), (LIMITED, 0)]
    for ended, said_ms in kinds:
        fails(call, ended, said_ms=said_ms)
        call.passes(5_000)
    assert Remedy.SAY not in remedies(call)
    fails(call)
    call.passes(60_000)
    assert remedies(call)[-1] is Remedy.SAY


@pytest.mark.parametrize("ended", FAULTS)
def test_nothing_is_asked_for_again_that_was_taken(call: Call, ended: Ended) -> None:
    call.says()
    call.opens()
    call.interrupts()
    call.ends(ended=ended)
    call.passes(60_000)
    assert call.creates() == [Cause.TURN]
    assert remedies(call) == []


def test_a_second_end_changes_nothing(call: Call) -> None:
    call.says()
    fails(call)
    call.ends("R1", FAILED)
    assert remedies(call) == [Remedy.RETRY]


def test_an_answer_owed_to_nobodys_words_is_tried_again_too(call: Call) -> None:
    active(call)
    call.caller_interrupts()
    call.ends(ended=Ended.CANCELLED)
    call.caller_stops()
    call.passes(3_000)
    assert call.creates()[-1] is Cause.RECOVERY
    fails_on(call, FAILED)
    assert call.creates()[-3:] == [Cause.RECOVERY] * 3
    assert recorded(call) == [Recorded.SORRY]


def test_a_tools_result_is_answered_at_the_second_try(call: Call) -> None:
    call.says()
    call.opens()
    call.calls_tool("C1")
    call.ends()
    call.tool_answers("C1")
    assert call.creates() == [Cause.TURN, Cause.TOOL]
    fails(call)
    call.passes(CREATE_RETRY_MS)
    assert call.creates() == [Cause.TURN, Cause.TOOL, Cause.TOOL]


def test_keys_are_answered_at_the_second_try(call: Call) -> None:
    call.presses("12")
    call.passes(2_000)
    fails(call)
    call.passes(CREATE_RETRY_MS)
    assert call.creates() == [Cause.KEYS, Cause.KEYS]


def test_a_response_that_called_a_tool_is_left_to_the_tool(call: Call) -> None:
    call.says()
    call.opens()
    call.calls_tool("C1")
    call.ends(ended=FAILED)
    assert remedies(call) == [Remedy.LEAVE]
    call.tool_answers("C1")
    assert call.creates() == [Cause.TURN, Cause.TOOL]


def test_one_try_answers_what_the_caller_says_meanwhile_too(call: Call) -> None:
    call.says()
    fails(call, LIMITED)
    call.says("T2")
    call.passes(1_000)
    assert call.creates() == [Cause.TURN, Cause.TURN]
    assert call.fates() == {"T1": "answered", "T2": "answered"}


def test_nothing_is_tried_while_answers_are_held(call: Call) -> None:
    call.says()
    call.opens()
    call.holds()
    call.ends(ended=FAILED)
    assert remedies(call) == [Remedy.LEAVE]


def test_a_caller_who_speaks_is_not_asked_to_say_it_again(call: Call) -> None:
    call.says()
    for number in (1, 2):
        fails(call)
        call.passes(CREATE_RETRY_MS)
        assert call.count(cm.CreateResponse) == number + 1
    call.opens("R3")
    call.does(ev.ServerSpeechStarted("T2"))
    call.ends("R3", FAILED)
    assert remedies(call)[-1] is Remedy.LEAVE
    call.server_hears_end("T2")
    call.commits("T2")
    call.passes(3_000)
    assert call.creates() == [Cause.TURN] * 4


def test_the_loss_of_the_session_leaves_the_next_try_to_the_next_session(call: Call) -> None:
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    fails(call, LIMITED)
    call.model_goes_away()
    call.passes(3_000)
    assert call.creates() == [Cause.TURN]
    call.confirms(server_acts=False)
    assert call.creates() == [Cause.TURN, Cause.TURN]


def test_a_try_that_is_dropped_while_the_model_is_away_is_waited_for_no_more(call: Call) -> None:
    call.says()
    fails(call, LIMITED)
    call.model_goes_away()
    call.holds()
    assert not call.core.state.failing.is_trying
    call.holds(is_held=False)
    call.confirms(server_acts=False)
    call.passes(5_000)
    assert call.creates() == [Cause.TURN]


def test_the_rest_of_what_was_protected_is_protected(call: Call) -> None:
    call.says()
    call.opens()
    call.calls_tool("C1", protects=True)
    call.ends()
    call.tool_answers("C1")
    fails(call, FAILED, said_ms=400)
    call.passes(1_000)
    assert call.creates()[-1] is Cause.CONTINUATION
    assert call.all(cm.CreateResponse)[-1].protected


# --- what was not the caller's ---------------------------------------------------------------


def test_words_of_ours_are_asked_for_again_and_then_told_as_failed(call: Call) -> None:
    request = call.asks()
    fails_on(call, FAILED)
    assert call.creates() == [Cause.APPLICATION] * (1 + FAULT_TRIES)
    assert call.said(request) is SpeechOutcome.FAILED
    assert recorded(call) == []


def test_words_of_ours_that_are_said_at_the_second_try_were_heard(call: Call) -> None:
    request = call.asks()
    fails(call, LIMITED)
    call.passes(1_000)
    call.opens("R2")
    call.speaks(400, "R2.1")
    call.ends("R2")
    assert call.said(request) is None
    call.passes(1_000)
    assert call.said(request) is SpeechOutcome.HEARD


@pytest.mark.parametrize(("ended", "said_ms"), [(FAILED, 600), (CUT, 600), (FILTERED, 0)])
def test_words_of_ours_that_were_begun_or_withheld_are_not_begun_anew(
    call: Call, ended: Ended, said_ms: int
) -> None:
    request = call.asks()
    fails_on(call, ended, said_ms=said_ms)
    assert call.creates() == [Cause.APPLICATION]
    assert call.said(request) is SpeechOutcome.FAILED


def test_protected_words_are_protected_at_the_second_try(call: Call) -> None:
    call.asks(protected=True)
    fails(call)
    call.passes(CREATE_RETRY_MS)
    assert [create.protected for create in call.all(cm.CreateResponse)] == [True, True]


def test_a_greeting_is_tried_again_unless_the_caller_began(call: Call) -> None:
    request = call.asks(greeting=True)
    fails(call)
    call.passes(CREATE_RETRY_MS)
    assert call.creates() == [Cause.GREETING] * 2
    call.opens("R2")
    call.says("T1")
    call.transcribed(ev.Verdict.WORDS)
    call.ends("R2", FAILED)
    call.passes(5_000)
    assert call.creates() == [Cause.GREETING] * 2 + [Cause.TURN]
    assert call.said(request) is SpeechOutcome.FAILED


def test_a_greeting_waits_until_it_is_known_whether_the_caller_began(call: Call) -> None:
    request = call.asks(greeting=True)
    call.opens()
    call.says("T1")
    call.ends(ended=FAILED)
    call.passes(CREATE_RETRY_MS)
    assert call.creates() == [Cause.GREETING]
    call.transcribed(ev.Verdict.WORDS)
    assert call.creates() == [Cause.GREETING, Cause.TURN]
    assert call.said(request) is SpeechOutcome.DROPPED


def test_a_greeting_that_nobody_gives_ends_in_words_of_ours(call: Call) -> None:
    call.asks(greeting=True)
    fails_on(call, FAILED)
    assert recorded(call) == [Recorded.SORRY]


def test_a_goodbye_is_tried_again_and_the_call_ends_all_the_same(call: Call) -> None:
    call.is_to_end(words=True)
    fails_on(call, FAILED, times=3)
    assert call.creates() == [Cause.GOODBYE] * 3
    assert call.all(cm.EndCall) == [cm.EndCall("done")]


def test_a_goodbye_that_nobody_wants_any_more_is_not_tried_again(call: Call) -> None:
    request = call.is_to_end(words=True)
    call.opens()
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    assert call.ending(request) is cm.EndingOutcome.REVOKED
    call.ends(ended=FAILED)
    assert remedies(call) == [Remedy.LEAVE]


def test_what_was_to_fill_a_silence_comes_again_by_itself() -> None:
    call = Call(Policy(silence_ms=5_000))
    call.passes(5_000)
    assert call.creates() == [Cause.SILENCE]
    fails(call)
    assert remedies(call) == [Remedy.LEAVE]
    call.passes(5_000)
    assert call.creates() == [Cause.SILENCE] * 2


# --- the server's own ------------------------------------------------------------------------


@pytest.mark.parametrize("said_ms", [0, 600])
def test_we_ask_for_what_the_server_failed_to_answer(said_ms: int) -> None:
    call = Call(SERVER)
    call.says()
    call.server_opens()
    if said_ms:
        call.speaks(said_ms)
    call.ends(ended=FAILED)
    call.passes(CREATE_RETRY_MS)
    assert call.creates() == [Cause.CONTINUATION]
    fails_on(call, FAILED)
    assert recorded(call) == [Recorded.SORRY]


def test_the_servers_next_answer_takes_the_place_of_our_try() -> None:
    call = Call(SERVER)
    call.says()
    call.server_opens()
    call.ends(ended=LIMITED)
    call.says("T2")
    call.server_opens("R2")
    call.speaks(400, "R2.1")
    call.ends("R2")
    call.passes(10_000)
    assert call.creates() == []


def test_a_response_that_nobody_asked_for_is_left(call: Call) -> None:
    call.server_opens()
    call.ends(ended=FAILED)
    assert remedies(call) == [Remedy.LEAVE]


def test_what_was_taken_for_our_answer_is_not_asked_for_twice(call: Call) -> None:
    request = call.asks()
    call.server_opens()
    call.ends(ended=FAILED)
    call.refuses(ev.Refusal.ALREADY_ACTIVE, call.all(cm.CreateResponse)[0].command)
    call.passes(CREATE_RETRY_MS)
    assert call.creates() == [Cause.APPLICATION] * 2
    assert call.said(request) is None


# --- what the caller hears -------------------------------------------------------------------


def test_a_caller_who_waits_for_another_try_is_told_so() -> None:
    call = Call(TOLD)
    call.says()
    fails(call, LIMITED)
    call.passes(1_000)
    fails(call, LIMITED)
    call.passes(999)
    assert recorded(call) == []
    call.passes(1)
    assert recorded(call) == [Recorded.ONE_MOMENT]
    call.does(ev.ClipOffered(None, "clip", 600))
    call.passes(1_000)
    call.opens("R3")
    call.speaks(400, "R3.1")
    call.ends("R3")
    call.passes(60_000)
    assert recorded(call) == [Recorded.ONE_MOMENT]


def test_a_try_that_takes_its_time_is_waited_for_too() -> None:
    call = Call(TOLD)
    call.says()
    fails(call)
    call.passes(CREATE_RETRY_MS)
    call.opens("R2")
    call.passes(WORDS_MS)
    assert recorded(call) == [Recorded.ONE_MOMENT]
    call.passes(WORDS_AGAIN_MS)
    assert recorded(call) == [Recorded.ONE_MOMENT] * 2


def test_who_waits_anew_is_told_anew() -> None:
    call = Call(TOLD)
    for number in (1, 3):
        call.says(f"T{number}")
        fails(call, LIMITED)
        call.passes(1_000)
        call.opens(f"R{number + 1}")
        call.passes(1_000)
        call.speaks(100, f"R{number + 1}.1")
        call.ends(f"R{number + 1}")
        call.passes(1_000)
    assert recorded(call) == [Recorded.ONE_MOMENT] * 2


def test_nobody_is_told_to_wait_for_words_of_ours() -> None:
    call = Call(TOLD)
    call.asks()
    fails_on(call, LIMITED)
    assert recorded(call) == []


def test_a_renewal_that_is_due_meanwhile_is_not_put_off() -> None:
    call = Call(TOLD)
    call.does(ev.SessionAging(1_500))
    call.says()
    fails(call, LIMITED)
    call.passes(1_000)
    call.opens("R2")
    call.passes(500)
    assert call.count(cm.RenewSession) == 1
    call.passes(500)
    assert recorded(call) == [Recorded.ONE_MOMENT]


def test_after_so_many_sorries_in_a_row_the_model_is_given_up() -> None:
    call = Call(Policy(has_last_words=True))
    for number in range(SORRIES_IN_A_ROW + 1):
        call.says(f"T{number}")
        fails_on(call, FAILED)
    assert recorded(call) == [Recorded.SORRY] * SORRIES_IN_A_ROW
    assert remedies(call)[-1] is Remedy.END
    assert call.all(cm.EndModelSession) == [cm.EndModelSession(failing.NO_ANSWERS, is_final=True)]
    call.model_is_lost()
    call.passes(1_000)
    assert recorded(call)[-1] is Recorded.GOODBYE
    assert call.all(cm.EndCall) == [cm.EndCall("model_lost")]


def test_whatever_is_said_in_between_begins_a_new_row() -> None:
    call = Call(TOLD)
    for number in range(SORRIES_IN_A_ROW * 2):
        call.says(f"T{number}")
        fails_on(call, FAILED)
        if number == SORRIES_IN_A_ROW - 1:
            call.answers(400, "R99")
            call.passes(1_000)
    assert Remedy.END not in remedies(call)


# --- the table -------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", FAULTS)
@pytest.mark.parametrize("begin", [Call.says, lambda call: call.presses("1")])
@pytest.mark.parametrize("said_ms", [0, 40, 5_000])
def test_every_fault_is_met_and_every_row_of_them_ends(
    ended: Ended, begin: Callable[[Call], object], said_ms: int
) -> None:
    call = Call(TOLD)
    begin(call)
    call.passes(2_000)
    fails_on(call, ended, said_ms=said_ms)
    assert remedies(call)[-1] in (Remedy.SAY, Remedy.LEAVE)
    assert not list(unpaid(call.invariants.ledger))


def test_nothing_is_tried_at_the_start(call: Call) -> None:
    over_audible(call)
    assert Vain() == call.response().vain
    assert not failing.is_tried(call.core.state)
