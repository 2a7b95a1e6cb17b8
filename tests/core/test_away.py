"""The model is away: what it was doing, what the caller hears, and what goes on when it is back."""

from __future__ import annotations

import attrs
import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.away import left_over
from trio_media.core.commands import Cause, Recorded, SpeechOutcome
from trio_media.core.invariants import BrokenInvariant
from trio_media.core.policy import Authority, Policy
from trio_media.core.units import WORDS_AGAIN_MS

from .driver import PHASES, SERVER, Call, active, cancelling, hushed, over_audible
from .pretending import breaks

WORDS_MS = 2_000
TOLD = Policy(away_words_ms=WORDS_MS)
PARTING = attrs.evolve(TOLD, has_last_words=True)
FORWARDING = attrs.evolve(PARTING, forwards_without_model=True)
RECOVER_MS = 2_500  # the default, and the silence after which the server ends a turn


def again(call: Call) -> list[tuple[str, ...]]:
    return [said.item_ids for said in call.all(cm.SayAgain)]


def recorded(call: Call) -> list[Recorded]:
    return [played.words for played in call.all(cm.PlayRecorded)]


def comes_back(call: Call) -> None:
    call.confirms(server_acts=call.core.state.has_server_authority)


def plays_recorded(call: Call, length_ms: int = 1_000) -> None:
    call.does(ev.ClipOffered(None, f"clip {len(recorded(call))}", length_ms))


# --- what it was doing --------------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
def test_nothing_is_open_while_the_model_is_away(call: Call, phase: str) -> None:
    PHASES[phase](call)
    call.model_goes_away()
    assert not call.core.state.book.open()
    assert not call.core.state.book.has_unsettled_cancel()
    assert not call.all(cm.EndCall)


def test_what_was_received_plays_on(call: Call) -> None:
    call.begins_to_answer(1_500)
    call.passes(300)
    call.model_goes_away()
    call.passes(2_000)
    assert call.heard() == {"R1.1": 1_500}
    assert not call.truncates()


def test_nothing_is_created_while_it_is_away(call: Call) -> None:
    call.model_goes_away()
    call.asks()
    call.passes(5_000)
    assert call.creates() == []
    comes_back(call)
    assert call.creates() == [Cause.APPLICATION]


def test_a_turn_whose_words_are_known_is_answered_once_when_it_is_back(call: Call) -> None:
    call.transcribed(ev.Verdict.WORDS)
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    assert call.creates() == [Cause.TURN]
    call.model_goes_away()
    call.passes(1_000)
    comes_back(call)
    assert call.creates() == [Cause.TURN, Cause.TURN]
    assert again(call) == []
    call.opens("R2")
    call.speaks(400, "R2.1")
    call.ends("R2")
    call.passes(60_000)
    assert call.creates() == [Cause.TURN, Cause.TURN]


def test_a_turn_of_which_only_the_sound_is_known_is_heard_again(call: Call) -> None:
    call.says()
    call.model_goes_away()
    assert again(call) == [("T1",)]
    comes_back(call)
    assert call.creates() == [Cause.TURN], "the answer to what was never put into words"
    call.says("T2")
    assert call.creates() == [Cause.TURN, Cause.TURN]
    call.opens("R2")
    call.speaks(400, "R2.1")
    call.ends("R2")
    call.passes(60_000)
    assert len(call.creates()) == 2


def test_a_turn_that_nobody_makes_out_the_second_time_is_still_owed_an_answer(call: Call) -> None:
    call.says()
    call.model_goes_away()
    comes_back(call)
    call.passes(RECOVER_MS - 1)
    assert call.creates() == [Cause.TURN]
    call.passes(1)
    assert call.creates() == [Cause.TURN, Cause.RECOVERY]


def test_a_turn_in_progress_is_heard_again(call: Call) -> None:
    call.does(ev.ServerSpeechStarted("T1"))
    call.model_goes_away()
    assert call.fates() == {"T1": "lapsed"}
    assert again(call) == [("T1",)]


