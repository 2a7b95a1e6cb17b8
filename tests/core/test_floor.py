from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import Outcome
from trio_media.core.floor import Floor, Verb
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.core.units import LOCAL_SPEECH_MAX_MS
from trio_media.simulation.driving import CoreCall

SERVER = Policy(authority=Authority.SERVER)


def a_speaking_call(policy: Policy | None = None) -> CoreCall:
    """The model has been heard for long enough that an onset is no echo."""
    call = CoreCall(policy or Policy())
    call.begins_to_answer(30_000)
    call.passes(500)
    return call


# --- weak evidence ------------------------------------------------------------------------------


def test_an_onset_hushes_and_tells_the_model_nothing() -> None:
    call = a_speaking_call()
    made = call.caller_begins()
    assert [type(c) for c in made] == [cm.ClearCarrier, cm.Hushed]
    assert call.passes(600) == []


def test_a_hush_ends_after_silence() -> None:
    call = a_speaking_call()
    call.caller_begins()
    call.passes(100)
    call.caller_stops()
    call.passes(199)
    assert call.count(cm.Resumed) == 0
    call.passes(1)
    assert call.count(cm.Resumed) == 1


def test_speech_that_goes_on_again_keeps_the_hush() -> None:
    call = a_speaking_call()
    call.caller_begins()
    call.caller_stops()
    call.passes(150)
    call.caller_begins()
    call.passes(150)
    assert call.count(cm.Resumed) == 0
    assert call.count(cm.ClearCarrier) == 1


def test_a_hush_ends_at_its_longest_whatever_is_heard() -> None:
    call = a_speaking_call()
    call.caller_begins()
    call.passes(700)
    assert call.count(cm.Resumed) == 1


def test_after_two_false_hushes_weak_evidence_is_ignored_for_a_while_but_strong_is_not() -> None:
    call = a_speaking_call()
    for _ in range(2):
        call.caller_begins()
        call.caller_stops()
        call.passes(600)
    call.caller_begins()
    assert call.count(cm.Hushed) == 2
    call.caller_is_sure()
    assert call.count(cm.Taken) == 1


def test_weak_evidence_counts_again_after_a_while() -> None:
    call = a_speaking_call()
    for _ in range(2):
        call.caller_begins()
        call.caller_stops()
        call.passes(600)
    call.passes(10_000)
    call.caller_begins()
    assert call.count(cm.Hushed) == 3


def test_false_hushes_far_apart_are_not_noise() -> None:
    call = a_speaking_call()
    for _ in range(3):
        call.caller_begins()
        call.caller_stops()
        call.passes(10_201)
        call.speaks(100)
    assert call.count(cm.Hushed) == 3


def test_a_hush_whose_answer_ended_by_itself_was_not_false() -> None:
    call = CoreCall()
    call.asks()
    call.opens()
    call.caller_begins()
    call.ends()
    call.caller_is_sure()
    assert call.count(cm.Resumed) == 1
    assert call.core.state.floor.last_false_ms is None


# --- the echo guard -----------------------------------------------------------------------------


def test_an_onset_just_after_audio_began_hushes_when_the_guard_ends_if_it_goes_on() -> None:
    call = CoreCall()
    call.begins_to_answer(5_000)
    call.passes(50)
    call.caller_begins()
    call.passes(149)
    assert call.count(cm.Hushed) == 0
    call.passes(1)
    assert call.all(cm.Hushed)[0].heard_ms == 200


def test_an_echo_that_ends_within_the_guard_is_nothing() -> None:
    call = CoreCall()
    call.begins_to_answer(5_000)
    call.passes(50)
    call.caller_begins()
    call.caller_stops()
    call.passes(1_000)
    assert call.count(cm.Hushed) == 0


def test_the_end_of_the_guard_wakes_by_itself() -> None:
    call = CoreCall(has_marks=False)
    call.answers(400)  # all of it is sent: nothing else is due
    call.passes(50)
    call.caller_begins()
    assert call.core.next_deadline() == 200
    call.passes(150)
    assert call.count(cm.Hushed) == 1


def test_an_onset_whose_guard_ends_when_nothing_is_left_to_hush_is_nothing() -> None:
    call = CoreCall()
    call.answers(100)
    call.passes(50)
    call.caller_begins()
    call.passes(1_000)
    assert call.count(cm.Hushed) == 0


