"""Part 1 B: what the model is told that the caller heard."""

from __future__ import annotations

from .language import near, race, scene


@race("B48", "B38")
async def test_an_answer_generated_long_ago_is_cleared_and_told_as_far_as_it_was_heard() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 8_000)
        await s.at(1_200)
        asked = await s.app.interrupts()
        assert (asked.outcome, asked.heard_ms) == ("already_over", near(1_200))
        assert s.told == ["create", "truncate I1"]
        await s.at(3_000)
        assert s.heard == {"I1": near(asked.heard_ms)}
        assert s.on_phone == ["media I1", "clear"]


@race("B35", "B51", "B57")
async def test_of_two_items_the_heard_one_is_truncated_and_the_unheard_one_deleted() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 1_000)
        await s.model.item("R1", "I2")
        await s.model.audio("R1", "I2", 1_000)
        await s.model.done("R1")
        await s.at(400)
        await s.app.interrupts()
        await s.at(1_000)
        assert s.told == ["create", "truncate I1", "delete I2"]
        assert s.truncated == {"I1": near(400)}