def test_a_turn_that_waits_for_its_answer_is_heard_again_unless_its_words_are_known(
    call: Call,
) -> None:
    active(call)
    call.says("T1")
    call.does(ev.TurnTranscribed("T1", ev.Verdict.WORDS))
    call.says("T2")
    call.model_goes_away()
    assert again(call) == [("T2",)]
    comes_back(call)
    assert Cause.TURN in call.creates(), "of the first"


def test_a_turn_whose_answer_was_heard_is_not_heard_again(call: Call) -> None:
    call.says()
    call.opens()
    call.speaks(400)
    call.model_goes_away()
    assert again(call) == []
    comes_back(call)
    assert call.creates() == [Cause.TURN, Cause.CONTINUATION]


def test_a_void_turn_is_not_heard_again(call: Call) -> None:
    active(call)
    call.speaks_over()
    call.transcribed(ev.Verdict.EMPTY)
    call.model_goes_away()
    assert again(call) == []


def test_an_answer_that_was_cut_off_goes_on(call: Call) -> None:
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    call.opens()
    call.speaks(800)
    call.model_goes_away()
    call.passes(300)
    comes_back(call)
    assert call.creates() == [Cause.TURN, Cause.CONTINUATION]


def test_a_cancelled_answer_does_not_come_back(call: Call) -> None:
    cancelling(call)
    call.caller_stops()
    call.model_goes_away()
    comes_back(call)
    assert Cause.CONTINUATION not in call.creates()
    assert call.creates() == [Cause.APPLICATION]


def test_a_doomed_create_does_not_come_back(call: Call) -> None:
    request = call.asks()
    call.interrupts()
    call.model_goes_away()
    comes_back(call)
    call.passes(60_000)
    assert call.creates() == [Cause.APPLICATION]
    assert call.said(request) is SpeechOutcome.CUT_OFF


def test_a_request_of_which_nothing_came_is_made_again(call: Call) -> None:
    request = call.asks()
    call.opens()
    call.model_goes_away()
    assert call.said(request) is None
    comes_back(call)
    call.passes(250)
    assert call.creates() == [Cause.APPLICATION, Cause.APPLICATION]
    call.opens("R2")
    call.speaks(400, "R2.1")
    call.ends("R2")
    call.passes(400)
    assert call.said(request) is SpeechOutcome.HEARD


def test_a_request_that_was_heard_in_part_is_told_so_and_not_said_again(call: Call) -> None:
    active(call)
    call.model_goes_away()
    call.passes(10_000)
    assert call.said(1) is SpeechOutcome.FAILED
    comes_back(call)
    call.passes(10_000)
    assert call.creates() == [Cause.APPLICATION]


def test_a_tool_that_runs_is_answered_when_the_model_is_back(call: Call) -> None:
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    call.opens()
    call.calls_tool("call")
    call.ends()
    call.model_goes_away()
    call.does(ev.ToolAnswered("call"))
    assert [posted.call_id for posted in call.all(cm.PostToolOutput)] == ["call"]
    comes_back(call)
    assert call.creates() == [Cause.TURN, Cause.TOOL]


def test_what_called_a_tool_and_was_cut_off_is_not_asked_for_again(call: Call) -> None:
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    call.opens()
    call.calls_tool("call")
    call.model_goes_away()
    comes_back(call)
    call.passes(3_000)
    assert call.creates() == [Cause.TURN]
    call.does(ev.ToolAnswered("call"))
    assert call.creates() == [Cause.TURN, Cause.TOOL]


def test_an_interruption_meanwhile_is_told_as_ever(call: Call) -> None:
    """The conversation is told anew, and it has to be true then."""
    over_audible(call)
    call.passes(300)
    call.model_goes_away()
    call.caller_interrupts()
    assert list(call.truncates()) == ["R1.1"]
    assert not call.cancels()


def test_a_hush_meanwhile_ends_as_ever(call: Call) -> None:
    hushed(call)
    call.model_goes_away()
    call.caller_stops()
    call.passes(2_000)
    assert not call.is_hushed


