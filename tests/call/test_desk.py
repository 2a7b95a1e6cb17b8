"""The owner's desk stays tidy over a long call."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from .live import GREETS, live_call
from .wires import speech


async def test_nothing_piles_up_over_many_interruptions(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        for number in range(40):
            await model.opens(f"R{number}", f"I{number}", speech(2_000))
            await trio.sleep(0.3)
            await call.control.interrupt()
            await model.turn(f"T{number}", "Go on.")
        line = call.control.line
        assert line.store.held_bytes <= 2_000 * 8
        assert len(line.store._items) <= 1
        assert not line.carrier_outbox._waiting
        assert len(model.of("response.cancel")) == 40
