"""The owner's desk stays tidy over a long call."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from trio_media.core.units import FRAME_MS, REWIND_MS

from .live import GREETS, live_call
from .wires import numbers_of, speech


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


async def test_of_a_long_answer_only_what_may_be_played_is_kept(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(200))
        for start_ms in range(200, 8_000, 200):
            await model.audio("R1", "I1", speech(200, start_ms=start_ms))
        await trio.sleep(6)
        unheard_ms = 2_000 + REWIND_MS + FRAME_MS
        # A piece more, for pieces go as a whole, and what was played since the last write.
        assert call.control.line.store.held_bytes <= (unheard_ms + 2 * 200) * 8
        await trio.sleep(4)
        assert numbers_of(call.carrier.heard()) == list(range(8_000))
