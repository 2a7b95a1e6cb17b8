from __future__ import annotations

import attrs
import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.simulation.search.budgets import Budgets
from trio_media.simulation.search.effects import made
from trio_media.simulation.search.moves import moves
from trio_media.simulation.search.world import World

NOTHING = Budgets(asks=0, responses=1, onsets=0, turns=0, units=2)


def names(world: World, now_ms: int = 0) -> list[str]:
    return [name for name, _ in moves(world, now_ms)]


def make(world: World, wanted: str) -> ev.Event:
    """Make a move, by its name."""
    event = next(event for name, event in moves(world, 0) if name == wanted)
    made(world, wanted, event)
    return event


def a_generating_world(**budgets: int) -> World:
    world = World(attrs.evolve(NOTHING, **budgets))  # type: ignore[arg-type]
    world.took([cm.CreateResponse(1, 1, cm.Cause.APPLICATION, 1)])
    make(world, "created")
    world.took([cm.ResponseOpened(1, "R1", cm.Cause.APPLICATION)])
    return world


def test_without_budgets_nothing_happens() -> None:
    assert names(World(NOTHING)) == []


@pytest.mark.parametrize(
    ("budget", "name"),
    [
        ("asks", "ask"),
        ("onsets", "onset"),
        ("turns", "turn"),
        ("keys", "key"),
        ("losses", "lose"),
        ("aways", "away"),
        ("agings", "age"),
        ("hang_ups", "hang_up"),
        ("clips", "clip"),
        ("texts", "text"),
        ("collections", "collect"),
        ("stalls", "stall"),
        ("server_creates", "server_created"),
    ],
)
def test_a_budget_is_spent_once(budget: str, name: str) -> None:
    world = World(attrs.evolve(NOTHING, **{budget: 1}))  # type: ignore[arg-type]
    assert names(world) == [name]
    make(world, name)
    assert name not in names(world)
    assert getattr(world.left, budget) == 0


def test_the_servers_ear_alone_hears_nothing_locally() -> None:
    assert names(World(attrs.evolve(NOTHING, onsets=1), hears_locally=False)) == []


def test_a_caller_begins_is_sure_and_stops() -> None:
    world = World(attrs.evolve(NOTHING, onsets=1))
    make(world, "onset")
    assert names(world) == ["confirm", "quiet"]
    make(world, "confirm")
    assert names(world) == ["quiet"]
    make(world, "quiet")
    assert names(world) == []


def test_a_turn_begins_stops_is_committed_and_is_transcribed_once() -> None:
    world = World(attrs.evolve(NOTHING, turns=1, verdicts=1))
    make(world, "turn")
    assert names(world) == ["stop", "commit"]
    make(world, "stop")
    make(world, "commit")
    assert names(world) == ["verdict", "verdict"]
    make(world, "verdict")
    assert names(world) == []


def test_a_model_generates_so_much_and_ends() -> None:
    world = a_generating_world(items=1)
    assert names(world) == ["item 0", "over 0"]
    assert make(world, "item 0") == ev.AudioReceived("R1", "R1.1", 200)
    make(world, "audio 0")
    assert names(world) == ["over 0"]
    make(world, "over 0")
    assert names(world) == []


def test_an_item_can_end_early() -> None:
    world = a_generating_world(items=1)
    make(world, "item 0")
    make(world, "item_done 0")
    assert "audio 0" not in names(world)


def test_after_a_take_one_of_each_kind_comes_late() -> None:
    world = a_generating_world(items=2)
    make(world, "item 0")
    world.took([cm.Taken(1, ev.Reason.APPLICATION, None, (1,))])
    before = world.form(0, 0)
    make(world, "audio 0")
    assert "audio 0" not in names(world)
    make(world, "item 0")
    assert "item 0" not in names(world)
    assert world.form(0, 0) != before