def test_whoever_waits_for_an_interruption_learns_that_it_failed(call: Call) -> None:
    active(call)
    request = call.interrupts()
    call.model_goes_away()
    assert [
        settled.outcome
        for settled in call.all(cm.InterruptionSettled)
        if settled.request == request
    ] == [cm.Outcome.FAILED]


def test_a_session_that_is_lost_before_it_was_there_changes_nothing() -> None:
    call = Call(is_ready=False)
    call.asks()
    assert call.model_goes_away() == []


def test_a_turn_that_had_lapsed_changes_nothing_when_the_model_goes_for_good(call: Call) -> None:
    call.does(ev.ServerSpeechStarted("T1"))
    call.model_goes_away()
    call.model_is_lost()
    assert [decided.item_id for decided in call.all(cm.TurnDecided)] == ["T1"]


@pytest.mark.parametrize("is_lingering", [True, False])
def test_an_answer_whose_creates_a_session_refused_is_given_by_the_next(
    call: Call, is_lingering: bool
) -> None:
    if is_lingering:  # a response that we gave up, and nobody knows whether it is over
        call.asks()
        call.passes(10_000)
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    while not call.all(cm.EndModelSession):
        create = call.all(cm.CreateResponse)[-1]
        call.refuses(ev.Refusal.ALREADY_ACTIVE, create.command)
        call.passes(300)
    call.model_goes_away()
    call.passes(1_000)
    before = len(call.creates())
    comes_back(call)
    assert call.creates()[before:] == [Cause.TURN]
    call.opens("R9")
    call.speaks(400, "R9.1")
    call.ends("R9")
    call.passes(60_000)
    assert len(call.creates()) == before + 1


def test_a_request_that_every_session_loses_is_made_of_each_and_ends_none(call: Call) -> None:
    request = call.asks()
    for _ in range(20):
        call.model_goes_away()
        comes_back(call)
        call.passes(300)
    assert not call.all(cm.EndModelSession)
    assert call.said(request) is None
    assert len(call.creates()) == 21


# --- under the server's authority ----------------------------------------------------------------


def test_what_the_server_was_saying_goes_on() -> None:
    call = Call(SERVER)
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    call.server_opens()
    call.speaks(400)
    call.model_goes_away()
    comes_back(call)
    assert call.creates() == [Cause.CONTINUATION]


def test_an_answer_of_the_server_of_which_nothing_came_is_asked_for() -> None:
    call = Call(SERVER)
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    call.server_opens()
    call.model_goes_away()
    comes_back(call)
    assert call.creates() == [Cause.CONTINUATION]


def test_an_answer_that_the_server_has_not_begun_is_asked_for() -> None:
    call = Call(SERVER)
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    call.model_goes_away()
    comes_back(call)
    assert call.creates() == [Cause.CONTINUATION]


def test_a_turn_whose_words_the_server_never_told_is_heard_again() -> None:
    call = Call(SERVER)
    call.says()
    call.server_opens()
    call.model_goes_away()
    assert again(call) == [("T1",)]
    comes_back(call)
    assert call.creates() == []


def test_we_act_ourselves_while_the_server_is_away() -> None:
    call = Call(SERVER)
    call.server_opens()
    call.speaks(3_000)
    call.passes(300)
    call.model_goes_away()
    call.caller_interrupts()
    assert call.all(cm.Taken)
    comes_back(call)
    assert call.core.state.server_acts


# --- what the caller hears -----------------------------------------------------------------------


def test_a_caller_who_hears_nothing_is_told_that_it_comes_back() -> None:
    call = Call(TOLD)
    call.model_goes_away()
    call.passes(WORDS_MS - 1)
    assert recorded(call) == []
    call.passes(1)
    assert recorded(call) == [Recorded.ONE_MOMENT]


def test_the_wait_begins_when_what_was_said_was_heard() -> None:
    call = Call(TOLD)
    call.answers(1_000)
    call.passes(100)
    call.model_goes_away()
    call.passes(900 + WORDS_MS - 1)
    assert recorded(call) == []
    call.passes(1)
    assert recorded(call) == [Recorded.ONE_MOMENT]


