"""Any order of events, and any end: it is survived, and time alone ends every wait."""

from __future__ import annotations

import random
import typing
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.machine import HANDLERS, DecisionCore
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.core.state import MODEL_COMMANDS

from .driver import (
    NEEDS_MORE_MS,
    PHASES,
    SERVER,
    Call,
    active,
    cancelling,
    hushed,
    kinds,
    over_audible,
    over_heard,
    queued,
    requested,
)

EVENTS = typing.get_args(ev.Event)
ENDS = (ev.HangUpRequested(), ev.CallEnded())


# --- totality ---------------------------------------------------------------------------------


def test_every_event_has_its_place() -> None:
    assert set(HANDLERS) == set(EVENTS)


NAMES = st.sampled_from(["R1", "R2", "R1.1", "R1.2", "R2.1", "T1", "T2", "call", "7"])
EVENT = st.one_of(
    *(
        st.builds(kind)
        for kind in EVENTS
        if not typing.get_type_hints(kind) and kind is not ev.CallEnded
    ),
    st.builds(ev.KeyPressed, st.sampled_from("1#")),
    st.builds(ev.SessionReady, st.booleans(), st.just(500), st.booleans()),
    st.builds(ev.SessionAging, st.integers(0, 9_000)),
    st.builds(ev.ServerSpeechStarted, NAMES),
    st.builds(ev.ServerSpeechStopped, NAMES),
    st.builds(ev.TurnCommitted, NAMES),
    st.builds(ev.TurnFailed, st.none() | NAMES),
    st.builds(ev.TurnTranscribed, NAMES, st.sampled_from(ev.Verdict)),
    st.builds(ev.ResponseCreated, NAMES, st.none() | st.integers(1, 6)),
    st.builds(ev.ItemAdded, NAMES, NAMES, st.booleans()),
    st.builds(ev.AudioReceived, NAMES, NAMES, st.integers(0, 900)),
    st.builds(ev.ItemAudioDone, NAMES, NAMES),
    st.builds(
        ev.ToolCalled,
        *(NAMES, NAMES, NAMES),
        st.none() | st.just(2_000),
        *(st.booleans(), st.booleans(), st.booleans()),
    ),
    st.builds(ev.ToolAnswered, NAMES, st.booleans()),
    st.builds(ev.ServiceToolRan, NAMES),
    st.builds(ev.ResponseOver, st.none() | NAMES, st.sampled_from(ev.Ended), st.none()),
    st.builds(ev.CommandRefused, st.sampled_from(ev.Refusal), st.none() | st.integers(1, 9)),
    st.builds(ev.CommandUnsent, st.integers(1, 9)),
    st.builds(ev.MarkEchoed, st.integers(1, 3), st.integers(1, 9)),
    st.builds(ev.CarrierWrote, st.integers(1, 9), st.just(0)),
    st.builds(
        ev.InterruptRequested,
        st.integers(1, 99),
        st.sampled_from(ev.Reason),
        st.none() | st.integers(0, 4),
    ),
    st.builds(
        ev.SpeechRequested,
        st.integers(1, 99),
        st.sampled_from(ev.Say),
        *(st.booleans(), st.booleans(), st.booleans()),
    ),
    st.builds(ev.TextOffered, st.integers(1, 99)),
    st.builds(
        ev.ClipOffered, st.none() | st.integers(1, 99), NAMES, st.integers(0, 900), st.booleans()
    ),
    st.builds(
        ev.DigitsRequested,
        *(st.integers(1, 99), st.integers(1, 3), st.sampled_from(["", "#"])),
        *(st.sampled_from([200, 3_000]), st.sampled_from([200, 3_000])),
    ),
    st.builds(ev.DigitsAbandoned, st.integers(1, 99)),
    st.builds(ev.AnsweringHeld, st.booleans()),
    st.builds(
        ev.EndingRequested,
        *(st.none() | st.integers(1, 99), st.just("done"), st.none() | st.integers(1, 99)),
        *(st.booleans(), st.booleans(), st.none() | NAMES),
    ),
    st.builds(ev.LeaveFailed, st.integers(1, 99)),
    st.builds(ev.ConversationResumed, st.booleans(), st.booleans(), st.booleans()),
)
POLICY = st.builds(
    Policy,
    authority=st.sampled_from(Authority),
    ear=st.sampled_from(Ear),
    silence_ms=st.sampled_from([0, 0, 2_000]),
    silence_asks=st.integers(0, 2),
    away_words_ms=st.sampled_from([0, 2_000]),
    has_last_words=st.booleans(),
    forwards_without_model=st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(POLICY, st.lists(st.tuples(EVENT, st.sampled_from([0, 0, 20, 250, 3_000])), max_size=40))
def test_no_order_of_any_events_is_too_much(
    policy: Policy, script: list[tuple[ev.Event, int]]
) -> None:
    """Names that clash, answers to nothing, numbers of nobody: all of it is survived.

    Then time alone ends every wait, and the same script leads to the same commands again.
    """

    def run() -> list[cm.Command]:
        core = DecisionCore(policy)
        out: list[cm.Command] = []
        now_ms = 0
        for event, pause_ms in script:
            now_ms += pause_ms
            out += core.handle(event, now_ms)
        # A tool that runs for ever is spoken of for ever, and may hold every answer.
        for tool in core.state.pending_tools():
            out += core.handle(ev.ToolAnswered(tool.call_id), now_ms)
        if not core.state.is_session_ready:  # else who waits for the model is told so for ever
            out += core.handle(ev.SessionReady(False), now_ms)
        for _ in range(1_000):
            deadline_ms = core.next_deadline()
            if deadline_ms is None or now_ms > NEEDS_MORE_MS + 200_000:
                break
            assert deadline_ms > now_ms
            now_ms = deadline_ms
            out += core.handle(ev.TimePassed(), now_ms)
        else:
            pytest.fail("time alone does not end it")
        assert core.state.interruptions == []
        assert not core.state.book.open()
        return out

    assert run() == run()


# --- time -------------------------------------------------------------------------------------


def test_time_does_not_go_back() -> None:
    core = DecisionCore(Policy())
    core.handle(ev.TimePassed(), 10)
    core.handle(ev.TimePassed(), 10)
    with pytest.raises(AssertionError, match="time went back"):
        core.handle(ev.TimePassed(), 9)


def test_a_call_in_which_nothing_happens_needs_no_time() -> None:
    assert DecisionCore(Policy()).next_deadline() is None


def test_a_deadline_that_was_missed_is_made_up_for_by_whatever_comes_next(call: Call) -> None:
    """A process that stood still sees a hush, its end and the next onset at once."""
    hushed(call)
    call.caller_stops()
    call.now_ms += 5_000
    out = call.does(ev.LocalSpeechBegan())
    assert [c for c in kinds(out) if c in (cm.Resumed, cm.Hushed)] == [cm.Resumed, cm.Hushed]


def test_the_same_events_give_the_same_commands() -> None:
    logs = []
    for _ in range(2):
        call = Call(SERVER)
        chance = random.Random(7)
        for number in range(30):
            call.says(f"T{number}")
            call.server_opens(f"R{number}")
            call.speaks(chance.randrange(2_000), f"R{number}.1")
            call.passes(chance.randrange(1_500))
            call.caller_begins()
            call.passes(chance.randrange(900))
            call.caller_stops()
            call.ends(f"R{number}")
        logs.append(call.log)
    assert logs[0] == logs[1]
    assert len(logs[0]) > 300


def test_nothing_grows_with_the_length_of_a_call(call: Call) -> None:
    for number in range(300):
        call.says(f"T{number}")
        call.opens(f"R{number}")
        call.speaks(200, f"R{number}.1")
        call.calls_tool(f"call{number}", f"R{number}")
        call.interrupts()
        call.ends(f"R{number}", ev.Ended.CANCELLED)
        call.does(ev.KeyPressed("1"))
        call.passes(300)
    state = call.core.state
    assert len(state.book.responses) <= 65
    assert len(state.turns.turns) <= 65
    assert len(state.keys.digits) <= 256
    assert not state.playout.tracks
    assert not state.interruptions
    assert len(state.creates.queue) <= 2


# --- the model session ------------------------------------------------------------------------


def test_nothing_is_created_before_the_session_is_ready() -> None:
    call = Call(is_ready=False)
    call.asks(greeting=True)
    call.passes(1_000)
    assert call.creates() == []
    call.confirms(server_acts=False)
    assert call.creates() == [cm.Cause.GREETING]


@pytest.mark.parametrize("phase", PHASES)
def test_the_loss_of_the_session_closes_what_it_was_doing(call: Call, phase: str) -> None:
    PHASES[phase](call)
    request = call.interrupts() if phase == "active" else None
    call.model_is_lost()
    state = call.core.state
    assert not state.book.open()
    assert not state.book.has_unsettled_cancel()
    assert state.creates.queue == []
    assert not state.turns.has_unanswered
    assert state.interruptions == []
    if request is not None:
        assert call.outcome(request) is cm.Outcome.FAILED


@pytest.mark.parametrize("phase", PHASES)
def test_what_is_buffered_when_the_session_is_lost_is_played_out_and_the_call_ends(
    call: Call, phase: str
) -> None:
    PHASES[phase](call)
    call.model_is_lost()
    is_heard_out = phase in ("active", "over, audible")
    assert call.core.state.is_over is not is_heard_out
    told = call.passes(10_000)
    assert call.all(cm.EndCall) == [cm.EndCall("model_lost")]
    assert not [c for c in told if isinstance(c, MODEL_COMMANDS)]
    if is_heard_out:
        assert call.heard() == {"R1.1": 5_000}


def test_a_take_after_the_session_was_lost_tells_the_model_nothing(call: Call) -> None:
    active(call)
    call.model_is_lost()
    request = call.interrupts()
    assert call.count(cm.ClearCarrier) == 1
    assert call.count(cm.TruncateItem) == 0
    assert call.outcome(request) is cm.Outcome.ALREADY_OVER
    assert call.count(cm.EndCall) == 1, "nothing is left to play"


def test_a_hush_when_the_session_is_lost_is_ended_before_the_call(call: Call) -> None:
    hushed(call)
    call.model_is_lost()
    call.passes(500)
    assert call.count(cm.EndCall) == 0
    call.passes(20_000)
    assert call.heard() == {"R1.1": 5_000}
    assert call.count(cm.EndCall) == 1


def test_what_the_session_said_before_it_was_lost_and_comes_after_is_not_heeded(
    call: Call,
) -> None:
    over_audible(call)
    call.model_is_lost()
    call.confirms(server_acts=False)
    call.server_opens("R2")
    call.says()
    call.does(ev.KeyPressed("1"))
    call.passes(60_000)
    assert call.count(cm.CreateResponse) == 1
    assert call.count(cm.SendKeys) == 0
    assert call.core.state.book.by_id("R2") is None


def test_a_session_is_confirmed_more_than_once() -> None:
    call = Call()
    call.does(ev.SessionReady(server_acts=True, silence_ms=900, transcribes=False))
    state = call.core.state
    assert (state.server_acts, state.silence_ms, state.transcribes) == (True, 900, False)


# --- the end of the call ----------------------------------------------------------------------


@pytest.mark.parametrize("end", ENDS, ids=["we hang up", "it ended"])
@pytest.mark.parametrize("phase", [*PHASES, "hushed"])
def test_the_end_of_the_call_closes_everything(call: Call, phase: str, end: ev.Event) -> None:
    {**PHASES, "hushed": hushed}[phase](call)
    call.does(end)
    state = call.core.state
    assert state.is_over
    assert not state.book.open()
    assert not state.book.has_unsettled_cancel()
    assert state.interruptions == []
    assert call.core.next_deadline() is None
    assert call.count(cm.EndCall) == isinstance(end, ev.HangUpRequested)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_nothing_happens_after_the_end(call: Call, event: type[ev.Event]) -> None:
    over_heard(call)
    call.does(ev.CallEnded())
    blank = typing.cast(Callable[..., ev.Event], event)(*["x" for _ in attrs.fields(event)])
    assert call.does(blank) == []


@pytest.mark.parametrize(
    ("bring", "expected"),
    [
        (queued, [cm.SpeechDropped]),
        (requested, []),
        (active, [cm.ClearCarrier, cm.CancelResponse, cm.TruncateItem]),
        (cancelling, []),
        (over_audible, [cm.ClearCarrier, cm.TruncateItem]),
        (over_heard, []),
        (hushed, [cm.CancelResponse, cm.TruncateItem]),
    ],
    ids=["queued", "requested", "active", "cancelling", "over, audible", "over, heard", "hushed"],
)
def test_hanging_up_takes_and_ends(
    call: Call,
    bring: Callable[[Call], None],
    expected: list[type[cm.Command]],
) -> None:
    bring(call)
    out = kinds(call.does(ev.HangUpRequested()))
    wanted = (cm.CancelResponse, cm.TruncateItem, cm.SpeechDropped)
    clears = [c for c in out if c is cm.ClearCarrier and cm.TruncateItem in out]
    assert clears + [c for c in out if c in wanted] == expected
    assert out[-1] is cm.EndCall
