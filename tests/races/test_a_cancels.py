"""Part 1 A: cancels that go out twice, or not at all, or hit the wrong answer."""

from __future__ import annotations

from .language import near, race, scene


@race("A4", "A5", "A6")
async def test_an_answer_interrupted_before_its_id_is_cancelled_by_id_and_never_heard() -> None:
    async with scene() as s:
        await s.app.says("Hello.")
        await s.at(50)
        asked = await s.app.interrupts()
        await s.at(350)
        assert s.told == ["create"]
        s.model.obeys_no_more()
        await s.model.opens("R1", "I1", 500)
        await s.model.audio("R1", "I1", 500)
        await s.model.done("R1", "cancelled")
        await s.at(1_000)
        assert s.told == ["create", "cancel R1", "delete I1"]
        assert s.on_phone == ["clear"], "a clear that finds nothing does no harm, audio would"
        assert asked.outcome == "cancelled"


@race("A1", "A13")
async def test_speech_heard_by_both_ears_cancels_once_and_says_what_was_heard() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        await s.caller.begins()
        await s.model.hears_start("T1")
        await s.at(1_600)
        await s.caller.stops()
        assert s.told == ["create", "cancel R1", "truncate I1"]
        assert s.truncated == {"I1": near(1_000)}
        assert s.on_phone == ["media I1", "clear"]
