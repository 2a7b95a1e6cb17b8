"""The carrier's writer."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from trio_media.core import events as ev

from .live import GREETS, live_call
from .wires import speech


async def test_progress_is_told_when_the_stream_took_it_and_not_before(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        call.spy.hold()
        await model.opens("R1", "I1", speech(1_000))
        await call.spy.stalled.wait()
        await trio.sleep(2)
        assert not [e for e in call.notebook.events if isinstance(e, ev.CarrierWrote)]
        released_ms = call.carrier.now_ms()
        call.spy.release()
        await trio.sleep(0.1)
        wrote = [e for e in call.notebook.events if isinstance(e, ev.CarrierWrote)]
        assert wrote[0].at_ms == released_ms
        await trio.sleep(2)
        assert call.carrier.heard() == speech(1_000)


async def test_a_carrier_that_is_lost_in_mid_write_ends_the_call(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        call.spy.hold()
        await model.opens("R1", "I1", speech(1_000))
        await call.spy.stalled.wait()
        await call.raw.aclose()
        assert (await call.until_end()).reason == "carrier_lost"
        assert call.ended_ms <= 1_000
