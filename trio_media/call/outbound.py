"""The carrier's writer: what the wire did not take at once, and the progress back to the owner."""

from __future__ import annotations

from trio_media.call.leg import Leg
from trio_media.call.line import Line
from trio_media.errors import LegLost


async def write_carrier(leg: Leg, line: Line) -> None:
    """Write the carrier's outbox until it is closed.  A leg that is lost is its reader's matter."""
    outbox = line.carrier_outbox
    while (batch := await outbox.next_batch()) is not None:
        try:
            await leg.send_batch(batch.texts)
        except LegLost:
            await leg.abort()  # so that the reader sees it too
            return
        if outbox.wrote(batch, line.now_ms()):
            line.nudge()