def test_nobody_is_told_anything_while_they_speak() -> None:
    call = Call(TOLD)
    call.model_goes_away()
    call.passes(1_000)
    call.caller_begins()
    call.passes(3_000)
    assert recorded(call) == []
    call.caller_stops()
    call.passes(WORDS_MS)
    assert recorded(call) == [Recorded.ONE_MOMENT]


def test_a_caller_who_waits_long_is_told_again() -> None:
    call = Call(TOLD)
    call.model_goes_away()
    call.passes(WORDS_MS)
    plays_recorded(call)
    call.passes(1_000 + WORDS_AGAIN_MS - 1)
    assert recorded(call) == [Recorded.ONE_MOMENT]
    call.passes(1)
    assert recorded(call) == [Recorded.ONE_MOMENT] * 2


def test_a_caller_for_whom_nothing_can_be_played_is_told_again_all_the_same() -> None:
    call = Call(TOLD)
    call.model_goes_away()
    call.passes(WORDS_MS + WORDS_AGAIN_MS)
    assert recorded(call) == [Recorded.ONE_MOMENT] * 2


def test_a_call_that_waits_for_its_first_session_is_told_so_too() -> None:
    call = Call(TOLD, is_ready=False)
    call.passes(WORDS_MS)
    assert recorded(call) == [Recorded.ONE_MOMENT]


def test_nobody_is_told_anything_when_the_model_is_there() -> None:
    call = Call(TOLD)
    call.model_goes_away()
    call.passes(1_000)
    comes_back(call)
    call.passes(60_000)
    assert recorded(call) == []


def test_nobody_is_told_anything_while_answers_are_held() -> None:
    call = Call(TOLD)
    call.does(ev.AnsweringHeld(is_held=True))
    call.model_goes_away()
    call.passes(60_000)
    assert recorded(call) == []


def test_the_caller_may_interrupt_what_they_are_told() -> None:
    call = Call(TOLD)
    call.model_goes_away()
    call.passes(WORDS_MS)
    plays_recorded(call)
    call.passes(300)
    call.caller_interrupts()
    assert call.all(cm.Taken)
    assert (call.truncates(), call.deletes()) == ({}, []), "the model never knew of it"


def test_silence_of_everybody_is_not_counted_meanwhile() -> None:
    call = Call(Policy(silence_ms=2_000))
    call.model_goes_away()
    call.passes(20_000)
    assert call.creates() == []


# --- when it does not come back ------------------------------------------------------------------


def test_the_call_ends_with_words() -> None:
    call = Call(PARTING)
    call.answers(1_000)
    call.model_goes_away()
    call.model_is_lost()
    assert recorded(call) == []
    call.passes(1_000)
    assert recorded(call) == [Recorded.GOODBYE]
    plays_recorded(call)
    call.passes(999)
    assert not call.all(cm.EndCall)
    call.passes(1)
    assert call.all(cm.EndCall) == [cm.EndCall("model_lost")]


def test_where_there_is_nothing_to_be_played_the_call_ends_all_the_same() -> None:
    call = Call(PARTING)
    call.model_is_lost()
    call.passes(100)
    assert call.all(cm.EndCall) == [cm.EndCall("model_lost")]


def test_the_call_is_handed_over_after_the_words() -> None:
    call = Call(FORWARDING)
    call.model_is_lost()
    plays_recorded(call)
    call.passes(1_000)
    assert call.all(cm.Leave) == [cm.Leave(None)]
    call.passes(10_000)
    assert not call.all(cm.EndCall)


def test_a_call_that_nobody_takes_over_ends() -> None:
    call = Call(FORWARDING)
    call.model_is_lost()
    plays_recorded(call)
    call.passes(1_000)
    call.does(ev.LeaveFailed(None))
    assert call.all(cm.EndCall) == [cm.EndCall("model_lost")]


