from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import Cause
from trio_media.core.events import Ended, Refusal, Verdict
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.core.turns import TurnState
from trio_media.core.units import CREATE_RETRY_MS, CREATE_TRIES, CREATES_KEPT, NOISE_WAIT_MS
from trio_media.simulation.driving import CoreCall

from .driver import Call

SERVER = Policy(authority=Authority.SERVER)


def causes(call: CoreCall) -> list[Cause]:
    return [create.cause for create in call.all(cm.CreateResponse)]


def fates(call: CoreCall) -> list[tuple[str, str]]:
    return [(decided.item_id, decided.fate) for decided in call.all(cm.TurnDecided)]


# --- turns --------------------------------------------------------------------------------------


def test_a_turn_in_silence_is_answered_once() -> None:
    call = CoreCall()
    call.says("T1")
    call.commits("T1")
    call.does(ev.TurnTranscribed("T1", Verdict.WORDS))
    assert causes(call) == [Cause.TURN]
    assert fates(call) == [("T1", "answered")]


def test_a_commit_alone_is_a_turn() -> None:
    call = CoreCall()
    call.commits("T1")
    assert causes(call) == [Cause.TURN]


@pytest.mark.parametrize("verdict", [Verdict.BACKCHANNEL, Verdict.EMPTY])
def test_a_backchannel_over_the_model_is_no_turn(verdict: Verdict) -> None:
    call = CoreCall()
    call.answers(3_000)
    call.says("T1")
    call.does(ev.TurnTranscribed("T1", verdict))
    call.does(ev.TurnTranscribed("T1", Verdict.WORDS))
    call.passes(10_000)
    assert causes(call) == [Cause.APPLICATION]
    assert fates(call) == [("T1", "void")]
    assert [d.item_id for d in call.all(cm.DeleteItem)] == ["T1"]


@pytest.mark.parametrize("is_early", [True, False])
def test_words_over_the_model_are_a_turn(is_early: bool) -> None:
    call = CoreCall()
    call.begins_to_answer(3_000)
    call.server_hears("T1")
    words = ev.TurnTranscribed("T1", Verdict.WORDS)
    if is_early:
        call.does(words)
    call.commits("T1")
    call.does(words)
    assert causes(call) == [Cause.APPLICATION]
    call.ends()
    assert causes(call) == [Cause.APPLICATION, Cause.TURN]


def test_a_transcript_that_does_not_come_is_empty() -> None:
    call = CoreCall()
    call.begins_to_answer(9_000)
    call.says("T1")
    call.passes(2_999)
    assert fates(call) == []
    call.passes(1)
    assert fates(call) == [("T1", "void")]


def test_without_transcription_a_turn_over_the_model_is_void_at_once() -> None:
    call = CoreCall()
    call.does(ev.SessionReady(server_acts=False, transcribes=False))
    call.begins_to_answer(9_000)
    call.says("T1")
    assert fates(call) == [("T1", "void")]


def test_a_turn_over_an_answer_that_ended_in_it_counts() -> None:
    call = CoreCall()
    call.answers(400)
    call.server_hears("T1")
    call.passes(2_000)
    call.commits("T1")
    assert causes(call) == [Cause.APPLICATION, Cause.TURN]


def test_a_turn_that_took_the_floor_counts() -> None:
    call = CoreCall()
    call.begins_to_answer(3_000)
    call.server_hears("T1")
    call.caller_interrupts()
    call.ends("R1", Ended.CANCELLED)
    call.commits("T1")
    assert causes(call) == [Cause.APPLICATION, Cause.TURN]


def test_a_turn_that_is_not_committed_lapses_and_is_answered_only_when_it_is_after_all() -> None:
    call = CoreCall()
    call.server_hears("T1")
    call.server_hears_end("T1")
    call.passes(2_000)
    assert fates(call) == [("T1", "lapsed")]
    call.commits("T1")
    assert causes(call) == [Cause.TURN]


def test_a_turn_that_lapsed_over_the_model_counts_when_it_is_committed_in_silence() -> None:
    call = CoreCall()
    call.answers(1_000)
    call.server_hears("T1")
    call.server_hears_end("T1")
    call.passes(3_000)
    call.commits("T1")
    assert causes(call) == [Cause.APPLICATION, Cause.TURN]