def test_strong_evidence_does_not_wait_for_the_guard() -> None:
    call = CoreCall()
    call.begins_to_answer(5_000)
    call.passes(50)
    call.caller_interrupts()
    assert call.count(cm.Taken) == 1
    assert call.passes(1_000) == [] or call.count(cm.Hushed) == 0


def test_a_resume_is_no_beginning_so_nothing_guards_against_its_echo() -> None:
    call = a_speaking_call()
    call.caller_begins()
    call.caller_stops()
    call.passes(200)
    call.caller_begins()
    assert call.count(cm.Hushed) == 2


# --- speech that is on while a response opens ---------------------------------------------------


def test_speech_that_is_on_when_a_response_opens_is_an_onset_then() -> None:
    call = CoreCall()
    call.caller_begins()
    call.asks()
    assert call.count(cm.Hushed) == 1
    call.passes(700)
    assert call.count(cm.Resumed) == 1


def test_speech_that_was_confirmed_before_takes_when_it_lasted_as_long_again() -> None:
    call = CoreCall()
    call.caller_interrupts()
    call.asks()
    call.passes(319)
    assert call.count(cm.Taken) == 0
    call.passes(1)
    assert call.count(cm.Taken) == 1


def test_speech_that_was_confirmed_before_and_ends_takes_nothing() -> None:
    call = CoreCall()
    call.caller_interrupts()
    call.asks()
    call.passes(100)
    call.caller_stops()
    call.passes(200)
    assert call.count(cm.Taken) == 0
    assert call.count(cm.Resumed) == 1


def test_noise_without_end_is_no_speech() -> None:
    call = CoreCall()
    call.caller_begins()
    call.passes(LOCAL_SPEECH_MAX_MS)
    assert not call.core.state.floor.is_heard
    call.asks()
    assert call.count(cm.Hushed) == 0


# --- strong evidence ----------------------------------------------------------------------------


def test_confirmed_speech_takes_at_once_under_our_authority() -> None:
    call = a_speaking_call()
    call.caller_interrupts()
    assert call.all(cm.Taken)[0].reason is ev.Reason.LOCAL_SPEECH
    assert call.count(cm.CancelResponse) == 1


def test_a_confirmation_of_nothing_is_nothing() -> None:
    call = a_speaking_call()
    assert call.caller_is_sure() == []
    assert call.caller_stops() == []


def test_long_server_speech_catches_what_the_local_ear_missed() -> None:
    call = a_speaking_call(Policy(ear=Ear.BOTH))
    call.server_hears()
    call.passes(500 + 699)
    assert call.count(cm.Taken) == 0
    call.passes(1)
    assert call.all(cm.Taken)[0].reason is ev.Reason.SERVER_SPEECH
    assert call.count(cm.CancelResponse) == 1


def test_short_server_speech_is_not_strong() -> None:
    call = a_speaking_call(Policy(ear=Ear.BOTH))
    call.server_hears()
    call.passes(1_100)
    call.server_hears_end()
    call.passes(2_000)
    assert call.count(cm.Taken) == 0


def test_a_stop_of_an_older_turn_does_not_end_the_newer_ones_speech() -> None:
    call = a_speaking_call(Policy(ear=Ear.BOTH))
    call.server_hears("T1")
    call.server_hears("T2")
    call.server_hears_end("T1")
    call.passes(1_200)
    assert call.count(cm.Taken) == 1


def test_the_local_ear_alone_ignores_what_the_server_hears() -> None:
    call = a_speaking_call(Policy(ear=Ear.LOCAL))
    call.server_hears()
    call.passes(5_000)
    assert call.count(cm.Taken) == 0


def test_the_servers_ear_alone_ignores_what_is_heard_locally() -> None:
    call = a_speaking_call(Policy(ear=Ear.SERVER))
    assert call.caller_interrupts() == []
    call.caller_stops()
    call.server_hears()
    assert call.count(cm.Taken) == 1
    assert call.count(cm.Resumed) == 0


# --- the server's authority ---------------------------------------------------------------------


def test_under_the_servers_authority_an_onset_only_hushes_and_its_speech_takes() -> None:
    call = a_speaking_call(SERVER)
    call.caller_interrupts()
    assert call.count(cm.Hushed) == 1
    assert call.count(cm.Taken) == 0
    call.server_hears()
    assert call.count(cm.Taken) == 1
    assert call.count(cm.CancelResponse) == 0
    assert call.count(cm.ClearCarrier) == 1


