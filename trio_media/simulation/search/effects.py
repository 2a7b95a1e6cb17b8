"""What a move leaves behind in the world: what is spent, and what may follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from trio_media.core import events as ev
from trio_media.simulation.search.world import Generation, World


def made(world: World, name: str, event: ev.Event) -> None:
    """Note that a move was made."""
    verb, _, index = name.partition(" ")
    if index:
        _generated(world, verb, world.generations[int(index)], event)
        return
    EFFECTS[verb](world, event)


def _spend(world: World, **amounts: int) -> None:
    spent = {key: getattr(world.left, key) - amount for key, amount in amounts.items()}
    world.left = attrs.evolve(world.left, **spent)


def _generated(world: World, verb: str, generation: Generation, event: ev.Event) -> None:
    if generation.is_over or verb == "nameless_over":
        _spend(world, faults=1)
    if verb in ("audio", "item") and world.is_taken(generation):
        generation.late = (*generation.late, verb)
    elif verb == "audio":
        generation.items[-1] += 1
    elif verb == "item":
        generation.items.append(1)
    elif verb == "item_done":
        generation.items[-1] = world.left.units
    elif verb == "call":
        generation.calls += 1
        _spend(world, tools=1)
    elif verb == "service_tool":
        _spend(world, service_tools=1)
    elif isinstance(event, ev.ResponseOver):
        generation.is_over = True


def _made_stall(world: World, event: ev.Event) -> None:
    world.is_stalled = True
    _spend(world, stalls=1)


def _made_write(world: World, event: ev.Event) -> None:
    world.is_stalled = False


def _made_mark_early(world: World, event: ev.Event) -> None:
    _made_mark_lost(world, event)


def _made_mark_lost(world: World, event: ev.Event) -> None:
    del world.carrier.marks[0]
    _spend(world, faults=1)


def _made_mark_late(world: World, event: ev.Event) -> None:
    world.carrier.delay_first()
    _spend(world, faults=1)


def _made_mark_stale(world: World, event: ev.Event) -> None:
    world.carrier.stale.clear()
    _spend(world, faults=1)


def _made_onset(world: World, event: ev.Event) -> None:
    world.is_heard, world.is_voiced, world.is_confirmed = True, False, False
    _spend(world, onsets=1)


def _made_voice(world: World, event: ev.Event) -> None:
    world.is_voiced = True
    _spend(world, voices=1)


def _made_confirm(world: World, event: ev.Event) -> None:
    world.is_voiced = world.is_confirmed = True


def _made_quiet(world: World, event: ev.Event) -> None:
    world.is_heard = world.is_voiced = world.is_confirmed = False


def _made_turn(world: World, event: ev.Event) -> None:
    world.turn, world.is_turn_judged = "speaking", False
    world.turn_number += 1
    _spend(world, turns=1)


def _made_stop(world: World, event: ev.Event) -> None:
    world.turn = "stopped"


def _made_commit(world: World, event: ev.Event) -> None:
    world.turn = "committed"


def _made_turn_failed(world: World, event: ev.Event) -> None:
    world.turn = "none"
    _spend(world, faults=1)


def _made_verdict(world: World, event: ev.Event) -> None:
    world.is_turn_judged = True
    _spend(world, verdicts=1)


def _made_key(world: World, event: ev.Event) -> None:
    _spend(world, keys=1)


def _asked(budget: str) -> Callable[[World, Any], None]:
    """Somebody of ours asked for something."""

    def made_it(world: World, event: ev.Event) -> None:
        world.request += 1
        _spend(world, **{budget: 1})

    return made_it


def _made_collect(world: World, event: ev.Event) -> None:
    assert isinstance(event, ev.DigitsRequested)
    world.request += 1
    world.wanted.append(event.request)
    _spend(world, collections=1)


def _made_abandon(world: World, event: ev.Event) -> None:
    del world.wanted[0]
    _spend(world, abandons=1)


def _made_hold(world: World, event: ev.Event) -> None:
    world.is_held = True
    _spend(world, holds=1)


def _made_let_go(world: World, event: ev.Event) -> None:
    world.is_held = False


def _made_end(world: World, event: ev.Event) -> None:
    world.request += 2
    world.left = attrs.evolve(world.left, endings=world.left.endings[1:])


def _made_leave_failed(world: World, event: ev.Event) -> None:
    pass


def _made_interrupt(world: World, event: ev.Event) -> None:
    world.request += 1
    world.left = attrs.evolve(world.left, interrupts=world.left.interrupts[1:])


def _made_hang_up(world: World, event: ev.Event) -> None:
    _spend(world, hang_ups=1)


def _made_lose(world: World, event: ev.Event) -> None:
    world.is_away = False
    world.generations.clear()
    _forget_session(world)
    world.left = attrs.evolve(world.left, losses=0, aways=0, agings=0)
    world.left = attrs.evolve(world.left, responses=0, server_creates=0, turns=0)


def _made_away(world: World, event: ev.Event) -> None:
    _spend(world, aways=1)
    _forget_session(world)
    for generation in world.generations:
        generation.is_lost = True
    world.is_away = True
    world.flags.append(world.acts_at_first)  # with which the next one is made


def _forget_session(world: World) -> None:
    world.creates.clear()
    world.cancels.clear()
    world.flags.clear()
    world.turn = "none"


def _made_age(world: World, event: ev.Event) -> None:
    _spend(world, agings=1)


def _made_flags(world: World, event: ev.Event) -> None:
    world.server_acts = world.flags.pop(0)
    world.is_away = False


def _made_tool_answer(world: World, event: ev.Event) -> None:
    assert isinstance(event, ev.ToolAnswered)
    world.tools.remove(event.call_id)


def _answered(world: World, command: int | None) -> None:
    """A create is answered: the one that is named, or else the oldest."""
    named = [create for create in world.creates if create[0] == command]
    world.creates.remove(named[0] if named else world.creates[0])


def _made_created(world: World, event: ev.Event) -> None:
    assert isinstance(event, ev.ResponseCreated)
    _answered(world, event.token)
    world.generations.append(Generation(event.response_id))


def _made_created_over(world: World, event: ev.Event) -> None:
    assert isinstance(event, ev.ResponseOver)
    _spend(world, faults=1)
    _answered(world, event.token)
    world.generations.append(Generation(str(event.response_id), is_over=True))


def _made_refused(world: World, event: ev.Event) -> None:
    assert isinstance(event, ev.CommandRefused)
    _spend(world, faults=1)
    _answered(world, event.command)


def _made_server_created(world: World, event: ev.Event) -> None:
    assert isinstance(event, ev.ResponseCreated)
    _spend(world, server_creates=1)
    world.generations.append(Generation(event.response_id))


def _made_cancel_answer(world: World, event: ev.Event) -> None:
    assert isinstance(event, ev.CommandRefused)
    number = event.command if event.command is not None else world.cancels[0][0]
    world.cancels = [c for c in world.cancels if c[0] != number]


def _made_cancel_fault(world: World, event: ev.Event) -> None:
    _spend(world, faults=1)
    _made_cancel_answer(world, event)


def _made_unsent(world: World, event: ev.Event) -> None:
    assert isinstance(event, ev.CommandUnsent)
    _spend(world, faults=1)
    world.cancels = [c for c in world.cancels if c[0] != event.command]
    world.creates = [c for c in world.creates if c[0] != event.command]


EFFECTS: Final[Mapping[str, Callable[[World, Any], None]]] = {
    "stall": _made_stall,
    "write": _made_write,
    "mark_early": _made_mark_early,
    "mark_lost": _made_mark_lost,
    "mark_late": _made_mark_late,
    "mark_stale": _made_mark_stale,
    "onset": _made_onset,
    "voice": _made_voice,
    "confirm": _made_confirm,
    "quiet": _made_quiet,
    "turn": _made_turn,
    "stop": _made_stop,
    "commit": _made_commit,
    "turn_failed": _made_turn_failed,
    "verdict": _made_verdict,
    "key": _made_key,
    "ask": _asked("asks"),
    "clip": _asked("clips"),
    "text": _asked("texts"),
    "collect": _made_collect,
    "abandon": _made_abandon,
    "hold": _made_hold,
    "let_go": _made_let_go,
    "end": _made_end,
    "leave_failed": _made_leave_failed,
    "interrupt": _made_interrupt,
    "hang_up": _made_hang_up,
    "lose": _made_lose,
    "away": _made_away,
    "age": _made_age,
    "flags": _made_flags,
    "tool_answer": _made_tool_answer,
    "created": _made_created,
    "created_over": _made_created_over,
    "refused": _made_refused,
    "server_created": _made_server_created,
    "cancel_answer": _made_cancel_answer,
    "cancel_fault": _made_cancel_fault,
    "unsent": _made_unsent,
}