def test_a_turn_in_which_nobody_is_heard_locally_lapses() -> None:
    call = CoreCall()
    call.server_hears("T1")
    call.caller_begins()
    call.passes(29_000)
    call.caller_stops()
    call.passes(29_999)
    assert fates(call) == []
    call.passes(1)
    assert fates(call) == [("T1", "lapsed")]


@pytest.mark.parametrize("item_id", ["T1", None])
def test_a_turn_that_fails_lapses(item_id: str | None) -> None:
    call = CoreCall()
    call.server_hears("T1")
    call.asks()
    call.does(ev.TurnFailed(item_id))
    assert fates(call) == [("T1", "lapsed")]
    assert causes(call) == [Cause.APPLICATION]


def test_one_turn_that_fails_says_nothing_of_another() -> None:
    call = CoreCall()
    call.server_hears("T1")
    call.does(ev.TurnFailed("T2"))
    assert fates(call) == []


def test_a_turn_that_is_committed_without_a_stop_is_no_speech_that_goes_on() -> None:
    call = CoreCall()
    call.server_hears("T1")
    call.commits("T1")
    call.opens()
    call.speaks(5_000)
    call.passes(4_000)
    assert call.count(cm.Taken) == 0


def test_a_turn_that_stopped_ends_the_speech_then_and_not_when_it_is_committed() -> None:
    call = CoreCall()
    call.server_hears("T1")
    call.server_hears_end("T1")
    ended_ms = call.now_ms
    call.passes(500)
    call.commits("T1")
    assert call.core.state.floor.server_ended_ms == ended_ms


def test_a_turn_of_which_no_more_can_come_is_in_its_last_state() -> None:
    served = CoreCall(SERVER)
    served.says("T1")
    void = CoreCall()
    void.does(ev.SessionReady(server_acts=False, transcribes=False))
    void.begins_to_answer()
    void.says("T1")
    lost = CoreCall()
    lost.begins_to_answer()
    lost.says("T1")
    lost.does(ev.SessionLost())
    calls = {TurnState.ANSWERED: served, TurnState.VOID: void, TurnState.LAPSED: lost}
    for state, call in calls.items():
        assert [turn.state for turn in call.core.state.turns.turns] == [state]


def test_a_turn_that_stopped_and_fails_lapses() -> None:
    call = CoreCall()
    call.server_hears("T1")
    call.server_hears_end("T1")
    call.does(ev.TurnFailed("T1"))
    assert fates(call) == [("T1", "lapsed")]


def test_a_turn_whose_words_could_not_be_understood_is_void() -> None:
    call = CoreCall()
    call.begins_to_answer(3_000)
    call.says("T1")
    call.does(ev.TurnFailed("T1"))
    assert fates(call) == [("T1", "void")]
    call.does(ev.TurnFailed("T1"))
    assert len(fates(call)) == 1


def test_a_transcript_of_nobody_says_nothing() -> None:
    call = CoreCall()
    assert call.does(ev.TurnTranscribed("nobody", Verdict.WORDS)) == []


def test_several_turns_that_count_are_one_answer() -> None:
    call = CoreCall()
    call.begins_to_answer(200)
    for name in ("T1", "T2"):
        call.says(name)
        call.does(ev.TurnTranscribed(name, Verdict.WORDS))
    call.ends()
    assert causes(call) == [Cause.APPLICATION, Cause.TURN]
    assert fates(call) == [("T1", "answered"), ("T2", "answered")]


# --- the server's authority ---------------------------------------------------------------------


def test_the_server_answers_turns_by_itself() -> None:
    call = CoreCall(SERVER)
    call.says("T1")
    call.passes(10_000)
    assert causes(call) == []
    assert fates(call) == [("T1", "answered by the server")]


def test_our_own_creates_wait_for_the_servers() -> None:
    call = CoreCall(SERVER)
    call.server_hears("T1")
    call.asks()
    call.commits("T1")
    assert causes(call) == []
    call.server_opens("R1")
    call.ends("R1")
    assert causes(call) == [Cause.APPLICATION]