def test_strong_evidence_that_the_server_does_not_share_takes_with_our_cancel() -> None:
    call = a_speaking_call(SERVER)
    call.caller_interrupts()
    call.passes(599)
    assert call.count(cm.Taken) == 0
    call.passes(1)
    assert call.all(cm.Taken)[0].reason is ev.Reason.LOCAL_SPEECH
    assert call.count(cm.CancelResponse) == 1


def test_strong_evidence_without_a_hush_begins_one() -> None:
    call = CoreCall(SERVER)
    call.begins_to_answer(5_000)
    call.passes(50)
    call.caller_begins()  # within the guard
    call.caller_is_sure()
    assert call.count(cm.Hushed) == 1
    call.passes(600)
    assert call.count(cm.Taken) == 1


def test_a_confirmed_hush_takes_though_the_caller_has_stopped() -> None:
    call = a_speaking_call(SERVER)
    call.caller_interrupts()
    call.caller_stops()
    call.passes(600)
    assert call.count(cm.Resumed) == 0
    assert call.count(cm.Taken) == 1


def test_a_terminal_event_that_says_so_is_the_servers_speech() -> None:
    call = a_speaking_call(SERVER)
    call.ends("R1", ev.Ended.TURN_DETECTED)
    assert call.all(cm.Taken)[0].reason is ev.Reason.SERVER_SPEECH
    assert call.count(cm.CancelResponse) == 0
    assert call.all(cm.InterruptionSettled)[0].outcome is Outcome.SERVER_CANCELLED


def test_a_terminal_event_of_the_servers_speech_takes_even_what_was_not_heard_yet() -> None:
    call = CoreCall(SERVER)
    call.asks()
    call.opens()
    call.does(ev.ItemAdded("R1", "R1.1", is_speech=True))
    call.ends("R1", ev.Ended.TURN_DETECTED)
    assert call.count(cm.Taken) == 1
    assert [d.item_id for d in call.all(cm.DeleteItem)] == ["R1.1"]
    call.passes(1_999)
    assert call.count(cm.CreateResponse) == 1
    call.passes(1)
    assert call.all(cm.CreateResponse)[-1].cause is cm.Cause.RECOVERY


def test_a_terminal_event_after_the_servers_speech_takes_nothing_more() -> None:
    call = a_speaking_call(SERVER)
    call.server_hears()
    call.ends("R1", ev.Ended.TURN_DETECTED)
    assert call.count(cm.Taken) == 1


# --- by itself ----------------------------------------------------------------------------------


def test_the_floor_says_nothing_when_nothing_is_due() -> None:
    floor = Floor(Policy())
    assert floor.next_deadline_ms() is None
    assert floor.due(10_000, server_acts=False) == (Verb.NOTHING, False)


def test_quiet_is_since_the_later_of_both_ends() -> None:
    floor = Floor(Policy())
    floor.speech_began(0)
    floor.speech_ended(70)
    floor.server_ended(50)
    assert floor.quiet_since_ms == 70


@pytest.mark.parametrize("event", [ev.LocalSpeechConfirmed(), ev.ServerSpeechStarted("T1")])
def test_nothing_is_taken_where_nothing_is_heard(event: ev.Event) -> None:
    call = CoreCall(Policy(ear=Ear.BOTH))
    call.caller_begins()
    call.does(event)
    call.passes(3_000)
    assert call.count(cm.Taken) == 0


# --- a voice, and whether it wants the floor ------------------------------------------------------


def a_hushed_call(policy: Policy | None = None) -> CoreCall:
    call = a_speaking_call(policy)
    call.caller_begins()
    return call


def test_a_voice_that_stops_soon_resumes_and_makes_no_hush_false() -> None:
    call = a_hushed_call()
    call.passes(160)
    assert call.caller_is_a_voice() == []
    call.passes(200)
    call.caller_stops()
    call.passes(200)
    assert call.all(cm.Resumed) == [cm.Resumed(was_false=False)]
    assert call.core.state.floor.last_false_ms is None
    assert call.count(cm.Taken) == 0


