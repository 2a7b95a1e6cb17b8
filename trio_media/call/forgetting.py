"""Forgetting what the caller said, once no model session needs to hear it again."""

from __future__ import annotations

import trio

from trio_media.call.line import Line


def forget_sound(line: Line, now_ms: int) -> None:
    """Forget it, as far as the service has shown to have it.  A look of the call's watch."""
    outbox = line.model_outbox
    if outbox.leg is not None and outbox.leg.acknowledged_s is not None:
        outbox.sound.received(outbox.leg.acknowledged_s)
    outbox.sound.look(trio.current_time())