def test_our_own_creates_wait_for_the_servers_only_so_long() -> None:
    call = CoreCall(SERVER)
    call.says("T1")
    call.asks()
    call.passes(1_499)
    assert causes(call) == []
    call.passes(1)
    assert causes(call) == [Cause.APPLICATION]


def test_the_servers_answer_pays_what_was_owed() -> None:
    call = CoreCall(SERVER)
    call.begins_to_answer(2_000)
    call.server_hears("T1")
    call.server_hears_end("T1")
    call.commits("T1")
    call.ends("R1", Ended.TURN_DETECTED)
    call.passes(10_000)
    assert causes(call) == [Cause.APPLICATION]


# --- what is owed -------------------------------------------------------------------------------


def take_by_noise(call: CoreCall, response_id: str) -> None:
    call.opens(response_id)
    call.speaks(2_000, f"{response_id}.1")
    call.passes(500)
    call.caller_interrupts()
    call.caller_stops()
    call.ends(response_id, Ended.CANCELLED)


def test_an_answer_is_owed_when_nothing_follows_an_interruption() -> None:
    call = CoreCall()
    call.asks()
    take_by_noise(call, "R1")
    call.passes(1_999)
    assert causes(call) == [Cause.APPLICATION]
    call.passes(1)
    assert causes(call) == [Cause.APPLICATION, Cause.RECOVERY]


def test_an_answer_is_owed_only_when_both_ends_are_past() -> None:
    call = CoreCall()
    call.asks()
    call.opens()
    call.server_hears("T1")
    call.caller_interrupts()
    call.ends("R1", Ended.CANCELLED)
    call.passes(5_000)
    call.caller_stops()
    call.passes(5_000)
    assert causes(call) == [Cause.APPLICATION]
    call.does(ev.TurnFailed("T1"))
    call.passes(1_999)
    assert causes(call) == [Cause.APPLICATION]
    call.passes(1)
    assert causes(call)[-1] is Cause.RECOVERY


def test_an_owed_answer_does_not_go_out_while_the_caller_speaks() -> None:
    call = CoreCall()
    call.begins_to_answer(2_000)
    call.caller_interrupts()
    call.caller_stops()
    call.passes(2_500)  # the cancelled response is not over yet
    call.caller_begins()
    call.ends("R1", Ended.CANCELLED)
    assert causes(call) == [Cause.APPLICATION]
    call.caller_stops()
    call.passes(2_000)
    assert causes(call) == [Cause.APPLICATION, Cause.RECOVERY]


def clicks(call: CoreCall, until_ms: int) -> None:
    """Let the local ear hear a click every second, which nobody takes for speech."""
    while call.now_ms < until_ms:
        call.caller_begins()
        call.passes(50)
        call.caller_stops()
        call.passes(950)


def test_noise_puts_off_an_owed_answer_for_a_while_and_no_longer() -> None:
    call = CoreCall()
    call.asks()
    take_by_noise(call, "R1")
    quiet_ms = call.now_ms
    clicks(call, quiet_ms + 2_000 + NOISE_WAIT_MS - 1_000)
    assert causes(call) == [Cause.APPLICATION]
    clicks(call, quiet_ms + 2_000 + NOISE_WAIT_MS)
    assert causes(call) == [Cause.APPLICATION, Cause.RECOVERY]


def test_noise_that_does_not_stop_puts_off_an_owed_answer_for_a_while_and_no_longer() -> None:
    call = CoreCall()
    call.asks()
    take_by_noise(call, "R1")
    call.caller_begins()
    call.passes(2_000 + NOISE_WAIT_MS - 1)
    assert causes(call) == [Cause.APPLICATION]
    call.passes(1)
    assert causes(call) == [Cause.APPLICATION, Cause.RECOVERY]


def test_a_voice_puts_off_an_owed_answer_for_as_long_as_it_is_heard() -> None:
    call = CoreCall()
    call.asks()
    take_by_noise(call, "R1")
    call.caller_begins()
    call.does(ev.LocalSpeechVoiced())
    call.passes(2_000 + NOISE_WAIT_MS)
    assert causes(call) == [Cause.APPLICATION]
    call.caller_stops()
    call.passes(2_000)
    assert causes(call) == [Cause.APPLICATION, Cause.RECOVERY]