def test_time_waits_for_a_fast_model() -> None:
    world = a_generating_world(items=1, is_fast=True)
    assert world.is_generating()
    make(world, "item 0")
    make(world, "audio 0")
    assert not world.is_generating()


def test_faults_come_late_twice_or_not_at_all() -> None:
    world = a_generating_world(faults=2)
    world.took([cm.CancelResponse(2, "R1")])
    assert {"nameless_over 0", "cancel_fault", "unsent"} < set(names(world))
    make(world, "over 0")
    assert "over 0" in names(world)
    make(world, "over 0")
    assert world.left.faults == 1


def test_a_create_can_be_refused_or_unsent() -> None:
    for name in ("refused", "unsent", "created_over"):
        world = World(attrs.evolve(NOTHING, faults=1))
        world.took([cm.CreateResponse(1, 1, cm.Cause.APPLICATION, 1)])
        make(world, name)
        assert world.creates == []
        assert world.left.faults == 0


def test_a_cancel_is_answered_in_one_way() -> None:
    for name in ("cancel_answer", "cancel_fault", "unsent"):
        world = a_generating_world(faults=1)
        world.took([cm.CancelResponse(2, "R1")])
        make(world, name)
        assert world.cancels == []


def test_a_lost_session_takes_everything_with_it() -> None:
    world = a_generating_world(losses=1)
    make(world, "lose")
    assert names(world) == []


def test_a_session_that_goes_away_takes_everything_with_it_until_another_is_there() -> None:
    world = a_generating_world(aways=1, turns=1)
    make(world, "turn")
    make(world, "away")
    assert names(world) == ["flags"]
    assert world.form(0, 0) != a_generating_world(turns=1).form(0, 0)
    make(world, "flags")
    assert names(world) == []
    assert not world.is_generating()


def test_a_turn_that_is_said_again_may_be_heard_again() -> None:
    world = World(attrs.evolve(NOTHING, aways=1, turns=1))
    make(world, "turn")
    make(world, "away")
    world.took([cm.SayAgain(("T1",))])
    assert names(world) == ["flags"]
    make(world, "flags")
    assert make(world, "turn") == ev.ServerSpeechStarted("T2")


def test_marks_come_early_late_or_never() -> None:
    for name in ("mark_early", "mark_lost", "mark_late"):
        world = World(attrs.evolve(NOTHING, faults=1))
        world.took([cm.PlayAudio(1, 1, "I", 0, 200), cm.SendMark(1, 1)])
        world.carrier.write(0)
        assert world.next_due_ms() == 200
        make(world, name)
        assert world.next_due_ms() == (1_100 if name == "mark_late" else None)


def test_cleared_marks_come_back_too() -> None:
    world = World(attrs.evolve(NOTHING, faults=1))
    world.took([cm.PlayAudio(1, 1, "I", 0, 200), cm.SendMark(1, 1)])
    world.carrier.write(0)
    world.took([cm.ClearCarrier(2)])
    assert make(world, "mark_stale") == ev.MarkEchoed(1, 1)
    assert names(world) == []


def test_flags_are_confirmed_and_tools_answer() -> None:
    world = a_generating_world(tools=1)
    make(world, "call 0")
    world.took([cm.RunTool("R1.call1"), cm.SetTurnFlags(3, server_acts=True)])
    world.took([cm.SetTurnFlags(4, server_acts=True)])
    make(world, "tool_answer")
    make(world, "flags")
    assert world.server_acts
    assert "flags" not in names(world)


def test_a_service_without_tokens_does_not_say_whose_create_it_answers() -> None:
    world = World(attrs.evolve(NOTHING, has_tokens=False))
    world.took([cm.CreateResponse(1, 1, cm.Cause.APPLICATION, 1)])
    assert make(world, "created") == ev.ResponseCreated("R1", None)


def test_a_response_calls_as_many_tools_as_it_may() -> None:
    world = a_generating_world(tools=3, calls=2, items=0)
    assert make(world, "call 0") == ev.ToolCalled("R1", "R1.call1", "R1.call1")
    assert make(world, "call 0") == ev.ToolCalled("R1", "R1.call2", "R1.call2")
    assert "call 0" not in names(world)
    assert world.left.tools == 1