def test_an_ending_that_was_asked_for_gives_way_to_the_handing_over() -> None:
    call = Call(FORWARDING)
    call.answers(3_000)
    call.is_to_end()
    call.model_is_lost()
    call.passes(3_000)
    assert call.all(cm.EndCall) or call.all(cm.Leave)


# --- renewing ------------------------------------------------------------------------------------


def test_a_session_is_renewed_when_nothing_goes_on(call: Call) -> None:
    active(call)
    call.does(ev.SessionAging(60_000))
    call.passes(500)
    assert not call.all(cm.RenewSession)
    call.ends()
    call.passes(10_000)
    assert len(call.all(cm.RenewSession)) == 1


def test_a_session_is_renewed_in_time_whatever_goes_on(call: Call) -> None:
    call.does(ev.ServerSpeechStarted("T1"))
    call.caller_begins()
    call.does(ev.SessionAging(call.now_ms + 5_000))
    call.passes(4_999)
    assert not call.all(cm.RenewSession)
    call.passes(1)
    assert len(call.all(cm.RenewSession)) == 1


def test_a_session_that_is_renewed_leaves_nothing_to_be_said(call: Call) -> None:
    call.answers(400)
    call.passes(1_000)
    call.does(ev.SessionAging(60_000))
    call.model_goes_away()
    comes_back(call)
    call.passes(60_000)
    assert call.creates() == [Cause.APPLICATION]
    assert len(call.all(cm.RenewSession)) == 1


def test_a_session_that_is_not_there_does_not_age() -> None:
    call = Call(is_ready=False)
    call.does(ev.SessionAging(1_000))
    call.passes(2_000)
    assert not call.all(cm.RenewSession)


# --- what the observer sees ----------------------------------------------------------------------


def test_the_observer_sees_a_caller_who_is_told_nothing() -> None:
    call = Call(TOLD)
    call.model_goes_away()
    call.core.state.away.was_told = True  # as if they had been
    with pytest.raises(BrokenInvariant, match="told nothing"):
        call.passes(WORDS_MS + 1)


def test_the_observer_sees_a_goodbye_while_the_model_comes_back() -> None:
    breaks(Call(TOLD), "dead air", cm.PlayRecorded(Recorded.GOODBYE))


def test_the_observer_sees_words_of_waiting_while_the_model_is_there() -> None:
    breaks(Call(TOLD), "dead air", cm.PlayRecorded(Recorded.ONE_MOMENT))


def test_the_observer_sees_a_call_that_ends_without_a_word() -> None:
    call = Call(PARTING)
    call.core.state.away.last_words_ms = -1_000  # as if they had been played
    with pytest.raises(BrokenInvariant, match="without a word"):
        call.model_is_lost()


def test_the_observer_sees_a_continuation_of_nothing(call: Call) -> None:
    breaks(call, "nobody cut off", cm.CreateResponse(9, 9, Cause.CONTINUATION, 9))


def test_the_observer_sees_a_turn_that_is_said_again_to_the_same_session(call: Call) -> None:
    breaks(call, "hears a turn twice", cm.SayAgain(("T1",)))


@pytest.mark.parametrize("authority", Authority)
def test_the_model_may_go_away_again_and_again(authority: Authority) -> None:
    call = Call(attrs.evolve(TOLD, authority=authority))
    for number in range(12):
        call.says(f"T{number}")
        call.passes(200)
        call.model_goes_away()
        call.passes(300)
        comes_back(call)
    call.passes(60_000)
    assert not call.all(cm.EndCall)


# --- when the media stream is cut ----------------------------------------------------------------


def left(call: Call) -> tuple[bool, bool, bool]:
    """Whether an answer is due, something was cut off, and something is owed."""
    resumed = left_over(call.core.state).resumed
    return resumed.is_answer_due, resumed.was_cut, resumed.is_owed


NOTHING = (False, False, False)
DUE, CUT, OWED = (True, False, False), (False, True, False), (False, False, True)


