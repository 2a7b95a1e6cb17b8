"""``<Dial>``: the call is connected with somebody else, or meets others in a conference.

Rule 1: nobody is really called; the script says what becomes of it.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

import trio

from trio_media.testing.carrier.calls import LIFE_S_MAX, StandInCall, pause
from trio_media.testing.carrier.exchange import Exchange
from trio_media.testing.carrier.records import DialDone, VerbDone
from trio_media.testing.carrier.rooms import Participant
from trio_media.testing.carrier.script import DialOutcome


async def dial(call: StandInCall, exchange: Exchange, verb: Element) -> DialDone | None:
    """Dial, and return what became of it; None: the call was wanted for something else first."""
    room = verb.find("Conference")
    target = _target(verb)
    began_at = trio.current_time()
    attributes = dict(verb.attrib) | (dict(room.attrib) if room is not None else {})
    call.note_verb(VerbDone(name="Dial", text=target, attributes=attributes))
    if room is not None:
        await _meet(call, exchange, target, room)
        status = "completed"
    else:
        outcome = call.script.dials.get(target, DialOutcome())
        status = outcome.status
        await pause(call, LIFE_S_MAX if outcome.lasts_s is None else outcome.lasts_s)
    if call.interrupted.is_set():
        return None
    duration_s = int(trio.current_time() - began_at)
    done = DialDone(target=target, status=status, duration_s=duration_s)
    call.dials.append(done)
    call.changes.note()
    return done


async def _meet(call: StandInCall, exchange: Exchange, name: str, element: Element) -> None:
    """Be in a conference until it is over, this call leaves it, or is wanted elsewhere."""
    participant = Participant(
        call_sid=call.call_sid,
        starts=element.get("startConferenceOnEnter", "true") != "false",
        ends=element.get("endConferenceOnExit") == "true",
    )
    outcome = call.script.dials.get(name, DialOutcome(lasts_s=None))
    room = exchange.rooms.enter(name, participant)
    exchange.changes.note()
    try:
        with trio.move_on_after(LIFE_S_MAX if outcome.lasts_s is None else outcome.lasts_s):
            await exchange.changes.until(
                lambda: room.is_over or call.interrupted.is_set(), timeout_s=LIFE_S_MAX
            )
    finally:
        room.leave(participant)
        exchange.changes.note()


def _target(verb: Element) -> str:
    """Give whom a ``<Dial>`` names: in its text, or in its first noun."""
    for noun in verb:
        return (noun.text or "").strip()
    return (verb.text or "").strip()
