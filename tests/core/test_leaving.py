"""A call that ends, or is handed over, when everything was heard; and by whom it is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import EndingOutcome, SpeechOutcome
from trio_media.core.policy import Policy
from trio_media.core.units import (
    ENDING_MAX_MS,
    ENDING_SILENT_MS,
    KEYS_PAUSE_MS,
    LEAVE_MS,
    TURN_COMMIT_MS,
)

from .driver import SERVER, Call, active, over_audible

REVOKED, REPLACED, FAILED = EndingOutcome.REVOKED, EndingOutcome.REPLACED, EndingOutcome.FAILED
DONE = [cm.EndCall("done")]


def ends(call: Call) -> list[cm.EndCall]:
    return call.all(cm.EndCall)


def says_goodbye(call: Call, length_ms: int = 1_000, response_id: str = "G") -> None:
    """The model says the words of the ending."""
    call.opens(response_id)
    call.speaks(length_ms, f"{response_id}.1")
    call.ends(response_id)


# --- when everything was heard ----------------------------------------------------------------


def test_a_call_in_which_nothing_is_said_ends_at_once(call: Call) -> None:
    call.is_to_end()
    assert call.all(cm.EndingBegan) == [cm.EndingBegan(1, "done")]
    assert ends(call) == DONE


def test_it_ends_when_what_is_said_was_heard(call: Call) -> None:
    active(call)
    call.is_to_end()
    call.ends()
    call.passes(4_599)
    assert not ends(call)
    call.passes(1)
    assert ends(call) == DONE
    assert call.said(1) is SpeechOutcome.HEARD
    assert call.count(cm.ClearCarrier) == 0


def test_its_words_are_said_last_and_once(call: Call) -> None:
    over_audible(call)
    request = call.is_to_end(words=True)
    assert call.creates()[1:] == [cm.Cause.GOODBYE], "the model may begin meanwhile"
    create = call.all(cm.CreateResponse)[-1]
    assert (create.request, create.protected) == (request + 1, False)
    says_goodbye(call)
    call.passes(5_599)
    assert not ends(call)
    call.passes(1)
    assert ends(call) == DONE
    assert call.said(request + 1) is SpeechOutcome.HEARD
    assert call.creates()[1:] == [cm.Cause.GOODBYE]


def test_words_that_wait_are_said_before_the_end(call: Call) -> None:
    active(call)
    waiting = call.asks()
    call.is_to_end()
    call.ends()
    call.passes(5_000)
    assert not ends(call)
    call.opens("R2")
    call.speaks(400, "R2.1")
    call.ends("R2")
    call.passes(400)
    assert ends(call) == DONE
    assert call.said(waiting) is SpeechOutcome.HEARD


def test_what_a_tool_that_runs_leads_to_is_said_before_the_end(call: Call) -> None:
    active(call)
    call.calls_tool("weather")
    call.ends()
    call.is_to_end()
    call.passes(5_000)
    assert not ends(call)
    call.tool_answers("weather")
    says_goodbye(call, 400)
    call.passes(400)
    assert ends(call) == DONE


def test_the_tool_that_asks_for_the_end_is_not_waited_for(call: Call) -> None:
    active(call)
    call.calls_tool("bye")
    call.ends()
    call.passes(4_600)
    call.is_to_end(tool_call_id="bye")
    assert ends(call) == DONE


def test_a_hush_is_decided_before_the_end(call: Call) -> None:
    over_audible(call)
    call.passes(4_500)
    call.caller_begins()
    call.is_to_end()
    assert not ends(call)
    call.passes(50)
    call.caller_stops()
    call.passes(199)
    assert not ends(call)
    call.passes(2_000)
    assert ends(call) == DONE
    assert call.heard() == {"R1.1": 5_000}


def test_a_lost_mark_delays_the_end_and_no_more() -> None:
    call = Call(has_marks=False)
    call.answers(1_000)
    call.is_to_end()
    call.passes(1_000)
    assert not ends(call)
    call.passes(2_000)
    assert ends(call) == DONE


def test_protected_speech_is_heard_before_the_end(call: Call) -> None:
    request = call.asks(protected=True)
    call.opens()
    call.speaks(1_000)
    call.ends()
    call.is_to_end()
    call.passes(500)
    call.caller_interrupts()
    call.caller_stops()
    call.passes(499)
    assert not ends(call)
    call.passes(1_000)
    assert call.said(request) is SpeechOutcome.HEARD


# --- no wait is for ever ----------------------------------------------------------------------


def test_a_response_that_never_completes_ends_with_the_call(call: Call) -> None:
    call.asks()
    call.opens()
    call.is_to_end()
    call.passes(ENDING_SILENT_MS - 1)
    assert not ends(call)
    call.passes(1)
    assert ends(call) == DONE
    assert call.cancels() == ["R1"]


def test_a_tool_that_never_returns_does_not_keep_the_call(call: Call) -> None:
    over_audible(call)
    call.does(ev.ToolCalled("R1", "R1.call", "slow"))
    call.is_to_end()
    call.passes(4_600 + ENDING_SILENT_MS - 1)
    assert not ends(call)
    call.passes(1)
    assert ends(call) == DONE


def test_words_that_nobody_says_do_not_keep_the_call(call: Call) -> None:
    request = call.is_to_end(words=True)
    call.passes(ENDING_SILENT_MS)
    assert ends(call) == DONE
    assert call.said(request + 1) is SpeechOutcome.FAILED, "it was given up, not cut off"


def test_a_create_that_is_refused_cuts_nobody_off(call: Call) -> None:
    request = call.is_to_end(words=True)
    [create] = call.all(cm.CreateResponse)
    call.refuses(ev.Refusal.OTHER, create.command)
    assert ends(call) == DONE
    assert call.said(request + 1) is SpeechOutcome.FAILED


def test_words_that_could_not_be_asked_for_have_an_outcome(call: Call) -> None:
    call.asks()
    call.opens()
    request = call.is_to_end(words=True)
    call.passes(ENDING_SILENT_MS)
    assert ends(call) == DONE
    assert call.said(request + 1) is SpeechOutcome.CALL_ENDED


def test_a_model_that_talks_and_talks_is_cut_off_at_last(call: Call) -> None:
    active(call)
    call.is_to_end()
    for _ in range(ENDING_MAX_MS // 1_000):
        call.speaks(1_000)
        call.passes(1_000)
    assert ends(call) == DONE


def test_an_ending_before_the_session_is_there_does_not_wait_for_it_for_long() -> None:
    call = Call(is_ready=False)
    request = call.is_to_end(words=True)
    call.passes(ENDING_SILENT_MS)
    assert ends(call) == DONE
    assert call.said(request + 1) is SpeechOutcome.DROPPED


def test_an_ending_before_the_session_is_there_speaks_when_it_is() -> None:
    call = Call(is_ready=False)
    call.is_to_end(words=True)
    call.passes(1_000)
    call.confirms(server_acts=False)
    says_goodbye(call)
    call.passes(1_000)
    assert ends(call) == DONE


# --- the caller keeps the call ----------------------------------------------------------------


def test_words_of_the_caller_revoke_it_and_are_answered(call: Call) -> None:
    active(call)
    request = call.is_to_end(words=True)
    call.caller_interrupts()
    assert call.ending(request) is REVOKED
    assert call.said(request + 1) is SpeechOutcome.DROPPED
    call.says()
    call.caller_stops()
    call.ends(ended=ev.Ended.CANCELLED)
    assert call.creates()[-1] is cm.Cause.TURN
    call.passes(60_000)
    assert not ends(call)


def test_a_goodbye_that_is_interrupted_is_cut_off_and_the_call_goes_on(call: Call) -> None:
    request = call.is_to_end(words=True)
    call.opens("G")
    call.speaks(3_000, "G.1")
    call.passes(500)
    call.caller_interrupts()
    assert call.ending(request) is REVOKED
    assert call.said(request + 1) is SpeechOutcome.CUT_OFF


def test_a_turn_that_counts_revokes_it_though_nothing_was_interrupted(call: Call) -> None:
    call.server_hears()
    request = call.is_to_end()
    assert not ends(call), "the call does not end in the caller's words"
    call.server_hears_end()
    call.commits()
    assert call.ending(request) is REVOKED
    assert call.creates() == [cm.Cause.TURN]


def test_a_turn_that_comes_to_nothing_revokes_nothing(call: Call) -> None:
    call.server_hears()
    call.is_to_end()
    call.server_hears_end()
    call.passes(TURN_COMMIT_MS)
    assert ends(call) == DONE


def test_a_mere_mhm_over_the_goodbye_revokes_nothing(call: Call) -> None:
    call.is_to_end(words=True)
    call.opens("G")
    call.speaks(3_000, "G.1")
    call.passes(500)
    call.speaks_over()
    call.transcribed(ev.Verdict.BACKCHANNEL)
    call.ends("G")
    call.passes(3_000)
    assert ends(call) == DONE
    assert call.fates() == {"T1": "void"}


def test_a_voice_delays_it_until_it_is_known_to_be_no_turn(call: Call) -> None:
    call.caller_begins()
    call.caller_is_a_voice()
    call.is_to_end()
    assert not ends(call)
    call.caller_stops()
    assert ends(call) == DONE


def test_noise_delays_nothing(call: Call) -> None:
    call.caller_begins()
    call.is_to_end()
    assert ends(call) == DONE


def test_keys_revoke_it_when_the_model_knows_them(call: Call) -> None:
    call.presses("1")
    request = call.is_to_end()
    assert not ends(call)
    call.passes(KEYS_PAUSE_MS)
    assert call.ending(request) is REVOKED
    assert call.creates() == [cm.Cause.KEYS]


def test_a_key_that_interrupts_the_goodbye_revokes_it(call: Call) -> None:
    request = call.is_to_end(words=True)
    call.opens("G")
    call.speaks(3_000, "G.1")
    call.passes(500)
    call.presses("1")
    assert call.ending(request) is REVOKED


def test_the_application_revokes_nothing_by_an_interruption(call: Call) -> None:
    active(call)
    call.is_to_end()
    call.interrupts()
    call.ends(ended=ev.Ended.CANCELLED)
    assert ends(call) == DONE


def test_a_turn_that_the_server_answers_revokes_it() -> None:
    call = Call(SERVER)
    call.server_hears()
    request = call.is_to_end()
    call.commits()
    assert call.ending(request) is REVOKED


def test_a_turn_that_is_held_revokes_it_too(call: Call) -> None:
    call.server_hears()
    request = call.is_to_end()
    call.holds()
    call.commits()
    assert call.ending(request) is REVOKED
    assert call.creates() == []


# --- final ------------------------------------------------------------------------------------


def test_a_final_ending_is_not_revoked_and_its_words_are_protected(call: Call) -> None:
    call.server_hears()
    call.is_to_end(words=True, final=True)
    call.commits()
    assert call.fates() == {"T1": "left"}
    create = call.all(cm.CreateResponse)[-1]
    assert (create.cause, create.protected) == (cm.Cause.GOODBYE, True)
    call.opens("G")
    call.speaks(1_000, "G.1")
    call.ends("G")
    call.passes(300)
    call.caller_interrupts()
    call.presses("1")
    call.passes(700)
    assert ends(call) == DONE
    assert call.said(2) is SpeechOutcome.HEARD


def test_a_final_ending_does_not_wait_for_the_caller(call: Call) -> None:
    call.server_hears()
    call.is_to_end(final=True)
    assert ends(call) == DONE


def test_keys_do_not_delay_a_final_ending(call: Call) -> None:
    call.presses("1")
    call.is_to_end(final=True)
    assert ends(call) == DONE


def test_keys_during_a_final_ending_reach_the_model_and_are_not_answered(call: Call) -> None:
    over_audible(call)
    call.presses("1")  # it takes what was said
    call.plays_clip(9_000)
    call.is_to_end(final=True)
    call.passes(KEYS_PAUSE_MS)
    assert call.count(cm.SendKeys) == 1
    assert cm.Cause.KEYS not in call.creates()


def test_final_words_under_the_servers_authority_are_asked_for_when_it_will_not_act() -> None:
    call = Call(SERVER)
    call.is_to_end(words=True, final=True)
    assert call.creates() == []
    assert call.all(cm.SetTurnFlags)[-1].server_acts is False
    call.confirms(server_acts=False)
    assert call.creates() == [cm.Cause.GOODBYE]
    says_goodbye(call)
    call.passes(500)
    call.server_hears()
    call.passes(500)
    assert ends(call) == DONE


def test_final_words_are_said_unprotected_when_the_service_does_not_confirm() -> None:
    call = Call(SERVER)
    call.is_to_end(words=True, final=True)
    call.passes(5_000)
    assert [c.protected for c in call.all(cm.CreateResponse)] == [False]


def test_an_answer_is_not_owed_while_nobody_is_answered(call: Call) -> None:
    active(call)
    call.is_to_end(final=True, words=True)
    call.caller_interrupts()
    call.caller_stops()
    call.ends(ended=ev.Ended.CANCELLED)
    says_goodbye(call, 3_000)
    call.passes(2_999)
    assert not ends(call)
    call.passes(1)
    assert ends(call) == DONE
    assert cm.Cause.RECOVERY not in call.creates()


# --- one after the other ----------------------------------------------------------------------


def test_the_newest_request_counts(call: Call) -> None:
    active(call)
    first = call.is_to_end(words=True)
    second = call.is_to_end()
    assert call.ending(first) is REPLACED
    assert call.said(first + 1) is SpeechOutcome.DROPPED
    call.ends()
    call.passes(5_000)
    assert ends(call) == DONE
    assert call.ending(second) is None


def test_a_request_of_nobody_replaces_one_of_nobody(call: Call) -> None:
    active(call)
    call.does(ev.EndingRequested(None))
    call.does(ev.EndingRequested(None))
    assert call.all(cm.EndingSettled) == [cm.EndingSettled(None, REPLACED)]


def test_words_that_wait_for_their_turn_go_with_an_ending_that_is_replaced(call: Call) -> None:
    call.answers(400)
    call.passes(400)
    call.does(ev.SessionReady(server_acts=False))
    call.core.state.creates.not_before_ms = call.now_ms + 500
    first = call.is_to_end(words=True)
    assert call.core.state.creates.queue
    call.is_to_end()
    assert call.said(first + 1) is SpeechOutcome.DROPPED
    assert ends(call) == DONE


def test_a_goodbye_in_progress_is_heard_whoever_ends_the_call_then(call: Call) -> None:
    first = call.is_to_end(words=True)
    call.opens("G")
    call.speaks(1_000, "G.1")
    call.is_to_end()
    call.ends("G")
    call.passes(1_000)
    assert ends(call) == DONE
    assert call.said(first + 1) is SpeechOutcome.HEARD


# --- handed over ------------------------------------------------------------------------------


def test_a_call_is_handed_over_when_everything_was_heard_and_goes_on_until_it_is(
    call: Call,
) -> None:
    over_audible(call)
    request = call.is_to_end(leaves=True)
    call.passes(4_599)
    assert call.count(cm.Leave) == 0
    call.passes(1)
    assert call.all(cm.Leave) == [cm.Leave(request)]
    assert not ends(call)
    call.does(ev.CallEnded())
    assert call.ending(request) is None


def test_nobody_speaks_while_the_call_is_handed_over(call: Call) -> None:
    call.is_to_end(leaves=True)
    waiting = call.asks()
    call.says()
    call.passes(5_000)
    assert call.creates() == []
    assert call.fates() == {"T1": "left"}
    assert call.said(waiting) is None


def test_a_call_that_nobody_took_over_goes_on(call: Call) -> None:
    request = call.is_to_end(leaves=True)
    waiting = call.asks()
    call.does(ev.LeaveFailed(request))
    assert call.ending(request) is FAILED
    assert call.creates() == [cm.Cause.APPLICATION]
    assert call.said(waiting) is None
    call.says()
    assert "T1" not in call.fates()


def test_handing_over_is_given_up_in_its_time(call: Call) -> None:
    request = call.is_to_end(leaves=True)
    call.passes(LEAVE_MS - 1)
    assert call.ending(request) is None
    call.passes(1)
    assert call.ending(request) is FAILED
    call.does(ev.LeaveFailed(request))
    assert call.count(cm.EndingSettled) == 1


def test_a_failure_of_another_ending_changes_nothing(call: Call) -> None:
    call.is_to_end(leaves=True)
    call.does(ev.LeaveFailed(99))
    call.does(ev.LeaveFailed(None))  # type: ignore[arg-type]
    assert call.count(cm.EndingSettled) == 0


def test_a_failure_before_the_call_was_handed_over_changes_nothing(call: Call) -> None:
    active(call)
    request = call.is_to_end(leaves=True)
    call.does(ev.LeaveFailed(request))
    assert call.ending(request) is None


def test_while_it_is_handed_over_another_ending_is_too_late(call: Call) -> None:
    first = call.is_to_end(leaves=True)
    second = call.is_to_end(words=True)
    third = call.is_to_end()
    assert call.ending(second) is REPLACED
    assert call.said(second + 1) is SpeechOutcome.DROPPED
    assert call.ending(third) is REPLACED
    call.does(ev.LeaveFailed(first))
    assert call.ending(first) is FAILED


def test_the_caller_keeps_no_call_that_is_being_handed_over(call: Call) -> None:
    request = call.is_to_end(leaves=True)
    call.plays_clip(3_000)
    call.passes(500)
    call.caller_interrupts()
    assert call.ending(request) is None


# --- without a session ------------------------------------------------------------------------


def test_a_lost_session_ends_the_call_for_the_reason_that_was_given(call: Call) -> None:
    active(call)
    request = call.is_to_end(words=True)
    call.model_is_lost()
    call.passes(5_000)
    assert ends(call) == DONE
    assert call.said(request + 1) is SpeechOutcome.DROPPED


def test_a_lost_session_does_not_keep_a_call_for_its_tools(call: Call) -> None:
    over_audible(call)
    call.does(ev.ToolCalled("R1", "R1.call", "slow"))
    call.is_to_end()
    call.model_is_lost()
    call.passes(4_600)
    assert ends(call) == DONE


def test_a_call_without_a_session_is_handed_over_all_the_same(call: Call) -> None:
    over_audible(call)
    request = call.is_to_end(leaves=True)
    call.model_is_lost()
    call.passes(4_600)
    assert call.count(cm.Leave) == 1
    assert not ends(call), "others have it in a moment"
    call.does(ev.LeaveFailed(request))
    assert ends(call) == [cm.EndCall("model_lost")]


def test_a_goodbye_of_nobody_without_a_session_needs_no_outcome() -> None:
    call = Call(Policy(silence_ms=1_000, silence_asks=0))
    clip = call.plays_clip(500)
    call.passes(1_499)
    call.core.state.is_session_lost = True
    call.core.state.is_session_ready = True
    call.invariants.ledger.is_lost = True
    call.passes(1)
    assert call.said(clip) is SpeechOutcome.HEARD
    assert call.core.state.is_over


def in_a_turn(call: Call) -> None:
    """The caller speaks, as the server hears it."""
    call.server_hears()


SITUATIONS: dict[str, Callable[[Call], None]] = {
    "in silence": lambda call: None,
    "while it speaks": active,
    "while it is audible": over_audible,
    "in a turn": in_a_turn,
}


@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("leaves", [True, False])
@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_ending_in_every_situation_comes_to_an_end(
    situation: str, words: bool, leaves: bool, final: bool
) -> None:
    call = Call()
    SITUATIONS[situation](call)
    request = call.is_to_end(words=words, final=final, leaves=leaves)
    call.passes(ENDING_MAX_MS + LEAVE_MS)
    assert call.core.state.is_over is not leaves
    assert call.ending(request) is (FAILED if leaves else None)
    if words:
        assert call.said(request + 1) is not None


def test_a_goodbye_of_silence_that_waits_goes_without_a_word_to_anybody() -> None:
    call = Call(Policy(silence_ms=1_000, silence_asks=0))
    call.core.state.creates.not_before_ms = 2_000
    call.passes(1_000)
    assert [q.cause for q in call.core.state.creates.queue] == [cm.Cause.GOODBYE]
    call.says()
    assert call.all(cm.EndingSettled) == [cm.EndingSettled(None, REVOKED)]
    assert call.count(cm.SpeechDropped) == 0
    call.passes(1_000)
    assert call.creates() == [cm.Cause.TURN]


def test_a_goodbye_that_the_server_said_in_our_place_is_not_said_for_an_ending_that_is_gone(
    call: Call,
) -> None:
    first = call.is_to_end(words=True)
    call.server_opens("G")
    call.speaks(400, "G.1")
    call.is_to_end()
    call.refuses(ev.Refusal.ALREADY_ACTIVE, 1)
    assert call.said(first + 1) is SpeechOutcome.FAILED
    call.ends("G")
    call.passes(1_000)
    assert call.creates() == [cm.Cause.GOODBYE]
    assert ends(call) == DONE


def test_a_goodbye_that_is_kept_out_is_tried_again(call: Call) -> None:
    request = call.is_to_end(words=True)
    call.refuses(ev.Refusal.ALREADY_ACTIVE, 1)
    call.passes(250)
    assert call.creates() == [cm.Cause.GOODBYE] * 2
    says_goodbye(call)
    call.passes(1_000)
    assert call.said(request + 1) is SpeechOutcome.HEARD
    assert ends(call) == DONE


def test_a_goodbye_that_is_kept_out_is_not_tried_again_for_a_caller_who_keeps_the_call(
    call: Call,
) -> None:
    request = call.is_to_end(words=True)
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    assert call.ending(request) is REVOKED
    call.refuses(ev.Refusal.ALREADY_ACTIVE, 1)
    call.passes(250)
    assert call.creates() == [cm.Cause.GOODBYE, cm.Cause.TURN]
    assert call.said(request + 1) is SpeechOutcome.FAILED


def test_a_word_is_not_asked_for_any_more_when_the_call_is_about_to_end() -> None:
    call = Call(Policy(silence_ms=1_000))
    call.passes(1_000)
    call.is_to_end(words=True)
    call.refuses(ev.Refusal.ALREADY_ACTIVE, 1)
    call.passes(1_000)
    assert call.creates() == [cm.Cause.SILENCE, cm.Cause.GOODBYE]
    call = Call(Policy(silence_ms=1_000))
    call.core.state.creates.not_before_ms = 2_000
    call.passes(1_000)
    call.is_to_end(words=True)
    call.passes(1_000)
    assert call.creates() == [cm.Cause.GOODBYE]