def test_at_most_two_answers_are_owed_in_a_row() -> None:
    call = CoreCall()
    call.asks()
    for number in range(3):
        take_by_noise(call, f"R{number}")
        call.passes(5_000)
    assert causes(call) == [Cause.APPLICATION, Cause.RECOVERY, Cause.RECOVERY]


def test_an_answer_heard_to_its_end_begins_the_row_anew() -> None:
    call = CoreCall()
    call.asks()
    for number in range(2):
        take_by_noise(call, f"R{number}")
        call.passes(5_000)
    call.opens("heard")
    call.speaks(400, "heard.1")
    call.ends("heard")
    call.passes(2_000)
    assert call.core.state.owed.in_a_row == 0
    call.asks()
    take_by_noise(call, "again")
    call.passes(5_000)
    assert causes(call)[-1] is Cause.RECOVERY
    assert causes(call).count(Cause.RECOVERY) == 3


def test_a_turn_that_counts_is_answered_instead() -> None:
    call = CoreCall()
    call.asks()
    take_by_noise(call, "R1")
    call.says("T1")
    call.passes(9_000)  # long after it was due, and before the create itself is given up
    assert causes(call) == [Cause.APPLICATION, Cause.TURN]


def test_an_owed_answer_waits_for_a_turn_that_is_not_decided() -> None:
    call = CoreCall()
    call.begins_to_answer(9_000)
    call.says("T1")  # over the model: its transcript decides
    call.caller_interrupts()
    call.caller_stops()
    call.ends("R1", Ended.CANCELLED)
    call.passes(2_500)
    assert causes(call) == [Cause.APPLICATION]
    call.does(ev.TurnTranscribed("T1", Verdict.WORDS))
    call.passes(9_000)
    assert causes(call) == [Cause.APPLICATION, Cause.TURN]


def test_an_owed_answer_that_waited_for_a_verdict_waits_for_the_caller_too() -> None:
    call = CoreCall()
    call.begins_to_answer(9_000)
    call.says("T1")
    call.caller_interrupts()
    call.caller_stops()
    call.ends("R1", Ended.CANCELLED)
    call.passes(2_500)
    call.caller_begins()
    call.does(ev.TurnTranscribed("T1", Verdict.EMPTY))
    assert causes(call) == [Cause.APPLICATION]
    call.caller_stops()
    call.passes(2_000)
    assert causes(call) == [Cause.APPLICATION, Cause.RECOVERY]


def test_an_interruption_by_us_owes_nothing() -> None:
    call = CoreCall()
    call.begins_to_answer()
    call.interrupts()
    call.ends("R1", Ended.CANCELLED)
    call.passes(20_000)
    assert causes(call) == [Cause.APPLICATION]


def test_nothing_is_owed_once_the_session_is_lost() -> None:
    call = CoreCall()
    call.answers(3_000)
    call.does(ev.SessionLost())
    call.caller_interrupts()
    assert not call.core.state.owed.is_owed


# --- keys ---------------------------------------------------------------------------------------


def test_keys_are_sent_in_order_each_once_with_one_answer() -> None:
    call = CoreCall()
    for digit in "12#":
        call.does(ev.KeyPressed(digit))
        call.passes(1_000)
    assert call.count(cm.SendKeys) == 0
    call.passes(500)
    call.passes(9_000)
    assert [keys.digits for keys in call.all(cm.SendKeys)] == ["12#"]
    assert causes(call) == [Cause.KEYS]


def test_keys_interrupt_unless_the_operator_does_not_want_that() -> None:
    for interrupts in (True, False):
        call = CoreCall(Policy(dtmf_interrupts=interrupts))
        call.begins_to_answer()
        call.does(ev.KeyPressed("1"))
        assert bool(call.all(cm.Taken)) is interrupts


def test_keys_wait_for_the_session() -> None:
    call = CoreCall(is_ready=False)
    call.does(ev.KeyPressed("1"))
    call.passes(9_000)
    assert call.count(cm.SendKeys) == 0
    call.does(ev.SessionReady(server_acts=False))
    assert [keys.digits for keys in call.all(cm.SendKeys)] == ["1"]


