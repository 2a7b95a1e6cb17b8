"""The owner: the only task that runs the decision core, and the only one that acts on it.

It takes letters from one inbox, which gives the only order there is, tells the core what the
writers have written meanwhile, and puts the core's commands into the outboxes.  It never awaits the
network.
"""

from __future__ import annotations

import math
from typing import Final

import trio

from trio_media.call.carry_out import CARRY_OUT
from trio_media.call.desk import Desk
from trio_media.call.going import TRANSFERRED
from trio_media.call.heard import HeardTape
from trio_media.call.line import Ending, Letter, Nudge
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import BrokenInvariant
from trio_media.core.machine import DecisionCore

LETTERS_AT_ONCE: Final = 32  # decided in a row before others get a turn


async def own_call(desk: Desk) -> str:
    """Decide until the call is over; return why it is."""
    try:
        while True:
            letter: Letter | None = await _next_letter(desk)
            read = 0
            while letter is not None:
                _read(desk, letter)
                if desk.ended_by is not None:
                    return desk.ended_by
                read += 1
                letter = _waiting_letter(desk) if read < LETTERS_AT_ONCE else None
    finally:
        _end_tape(desk)
        desk.control.end_all()


def _waiting_letter(desk: Desk) -> Letter | None:
    try:
        return desk.line.receive_inbox.receive_nowait()
    except trio.WouldBlock:
        return None


async def _next_letter(desk: Desk) -> Letter:
    deadline_ms = desk.core.next_deadline()
    # Half a millisecond later, so that the clock in whole milliseconds has reached the deadline.
    at_s = math.inf if deadline_ms is None else desk.line.began_s + (deadline_ms + 0.5) / 1_000
    with trio.move_on_at(at_s):
        return await desk.line.receive_inbox.receive()
    return Nudge()


def _read(desk: Desk, letter: Letter) -> None:
    """Act on one letter, and first on what was written meanwhile."""
    progress = desk.line.carrier_outbox.take_progress()
    for seq, at_ms in progress:
        decide(desk, ev.CarrierWrote(seq, at_ms))
    for request in desk.control.take_abandoned():
        decide(desk, ev.DigitsAbandoned(request))
    if isinstance(letter, Ending):
        decide(desk, ev.CallEnded())
        # The carrier ends the media stream of a call that it hands over, maybe before it says so.
        reason = TRANSFERRED if desk.onward else letter.reason
        desk.ended_by = desk.ended_by or reason
    elif not isinstance(letter, Nudge):
        decide(desk, letter)
    elif not progress:
        decide(desk, ev.TimePassed())


def decide(desk: Desk, event: ev.Event) -> None:
    """Have the core decide, and carry out what it orders."""
    desk.pending.append(event)
    while desk.pending:
        _decide_one(desk, desk.pending.popleft())


def _decide_one(desk: Desk, event: ev.Event) -> None:
    line = desk.line
    now_ms = line.now_ms()
    line.observe_event(event, now_ms)
    commands = desk.core.handle(event, now_ms)
    line.newest_response = desk.core.state.book.last_number
    line.is_interruptible = desk.core.is_interruptible
    line.observe_commands(commands, now_ms)
    if desk.tape is not None:
        _tell_tape(desk.tape, desk.core, event, now_ms)
    _measure(desk, event, now_ms)
    if desk.invariants is not None:
        _check(desk, event, commands, now_ms)
    for command in commands:
        CARRY_OUT[type(command)](desk, command, now_ms)
    if isinstance(event, ev.ToolAnswered):
        line.forget_tool(event.call_id)  # also when nobody wants the result any more


def _tell_tape(tape: HeardTape, core: DecisionCore, event: ev.Event, now_ms: int) -> None:
    """Tell the tape what happened to the audio on its way to the caller."""
    playout = core.state.playout
    if isinstance(event, ev.CarrierWrote):
        tape.wrote(event.seq, event.at_ms)
    elif isinstance(event, ev.MarkEchoed):
        tape.echoed(playout.settled_ms, now_ms)
    tape.follow(playout.high_ms, now_ms)


def _end_tape(desk: Desk) -> None:
    """What is still playing when the call ends is heard until then."""
    if desk.tape is not None:
        now_ms, playout = desk.line.now_ms(), desk.core.state.playout
        playout.advance(now_ms)
        desk.tape.cut(playout.high_ms, now_ms)


def _check(desk: Desk, event: ev.Event, commands: list[cm.Command], now_ms: int) -> None:
    assert desk.invariants is not None
    try:
        desk.invariants.observe(event, commands, now_ms)
    except (BrokenInvariant, KeyError) as broken:  # or the observer has lost count itself
        desk.line.tally.count("broken_invariants")
        desk.line.note("broken_invariant", promise=str(broken))


def _measure(desk: Desk, event: ev.Event, now_ms: int) -> None:
    """Take the times that say how a call feels."""
    match event:
        case ev.LocalSpeechBegan(at_ms=at_ms):
            desk.onset_ms = at_ms
        case ev.LocalSpeechEnded():
            desk.onset_ms = None
        case ev.TurnCommitted():
            desk.commit_ms = now_ms
        case ev.CarrierWrote() if desk.commit_ms is not None:
            desk.line.tally.took("turn_to_audio", now_ms - desk.commit_ms)
            desk.commit_ms = None
        case _:
            return
