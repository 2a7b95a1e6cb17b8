"""The table of a take, in every phase and for every reason; and how an interruption ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import Outcome
from trio_media.core.events import Ended, Reason, Refusal
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.simulation.driving import CoreCall

C = TypeVar("C")

# --- the table ----------------------------------------------------------------------------------


def _queued(call: CoreCall) -> None:
    call.server_hears("earlier")
    call.asks()


def _requested(call: CoreCall) -> None:
    call.asks()


def _active(call: CoreCall) -> None:
    call.begins_to_answer(2_000)
    call.passes(500)


def _cancelling(call: CoreCall) -> None:
    _active(call)
    call.interrupts()


def _audible(call: CoreCall) -> None:
    call.answers(2_000)
    call.passes(500)


def _heard(call: CoreCall) -> None:
    call.answers(400)
    call.passes(1_000)


PHASES: dict[str, Callable[[CoreCall], None]] = {
    "queued": _queued,
    "requested": _requested,
    "active": _active,
    "cancelling": _cancelling,
    "over, audible": _audible,
    "over, heard": _heard,
}
REASONS: dict[Reason, Callable[[CoreCall], object]] = {
    Reason.LOCAL_SPEECH: lambda call: call.caller_interrupts(),
    Reason.SERVER_SPEECH: lambda call: call.server_hears("taker"),
    Reason.DTMF: lambda call: call.does(ev.KeyPressed("1")),
    Reason.APPLICATION: lambda call: call.interrupts(Reason.APPLICATION),
    Reason.TOOL: lambda call: call.interrupts(Reason.TOOL),
    Reason.HANG_UP: lambda call: call.interrupts(Reason.HANG_UP),
}


def made_by(call: CoreCall, reason: Reason) -> list[cm.Command]:
    logged = len(call.log)
    REASONS[reason](call)
    return [command for _, command in call.log[logged:]]


def of(kind: type[C], commands: list[cm.Command]) -> list[C]:
    return [command for command in commands if isinstance(command, kind)]


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("phase", PHASES)
def test_a_take_in_every_phase_for_every_reason(phase: str, reason: Reason) -> None:
    ear = Ear.SERVER if reason is Reason.SERVER_SPEECH else Ear.LOCAL
    call = CoreCall(Policy(ear=ear))
    PHASES[phase](call)
    made = made_by(call, reason)
    is_speech = reason in (Reason.LOCAL_SPEECH, Reason.SERVER_SPEECH)
    wants = {
        "queued": (0, 0, 0, not is_speech),  # speech finds nothing open or audible to take
        "requested": (1, 0, 0, True),
        "active": (1, 1, 1, True),
        "cancelling": (0, 0, 0, not is_speech),  # taken already: only an asker is told how it ends
        "over, audible": (1, 0, 1, True),
        "over, heard": (0, 0, 0, False),
    }
    clears, cancels, truncates, is_taken = wants[phase]
    assert len(of(cm.ClearCarrier, made)) == clears
    assert len(of(cm.CancelResponse, made)) == cancels
    assert [t.audio_end_ms for t in of(cm.TruncateItem, made)] == [500] * truncates
    taken = of(cm.Taken, made)
    assert len(taken) == is_taken
    if taken:
        assert taken[0].reason is reason


@pytest.mark.parametrize("reason", REASONS)
def test_a_doomed_response_is_cancelled_when_its_id_appears_and_none_of_it_is_heard(
    reason: Reason,
) -> None:
    ear = Ear.SERVER if reason is Reason.SERVER_SPEECH else Ear.LOCAL
    call = CoreCall(Policy(ear=ear))
    call.asks()
    REASONS[reason](call)
    call.opens()
    call.speaks(2_000)
    call.ends("R1", Ended.CANCELLED)
    call.passes(1_000)
    assert [c.response_id for c in call.all(cm.CancelResponse)] == ["R1"]
    assert call.count(cm.PlayAudio) == 0
    assert [d.item_id for d in call.all(cm.DeleteItem)] == ["R1.1"]


# --- silence first, then stop, then explain -----------------------------------------------------


def test_the_order_of_commands() -> None:
    call = CoreCall()
    call.begins_to_answer(2_000)
    call.passes(500)
    made = made_by(call, Reason.APPLICATION)
    assert [type(command) for command in made] == [
        cm.ClearCarrier,
        cm.CancelResponse,
        cm.TruncateItem,
        cm.ItemHeard,
        cm.ReleaseAudio,
        cm.Taken,
        cm.SpeechEnded,
    ]


def test_a_take_inside_a_hush_sends_no_clear_and_tells_the_position_that_the_hush_fixed() -> None:
    call = CoreCall()
    call.begins_to_answer(3_000)
    call.passes(500)
    call.caller_begins()
    call.passes(300)
    call.caller_is_sure()
    assert call.count(cm.ClearCarrier) == 1
    assert call.all(cm.Hushed) == [cm.Hushed(500, "R1.1")]
    assert call.all(cm.TruncateItem)[0].audio_end_ms == 500


def test_nothing_is_hushed_when_there_is_nothing() -> None:
    call = CoreCall()
    call.caller_begins()
    assert call.log == []


def test_a_hush_before_any_audio_says_so() -> None:
    call = CoreCall()
    call.asks()
    call.opens()
    call.caller_begins()
    assert call.all(cm.Hushed) == [cm.Hushed(0, None)]


def test_a_resume_goes_on_a_little_before_the_position_and_plays_everything() -> None:
    call = CoreCall()
    call.answers(2_000)
    call.passes(500)
    call.caller_begins()
    call.caller_stops()
    logged = len(call.log)
    call.passes(200)
    resumed = [c for _, c in call.log[logged:] if isinstance(c, cm.PlayAudio)]
    assert resumed[0].offset_ms == 400
    call.passes(5_000)
    assert call.all(cm.ItemHeard) == [cm.ItemHeard(1, "R1.1", 2_000, 2_000)]


# --- several responses, several items -----------------------------------------------------------


def test_each_item_is_told_by_itself() -> None:
    call = CoreCall()
    call.asks()
    call.opens()
    call.speaks(400, "R1.1")
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.speaks(400, "R1.2")
    call.does(ev.ItemAudioDone("R1", "R1.2"))
    call.speaks(400, "R1.3")
    call.does(ev.ItemAdded("R1", "R1.4", is_speech=True))
    call.does(ev.ToolCalled("R1", "R1.call", "call"))
    call.passes(600)
    call.interrupts()
    call.ends("R1", Ended.CANCELLED)
    assert [(t.item_id, t.audio_end_ms) for t in call.all(cm.TruncateItem)] == [("R1.2", 200)]
    assert [d.item_id for d in call.all(cm.DeleteItem)] == ["R1.3", "R1.4"]
    heard = {h.item_id: h.heard_ms for h in call.all(cm.ItemHeard)}
    assert heard == {"R1.1": 400, "R1.2": 200, "R1.3": 0}


@pytest.mark.parametrize(("unheard_ms", "is_told"), [(150, False), (151, True)])
def test_nearly_all_of_a_done_item_is_left_alone(unheard_ms: int, is_told: bool) -> None:
    call = CoreCall()
    call.answers(1_000)
    call.passes(1_000 - unheard_ms)
    call.interrupts()
    assert bool(call.all(cm.TruncateItem)) is is_told


def test_an_item_that_is_not_done_is_truncated_even_where_all_of_it_was_heard() -> None:
    call = CoreCall()
    call.begins_to_answer(400)
    call.passes(500)
    call.interrupts()
    assert call.all(cm.TruncateItem)[0].audio_end_ms == 400


def test_unheard_items_are_deleted_after_the_end_and_before_the_next_create() -> None:
    call = CoreCall()
    call.begins_to_answer(400)
    call.interrupts()
    call.asks(keep=True)
    assert call.count(cm.DeleteItem) == 0
    logged = len(call.log)
    call.does(ev.ItemAdded("R1", "R1.9", is_speech=True))
    call.ends("R1", Ended.CANCELLED)
    orders = [c for _, c in call.log[logged:] if isinstance(c, cm.DeleteItem | cm.CreateResponse)]
    assert [type(c) for c in orders] == [cm.DeleteItem, cm.DeleteItem, cm.CreateResponse]


def test_an_item_that_appears_after_the_end_is_deleted() -> None:
    call = CoreCall()
    call.answers(400)
    call.does(ev.ItemAdded("R1", "R1.9", is_speech=True))
    assert [d.item_id for d in call.all(cm.DeleteItem)] == ["R1.9"]


def test_only_what_was_meant_is_taken_and_the_rest_goes_on() -> None:
    call = CoreCall()
    call.answers(600, "R1")
    call.begins_to_answer(2_000, "R2")
    call.passes(400)
    call.caller_begins()
    request = call.interrupts(through=1)
    taken = call.all(cm.Taken)[0]
    assert taken.responses == (1,)
    assert not taken.has_floor
    assert call.core.state.floor.is_hushed
    assert call.outcome(request) is Outcome.ALREADY_OVER
    call.caller_stops()
    logged = len(call.log)
    call.passes(200)
    played = [c for _, c in call.log[logged:] if isinstance(c, cm.PlayAudio)]
    assert (played[0].item_id, played[0].offset_ms) == ("R2.1", 0)


def test_a_take_of_some_outside_a_hush_plays_the_rest_at_once() -> None:
    call = CoreCall()
    call.answers(600, "R1")
    call.answers(600, "R2")
    call.passes(400)
    logged = len(call.log)
    call.interrupts(through=1)
    kinds = [type(c) for _, c in call.log[logged:]]
    assert kinds[0] is cm.ClearCarrier
    assert cm.PlayAudio in kinds


# --- outcomes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (Ended.COMPLETED, Outcome.ALREADY_OVER),
        (Ended.CANCELLED, Outcome.CANCELLED),
        (Ended.TURN_DETECTED, Outcome.SERVER_CANCELLED),
        (Ended.FAILED, Outcome.ALREADY_OVER),
    ],
)
def test_an_interruption_ends_as_its_target_does(ended: Ended, outcome: Outcome) -> None:
    call = CoreCall()
    call.begins_to_answer()
    request = call.interrupts()
    assert call.outcome(request) is None
    call.ends("R1", ended)
    assert call.outcome(request) is outcome


def test_an_interruption_of_a_create_that_is_refused_is_cancelled() -> None:
    call = CoreCall()
    call.asks()
    request = call.interrupts()
    call.refuses(Refusal.OTHER, call.all(cm.CreateResponse)[0].command)
    assert call.outcome(request) is Outcome.CANCELLED


def test_an_interruption_without_a_terminal_event_times_out() -> None:
    call = CoreCall()
    call.begins_to_answer()
    request = call.interrupts()
    call.passes(2_999)
    assert call.outcome(request) is None
    call.passes(1)
    assert call.outcome(request) is Outcome.TIMED_OUT


def test_an_interruption_fails_when_the_session_is_lost() -> None:
    call = CoreCall()
    call.begins_to_answer()
    request = call.interrupts()
    call.does(ev.SessionLost())
    assert call.outcome(request) is Outcome.FAILED


def test_what_the_server_did_to_an_audible_answer_wins() -> None:
    call = CoreCall(Policy(authority=Authority.CLIENT))
    call.begins_to_answer(2_000)
    call.ends("R1", Ended.TURN_DETECTED)  # under our authority that is only an end
    request = call.interrupts()
    assert call.outcome(request) is Outcome.SERVER_CANCELLED


def test_a_cancel_by_nobody_of_us_was_the_servers() -> None:
    call = CoreCall(Policy(authority=Authority.SERVER))
    call.begins_to_answer()
    call.server_hears()
    request = call.interrupts()
    call.ends("R1", Ended.CANCELLED)
    assert call.outcome(request) is Outcome.SERVER_CANCELLED


def test_the_newest_target_says_how_it_ended() -> None:
    call = CoreCall()
    call.answers(2_000, "R1")
    call.begins_to_answer(400, "R2")
    request = call.interrupts()
    assert call.outcome(request) is None
    call.ends("R2", Ended.CANCELLED)
    assert call.outcome(request) is Outcome.CANCELLED


def test_an_interruption_says_how_much_was_heard() -> None:
    call = CoreCall()
    call.answers(2_000)
    call.passes(700)
    call.interrupts()
    assert call.all(cm.InterruptionSettled)[0].heard_ms == 700


def test_a_stale_target_is_already_over() -> None:
    call = CoreCall()
    call.answers(200, "R1")
    call.passes(1_000)
    call.begins_to_answer(400, "R2")
    request = call.interrupts(through=1)
    assert call.outcome(request) is Outcome.ALREADY_OVER
    assert call.count(cm.CancelResponse) == 0


def test_a_take_says_for_whom_it_is() -> None:
    call = CoreCall()
    call.begins_to_answer()
    request = call.interrupts()
    assert [taken.request for taken in call.all(cm.Taken)] == [request]


def test_what_was_said_after_a_function_call_is_told_too() -> None:
    call = CoreCall()
    call.asks()
    call.opens()
    call.does(ev.ToolCalled("R1", "R1.call", "call"))
    call.speaks(2_000)
    call.passes(500)
    call.interrupts()
    assert [told.audio_end_ms for told in call.all(cm.TruncateItem)] == [500]


def test_every_waiting_request_has_its_own_outcome() -> None:
    call = CoreCall()
    call.begins_to_answer()
    requests = [call.interrupts() for _ in range(5)]
    call.ends("R1", Ended.CANCELLED)
    assert [call.outcome(request) for request in requests] == [Outcome.CANCELLED] * 5


@pytest.mark.parametrize("reason", [Reason.APPLICATION, Reason.TOOL])
def test_where_nothing_is_there_is_nothing_to_interrupt(reason: Reason) -> None:
    call = CoreCall()
    assert call.outcome(call.interrupts(reason)) is Outcome.NOTHING_TO_INTERRUPT
    call.answers(200)
    call.passes(1_000)
    assert call.outcome(call.interrupts(reason)) is Outcome.NOTHING_TO_INTERRUPT
    assert call.count(cm.Taken) == 0
    assert [s.heard_ms for s in call.all(cm.InterruptionSettled)] == [0, 0]


def test_what_was_heard_is_no_target_though_its_tool_still_runs() -> None:
    call = CoreCall()
    call.begins_to_answer(200)
    call.does(ev.ToolCalled("R1", "R1.call", "call"))
    call.ends()
    call.passes(1_000)
    assert call.outcome(call.interrupts()) is Outcome.NOTHING_TO_INTERRUPT


def test_a_hang_up_that_meant_what_is_gone_finds_newer_protected_speech_and_leaves_it() -> None:
    call = CoreCall()
    call.asks(protected=True)
    call.opens()
    assert call.outcome(call.interrupts(Reason.HANG_UP, through=0)) is Outcome.ALREADY_OVER
    assert call.count(cm.CancelResponse) == 0


def test_protected_speech_is_in_the_way_while_it_is_open_or_audible() -> None:
    call = CoreCall()
    call.asks(protected=True)
    assert call.outcome(call.interrupts()) is Outcome.PROTECTED, "asked for"
    call.opens()
    call.does(ev.ToolCalled("R1", "R1.call", "call"))
    call.speaks(600)
    call.ends()
    call.passes(300)
    assert call.outcome(call.interrupts()) is Outcome.PROTECTED, "over, audible"
    call.passes(1_000)
    assert call.outcome(call.interrupts()) is Outcome.NOTHING_TO_INTERRUPT, "heard"


# --- protected ----------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [r for r in REASONS if r is not Reason.HANG_UP])
def test_protected_speech_is_neither_hushed_nor_taken(reason: Reason) -> None:
    ear = Ear.SERVER if reason is Reason.SERVER_SPEECH else Ear.LOCAL
    call = CoreCall(Policy(ear=ear))
    call.asks(protected=True)
    call.opens()
    call.speaks(2_000)
    call.passes(500)
    made = made_by(call, reason)
    kinds = (cm.ClearCarrier, cm.CancelResponse, cm.TruncateItem, cm.Hushed, cm.Taken)
    assert not [command for command in made if isinstance(command, kinds)]
    if reason in (Reason.APPLICATION, Reason.TOOL):
        assert call.all(cm.InterruptionSettled)[0].outcome is Outcome.PROTECTED


def test_hanging_up_overrides_protection() -> None:
    call = CoreCall()
    call.asks(protected=True)
    call.opens()
    call.speaks(2_000)
    call.passes(500)
    call.does(ev.HangUpRequested())
    assert call.count(cm.ClearCarrier) == 1
    assert call.count(cm.CancelResponse) == 1
    assert call.all(cm.TruncateItem)[0].audio_end_ms == 500


def test_what_waits_behind_protected_speech_is_taken_without_a_clear() -> None:
    call = CoreCall()
    call.asks(protected=True)
    call.opens("R1")
    call.speaks(1_000, "R1.1")
    call.ends("R1")
    call.server_opens("R2")
    call.speaks(1_000, "R2.1")
    call.passes(300)
    call.caller_begins()
    assert call.count(cm.Hushed) == 0
    call.caller_is_sure()
    assert call.count(cm.ClearCarrier) == 0
    assert call.all(cm.Taken)[0].responses == (2,)
    call.ends("R2", Ended.CANCELLED)
    call.passes(3_000)
    assert call.all(cm.ItemHeard)[-1] == cm.ItemHeard(1, "R1.1", 1_000, 1_000)
    assert all(audio.item_id == "R1.1" for audio in call.all(cm.PlayAudio))


def test_protected_speech_that_waits_behind_is_played_after_a_take() -> None:
    call = CoreCall()
    call.answers(1_000, "R1")
    call.asks(protected=True)
    call.opens("R2")
    call.speaks(600, "R2.1")
    call.passes(300)
    call.caller_interrupts()
    assert call.all(cm.Taken)[0].responses == (1,)
    protected = call.core.state.book.responses[1].items[0]
    assert protected.heard_ms == 0
    call.passes(60)
    assert protected.heard_ms == 60
    call.passes(2_000)
    call.ends("R2")
    call.passes(2_000)
    assert call.all(cm.ItemHeard)[-1] == cm.ItemHeard(2, "R2.1", 600, 600)


# --- queued -------------------------------------------------------------------------------------


def test_a_take_drops_what_waits_unless_it_is_kept() -> None:
    call = CoreCall()
    call.begins_to_answer()
    dropped, kept = call.asks(), call.asks(keep=True)
    call.interrupts()
    assert call.all(cm.SpeechDropped) == [cm.SpeechDropped(dropped)]
    call.ends("R1", Ended.CANCELLED)
    assert call.all(cm.CreateResponse)[-1].request == kept


def test_a_take_drops_nothing_that_was_asked_for_after_what_it_means() -> None:
    call = CoreCall()
    call.begins_to_answer()
    older = call.asks()
    call.server_opens("R2")
    call.asks()
    call.interrupts(through=1)
    assert call.all(cm.SpeechDropped) == [cm.SpeechDropped(older)]


def test_hanging_up_drops_everything_that_waits() -> None:
    call = CoreCall()
    call.begins_to_answer()
    call.asks()
    call.asks(keep=True)
    call.does(ev.HangUpRequested())
    assert call.count(cm.SpeechDropped) == 2


def test_an_owed_answer_that_was_refused_is_dropped_without_anybody_to_tell() -> None:
    call = CoreCall()
    call.begins_to_answer(400)
    call.caller_interrupts()
    call.caller_stops()
    call.ends("R1", Ended.CANCELLED)
    call.passes(2_000)
    assert call.all(cm.CreateResponse)[-1].cause is cm.Cause.RECOVERY
    call.refuses(Refusal.ALREADY_ACTIVE, call.all(cm.CreateResponse)[-1].command)
    request = call.interrupts()
    assert call.outcome(request) is Outcome.CANCELLED
    assert call.count(cm.SpeechDropped) == 0
    call.passes(5_000)
    assert call.count(cm.CreateResponse) == 2


def test_an_interruption_lets_go_of_what_was_heard_to_the_end_before_it() -> None:
    call = CoreCall()
    call.answers(1_000)
    call.asks()
    call.opens("R2")
    call.speaks(2_000, "R2.1")
    call.passes(1_040)  # the first answer is kept until a resume cannot rewind into it
    assert call.count(cm.ItemHeard) == 0
    call.interrupts()
    assert call.all(cm.ItemHeard) == [
        cm.ItemHeard(1, "R1.1", 1_000, 1_000),
        cm.ItemHeard(2, "R2.1", 40, 2_000),
    ]
    assert [c.item_id for c in call.all(cm.ReleaseAudio)] == ["R1.1", "R2.1"]