# --- asking -------------------------------------------------------------------------------------


def test_requests_to_speak_are_carried_out_in_order() -> None:
    call = CoreCall()
    first, second = call.asks(), call.asks()
    assert [create.request for create in call.all(cm.CreateResponse)] == [first]
    call.opens()
    call.ends()
    assert [create.request for create in call.all(cm.CreateResponse)] == [first, second]


def test_a_greeting_is_dropped_when_the_conversation_has_begun_without_it() -> None:
    call = CoreCall()
    call.server_hears()
    greeting = call.asks(greeting=True)
    call.commits()
    assert call.all(cm.SpeechDropped) == [cm.SpeechDropped(greeting)]
    assert causes(call) == [Cause.TURN]


def test_requests_without_end_are_dropped_at_once() -> None:
    call = CoreCall(is_ready=False)
    requests = [call.asks() for _ in range(CREATES_KEPT + 1)]
    assert call.all(cm.SpeechDropped) == [cm.SpeechDropped(requests[-1])]


def test_nothing_is_asked_of_a_lost_session() -> None:
    call = CoreCall()
    call.answers(2_000)
    call.does(ev.SessionLost())
    request = call.asks()
    assert call.all(cm.SpeechDropped) == [cm.SpeechDropped(request)]


def test_a_lost_session_closes_what_waits() -> None:
    call = CoreCall()
    call.begins_to_answer(3_000)
    request = call.asks()
    call.says("judged")
    call.says("counts")
    call.does(ev.TurnTranscribed("counts", Verdict.WORDS))
    call.server_hears("open")
    call.does(ev.SessionLost())
    assert call.all(cm.SpeechDropped) == [cm.SpeechDropped(request)]
    assert sorted(fates(call)) == [("counts", "lapsed"), ("judged", "lapsed"), ("open", "lapsed")]
    assert call.core.state.creates.queue == []


# --- the gate -----------------------------------------------------------------------------------


def test_a_create_waits_for_the_session() -> None:
    call = CoreCall(is_ready=False)
    call.asks()
    assert causes(call) == []
    call.does(ev.SessionReady(server_acts=False))
    assert causes(call) == [Cause.APPLICATION]


def test_a_create_waits_for_the_open_response_and_for_its_cancel() -> None:
    call = CoreCall()
    call.begins_to_answer()
    call.interrupts()
    call.asks()
    assert len(causes(call)) == 1
    call.ends("R1", Ended.CANCELLED)
    assert len(causes(call)) == 2


def test_a_create_waits_for_the_end_of_a_hush() -> None:
    call = CoreCall()
    call.answers(3_000)
    call.passes(500)
    call.caller_begins()
    call.asks()
    assert len(causes(call)) == 1
    call.passes(700)
    assert len(causes(call)) == 2


def test_a_create_waits_until_protected_speech_was_heard() -> None:
    call = CoreCall()
    call.asks(protected=True)
    call.opens()
    call.speaks(1_000)
    call.ends()
    call.says("T1")
    call.does(ev.TurnTranscribed("T1", Verdict.WORDS))
    call.passes(999)
    assert len(causes(call)) == 1
    call.passes(1)
    assert causes(call)[-1] is Cause.TURN


def test_an_answer_waits_until_it_is_known_which_turns_it_answers() -> None:
    call = CoreCall()
    call.begins_to_answer(200)
    call.does(ev.ToolCalled("R1", "R1.call", "call"))
    call.says("T1")
    call.ends()
    call.does(ev.ToolAnswered("call"))
    assert len(causes(call)) == 1
    call.does(ev.TurnTranscribed("T1", Verdict.WORDS))
    assert causes(call)[1:] == [Cause.TOOL]
    assert fates(call) == [("T1", "answered")]
    call.opens("R2")
    call.ends("R2")
    call.passes(9_000)
    assert len(causes(call)) == 2


# --- creates that come to nothing ---------------------------------------------------------------


def refuse(call: CoreCall, refusal: Refusal = Refusal.ALREADY_ACTIVE) -> None:
    call.refuses(refusal, call.all(cm.CreateResponse)[-1].command)