def test_a_quiet_call_leaves_nothing_over(call: Call) -> None:
    assert left(call) == NOTHING
    call.answers(400)
    call.passes(5_000)
    assert left(call) == NOTHING


def test_an_answer_that_the_caller_was_hearing_was_cut_off(call: Call) -> None:
    call.answers(2_000)
    call.passes(500)
    assert left(call) == CUT
    call.passes(1_400)
    assert left(call) == NOTHING, "so little is heard enough"


def test_an_answer_that_was_still_coming_was_cut_off(call: Call) -> None:
    call.begins_to_answer(300)
    call.passes(5_000)
    assert left(call) == CUT


def test_what_was_asked_for_and_has_not_begun_is_nobodys_answer(call: Call) -> None:
    call.asks()
    assert left(call) == NOTHING
    call.opens()
    assert left(call) == NOTHING


def test_what_was_taken_does_not_come_back(call: Call) -> None:
    cancelling(call)
    assert not left(call)[1]


@pytest.mark.parametrize("phase", PHASES)
def test_whatever_goes_on_something_is_left_over_and_nothing_changes(
    call: Call, phase: str
) -> None:
    PHASES[phase](call)
    before = repr(call.core.state.creates), repr(call.core.state.owed)
    first = left_over(call.core.state)
    assert left_over(call.core.state) == first
    assert (repr(call.core.state.creates), repr(call.core.state.owed)) == before


def test_a_turn_whose_words_are_known_is_left_to_be_answered(call: Call) -> None:
    call.transcribed(ev.Verdict.WORDS)
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    assert left(call) == DUE
    call.opens()
    assert left(call) == DUE, "nothing has come of the answer"
    call.speaks(2_000)
    assert left(call) == CUT


def test_a_turn_that_waits_for_the_session_is_left_to_be_answered(call: Call) -> None:
    call.begins_to_answer(300)
    call.passes(2_000)
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    assert left(call)[0]


def test_a_turn_of_which_only_the_sound_is_known_is_left_to_be_heard(call: Call) -> None:
    call.does(ev.ServerSpeechStarted("T1"))
    assert left(call) == OWED
    assert left_over(call.core.state).sounds == ("T1",)
    call.does(ev.TurnCommitted("T1"))
    assert left(call) == OWED
    call.opens()
    assert left(call) == OWED


def test_over_what_the_caller_said_nothing_goes_on(call: Call) -> None:
    call.begins_to_answer(3_000)
    call.passes(500)
    call.does(ev.ServerSpeechStarted("T1"))
    assert left(call) == OWED


def test_a_caller_who_begins_to_speak_is_owed_an_answer(call: Call) -> None:
    hushed(call)
    assert left(call) == OWED


def test_an_answer_that_the_server_is_about_to_give_is_due() -> None:
    call = Call(SERVER)
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    assert left(call) == DUE
    call.server_opens()
    assert left(call) == DUE


def test_tools_and_keys_are_left_to_be_answered(call: Call) -> None:
    call.asks()
    call.opens()
    call.does(ev.ToolCalled("R1", "R1.call", "R1.call"))
    call.ends()
    assert left(call) == DUE
    call.does(ev.ToolAnswered("R1.call"))
    assert left(call) == DUE, "the answer was asked for"
    pressed = Call()
    pressed.does(ev.KeyPressed("1"))
    assert left(pressed)[0]
    pressed.passes(10_000)
    assert left(pressed)[0]


def test_what_waits_while_the_model_is_away_is_left_over(call: Call) -> None:
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    call.opens()
    call.speaks(300)
    call.passes(2_000)
    call.model_goes_away()
    assert left(call) == CUT
    tool = Call()
    tool.asks()
    tool.opens()
    tool.does(ev.ToolCalled("R1", "R1.call", "R1.call"))
    tool.ends()
    tool.model_goes_away()
    tool.does(ev.ToolAnswered("R1.call"))
    assert left(tool)[0]


