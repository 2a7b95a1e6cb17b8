"""How a leg is found dead, and how it is closed."""

from __future__ import annotations

from typing import Final

import trio

from trio_media.call.leg import WebSocketLeg
from trio_media.call.line import Line

STALL_S: Final = 5.0  # a write without progress for so long is a dead leg
WATCH_EVERY_S: Final = 1.0
CLOSE_S: Final = 0.25  # a goodbye gets so long; both legs together stay within half a second


async def watch_leg(leg: WebSocketLeg, line: Line) -> None:
    """Abort a leg whose write makes no progress.  Nobody puts a deadline around a send.

    Returns when it did; whoever reads the leg then finds it lost.
    """
    while True:
        await trio.sleep(WATCH_EVERY_S)
        if leg.stream.stalled_s() >= STALL_S:
            line.tally.count(f"{leg.name}_watchdog_aborts")
            line.note("stalled", leg=leg.name)
            await leg.abort()
            return


async def close_leg(leg: WebSocketLeg, code: int = 1000) -> None:
    """Say goodbye within a moment, then drop the connection.

    **Cancellation:** neither is interrupted; both are bounded.
    """
    with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S):
        await leg.close(code)
    with trio.CancelScope(shield=True):
        await leg.abort()
