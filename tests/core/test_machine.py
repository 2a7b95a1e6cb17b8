from __future__ import annotations

from typing import get_args

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.events import Ended
from trio_media.core.machine import HANDLERS, DecisionCore
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.core.units import RECORDS_KEPT, TURNS_KEPT
from trio_media.simulation.driving import CoreCall

EVERY_EVENT: list[ev.Event] = [
    ev.TimePassed(),
    ev.CarrierWrote(99, 0),
    ev.MarkEchoed(1, 99),
    ev.KeyPressed("1"),
    ev.LocalSpeechBegan(),
    ev.LocalSpeechVoiced(),
    ev.LocalSpeechConfirmed(),
    ev.LocalSpeechEnded(),
    ev.SessionReady(server_acts=False),
    ev.SessionAway(),
    ev.SessionAging(60_000),
    ev.SessionLost(),
    ev.ServerSpeechStarted("T1"),
    ev.ServerSpeechStopped("T1"),
    ev.TurnCommitted("T1"),
    ev.TurnFailed("T1"),
    ev.TurnTranscribed("T1", ev.Verdict.WORDS),
    ev.ResponseCreated("X", None),
    ev.ItemAdded("X", "X.1", is_speech=True),
    ev.AudioReceived("X", "X.1", 200),
    ev.ItemAudioDone("X", "X.1"),
    ev.ToolCalled("X", "X.call", "X.call"),
    ev.ResponseOver("X", Ended.COMPLETED),
    ev.CommandRefused(ev.Refusal.OTHER, 1),
    ev.CommandUnsent(1),
    ev.InterruptRequested(77, ev.Reason.APPLICATION),
    ev.SpeechRequested(78, ev.Say.APPLICATION),
    ev.SpeechRequested(79, ev.Say.APPLICATION, interrupts=True),
    ev.TextOffered(80),
    ev.ClipOffered(81, "clip", 400),
    ev.DigitsRequested(82, 2, "#", 1_000, 1_000),
    ev.DigitsAbandoned(82),
    ev.ToolAnswered("call"),
    ev.ToolAnswered("quiet", wants_answer=False),
    ev.ServiceToolRan("X"),
    ev.AnsweringHeld(is_held=True),
    ev.AnsweringHeld(is_held=False),
    ev.EndingRequested(83),
    ev.EndingRequested(84, words=85, is_final=True),
    ev.EndingRequested(86, words=87, leaves=True),
    ev.EndingRequested(None),
    ev.LeaveFailed(86),
    ev.ConversationResumed(is_answer_due=True),
    ev.ConversationResumed(was_cut=True, is_owed=True),
    ev.HangUpRequested(),
    ev.CallEnded(),
]


def _not_ready(call: CoreCall) -> None:
    call.does(ev.SessionAway())


def _idle(call: CoreCall) -> None:
    pass


def _requested(call: CoreCall) -> None:
    call.asks()


def _speaking(call: CoreCall) -> None:
    call.begins_to_answer(3_000)
    call.passes(500)


def _hushed(call: CoreCall) -> None:
    _speaking(call)
    call.caller_begins()


def _cancelling(call: CoreCall) -> None:
    _speaking(call)
    call.interrupts()


def _audible(call: CoreCall) -> None:
    call.answers(3_000)
    call.passes(500)


def _in_a_turn(call: CoreCall) -> None:
    _audible(call)
    call.server_hears("T0")


def _protected(call: CoreCall) -> None:
    call.asks(protected=True)
    if call.all(cm.CreateResponse):
        call.opens()
        call.speaks(2_000)
        call.passes(500)


def _lost(call: CoreCall) -> None:
    _audible(call)
    call.does(ev.SessionLost())


SITUATIONS = {
    f.__name__.strip("_"): f
    for f in (
        *(_not_ready, _idle, _requested, _speaking, _hushed, _cancelling),
        *(_audible, _in_a_turn, _protected, _lost),
    )
}


def test_every_event_is_handled() -> None:
    assert set(HANDLERS) == set(get_args(ev.Event))
    assert {type(event) for event in EVERY_EVENT} == set(HANDLERS)