def test_what_is_asked_for_is_of_the_kind_that_was_budgeted() -> None:
    world = World(attrs.evolve(NOTHING, asks=2, is_greeting=True, is_kept=True))
    asked = make(world, "ask")
    assert asked == ev.SpeechRequested(1, ev.Say.GREETING, protected=False, keep=True)


def test_a_stale_interruption_means_the_first_response_alone() -> None:
    world = World(attrs.evolve(NOTHING, interrupts=(ev.Reason.TOOL,), is_stale=True))
    assert make(world, "interrupt") == ev.InterruptRequested(1, ev.Reason.TOOL, through=1)


def test_a_create_that_was_given_up_may_still_be_answered_and_by_its_name() -> None:
    world = World(attrs.evolve(NOTHING, responses=2))
    for number in (1, 2):
        world.took([cm.CreateResponse(number, number, cm.Cause.APPLICATION, number)])
    events = [event for name, event in moves(world, 0) if name == "created"]
    assert events == [ev.ResponseCreated("R1", 1), ev.ResponseCreated("R1", 2)]
    before = world.form(0, 0)
    made(world, "created", events[1])
    assert world.creates == [(1, 1)]
    assert world.form(0, 0) != before


def test_nothing_of_what_is_gone_is_in_the_form() -> None:
    world = a_generating_world()
    world.took([cm.CancelResponse(2, "R1")])
    make(world, "over 0")
    gone = frozenset({"R1"})
    with_it, without = world.form(0, 0), world.form(0, 0, gone)
    assert with_it != without
    world.cancels.clear()
    assert world.form(0, 0, gone) == without


def test_somebody_who_wants_keys_gets_them_or_waits_no_longer() -> None:
    world = World(attrs.evolve(NOTHING, keys=2, collections=1, abandons=1))
    make(world, "collect")
    assert names(world) == ["key", "key", "abandon"]
    make(world, "abandon")
    assert names(world) == ["key"]
    world = World(attrs.evolve(NOTHING, collections=1))
    make(world, "collect")
    world.took([cm.DigitsCollected(1, "", cm.DigitsOutcome.TIMED_OUT)])
    assert world.wanted == []


def test_answers_are_held_and_let_go() -> None:
    world = World(attrs.evolve(NOTHING, holds=1))
    assert make(world, "hold") == ev.AnsweringHeld(is_held=True)
    assert names(world) == ["let_go"]
    make(world, "let_go")
    assert names(world) == []


def test_endings_come_in_their_order_and_a_tools_own_while_it_runs() -> None:
    world = World(attrs.evolve(NOTHING, endings=("leaves", "tool")))
    ending = make(world, "end")
    assert ending == ev.EndingRequested(1, words=2, leaves=True)
    assert names(world) == []
    world.took([cm.Leave(1)])
    assert names(world) == ["leave_failed"]
    make(world, "leave_failed")
    world.took([cm.EndingSettled(1, cm.EndingOutcome.FAILED), cm.RunTool("a")])
    assert make(world, "end") == ev.EndingRequested(3, tool_call_id="a")
    world.took([cm.CancelTool("a")])
    assert world.tools == []


def test_a_tool_asks_for_what_was_budgeted() -> None:
    wishes = ("fills", "gives_way", "protects", "holds")
    world = a_generating_world(tools=1)
    world.left = attrs.evolve(world.left, wishes=wishes, service_tools=1)
    called = make(world, "call 0")
    assert isinstance(called, ev.ToolCalled)
    assert called.filler_ms is not None
    assert called.is_cancelled_by_interruption
    assert called.is_protecting
    assert called.holds_answers
    assert make(world, "service_tool 0") == ev.ServiceToolRan("R1")
    assert "service_tool 0" not in names(world)
