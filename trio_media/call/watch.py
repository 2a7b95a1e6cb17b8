"""How a leg is found dead, and how it is closed; and whatever else of a call is due now and then.

Rule 1: one task of a call looks after all of it, for a task that sleeps holds 3 KB.
"""

from __future__ import annotations

from typing import Final

import trio

from trio_media.call.leg import Leg
from trio_media.call.line import Line, Watched
from trio_media.errors import LegLost

STALL_S: Final = 5.0  # a write without progress for so long is a dead leg
PING_AFTER_S: Final = 20.0  # a peer that is silent for so long is asked whether it is there
SILENT_S: Final = 45.0  # ... and is not, when it does not answer that either
WATCH_EVERY_S: Final = 0.4  # a caller's gap is filled with silence so late, or twice as late
CLOSE_S: Final = 0.25  # a goodbye gets so long; both legs together stay within half a second
assert PING_AFTER_S * 2 < SILENT_S


async def look_after(line: Line) -> None:
    """Look, every `WATCH_EVERY_S`, at the legs of a call and after what is due.

    A leg whose write makes no progress, or whose peer gives no sign of life and was asked for one,
    is aborted: nobody puts a deadline around a send.  Whoever reads the leg then finds it lost.
    Runs until cancelled.
    """
    while True:
        await trio.sleep(WATCH_EVERY_S)
        for watched in list(line.watched):
            await _look_at(watched, line)
        now_ms = line.now_ms()
        for look in list(line.looks):
            look(now_ms)


async def _look_at(watched: Watched, line: Line) -> None:
    leg = watched.leg
    is_stalled = leg.stalled_s() >= STALL_S
    if is_stalled or leg.silent_s() >= SILENT_S:
        line.watched.remove(watched)
        why = "stalled" if is_stalled else "silent"
        line.tally.count(f"{leg.name}_watchdog_aborts", why=why)
        line.note(why, leg=leg.name)
        await leg.abort()
    elif leg.silent_s() >= PING_AFTER_S and not watched.is_asked:
        watched.is_asked = True
        watched.nursery.start_soon(_ask, watched)


async def _ask(watched: Watched) -> None:
    """Ask a silent peer for a sign of life.  One that is lost is asked no more."""
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