@pytest.mark.parametrize("event", EVERY_EVENT, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("authority", list(Authority))
def test_every_event_in_every_situation_ends_in_peace(
    authority: Authority, situation: str, event: ev.Event
) -> None:
    """Every promise holds from there on, and within two minutes nothing waits any longer."""
    call = CoreCall(Policy(authority=authority))
    SITUATIONS[situation](call)
    call.does(event)
    call.passes(120_000)
    state = call.core.state
    assert not state.book.open()
    assert not state.interruptions
    assert not state.book.has_unsettled_cancel()
    if not state.is_over:
        assert not state.floor.is_hushed
        assert not state.turns.in_progress
        assert not state.playout.audible()


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("end", [ev.HangUpRequested(), ev.CallEnded()])
def test_the_end_comes_in_every_situation_and_nothing_comes_after(
    situation: str, end: ev.Event
) -> None:
    call = CoreCall()
    SITUATIONS[situation](call)
    request = call.interrupts()
    call.does(end)
    assert call.outcome(request) is not None
    assert call.core.state.is_over
    assert call.core.next_deadline() is None
    logged = len(call.log)
    for event in EVERY_EVENT:
        call.does(event)
    call.passes(60_000)
    assert len(call.log) == logged


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_session_can_be_lost_in_every_situation(situation: str) -> None:
    call = CoreCall()
    SITUATIONS[situation](call)
    request = call.interrupts()
    call.does(ev.SessionLost())
    call.passes(10_000)
    assert call.outcome(request) is not None
    assert call.core.state.is_over


def test_speech_may_interrupt_what_is_exposed_and_decides_about_a_hush() -> None:
    call = CoreCall()
    assert not call.core.is_interruptible
    call.asks()
    call.opens()
    assert call.core.is_interruptible
    call.caller_begins()
    assert call.core.is_interruptible
    call.ends()  # nothing of it is there any more, but the hush is
    assert call.core.is_interruptible
    call.caller_stops()
    call.passes(200)
    assert not call.core.is_interruptible


def test_the_end_says_why() -> None:
    hung_up, lost = CoreCall(), CoreCall()
    hung_up.does(ev.HangUpRequested())
    lost.does(ev.SessionLost())
    assert hung_up.all(cm.EndCall) == [cm.EndCall("hung_up")]
    assert lost.all(cm.EndCall) == [cm.EndCall("model_lost")]


def test_time_never_goes_back() -> None:
    core = DecisionCore(Policy())
    core.handle(ev.TimePassed(), 5)
    with pytest.raises(AssertionError, match=r"^time went back"):
        core.handle(ev.TimePassed(), 4)


def test_the_same_events_lead_to_the_same_commands() -> None:
    def run() -> list[tuple[int, cm.Command]]:
        call = CoreCall(Policy(ear=Ear.BOTH))
        for situation in (_speaking, _hushed, _cancelling):
            situation(call)
            call.passes(40_000)
        return call.log

    assert run() == run()


def test_acting_late_on_a_deadline_is_the_same_as_acting_on_an_event_after_it() -> None:
    call = CoreCall()
    _hushed(call)
    call.now_ms += 5_000
    made = call.does(ev.TurnTranscribed("nobody", ev.Verdict.EMPTY))
    assert isinstance(made[0], cm.Resumed)


@pytest.mark.parametrize(
    ("answers", "has_marks", "is_checked"),
    [(10_000, True, False), (600, True, True), (600, False, True)],
)
def test_a_long_call_needs_no_more_memory_than_a_short_one(
    answers: int, has_marks: bool, is_checked: bool
) -> None:
    call = CoreCall(has_marks=has_marks, is_checked=is_checked)
    sizes = []
    for number in range(answers):
        _one_answer(call, number)
        call.log.clear()
        if number % 100 == 99:
            sizes.append(_size(call))
    assert max(sizes[1:]) <= sizes[1]
    assert sizes[-1] <= 20 * RECORDS_KEPT


def _one_answer(call: CoreCall, number: int) -> None:
    name = f"R{number}"
    call.says(f"T{number}")
    call.opens(name)
    call.does(ev.ToolCalled(name, f"{name}.call", f"{name}.call"))
    call.does(ev.ToolAnswered(f"{name}.call"))
    call.speaks(100, f"{name}.1")
    if number % 3 == 0:
        call.caller_interrupts()
        call.caller_stops()
    call.does(ev.ItemAdded(name, f"{name}.2", is_speech=True))
    call.ends(name)
    call.passes(100)
    if call.core.state.book.open():  # the tool's answer
        call.opens(f"{name}+")
        call.ends(f"{name}+")
    call.passes(2_200)


def _size(call: CoreCall) -> int:
    state, ledger = call.core.state, call.invariants.ledger
    playout = state.playout
    assert len(state.book.responses) <= RECORDS_KEPT
    assert len(state.turns.turns) <= TURNS_KEPT
    lists = (
        *(state.book.responses, state.turns.turns, state.creates.queue, state.interruptions),
        *(playout.tracks, playout.waiting, playout.sent, playout.marks, state.out),
        *(ledger.responses, ledger.items, ledger.turns, ledger.flying, ledger.waiting_takes),
    )
    return sum(len(held) for held in lists)