def test_a_create_that_another_response_blocks_is_tried_again() -> None:
    call = CoreCall()
    request = call.asks()
    refuse(call)
    call.passes(CREATE_RETRY_MS - 1)
    assert len(causes(call)) == 1
    call.passes(1)
    assert [create.request for create in call.all(cm.CreateResponse)] == [request, request]


def test_a_create_that_is_tried_again_is_before_what_was_asked_for_after_it() -> None:
    call = CoreCall()
    first, second = call.asks(), call.asks()
    refuse(call)
    call.passes(CREATE_RETRY_MS)
    call.opens()
    call.ends()
    assert [create.request for create in call.all(cm.CreateResponse)] == [first, first, second]


def test_a_pause_between_tries_that_ends_does_not_hide_the_wait_for_the_server() -> None:
    call = CoreCall(SERVER)
    call.asks()
    refuse(call)
    call.commits("T1")
    call.passes(9_000)
    assert [at_ms for at_ms, c in call.log if isinstance(c, cm.CreateResponse)] == [0, 1_500]


@pytest.mark.parametrize("keep", [True, False])
def test_a_create_that_was_refused_is_kept_as_it_was_asked_for(keep: bool) -> None:
    call = CoreCall()
    request = call.asks(keep=keep)
    refuse(call)
    call.interrupts()
    call.passes(CREATE_RETRY_MS)
    dropped = [] if keep else [cm.SpeechDropped(request)]
    assert call.all(cm.SpeechDropped) == dropped
    assert len(causes(call)) == 1 + keep


def test_a_protected_create_that_was_refused_is_protected_still() -> None:
    call = CoreCall()
    call.asks(protected=True)
    refuse(call)
    call.passes(CREATE_RETRY_MS)
    call.opens()
    call.speaks(2_000)
    call.caller_interrupts()
    assert call.count(cm.Taken) == 0


def test_a_create_that_a_known_response_blocks_is_tried_when_that_is_over() -> None:
    call = CoreCall()
    call.asks()
    call.server_opens("other")  # nobody says whose it is, and one is asked for: it is that one
    call.server_opens("another")
    call.asks(keep=True)
    call.ends("other")
    call.ends("another")
    call.server_opens("third")
    refuse(call)
    assert len(causes(call)) == 2
    call.ends("third")
    assert len(causes(call)) in (2, 3)


def test_a_create_that_is_not_kept_can_be_dropped_after_a_refusal_too() -> None:
    call = CoreCall()
    request = call.asks()
    refuse(call)
    call.interrupts()
    assert call.all(cm.SpeechDropped) == [cm.SpeechDropped(request)]
    call.passes(5_000)
    assert len(causes(call)) == 1


def test_a_create_that_was_interrupted_is_not_tried_again() -> None:
    call = CoreCall()
    call.asks()
    call.interrupts()
    refuse(call)
    call.passes(5_000)
    assert len(causes(call)) == 1


def test_a_create_refused_for_another_reason_is_over() -> None:
    call = CoreCall()
    call.asks()
    refuse(call, Refusal.OTHER)
    call.passes(5_000)
    assert len(causes(call)) == 1
    assert call.all(cm.ResponseClosed) == [cm.ResponseClosed(1, None, Ended.REJECTED)]


def test_a_session_that_takes_no_create_is_ended() -> None:
    call = CoreCall()
    call.asks()
    for _ in range(CREATE_TRIES):
        refuse(call)
        call.passes(CREATE_RETRY_MS)
    assert call.all(cm.EndModelSession) == []
    refuse(call)
    assert call.all(cm.EndModelSession) == [cm.EndModelSession("it takes none of our creates")]
    assert len(causes(call)) == CREATE_TRIES + 1


def test_a_session_that_is_blocked_by_what_we_gave_up_is_ended() -> None:
    call = CoreCall()
    call.asks()
    call.passes(10_000)
    call.asks()
    refuse(call)
    why = "a response that we gave up blocks every other"
    assert call.all(cm.EndModelSession) == [cm.EndModelSession(why)]


def test_a_response_that_ended_after_all_blocks_nothing() -> None:
    call = CoreCall()
    call.begins_to_answer()
    call.passes(33_000)
    call.ends()
    call.asks()
    refuse(call)
    assert call.count(cm.EndModelSession) == 0


