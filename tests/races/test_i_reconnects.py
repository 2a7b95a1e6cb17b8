"""Part 1 I: what a lost model session leaves behind, where no other follows."""

from __future__ import annotations

import contextlib

import pytest
import trio
from trio_websocket import ConnectionClosed

from trio_media.call.watch import STALL_S, WATCH_EVERY_S

from .language import race, scene
from .steps import counted_steps

POLITE = pytest.mark.parametrize("is_polite", [True, False], ids=["with a goodbye", "without one"])


@race("I138", "I139")
@POLITE
async def test_whoever_waits_for_a_session_that_is_lost_is_released(is_polite: bool) -> None:
    """An answer that was interrupted before its id was known comes back with no session."""
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        await s.at(500)
        first = await s.app.interrupts()
        await s.model.done("R1", "cancelled")
        await s.app.says("Something else.")
        second = await s.app.interrupts()
        await s.app.says("And more.")
        if is_polite:
            await s.model.leaves()
        else:
            await trio.aclose_forcefully(s.model.wire.websocket._stream)
        end = await s.call.until_end()
        await s.settle()
        assert end.reason == "model_lost"
        assert [first.outcome, second.outcome] == ["cancelled", "failed"]
        assert s.told == ["create", "cancel R1", "truncate I1", "create"]


@race("I144", "J155")
async def test_a_wire_that_is_closed_is_read_no_more() -> None:
    """What was said is still heard for seconds, and nobody spins meanwhile."""
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 10_000)
        await s.at(500)
        await s.model.leaves()
        with counted_steps() as steps:
            await s.at(8_500)
        assert steps.count < 8_000 // 20 * 10, "more than ten steps a frame"
        await s.at(12_000)
        assert s.call.end.reason == "model_lost"
        assert s.heard == {"I1": 10_000}


@race("I143")
async def test_what_is_kept_for_a_model_that_does_not_read_is_bounded() -> None:
    async with scene() as s:
        s.call.model_spy.hold()
        for _ in range(3):
            await s.caller.is_quiet(1_000)
        line = s.call.control.line
        with trio.fail_after(10), contextlib.suppress(ConnectionClosed):
            while True:
                await s.call.carrier.talk(20)
                assert line.model_outbox._audio_bytes <= 10_000 * 8
        await s.call.until_end()
        assert s.call.end.reason == "model_lost"
        assert STALL_S <= s.now_ms / 1_000 <= STALL_S + 3 * WATCH_EVERY_S
