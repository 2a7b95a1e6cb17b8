"""What can happen next to a call: every answer of the model service, the carrier and the caller.

What is left out, because it commutes: an item is announced with its first audio, the carrier's
stream takes every write at once and marks come back when they are due, unless a budget says else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from trio_media.core import events as ev
from trio_media.simulation.search.world import Generation, World

Move: TypeAlias = tuple[str, ev.Event]
KEYS_END: Final = "#"  # the key that ends what was asked for
KEYS_MS: Final = 1_000  # how long each key is waited for
AGING_MS: Final = 1_500  # a session that is about to end is renewed within this
FILLER_MS: Final = 500  # silence of a tool after which the model says that it is still at it


def moves(world: World, now_ms: int) -> Iterator[Move]:
    """Yield every event that may come next, with the name by which `made` knows it."""
    yield from _carrier_moves(world, now_ms)
    yield from _local_moves(world)
    yield from _turn_moves(world)
    yield from _asking_moves(world, now_ms)
    yield from _wishing_moves(world)
    yield from _ending_moves(world)
    yield from _create_moves(world)
    for index, generation in enumerate(world.generations):
        yield from _generation_moves(world, index, generation)
    yield from _cancel_moves(world)


def _carrier_moves(world: World, now_ms: int) -> Iterator[Move]:
    if world.is_stalled:
        yield "write", ev.TimePassed()
    elif world.left.stalls:
        yield "stall", ev.TimePassed()
    if not world.left.faults:
        return
    if world.carrier.marks:
        first = world.carrier.marks[0]
        yield "mark_early", ev.MarkEchoed(first.epoch, first.number)
        yield "mark_lost", ev.TimePassed()
        yield "mark_late", ev.TimePassed()
    for mark in world.carrier.stale:
        yield "mark_stale", ev.MarkEchoed(mark.epoch, mark.number)


def _local_moves(world: World) -> Iterator[Move]:
    if not world.hears_locally:
        return
    if not world.is_heard and world.left.onsets:
        yield "onset", ev.LocalSpeechBegan()
    if world.is_heard and world.left.voices and not world.is_voiced:
        yield "voice", ev.LocalSpeechVoiced()
    if world.is_heard and not world.is_confirmed:
        yield "confirm", ev.LocalSpeechConfirmed()
    if world.is_heard:
        yield "quiet", ev.LocalSpeechEnded()


def _turn_moves(world: World) -> Iterator[Move]:
    item_id = f"T{world.turn_number}"
    if world.turn in ("none", "committed") and world.left.turns and not world.is_away:
        yield "turn", ev.ServerSpeechStarted(f"T{world.turn_number + 1}")
    if world.turn == "speaking":
        yield "stop", ev.ServerSpeechStopped(item_id)
    if world.turn in ("speaking", "stopped"):
        yield "commit", ev.TurnCommitted(item_id)
        if world.left.faults:
            yield "turn_failed", ev.TurnFailed(item_id)
    if world.turn == "committed" and world.left.verdicts and not world.is_turn_judged:
        for verdict in (ev.Verdict.WORDS, ev.Verdict.BACKCHANNEL):
            yield "verdict", ev.TurnTranscribed(item_id, verdict)


def _asking_moves(world: World, now_ms: int) -> Iterator[Move]:
    if world.left.asks:
        say = ev.Say.GREETING if world.left.is_greeting else ev.Say.APPLICATION
        left, request = world.left, world.request + 1
        interrupts = left.is_interrupting
        asked = ev.SpeechRequested(request, say, left.is_protected, left.is_kept, interrupts)
        yield "ask", asked
    if world.left.interrupts:
        through = 1 if world.left.is_stale else None
        reason = world.left.interrupts[0]
        yield "interrupt", ev.InterruptRequested(world.request + 1, reason, through)
    if world.left.keys:
        yield "key", ev.KeyPressed("5")
        if world.wanted:
            yield "key", ev.KeyPressed(KEYS_END)
    if world.left.hang_ups:
        yield "hang_up", ev.HangUpRequested()
    yield from _session_moves(world, now_ms)
    if world.flags:
        yield "flags", ev.SessionReady(world.flags[0])
    for call_id in world.tools:
        yield "tool_answer", ev.ToolAnswered(call_id)


def _session_moves(world: World, now_ms: int) -> Iterator[Move]:
    left = world.left
    if left.losses:
        yield "lose", ev.SessionLost()
    if left.aways:
        yield "away", ev.SessionAway()
    if left.agings and not world.is_away:
        yield "age", ev.SessionAging(now_ms + AGING_MS)


def _wishing_moves(world: World) -> Iterator[Move]:
    left, request = world.left, world.request + 1
    if left.clips:
        clip = ev.ClipOffered(request, f"clip{request}", left.unit_ms, left.is_protected)
        yield "clip", clip
    if left.texts:
        yield "text", ev.TextOffered(request)
    if left.collections:
        yield "collect", ev.DigitsRequested(request, 2, KEYS_END, KEYS_MS, KEYS_MS)
    if left.abandons and world.wanted:
        yield "abandon", ev.DigitsAbandoned(world.wanted[0])
    if left.holds and not world.is_held:
        yield "hold", ev.AnsweringHeld(is_held=True)
    if world.is_held:
        yield "let_go", ev.AnsweringHeld(is_held=False)


def _ending_moves(world: World) -> Iterator[Move]:
    if world.leaving is not None:
        yield "leave_failed", ev.LeaveFailed(world.leaving)
    if not world.left.endings:
        return
    kind, request = world.left.endings[0], world.request + 1
    if kind == "tool" and not world.tools:
        return
    ending = ev.EndingRequested(
        request,
        words=request + 1 if kind in ("words", "final", "leaves") else None,
        is_final=kind == "final",
        leaves=kind == "leaves",
        tool_call_id=world.tools[0] if kind == "tool" else None,
    )
    yield "end", ending


def _create_moves(world: World) -> Iterator[Move]:
    name = f"R{len(world.generations) + 1}"
    is_room = len(world.generations) < world.left.responses
    for number, _ in world.creates:
        token = number if world.left.has_tokens else None
        if is_room:
            yield "created", ev.ResponseCreated(name, token)
        if is_room and world.left.faults:
            yield "created_over", ev.ResponseOver(name, ev.Ended.FAILED, token)
        if world.left.faults:
            yield "refused", ev.CommandRefused(ev.Refusal.ALREADY_ACTIVE, number)
            yield "refused", ev.CommandRefused(ev.Refusal.OTHER, number)
            yield "unsent", ev.CommandUnsent(number)
    if is_room and world.left.server_creates and not world.is_away:
        yield "server_created", ev.ResponseCreated(name, None)


def _generation_moves(world: World, index: int, generation: Generation) -> Iterator[Move]:
    if generation.is_lost or (generation.is_over and not world.left.faults):
        return
    rid = generation.response_id
    current = len(generation.items)
    is_taken = world.is_taken(generation)
    late = generation.late if is_taken else ()
    if current and generation.items[-1] < world.left.units and "audio" not in late:
        yield f"audio {index}", ev.AudioReceived(rid, f"{rid}.{current}", world.left.unit_ms)
    if current < world.left.items and "item" not in late:
        yield f"item {index}", ev.AudioReceived(rid, f"{rid}.{current + 1}", world.left.unit_ms)
    if current and generation.items[-1] == 1 and world.left.units > 1 and not is_taken:
        yield f"item_done {index}", ev.ItemAudioDone(rid, f"{rid}.{current}")
    if world.left.tools and generation.calls < world.left.calls:
        call_id = f"{rid}.call{generation.calls + 1}"
        yield f"call {index}", _called(world, rid, call_id)
    if world.left.service_tools:
        yield f"service_tool {index}", ev.ServiceToolRan(rid)
    for ended in _endings(world, rid):
        yield f"over {index}", ev.ResponseOver(rid, ended)
    if world.left.faults:
        yield f"nameless_over {index}", ev.ResponseOver(None, ev.Ended.FAILED)


def _called(world: World, response_id: str, call_id: str) -> ev.ToolCalled:
    wishes = world.left.wishes
    return ev.ToolCalled(
        response_id,
        call_id,
        call_id,
        filler_ms=FILLER_MS if "fills" in wishes else None,
        is_cancelled_by_interruption="gives_way" in wishes,
        is_protecting="protects" in wishes,
        holds_answers="holds" in wishes,
    )


def _endings(world: World, response_id: str) -> Iterator[ev.Ended]:
    yield ev.Ended.COMPLETED
    if world.left.faults or any(rid == response_id for _, rid in world.cancels):
        yield ev.Ended.CANCELLED
    if world.left.faults or (world.server_acts and world.turn == "speaking"):
        yield ev.Ended.TURN_DETECTED


def _cancel_moves(world: World) -> Iterator[Move]:
    for number, _ in world.cancels:
        yield "cancel_answer", ev.CommandRefused(ev.Refusal.NOT_ACTIVE, number)
        if world.left.faults:
            yield "cancel_answer", ev.CommandRefused(ev.Refusal.NOT_ACTIVE, None)
            yield "cancel_fault", ev.CommandRefused(ev.Refusal.OTHER, number)
            yield "unsent", ev.CommandUnsent(number)