def test_a_create_of_which_nothing_was_written_is_tried_again() -> None:
    call = CoreCall()
    call.says("T1")
    call.does(ev.CommandUnsent(call.all(cm.CreateResponse)[0].command))
    call.passes(CREATE_RETRY_MS)
    assert causes(call) == [Cause.TURN, Cause.TURN]
    assert fates(call) == [("T1", "answered")]


def test_an_owed_answer_that_never_went_out_is_not_counted() -> None:
    call = CoreCall()
    call.asks()
    take_by_noise(call, "R1")
    call.passes(2_000)
    for _ in range(3):
        assert causes(call)[-1] is Cause.RECOVERY
        call.does(ev.CommandUnsent(call.all(cm.CreateResponse)[-1].command))
        call.passes(CREATE_RETRY_MS)
    assert call.core.state.owed.in_a_row == 1


def test_a_past_wait_does_not_hide_one_to_come() -> None:
    call = CoreCall(SERVER)
    call.passes(10_000)
    call.says("T1")
    call.asks()
    assert call.core.next_deadline() == 11_500


@pytest.mark.parametrize("ear", list(Ear))
def test_every_ear_answers_turns(ear: Ear) -> None:
    call = CoreCall(Policy(ear=ear))
    call.says("T1")
    assert causes(call) == [Cause.TURN]


def test_a_turn_whose_create_is_rejected_is_answered_all_the_same_but_not_for_ever() -> None:
    """An error once left the caller in silence, because the turn counted as answered."""
    call = CoreCall()
    call.says()
    call.refuses(Refusal.OTHER, 1)
    call.passes(3_000)
    assert causes(call) == [Cause.TURN, Cause.RECOVERY]
    call.refuses(Refusal.OTHER, 2)
    call.passes(60_000)
    assert causes(call) == [Cause.TURN, Cause.RECOVERY]


def test_a_turn_whose_create_is_never_answered_is_asked_for_once_more() -> None:
    call = CoreCall()
    call.says()
    call.passes(60_000)
    assert causes(call) == [Cause.TURN, Cause.RECOVERY]


def test_a_rejected_create_that_was_interrupted_owes_nobody_an_answer() -> None:
    call = CoreCall()
    call.says()
    call.interrupts()
    call.refuses(Refusal.OTHER, 1)
    call.passes(60_000)
    assert causes(call) == [Cause.TURN]


# --- held -------------------------------------------------------------------------------------


def test_a_turn_is_not_answered_while_answers_are_held_and_not_afterwards(call: Call) -> None:
    call.holds()
    call.says()
    assert call.fates() == {"T1": "left"}
    call.holds(is_held=False)
    call.passes(10_000)
    assert call.creates() == []
    call.says("T2")
    assert call.creates() == [cm.Cause.TURN]


def test_a_turn_whose_answer_waits_is_left_by_a_hold(call: Call) -> None:
    """Nobody would answer it any more, and everybody would wait for its answer."""
    call.core.state.creates.not_before_ms = 1_000
    call.says()
    assert call.core.state.creates.queue
    call.holds()
    assert call.fates() == {"T1": "left"}
    assert not call.core.state.turns.has_unanswered
    call.holds(is_held=False)
    call.passes(10_000)
    assert call.creates() == []


def test_what_we_ask_for_is_said_while_answers_are_held(call: Call) -> None:
    call.holds()
    call.asks()
    assert call.creates() == [cm.Cause.APPLICATION]


def test_keys_reach_the_model_while_answers_are_held_and_are_not_answered(call: Call) -> None:
    call.holds()
    call.presses("1")
    call.passes(5_000)
    assert call.count(cm.SendKeys) == 1
    assert call.creates() == []


def test_an_answer_that_was_kept_out_before_a_hold_is_given_after_it(call: Call) -> None:
    call.says()
    call.holds()
    call.refuses(ev.Refusal.ALREADY_ACTIVE, call.all(cm.CreateResponse)[-1].command)
    call.passes(5_000)
    assert call.creates() == [cm.Cause.TURN]
    call.holds(is_held=False)
    assert call.creates() == [cm.Cause.TURN] * 2
