"""The owner: the only task that runs the decision core, and the only one that acts on it.

It takes letters from one inbox, which gives the only order there is, tells the core what was
written meanwhile, puts the core's commands into the outboxes and has these write what needs no
wait.  It never awaits the network.
"""

from __future__ import annotations

import math
from typing import Final

import trio

from trio_media.call.carry_out import CARRY_OUT
from trio_media.call.desk import Desk
from trio_media.call.going import TRANSFERRED
from trio_media.call.heard import HeardTape
from trio_media.call.line import INBOX_MAX, Ending, Letter, Nudge, SessionOpened
from trio_media.call.remembering import REMEMBER
from trio_media.call.resuming import UNDECIDED, leave_behind
from trio_media.call.watch import STOOD_STILL_S
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import BrokenInvariant
from trio_media.core.machine import DecisionCore

GONE: Final = (ev.SessionAway, ev.SessionLost)
OF_THE_MODEL: Final = (*ev.OF_THE_MODEL, SessionOpened)
CATCH_UP_S: Final = 0.05  # the readers get so long
SAID: Final = frozenset(ev.OF_THE_MODEL) - {ev.SessionReady, ev.SessionAging, *GONE}
"""What is of one session alone."""
LETTERS_AT_ONCE: Final = 32  # decided in a row before others get a turn


async def own_call(desk: Desk) -> str:
    """Decide until the call is over; return why it is."""
    try:
        while True:
            # One for many letters: a scope for each would cost as much as what is decided in it.
            with trio.CancelScope() as until_due:
                return await _decide_until_due(desk, until_due)
            if trio.current_time() - until_due.deadline >= STOOD_STILL_S:
                await _catch_up(desk)
            _read(desk, Nudge())
            _write_out(desk)
            if desk.ended_by is not None:
                return desk.ended_by
    finally:
        _end_tape(desk)
        desk.control.end_all()


async def _decide_until_due(desk: Desk, until_due: trio.CancelScope) -> str:
    """Decide on letters until the call is over; return why it is.

    Cancelled by ``until_due`` when a deadline of the core has come.
    """
    due_s = math.inf
    while True:
        next_s = _due_s(desk)
        if next_s != due_s:
            until_due.deadline = due_s = next_s
        letter: Letter | None = await desk.line.receive_inbox.receive()
        read = 0
        while letter is not None:
            _read(desk, letter)
            if desk.ended_by is not None:
                return desk.ended_by
            read += 1
            letter = _waiting_letter(desk) if read < LETTERS_AT_ONCE else None
        _write_out(desk)
        if desk.ended_by is not None:
            return desk.ended_by


async def _catch_up(desk: Desk) -> None:
    """Let what came while the process stood still be read before its absence is decided on.

    What the model says comes first: whatever else tells of the time would close what it is about.
    """
    await trio.sleep(CATCH_UP_S)
    letters: list[Letter] = []
    while len(letters) < INBOX_MAX and (letter := _waiting_letter(desk)) is not None:
        letters.append(letter)
    for letter in sorted(letters, key=lambda one: not isinstance(one, OF_THE_MODEL)):
        if desk.ended_by is None:
            _read(desk, letter)


def _due_s(desk: Desk) -> float:
    """When the core is to be asked again, on Trio's clock."""
    deadline_ms = desk.core.next_deadline()
    # Half a millisecond later, so that the clock in whole milliseconds has reached the deadline.
    return math.inf if deadline_ms is None else desk.line.began_s + (deadline_ms + 0.5) / 1_000


def _waiting_letter(desk: Desk) -> Letter | None:
    try:
        return desk.line.receive_inbox.receive_nowait()
    except trio.WouldBlock:
        return None


def _write_out(desk: Desk) -> None:
    """Have the wires take what they take at once, and decide on that: what was decided in a row is
    one write."""
    outbox = desk.line.carrier_outbox
    while outbox.write_now(desk.line.now_ms()):
        _heed_progress(desk)
    desk.line.model_outbox.write_now()


def _heed_progress(desk: Desk) -> bool:
    """Decide on what was written meanwhile; return whether anything was."""
    progress = desk.line.carrier_outbox.take_progress()
    for seq, at_ms in progress:
        decide(desk, ev.CarrierWrote(seq, at_ms))
    return bool(progress)


def _read(desk: Desk, letter: Letter) -> None:
    """Act on one letter, and first on what was written meanwhile."""
    has_progress = _heed_progress(desk)
    for request in desk.control.take_abandoned():
        decide(desk, ev.DigitsAbandoned(request))
    if isinstance(letter, Ending):
        if letter.reason in UNDECIDED and not desk.onward and not desk.said_goodbye:
            desk.left_behind = leave_behind(desk)
        decide(desk, ev.CallEnded())
        # The carrier ends the media stream of a call that it hands over, maybe before it says so.
        reason = TRANSFERRED if desk.onward else letter.reason
        desk.ended_by = desk.ended_by or reason
    elif isinstance(letter, SessionOpened):
        _open_session(desk, letter)
    elif desk.session is None and type(letter) in SAID:
        _let_go(desk, letter)
    elif not isinstance(letter, Nudge):
        decide(desk, letter)
    elif not has_progress:
        decide(desk, ev.TimePassed())


def _let_go(desk: Desk, letter: Letter) -> None:
    """A session that we dropped said this before it knew: nothing of it is decided any more."""
    if isinstance(letter, ev.ToolCalled):
        desk.line.forget_tool(letter.call_id)
    elif isinstance(letter, ev.AudioReceived):
        items = (item for response in desk.core.state.book for item in response.items)
        if all(item.item_id != letter.item_id for item in items):  # else it goes when it was heard
            desk.line.store.release(letter.item_id)


def _open_session(desk: Desk, opened: SessionOpened) -> None:
    """Tell a session the conversation, and then what is decided now that it is there."""
    line = desk.line
    codec = opened.service.codec
    desk.model_codec, desk.session = codec, opened.number
    line.server_asked = None
    desk.conversation.came(line.store.received_ms)
    told = desk.conversation.told_anew(codec) if desk.conversation else []
    service = opened.service.name
    line.note("model_ready", number=opened.number, service=service, told=len(told))
    line.model_outbox.append_ms = opened.service.append_ms
    line.model_outbox.begin(opened.leg, codec.encode_append, told)
    decide(desk, opened.ready)


def _leave_session(desk: Desk, event: ev.SessionAway | ev.SessionLost) -> None:
    """Decide what becomes of the call without a session, and keep what the next one is to hear."""
    outbox = desk.line.model_outbox
    desk.session, desk.said_again = None, ()
    outbox.lose()
    for item_id, text in desk.line.texts.unfinished().items():
        desk.line.note("model_text", item_id=item_id, text=text)
    _decide_one(desk, event)
    if isinstance(event, ev.SessionLost):
        outbox.close()
    else:
        outbox.say_again(desk.said_again)


def decide(desk: Desk, event: ev.Event) -> None:
    """Have the core decide, and carry out what it orders."""
    desk.pending.append(event)
    while desk.pending:
        next_event = desk.pending.pop(0)
        if isinstance(next_event, GONE):
            _leave_session(desk, next_event)
        else:
            _decide_one(desk, next_event)


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
    remember = REMEMBER.get(type(event))
    if remember is not None:
        remember(desk, event)
    desk.measures.event(event, now_ms)
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
