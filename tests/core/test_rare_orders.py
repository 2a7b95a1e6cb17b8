"""Orders of events that are rare on a wire, and must not cost an answer or a cancel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import Cause, Outcome
from trio_media.core.events import Ended, Refusal
from trio_media.core.policy import Policy
from trio_media.core.units import ACTIVE_MS, CANCELLING_MS, SERVER_GRACE_MS

from .driver import SERVER, Call, active, over_audible


def guesses_wrong(call: Call) -> int:
    """A service without metadata opens one by itself, and then refuses our create.

    Returns the create's command.
    """
    call.says()
    call.server_opens()
    call.speaks(400)
    return call.all(cm.CreateResponse)[0].command


def test_an_answer_that_the_servers_own_response_blocked_is_asked_for_when_that_is_over(
    call: Call,
) -> None:
    create = guesses_wrong(call)
    call.refuses(Refusal.ALREADY_ACTIVE, create)
    assert call.creates() == [Cause.TURN]
    call.ends()
    call.passes(2_000)
    assert call.creates() == [Cause.TURN, Cause.TURN]


def test_what_was_blocked_and_interrupted_is_not_asked_for_again(call: Call) -> None:
    create = guesses_wrong(call)
    call.interrupts()
    call.refuses(Refusal.ALREADY_ACTIVE, create)
    call.ends("R1", Ended.CANCELLED)
    call.passes(5_000)
    assert call.creates() == [Cause.TURN]


def test_a_create_that_was_refused_for_another_reason_is_not_asked_for_again(call: Call) -> None:
    create = guesses_wrong(call)
    call.refuses(Refusal.OTHER, create)
    call.ends()
    call.passes(5_000)
    assert call.creates() == [Cause.TURN]


def test_a_create_that_a_known_response_blocks_waits_for_its_end_without_a_pause(
    call: Call,
) -> None:
    over_audible(call)
    call.asks()
    call.server_opens("R2")
    call.refuses(Refusal.ALREADY_ACTIVE, call.all(cm.CreateResponse)[-1].command)
    assert call.count(cm.CreateResponse) == 2
    call.ends("R2")
    assert call.count(cm.CreateResponse) == 3


def test_an_early_mark_moves_the_schedule_of_what_is_written_and_of_nothing_else(
    call: Call,
) -> None:
    call.begins_to_answer(5_000)
    call.is_stalled = True
    call.passes(250)
    item = call.response().items[0]
    call.does(ev.MarkEchoed(1, 3))
    assert item.heard_ms == 600
    call.has_marks = False
    call.carrier.marks.clear()
    call.passes(5_000)
    assert item.heard_ms == 1_000, "never above what was written"


def test_the_server_that_interrupts_its_own_answer_while_it_still_hears_the_caller() -> None:
    call = Call(SERVER)
    call.server_hears()
    call.server_opens()
    call.speaks(1_000)
    call.passes(300)
    call.ends("R1", Ended.TURN_DETECTED)
    assert call.cancels() == []
    assert call.truncates() == {"R1.1": 300}
    assert call.all(cm.Taken)[0].reason is ev.Reason.SERVER_SPEECH


def test_the_server_that_interrupts_says_so_when_we_have_cancelled_already() -> None:
    call = Call(SERVER)
    active(call)
    request = call.interrupts()
    call.server_hears()
    call.ends("R1", Ended.TURN_DETECTED)
    assert call.cancels() == ["R1"]
    assert call.outcome(request) is Outcome.SERVER_CANCELLED


def test_an_old_end_under_server_authority_leaves_the_next_answer_alone() -> None:
    """The terminal event of what the server interrupted comes after its next answer began."""
    call = Call(SERVER)
    call.server_opens("R1")
    call.speaks(2_000)
    call.server_hears()
    call.server_hears_end()
    call.commits()
    call.server_opens("R2")
    call.speaks(2_000, "R2.1")
    call.ends("R1", Ended.TURN_DETECTED)
    call.passes(1_000)
    assert call.played("R2.1")
    assert not call.response(2).is_muted
    call.interrupts()
    assert call.cancels() == ["R2"], "the server did not interrupt that one"


def test_what_was_given_up_is_not_blamed_while_another_response_is_known_to_block(
    call: Call,
) -> None:
    call.begins_to_answer(400)
    call.passes(33_000)
    assert call.all(cm.ResponseClosed)[-1].ended is Ended.DEADLINE
    call.asks()
    call.server_opens("R3")
    call.refuses(Refusal.ALREADY_ACTIVE, call.all(cm.CreateResponse)[-1].command)
    assert call.count(cm.EndModelSession) == 0
    call.ends("R3")
    assert call.count(cm.CreateResponse) == 3
    call.refuses(Refusal.ALREADY_ACTIVE, call.all(cm.CreateResponse)[-1].command)
    assert call.count(cm.EndModelSession) == 1, "nothing else can be in the way"


def test_an_item_of_a_muted_response_that_appears_later_is_deleted_after_the_end(
    call: Call,
) -> None:
    active(call)
    call.interrupts()
    call.speaks(500, "R1.2")
    call.calls_tool("call")
    assert call.deletes() == []
    call.asks()
    call.ends("R1", Ended.CANCELLED)
    told = [c for _, c in call.log if isinstance(c, cm.DeleteItem | cm.CreateResponse)]
    assert [type(c) for c in told] == [cm.CreateResponse, cm.DeleteItem, cm.CreateResponse]
    assert call.deletes() == ["R1.2"]


@pytest.mark.parametrize("unheard_ms", [149, 150, 151])
def test_at_most_150_ms_unheard_count_as_all_where_the_item_is_done(
    call: Call, unheard_ms: int
) -> None:
    call.answers(1_000)
    call.passes(1_000 - unheard_ms)
    request = call.interrupts()
    assert call.truncates() == ({} if unheard_ms <= 150 else {"R1.1": 1_000 - unheard_ms})
    assert call.deletes() == []
    assert call.outcome(request) is Outcome.ALREADY_OVER


def test_what_can_still_be_heard_can_be_interrupted_until_its_last_mark_comes_back(
    call: Call,
) -> None:
    call.has_marks = False
    call.answers(400)
    call.passes(1_000)
    assert call.outcome(call.interrupts()) is Outcome.ALREADY_OVER
    assert call.count(cm.ClearCarrier) == 1
    assert call.truncates() == {}
    assert call.heard() == {"R1.1": 400}


@pytest.mark.parametrize("through", [0, 1])
def test_an_interruption_means_nothing_newer_than_its_asker_knew(call: Call, through: int) -> None:
    over_audible(call)
    call.server_opens("R2")
    call.speaks(600, "R2.1")
    request = call.interrupts(through=through)
    assert call.outcome(request) is Outcome.ALREADY_OVER
    assert call.cancels() == []
    assert not call.response(2).is_muted
    assert call.response(1).is_muted is (through == 1)
    call.ends("R2")
    call.passes(10_000)
    assert call.heard()["R2.1"] == 600


def test_two_calls_of_tools_in_one_answer_are_one_create_however_late_the_results(
    call: Call,
) -> None:
    active(call)
    call.calls_tool("a")
    call.calls_tool("b")
    call.does(ev.ToolAnswered("a"))
    call.ends()
    call.passes(10_000)
    assert call.creates() == [Cause.APPLICATION]
    call.does(ev.ToolAnswered("b"))
    assert call.creates() == [Cause.APPLICATION, Cause.TOOL]


# --- a deadline, and what the model says at the same moment ----------------------------------


@pytest.mark.parametrize("late_ms", [0, 5])
@pytest.mark.parametrize(
    "event",
    [
        ev.ResponseOver("R1", Ended.COMPLETED),
        ev.ResponseOver("R1", Ended.TURN_DETECTED),
        ev.ServerSpeechStarted("T1"),
        ev.SessionLost(),
    ],
)
def test_what_the_model_says_is_known_before_a_deadline_cancels(
    event: ev.Event, late_ms: int
) -> None:
    call = Call(SERVER)
    active(call)
    call.caller_interrupts()
    call.passes(SERVER_GRACE_MS - 1)
    call.now_ms += 1 + late_ms  # the take by local speech is due, and this is read first
    call.does(event)
    assert call.cancels() == []


def test_an_end_that_is_read_with_the_deadline_of_its_response_is_not_cancelled(call: Call) -> None:
    call.begins_to_answer(400)
    call.passes(ACTIVE_MS - 1)
    call.now_ms += 1
    call.ends()
    assert call.cancels() == []


def test_an_end_that_is_read_with_the_deadline_of_its_cancel_is_in_time(call: Call) -> None:
    active(call)
    request = call.interrupts()
    call.passes(CANCELLING_MS - 1)
    call.now_ms += 1
    call.ends("R1", Ended.CANCELLED)
    assert call.outcome(request) is Outcome.CANCELLED


# --- the tape -----------------------------------------------------------------------------------


def test_protected_speech_heard_just_before_a_take_of_what_followed_is_said_and_released(
    call: Call,
) -> None:
    """It once was taken off the tape without a word: nobody learnt that it had been heard."""
    call.asks(protected=True)
    call.opens("R1")
    call.speaks(400)
    call.ends("R1")
    call.server_opens("R2")
    call.speaks(3_000, "R2.1")
    call.passes(450)
    call.interrupts()
    call.ends("R2", Ended.CANCELLED)
    call.passes(1_000)
    assert call.heard() == {"R1.1": 400, "R2.1": 50}
    assert {gone.item_id for gone in call.all(cm.ReleaseAudio)} == {"R1.1", "R2.1"}


def test_an_early_mark_counts_though_what_follows_it_is_not_written(call: Call) -> None:
    call.begins_to_answer(5_000)
    call.is_stalled = True
    call.passes(250)
    call.does(ev.MarkEchoed(1, 5))
    assert call.response().items[0].heard_ms == 1_000


def test_an_early_mark_brings_every_later_message_forward(call: Call) -> None:
    call.begins_to_answer(1_000)
    call.has_marks = False
    call.carrier.marks.clear()
    call.now_ms = 100
    call.does(ev.MarkEchoed(1, 1))
    item = call.response().items[0]
    for heard_ms in range(300, 901, 100):
        call.now_ms += 100
        call.does(ev.TimePassed())
        assert item.heard_ms == heard_ms


def test_audio_a_moment_after_all_was_heard_is_no_beginning(call: Call) -> None:
    call.begins_to_answer(400)
    call.passes(350)
    call.does(ev.MarkEchoed(1, 2))  # a little early
    call.passes(100)
    call.speaks(2_000)
    assert call.core.state.floor.guard_until_ms == call.policy.echo_guard_ms


def test_at_the_end_of_an_item_the_next_one_is_at_the_ear(call: Call) -> None:
    call.begins_to_answer(400)
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.speaks(2_000, "R1.2")
    call.passes(400)
    call.caller_begins()
    assert call.all(cm.Hushed) == [cm.Hushed(0, "R1.2")]


def test_what_waits_its_turn_is_played_when_what_is_before_it_was_taken(call: Call) -> None:
    call.begins_to_answer(2_000)
    call.server_opens("R2")
    call.speaks(600, "R2.1")
    call.passes(300)
    call.interrupts(through=1)
    call.ends("R1", Ended.CANCELLED)
    call.ends("R2")
    call.passes(2_000)
    assert call.heard() == {"R1.1": 300, "R2.1": 600}


def test_what_waits_its_turn_is_not_played_when_it_was_taken_too(call: Call) -> None:
    call.begins_to_answer(2_000)
    call.server_opens("R2")
    call.speaks(600, "R2.1")
    call.passes(300)
    call.interrupts()
    call.ends("R1", Ended.CANCELLED)
    call.ends("R2", Ended.CANCELLED)
    call.passes(2_000)
    assert call.played("R2.1") == []
    assert call.deletes() == ["R2.1"]


def test_several_items_that_were_not_meant_are_played_one_after_the_other(call: Call) -> None:
    call.answers(2_000)
    call.asks(protected=True)
    call.opens("R2")
    for name in ("R2.1", "R2.2", "R2.3"):
        call.speaks(400, name)
        call.does(ev.ItemAudioDone("R2", name))
    call.passes(300)
    call.interrupts()
    began_ms = call.now_ms
    call.ends("R2")
    call.passes(1_199)
    assert call.core.state.is_audible(call.response(2))
    call.passes(101)
    assert call.heard() == {"R1.1": 300, "R2.1": 400, "R2.2": 400, "R2.3": 400}
    assert call.now_ms == began_ms + 1_300


def test_a_resume_of_nothing_lets_the_next_audio_be_a_beginning(call: Call) -> None:
    call.asks()
    call.opens()
    call.caller_begins()
    call.caller_stops()
    call.passes(1_000)
    assert call.count(cm.Resumed) == 1
    call.speaks(2_000)
    assert call.core.state.floor.guard_until_ms == call.now_ms + call.policy.echo_guard_ms


def test_a_late_mark_holds_the_position_after_a_resume_too(call: Call) -> None:
    active(call)
    call.caller_begins()
    call.caller_stops()
    call.passes(200)
    call.has_marks = False
    call.carrier.marks.clear()
    call.passes(1_500)
    # Played from 300 ms on: the first mark stood 200 ms later, and is believed late by 500 ms.
    assert call.response().items[0].heard_ms == 300 + 200 + 500


def test_the_result_of_a_tool_is_answered_however_long_after_the_end_it_comes(call: Call) -> None:
    call.begins_to_answer(200)
    call.calls_tool("call")
    call.ends()
    call.passes(5_000)
    call.does(ev.ToolAnswered("call"))
    assert call.creates() == [Cause.APPLICATION, Cause.TOOL]


def test_long_speech_whose_answer_is_gone_resumes_and_made_no_hush_false(call: Call) -> None:
    call.server_hears()
    call.passes(1_000)
    call.server_opens("R1")
    call.caller_begins()
    call.ends("R1")
    call.passes(200)  # now the server has heard the caller for long enough
    assert call.all(cm.Resumed) == [cm.Resumed(was_false=False)]


def test_only_the_first_audio_after_a_resume_is_no_beginning(call: Call) -> None:
    call.begins_to_answer(600)
    call.passes(300)
    call.caller_begins()
    call.caller_stops()
    call.passes(2_000)
    call.speaks(2_000)
    assert call.core.state.floor.guard_until_ms == call.now_ms + call.policy.echo_guard_ms


@pytest.mark.parametrize("late_ms", [100, 500])
def test_a_mark_as_late_as_a_network_can_make_it_changes_no_schedule(
    call: Call, late_ms: int
) -> None:
    call.begins_to_answer(5_000)
    call.has_marks = False
    call.carrier.marks.clear()
    call.passes(200 + late_ms)
    call.does(ev.MarkEchoed(1, 1))
    call.passes(100)
    assert call.response().items[0].heard_ms == 300 + late_ms


def test_any_late_mark_holds_the_position_not_the_first_alone(call: Call) -> None:
    call.begins_to_answer(5_000)
    call.passes(250)  # the first mark came back
    call.has_marks = False
    call.carrier.marks.clear()
    call.passes(1_500)
    assert call.response().items[0].heard_ms == 400 + 500


def test_what_the_carrier_holds_is_given_up_when_the_last_mark_is_lost(call: Call) -> None:
    call.has_marks = False
    call.answers(400)
    call.passes(400 + 2_000 - 1)
    assert call.core.state.is_audible(call.response())
    call.passes(1)
    assert not call.core.state.is_audible(call.response())


def test_a_millisecond_that_was_heard_is_told(call: Call) -> None:
    call.begins_to_answer(2_000)
    call.passes(1)
    call.interrupts()
    assert call.truncates() == {"R1.1": 1}


def test_an_interruption_of_what_waits_for_its_cancel_to_be_written_needs_no_other(
    call: Call,
) -> None:
    active(call)
    call.interrupts()
    call.does(ev.CommandUnsent(call.all(cm.CancelResponse)[0].command))
    request = call.interrupts()
    call.passes(100)
    call.ends("R1", Ended.CANCELLED)
    assert call.cancels() == ["R1", "R1"]
    assert call.outcome(request) is Outcome.CANCELLED


def test_an_item_is_released_once_no_resume_can_reach_back_to_it() -> None:
    call = Call(Policy(mark_every_ms=100))
    call.begins_to_answer(400)
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.speaks(2_000, "R1.2")
    call.passes(499)
    assert call.heard() == {}
    call.passes(1)
    assert call.heard() == {"R1.1": 400}


def presses_a_key(call: Call) -> None:
    call.does(ev.KeyPressed("1"))
    call.passes(1_500)


@pytest.mark.parametrize("says", [Call.says, presses_a_key])
def test_owed_answers_are_counted_from_the_callers_last_words(
    call: Call, says: Callable[[Call], object]
) -> None:
    call.asks()
    for number in range(4):
        if number == 2:
            call.opens("R")
            call.ends("R")
            says(call)
        call.opens(f"R{number}")
        call.speaks(5_000, f"R{number}.1")
        call.passes(400)
        call.caller_interrupts()
        call.caller_stops()
        call.ends(f"R{number}", Ended.CANCELLED)
        call.passes(2_000)
    assert call.creates().count(Cause.RECOVERY) == 4


def test_a_carrier_that_never_echoes_is_refilled_by_the_clock(call: Call) -> None:
    call.has_marks = False
    call.begins_to_answer(9_000)
    call.passes(3_000)  # by now its marks are not waited for
    for _ in range(10):
        call.passes(130)
        sent_ms = sum(end_ms - start_ms for start_ms, end_ms in call.played())
        assert sent_ms - call.response().items[0].heard_ms >= 800


def test_a_tool_that_still_runs_occupies_nobodys_ear(call: Call) -> None:
    call.begins_to_answer(200)
    call.calls_tool("call")
    call.ends()
    call.passes(1_000)
    assert not call.core.state.is_occupied()
