"""Whole calls whose peers do not read, or say too much: each ends by its rule, and in time."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from trio_media.call.leg import MODEL_MESSAGE_BYTES_MAX
from trio_media.call.watch import STALL_S, WATCH_EVERY_S

from .live import live_call
from .wires import speech


async def test_a_carrier_that_stops_reading_ends_the_call(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        call.spy.hold()
        began_s = trio.current_time()
        while trio.current_time() < began_s + STALL_S + 2 and not call.spy.is_closed:
            await call.carrier.media()
            await trio.sleep(0.02)
        end = await call.until_end()
        assert end.reason == "carrier_lost"
        assert trio.current_time() - began_s <= STALL_S + 2 * WATCH_EVERY_S + 1
        assert end.counters["carrier_watchdog_aborts"] == 1
        assert call.model_spy.is_closed


async def test_a_model_that_stops_reading_is_dropped(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        await call.start()
        first_spy = call.model_spy  # another session is tried as soon as this one is dropped
        first_spy.hold()
        began_s = trio.current_time()
        while not first_spy.is_closed:
            await call.carrier.media()
            await trio.sleep(0.02)
            assert trio.current_time() - began_s <= STALL_S + 2 * WATCH_EVERY_S + 1
        end = await call.until_end()
        assert end.reason == "model_lost"
        assert end.counters["model_watchdog_aborts"] == 1
        assert call.spy.is_closed


async def test_a_model_that_says_too_much_at_once_is_lost(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        model = await call.start()
        with trio.move_on_after(1):
            await model.event("response.output_audio.delta", delta="A" * MODEL_MESSAGE_BYTES_MAX)
        end = await call.until_end()
        assert end.reason == "model_lost"
        assert model.close_code == 1009
        assert call.spy.is_closed
