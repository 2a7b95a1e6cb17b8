"""S2: an answer of two items, the echoes of its clear, and a second interruption soon after."""

from __future__ import annotations

from typing import Final

import pytest

from .language import near, race, scene

PREAMBLE_MS: Final = 600
FIRST_MS: Final = 900  # 300 ms into the second item
AFTER_MS: Final = range(0, 820, 20)


@race("S2", "B35", "B39", "B43", "B51")
@pytest.mark.parametrize("echoes_after_ms", [0, 100, 300, 450])
async def test_a_second_interruption_after_the_storm_of_echoes_tells_the_truth_again(
    echoes_after_ms: int,
) -> None:
    for after_ms in AFTER_MS:
        async with scene() as s:
            await s.app.says()
            await s.model.opens("R1", "I1", PREAMBLE_MS)
            await s.model.audio_done("R1", "I1")
            await s.model.item("R1", "I2")
            await s.model.audio("R1", "I2", 3_000)
            await s.at(FIRST_MS)
            s.call.carrier.mark_delay_s = echoes_after_ms / 1_000
            await s.app.interrupts()
            await s.app.says("Instead.")
            await s.model.says("R2", "I3", 2_000)
            await s.after(after_ms)
            asked = await s.app.interrupts()
            await s.after(2_500)
            assert s.told_of("cancel") == ["R1"], after_ms
            assert s.truncated["I2"] == near(FIRST_MS - PREAMBLE_MS), after_ms
            assert s.heard.get("I3", 0) == near(after_ms), after_ms
            assert asked.outcome == "already_over", after_ms
            assert len(s.clears) == 2, after_ms


@race("S2", "B35", "B51")
@pytest.mark.parametrize("at_ms", range(20, 1_600, 60))
async def test_each_item_is_told_for_itself_wherever_the_caller_interrupts(at_ms: int) -> None:
    async with scene(echo_guard_ms=0) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", PREAMBLE_MS)
        await s.model.audio_done("R1", "I1")
        await s.model.item("R1", "I2")
        await s.model.audio("R1", "I2", 800)
        await s.model.done("R1")
        await s.at(at_ms)
        await s.caller.speaks(400)
        await s.after(1_000)
        told = s.told_of("truncate") + s.told_of("delete")
        expected = ["I1"] if at_ms < PREAMBLE_MS - 150 else []
        expected += ["I2"] if at_ms < PREAMBLE_MS + 800 - 150 else []
        assert told == expected
        assert len(s.clears) == (at_ms < PREAMBLE_MS + 800)