@pytest.mark.parametrize(
    ("resumed", "creates"),
    [
        (ev.ConversationResumed(), []),
        (ev.ConversationResumed(is_answer_due=True), [Cause.TURN]),
        (ev.ConversationResumed(was_cut=True), [Cause.CONTINUATION]),
        (ev.ConversationResumed(is_answer_due=True, was_cut=True), [Cause.TURN]),
        (ev.ConversationResumed(is_owed=True), [Cause.RECOVERY]),
        (ev.ConversationResumed(is_answer_due=True, is_owed=True), [Cause.TURN]),
    ],
)
def test_a_call_that_is_back_does_what_is_due_once(
    resumed: ev.ConversationResumed, creates: list[Cause]
) -> None:
    call = Call(is_ready=False)
    call.does(resumed)
    call.passes(300)
    assert call.creates() == []
    comes_back(call)
    call.passes(RECOVER_MS)
    assert call.creates() == creates
    if creates:
        call.opens()
        call.speaks(400)
        call.ends()
    call.passes(60_000)
    assert call.creates() == creates


def test_a_call_that_is_back_and_held_answers_nothing(call: Call) -> None:
    call.does(ev.AnsweringHeld(is_held=True))
    call.does(ev.ConversationResumed(is_answer_due=True, is_owed=True))
    call.passes(10_000)
    assert call.creates() == []


def test_a_call_without_any_model_has_nothing_resumed(call: Call) -> None:
    call.model_is_lost()
    call.does(ev.ConversationResumed(is_answer_due=True))
    assert not call.core.state.creates.queue


def test_an_answer_out_of_nothing_is_noticed() -> None:
    call = Call(is_ready=False)
    call.does(ev.ConversationResumed())
    call.core.state.creates.want_answer(Cause.CONTINUATION, 0)
    with pytest.raises(BrokenInvariant, match="nobody cut off"):
        comes_back(call)


def test_a_recovery_of_which_nothing_came_is_in_no_row(call: Call) -> None:
    """Nobody heard anything of it: asked for again it is the same one, and no third."""
    call.asks()
    for response_id in ("R1", "R2"):
        call.opens(response_id)
        call.speaks(3_000, f"{response_id}.1")
        call.passes(600)
        call.does(ev.LocalSpeechBegan())
        call.does(ev.LocalSpeechConfirmed())
        call.passes(200)
        call.does(ev.LocalSpeechEnded())
        call.ends(response_id, ev.Ended.CANCELLED)
        call.passes(RECOVER_MS)
    assert call.creates() == [Cause.APPLICATION, Cause.RECOVERY, Cause.RECOVERY]
    call.model_goes_away()
    comes_back(call)
    call.passes(1_000)
    assert call.creates()[3:] == [Cause.RECOVERY]
    assert call.core.state.owed.in_a_row == 2


def test_a_session_is_not_renewed_while_the_server_is_about_to_answer() -> None:
    call = Call(SERVER)
    call.does(ev.ServerSpeechStarted("T1"))
    call.does(ev.ServerSpeechStopped("T1"))
    call.does(ev.TurnCommitted("T1"))
    call.does(ev.SessionAging(call.now_ms + 60_000))
    assert not call.all(cm.RenewSession)
    call.server_opens()
    call.speaks(400)
    call.ends()
    call.passes(1_000)
    assert call.all(cm.RenewSession)


def test_an_answer_that_the_server_owes_goes_on_also_when_it_may_not_act_any_more() -> None:
    call = Call(SERVER)
    call.does(ev.ServerSpeechStarted("T1"))
    call.does(ev.ServerSpeechStopped("T1"))
    call.does(ev.TurnCommitted("T1"))
    call.does(ev.AnsweringHeld(is_held=True))
    call.confirms(server_acts=False)
    call.does(ev.TurnTranscribed("T1", ev.Verdict.WORDS))
    call.model_goes_away()
    comes_back(call)
    call.confirms(server_acts=False)
    call.does(ev.AnsweringHeld(is_held=False))
    call.passes(5_000)
    assert call.creates() == [Cause.CONTINUATION]