def test_a_voice_that_goes_on_until_the_hush_must_end_takes() -> None:
    call = a_hushed_call()
    call.caller_is_a_voice()
    call.passes(699)
    assert call.count(cm.Taken) == 0
    call.passes(1)
    assert call.count(cm.Taken) == 1
    assert call.count(cm.Resumed) == 0


def test_noise_after_a_voice_does_not_take_when_the_hush_must_end() -> None:
    call = a_hushed_call()
    call.caller_is_a_voice()
    call.caller_stops()
    call.passes(150)
    call.caller_begins()
    call.passes(550)
    assert call.count(cm.Taken) == 0
    assert call.count(cm.Resumed) == 1


def test_a_voice_hushes_where_weak_evidence_is_ignored() -> None:
    call = a_speaking_call()
    for _ in range(2):
        call.caller_begins()
        call.caller_stops()
        call.passes(600)
    call.caller_begins()
    assert call.count(cm.Hushed) == 2
    call.caller_is_a_voice()
    assert call.count(cm.Hushed) == 3


def test_a_hush_that_a_voice_began_was_not_false() -> None:
    call = a_speaking_call()
    for _ in range(2):
        call.caller_begins()
        call.caller_stops()
        call.passes(600)
    call.caller_begins()
    call.caller_is_a_voice()
    call.caller_stops()
    call.passes(200)
    assert [resumed.was_false for resumed in call.all(cm.Resumed)] == [True, True, False]


def test_a_voice_just_after_audio_began_waits_for_the_guard_like_any_echo() -> None:
    call = CoreCall()
    call.begins_to_answer(5_000)
    call.passes(50)
    call.caller_begins()
    call.caller_is_a_voice()
    assert call.count(cm.Hushed) == 0
    call.passes(150)
    assert call.count(cm.Hushed) == 1


def test_a_voice_without_an_onset_is_none() -> None:
    call = a_speaking_call()
    assert call.caller_is_a_voice() == []


def test_a_server_that_interrupts_by_itself_has_its_moment_before_a_voice_takes() -> None:
    call = a_hushed_call(SERVER)
    call.caller_is_a_voice()
    call.passes(699)
    assert call.count(cm.Taken) == 0
    call.passes(1)
    assert call.count(cm.CancelResponse) == 1


# --- when it was said, and when it was judged -----------------------------------------------------


def test_silence_is_counted_from_when_it_was_heard_not_from_when_it_was_judged() -> None:
    call = a_hushed_call()
    call.passes(300)
    call.does(ev.LocalSpeechEnded(at_ms=call.now_ms - 120))
    call.passes(79)
    assert call.count(cm.Resumed) == 0
    call.passes(1)
    assert call.count(cm.Resumed) == 1


def test_a_verdict_that_came_late_ends_the_guard_by_the_time_of_its_audio() -> None:
    call = CoreCall()
    call.begins_to_answer(5_000)
    call.passes(260)  # the guard is over at 200
    call.does(ev.LocalSpeechBegan(at_ms=190))
    assert call.count(cm.Hushed) == 1  # it goes on behind the guard
    other = CoreCall()
    other.begins_to_answer(5_000)
    other.passes(190)
    other.does(ev.LocalSpeechBegan(at_ms=150))
    assert other.count(cm.Hushed) == 0


def test_nothing_is_heard_before_it_is_said() -> None:
    call = a_speaking_call()
    with pytest.raises(AssertionError, match=r"^heard before it was said"):
        call.does(ev.LocalSpeechBegan(at_ms=call.now_ms + 1))


def test_what_is_heard_as_it_is_said_is_heard() -> None:
    call = a_speaking_call()
    call.does(ev.LocalSpeechBegan(at_ms=call.now_ms))
    assert call.count(cm.Hushed) == 1


def test_a_server_that_begins_to_act_in_a_hush_has_its_moment_too() -> None:
    call = CoreCall(SERVER)
    call.does(ev.SessionReady(server_acts=False))
    call.caller_interrupts()  # there is nothing to interrupt yet
    call.asks()
    call.opens()
    assert call.count(cm.Hushed) == 1
    call.does(ev.SessionReady(server_acts=True))
    call.passes(599)
    assert call.count(cm.Taken) == 0
    call.passes(1)
    assert call.count(cm.Taken) == 1


# --- short words ----------------------------------------------------------------------------------


