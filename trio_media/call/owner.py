"""The owner: the only task that runs the decision core, and the only one that acts on it.

It takes letters from one inbox, which gives the only order there is, tells the core what the
writers have written meanwhile, and puts the core's commands into the outboxes.  It never awaits the
network.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import attrs
import trio

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.call.control import CallControl, InterruptionResult
from trio_media.call.heard import HeardTape
from trio_media.call.line import Ending, Letter, Line, Nudge
from trio_media.call.marks import mark_name
from trio_media.call.tools import INTERRUPTED, Tool, run_tool
from trio_media.call.translate import event_id
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import BrokenInvariant, Invariants
from trio_media.core.machine import DecisionCore
from trio_media.realtime.events import RealtimeCodec
from trio_media.telephony.events import TelephonyCodec

LETTERS_AT_ONCE: Final = 32  # decided in a row before others get a turn


@attrs.define(eq=False)
class Desk:
    """What the owner works with.  Nobody else touches it."""

    line: Line
    core: DecisionCore
    carrier_codec: TelephonyCodec
    model_codec: RealtimeCodec
    control: CallControl
    tools: Mapping[str, Tool]
    nursery: trio.Nursery
    """Where tools run."""
    abort_carrier: Callable[[], Awaitable[None]]
    end_session: Callable[[], None]
    """Drops the model session at once."""
    invariants: Invariants | None = None
    """Checks every step, when asked for."""
    tape: HeardTape | None = None
    """Tells the observers what the carrier plays, when they want to know."""
    ended_by: str | None = None
    pending: deque[ev.Event] = attrs.field(factory=deque)
    """What carrying out a command led to."""
    began_ms: dict[int, int] = attrs.field(factory=dict)
    """When each interruption was decided."""
    onset_ms: int | None = None
    commit_ms: int | None = None


async def own_call(desk: Desk) -> str:
    """Decide until the call is over; return why it is."""
    line = desk.line
    while True:
        letter = await _next_letter(desk)
        for _ in range(LETTERS_AT_ONCE):
            _read(desk, letter)
            if desk.ended_by is not None:
                desk.control.end()
                return desk.ended_by
            try:
                letter = line.receive_inbox.receive_nowait()
            except trio.WouldBlock:
                break


async def _next_letter(desk: Desk) -> Letter:
    deadline_ms = desk.core.next_deadline()
    # Half a millisecond later, so that the clock in whole milliseconds has reached the deadline.
    at_s = math.inf if deadline_ms is None else desk.line.began_s + (deadline_ms + 0.5) / 1_000
    with trio.move_on_at(at_s) as scope:
        letter = await desk.line.receive_inbox.receive()
    return Nudge() if scope.cancelled_caught else letter


def _read(desk: Desk, letter: Letter) -> None:
    """Act on one letter."""
    if isinstance(letter, Ending):
        decide(desk, ev.CallEnded())
        desk.ended_by = letter.reason
        return
    for seq, at_ms in desk.line.carrier_outbox.take_progress():
        decide(desk, ev.CarrierWrote(seq, at_ms))
    decide(desk, ev.TimePassed() if isinstance(letter, Nudge) else letter)


def decide(desk: Desk, event: ev.Event) -> None:
    """Have the core decide, and carry out what it orders."""
    desk.pending.append(event)
    while desk.pending:
        _decide_one(desk, desk.pending.popleft())


def _decide_one(desk: Desk, event: ev.Event) -> None:
    line = desk.line
    now_ms = line.now_ms()
    commands = desk.core.handle(event, now_ms)
    line.newest_response = desk.core.state.book.last_number
    if commands or not isinstance(event, ev.TimePassed):
        line.observe(event, commands, now_ms)
    if isinstance(event, ev.CarrierWrote) and desk.tape is not None:
        desk.tape.wrote(event.seq, event.at_ms)
    _measure(desk, event, now_ms)
    if desk.invariants is not None:
        _check(desk, event, commands, now_ms)
    for command in commands:
        CARRY_OUT[type(command)](desk, command, now_ms)


def _check(desk: Desk, event: ev.Event, commands: list[cm.Command], now_ms: int) -> None:
    assert desk.invariants is not None
    try:
        desk.invariants.observe(event, commands, now_ms)
    except BrokenInvariant as broken:
        desk.line.tally.count("broken_invariants")
        desk.line.note("broken_invariant", promise=str(broken))


# --- to the carrier --------------------------------------------------------------------------


def _play(desk: Desk, command: cm.PlayAudio, now_ms: int) -> None:
    payload = desk.line.store.span(command.item_id, command.offset_ms, command.length_ms)
    length_ms = len(payload) // BYTES_PER_MS
    text = desk.carrier_codec.encode_media(payload)
    _require_room(desk, desk.line.carrier_outbox.put_media(command.seq, length_ms, text))
    if desk.tape is not None:
        desk.tape.queued(command.seq, payload)


def _mark(desk: Desk, command: cm.SendMark, now_ms: int) -> None:
    text = desk.carrier_codec.encode_mark(mark_name(command.epoch, command.number))
    _require_room(desk, desk.line.carrier_outbox.put_mark(text))


def _clear(desk: Desk, command: cm.ClearCarrier, now_ms: int) -> None:
    removed_ms = desk.line.carrier_outbox.clear(desk.carrier_codec.encode_clear())
    desk.line.tally.count("clears")
    desk.line.tally.count("cleared_unwritten_ms", removed_ms)
    if desk.tape is not None:
        desk.tape.cut(now_ms)
    if desk.onset_ms is not None:
        desk.line.tally.took("onset_to_clear", now_ms - desk.onset_ms)
        desk.onset_ms = None


def _require_room(desk: Desk, has_room: bool) -> None:
    if not has_room:
        desk.line.note("carrier_outbox_full")
        desk.nursery.start_soon(desk.abort_carrier)


# --- to the model ----------------------------------------------------------------------------


def _tell_model(desk: Desk, command: int, text: str) -> None:
    if not desk.line.model_outbox.put_control(text):
        desk.pending.append(ev.CommandUnsent(command))


def _create(desk: Desk, command: cm.CreateResponse, now_ms: int) -> None:
    token = event_id(command.token)
    words = desk.control.words_of(command.request)
    text = desk.model_codec.encode_create(token=token, instructions=words, event_id=token)
    desk.line.tally.count("creates")
    _tell_model(desk, command.command, text)


def _cancel(desk: Desk, command: cm.CancelResponse, now_ms: int) -> None:
    ours = event_id(command.command)
    text = desk.model_codec.encode_cancel(response_id=command.response_id, event_id=ours)
    desk.line.tally.count("cancels")
    _tell_model(desk, command.command, text)


def _truncate(desk: Desk, command: cm.TruncateItem, now_ms: int) -> None:
    text = desk.model_codec.encode_truncate(
        item_id=command.item_id,
        content_index=0,
        audio_end_ms=command.audio_end_ms,
        event_id=event_id(command.command),
    )
    desk.line.tally.count("truncates")
    _tell_model(desk, command.command, text)


def _delete(desk: Desk, command: cm.DeleteItem, now_ms: int) -> None:
    ours = event_id(command.command)
    text = desk.model_codec.encode_delete(item_id=command.item_id, event_id=ours)
    desk.line.tally.count("deletes")
    _tell_model(desk, command.command, text)


def _send_keys(desk: Desk, command: cm.SendKeys, now_ms: int) -> None:
    words = f"The caller pressed these keys: {command.digits}"
    ours = event_id(command.command)
    _tell_model(desk, command.command, desk.model_codec.encode_user_text(text=words, event_id=ours))


def _set_flags(desk: Desk, command: cm.SetTurnFlags, now_ms: int) -> None:
    ours = event_id(command.command)
    text = desk.model_codec.encode_turn_flags(enabled=command.server_acts, event_id=ours)
    _tell_model(desk, command.command, text)


def _post_output(desk: Desk, command: cm.PostToolOutput, now_ms: int) -> None:
    line = desk.line
    line.tool_calls.pop(command.call_id, None)
    output = line.tool_outputs.pop(command.call_id, INTERRUPTED)
    text = desk.model_codec.encode_tool_output(
        call_id=command.call_id,
        output=output if command.was_run else INTERRUPTED,
        event_id=event_id(command.command),
    )
    _tell_model(desk, command.command, text)


# --- to the shell ----------------------------------------------------------------------------


def _run_tool(desk: Desk, command: cm.RunTool, now_ms: int) -> None:
    call = desk.line.tool_calls[command.call_id]
    desk.nursery.start_soon(run_tool, call, desk.tools.get(call.name), desk.line)


def _release(desk: Desk, command: cm.ReleaseAudio, now_ms: int) -> None:
    desk.line.store.release(command.item_id)


def _end_session(desk: Desk, command: cm.EndModelSession, now_ms: int) -> None:
    desk.line.note("model_session_ended", reason=command.reason)
    desk.line.model_outbox.close()
    desk.end_session()
    desk.pending.append(ev.SessionLost())


def _end_call(desk: Desk, command: cm.EndCall, now_ms: int) -> None:
    desk.ended_by = command.reason


# --- notes -----------------------------------------------------------------------------------


def _settled(desk: Desk, command: cm.InterruptionSettled, now_ms: int) -> None:
    began_ms = desk.began_ms.pop(command.interruption, now_ms)
    desk.line.tally.count(f"interruptions_{command.outcome.value}")
    desk.line.tally.took("interruption_settled", now_ms - began_ms)
    if command.request is not None:
        result = InterruptionResult(command.outcome, command.heard_ms)
        desk.control.settled(command.request, result)


def _taken(desk: Desk, command: cm.Taken, now_ms: int) -> None:
    desk.began_ms[command.interruption] = now_ms
    desk.line.tally.count(f"takes_{command.reason.value}")


def _dropped(desk: Desk, command: cm.SpeechDropped, now_ms: int) -> None:
    desk.control.dropped(command.request)


def _hushed(desk: Desk, command: cm.Hushed, now_ms: int) -> None:
    desk.line.tally.count("hushes")


def _resumed(desk: Desk, command: cm.Resumed, now_ms: int) -> None:
    desk.line.tally.count("resumes")


def _nothing(desk: Desk, command: cm.Command, now_ms: int) -> None:
    """A note for the observers alone."""


def _measure(desk: Desk, event: ev.Event, now_ms: int) -> None:
    """Take the times that say how a call feels."""
    match event:
        case ev.LocalSpeechBegan():
            desk.onset_ms = now_ms
        case ev.LocalSpeechEnded():
            desk.onset_ms = None
        case ev.TurnCommitted():
            desk.commit_ms = now_ms
        case ev.CarrierWrote() if desk.commit_ms is not None:
            desk.line.tally.took("turn_to_audio", now_ms - desk.commit_ms)
            desk.commit_ms = None
        case _:
            return


CARRY_OUT: Final[Mapping[type[cm.Command], Callable[[Desk, Any, int], None]]] = {
    cm.PlayAudio: _play,
    cm.SendMark: _mark,
    cm.ClearCarrier: _clear,
    cm.CreateResponse: _create,
    cm.CancelResponse: _cancel,
    cm.TruncateItem: _truncate,
    cm.DeleteItem: _delete,
    cm.SendKeys: _send_keys,
    cm.SetTurnFlags: _set_flags,
    cm.PostToolOutput: _post_output,
    cm.RunTool: _run_tool,
    cm.ReleaseAudio: _release,
    cm.EndModelSession: _end_session,
    cm.EndCall: _end_call,
    cm.Hushed: _hushed,
    cm.Resumed: _resumed,
    cm.Taken: _taken,
    cm.InterruptionSettled: _settled,
    cm.ItemHeard: _nothing,
    cm.ResponseOpened: _nothing,
    cm.ResponseClosed: _nothing,
    cm.SpeechDropped: _dropped,
    cm.TurnDecided: _nothing,
}
