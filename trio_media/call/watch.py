"""How a leg is found dead, and how it is closed; and whatever else of a call is due now and then.

Rule 1: one task of a call looks after all of it, for a task that sleeps holds 3 KB.
Rule 2: whoever speaks lives.  The carrier sends audio all the time, and is asked when it does not.
        The model is rightly silent while nobody has said anything, and is asked all the time: its
        answers also say what has reached it (`Leg.acknowledged_s`).
Rule 3: a peer is judged by silence that somebody listened to.  A look that comes late means that
        the process stood still (it was stopped, it is being debugged, the loop was blocked): what
        peers sent meanwhile may lie here unread.  So everybody is asked at once, nothing is judged
        or filled in for `GRACE_S`, and then everything is as usual: a call whose carrier is there
        goes on, however long it was.
Rule 4: the clock is Trio's, which is monotonic: setting the machine's clock changes nothing.  On
        Linux it does not pass while the machine is suspended: then no look is late, and whoever is
        gone by the end of that is found dead as at any other time.
"""

from __future__ import annotations

from typing import Final

import trio

from trio_media.call.leg import Leg
from trio_media.call.line import Line, Watched
from trio_media.errors import LegLost
from trio_media.facts.failures import FAILURE

STALL_S: Final = 5.0  # a write without progress for so long is a dead leg
PING_AFTER_S: Final = 2.0  # a peer that is silent for so long is asked whether it is there
PING_EVERY_S: Final = 2.0  # ... and the model always; audio newer than that is kept for the next
SILENT_S: Final = 8.0  # ... and is not, when it does not answer; packets lost thrice come in 4 s
GRACE_S: Final = 2.0  # a round trip and the reading of a backlog, after which silence is silence
STOOD_STILL_S: Final = 1.0  # a look so late: no load that calls survive delays a timer so much
WATCH_EVERY_S: Final = 0.4  # a caller's gap is filled with silence so late, or twice as late
CLOSE_S: Final = 0.25  # a goodbye gets so long; both legs together stay within half a second
ALWAYS_ASKED: Final = frozenset({"model"})
assert PING_AFTER_S * 2 < SILENT_S
assert PING_EVERY_S + STOOD_STILL_S < SILENT_S  # a stall that nobody sees kills nobody


async def look_after(line: Line) -> None:
    """Look, every `WATCH_EVERY_S`, at the legs of a call and after what is due.

    A leg whose write makes no progress, or whose peer gives no sign of life and was asked for one,
    is aborted: nobody puts a deadline around a send.  Whoever reads the leg then finds it lost.
    Runs until cancelled.
    """
    while True:
        due_s = trio.current_time() + WATCH_EVERY_S
        await trio.sleep_until(due_s)
        late_s = trio.current_time() - due_s
        if late_s >= STOOD_STILL_S:
            _wake(line, late_s)
            continue
        for watched in list(line.watched):
            await _look_at(watched, line)
        now_ms = line.now_ms()
        for look in list(line.looks):
            look(now_ms)


def _wake(line: Line, late_s: float) -> None:
    """The process goes on after it stood still: see who is there still, and judge nobody yet."""
    stood_ms = round(late_s * 1_000)
    detail = f"the process stood still for {stood_ms} ms"
    line.note(FAILURE, what="stalled", detail=detail, done="resume")
    line.tally.count("process_stalls")
    for watched in line.watched:
        watched.since_s = trio.current_time()
        if not watched.is_asked:
            _ask(watched)


async def _look_at(watched: Watched, line: Line) -> None:
    leg, now_s = watched.leg, trio.current_time()
    is_stalled, silent_s = leg.stalled_s() >= STALL_S, leg.silent_s()
    if (is_stalled or silent_s >= SILENT_S) and now_s - watched.since_s >= GRACE_S:
        line.watched.remove(watched)
        why = "stalled" if is_stalled else "silent"
        line.tally.count(f"{leg.name}_watchdog_aborts", why=why)
        line.note(why, leg=leg.name)
        await leg.abort()
    elif _is_to_be_asked(watched, silent_s, now_s):
        _ask(watched)


def _is_to_be_asked(watched: Watched, silent_s: float, now_s: float) -> bool:
    if watched.is_asked or now_s - watched.asked_s < PING_EVERY_S:
        return False
    return silent_s >= PING_AFTER_S or watched.leg.name in ALWAYS_ASKED


def _ask(watched: Watched) -> None:
    watched.is_asked = True
    watched.asked_s = trio.current_time()
    watched.nursery.start_soon(_wait_for_answer, watched)


async def _wait_for_answer(watched: Watched) -> None:
    """Ask a peer for a sign of life.  One that is lost is asked no more."""
    try:
        await watched.leg.ping()
    except LegLost:
        return
    watched.is_asked = False


async def close_leg(leg: Leg, code: int = 1000) -> None:
    """Say goodbye within a moment, then drop the connection.

    **Cancellation:** neither is interrupted; both are bounded.
    """
    with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S):
        await leg.close(code)
    with trio.CancelScope(shield=True):
        await leg.abort()
