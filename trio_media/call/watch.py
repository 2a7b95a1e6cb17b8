"""How a leg is found dead, and how it is closed."""

from __future__ import annotations

from typing import Final

import trio

from trio_media.call.leg import Leg
from trio_media.call.line import Line
from trio_media.errors import LegLost

STALL_S: Final = 5.0  # a write without progress for so long is a dead leg
PING_AFTER_S: Final = 20.0  # a peer that is silent for so long is asked whether it is there
SILENT_S: Final = 45.0  # ... and is not, when it does not answer that either
WATCH_EVERY_S: Final = 1.0
CLOSE_S: Final = 0.25  # a goodbye gets so long; both legs together stay within half a second
assert PING_AFTER_S * 2 < SILENT_S


async def watch_leg(leg: Leg, line: Line) -> None:
    """Abort a leg whose write makes no progress, or whose peer gives no sign of life.

    Nobody puts a deadline around a send.  Returns when it did abort; whoever reads the leg then
    finds it lost.
    """
    while True:
        await trio.sleep(WATCH_EVERY_S)
        is_stalled = leg.stalled_s() >= STALL_S
        if is_stalled or leg.silent_s() >= SILENT_S:
            line.tally.count(f"{leg.name}_watchdog_aborts")
            line.note("stalled" if is_stalled else "silent", leg=leg.name)
            await leg.abort()
            return


async def ping_leg(leg: Leg) -> None:
    """Ask a silent peer for a sign of life.  Returns when the leg is lost."""
    while True:
        await trio.sleep(PING_AFTER_S)
        if leg.silent_s() < PING_AFTER_S:
            continue
        try:
            await leg.ping()
        except LegLost:
            return


async def close_leg(leg: Leg, code: int = 1000) -> None:
    """Say goodbye within a moment, then drop the connection.

    **Cancellation:** neither is interrupted; both are bounded.
    """
    with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S):
        await leg.close(code)
    with trio.CancelScope(shield=True):
        await leg.abort()
