"""Whole calls on the virtual clock, read like the calls they are."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from .live import GREETS, live_call
from .wires import numbers_of, speech


async def test_a_greeting_is_created_played_and_marked(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        create = await model.says("R1", "I1", speech(800))
        assert "Hello." in create["response"]["instructions"]
        await trio.sleep(2)
        assert call.carrier.heard() == speech(800)
        assert len(call.carrier.of("mark")) == 4
    assert call.end.reason == "caller_hung_up"
    assert call.carrier.close_code == model.close_code == 1000


async def test_barge_in_in_mid_sentence(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.caller_speaks(500)
        assert [m["response_id"] for m in model.of("response.cancel")] == ["R1"]
        [truncate] = model.of("conversation.item.truncate")
        heard_ms = len(numbers_of(call.carrier.heard()))
        assert heard_ms - 20 <= truncate["audio_end_ms"] <= heard_ms
        assert len(call.carrier.of("clear")) == 1