def a_short_word(call: CoreCall, item_id: str = "T1") -> None:
    """A voice over the model that is over before it takes; the server hears it as a turn."""
    call.caller_begins()
    call.passes(200)
    call.caller_is_a_voice()
    call.server_hears(item_id)
    call.passes(150)
    call.caller_stops()
    call.passes(200)
    assert call.count(cm.Taken) == 0
    call.passes(300)
    call.server_hears_end(item_id)
    call.commits(item_id)


def test_a_short_word_that_was_a_backchannel_is_nothing() -> None:
    call = a_speaking_call()
    a_short_word(call)
    call.does(ev.TurnTranscribed("T1", ev.Verdict.BACKCHANNEL))
    assert call.count(cm.Taken) == 0
    assert [c.fate for c in call.all(cm.TurnDecided)] == ["void"]


def test_a_short_word_that_was_a_word_takes_when_its_transcript_comes() -> None:
    call = a_speaking_call()
    a_short_word(call)
    made = call.does(ev.TurnTranscribed("T1", ev.Verdict.WORDS))
    assert [c.reason for c in made if isinstance(c, cm.Taken)] == [ev.Reason.LOCAL_SPEECH]
    call.ends("R1", ev.Ended.CANCELLED)
    assert [c.fate for c in call.all(cm.TurnDecided)] == ["answered"]
    assert call.all(cm.CreateResponse)[-1].cause is cm.Cause.TURN


def test_words_that_the_local_ear_did_not_hear_wait_for_the_answer_to_end() -> None:
    call = a_speaking_call()
    call.says()
    call.does(ev.TurnTranscribed("T1", ev.Verdict.WORDS))
    assert call.count(cm.Taken) == 0


def test_words_take_nothing_that_came_after_them() -> None:
    """The answer over which they were spoken is over; a newer one was not meant."""
    call = CoreCall()
    call.answers(1_500)
    call.passes(600)
    a_short_word(call)
    call.asks()
    call.passes(2_000)  # the first is heard to its end
    call.opens("R2")
    call.speaks(5_000, "R2.1")
    call.does(ev.TurnTranscribed("T1", ev.Verdict.WORDS))
    assert call.count(cm.Taken) == 0


def test_a_voice_long_before_a_turn_is_not_part_of_it() -> None:
    call = a_speaking_call()
    call.caller_begins()
    call.caller_is_a_voice()
    call.caller_stops()
    call.passes(1_200)
    call.says()
    call.does(ev.TurnTranscribed("T1", ev.Verdict.WORDS))
    assert call.count(cm.Taken) == 0


@pytest.mark.parametrize(("before_ms", "is_part"), [(1_000, True), (1_001, False)])
def test_a_voice_at_most_a_second_before_a_turn_is_part_of_it(
    before_ms: int, is_part: bool
) -> None:
    call = a_speaking_call()
    call.caller_begins()
    call.caller_is_a_voice()
    call.caller_stops()
    call.passes(before_ms)
    call.says()
    call.does(ev.TurnTranscribed("T1", ev.Verdict.WORDS))
    assert call.count(cm.Taken) == is_part


def test_what_was_surely_said_before_the_answer_began_is_a_voice_too() -> None:
    call = CoreCall()
    call.caller_interrupts()  # there is nothing to interrupt
    call.caller_stops()
    call.begins_to_answer(5_000)
    call.passes(500)
    call.says()
    call.does(ev.TurnTranscribed("T1", ev.Verdict.WORDS))
    assert call.count(cm.Taken) == 1


def test_what_an_interruption_ended_is_not_pending_when_the_next_answer_begins() -> None:
    call = CoreCall()
    call.begins_to_answer(5_000)
    call.interrupts()
    call.ends("R1", ev.Ended.CANCELLED)
    call.asks()
    call.opens("R2")
    call.speaks(5_000, "R2.1")
    call.passes(1_000)
    assert call.count(cm.Hushed) == 0


def test_a_voice_in_a_turn_that_the_server_heard_before_it_is_part_of_it() -> None:
    call = a_speaking_call()
    call.server_hears()
    call.caller_begins()
    call.caller_is_a_voice()
    call.caller_stops()
    call.passes(200)
    call.server_hears_end()
    call.commits()
    call.does(ev.TurnTranscribed("T1", ev.Verdict.WORDS))
    assert call.count(cm.Taken) == 1
