"""Part 2 A: cancels that nobody retries, that hit another answer, that wait for the wrong thing."""

from __future__ import annotations

import pytest
import trio

from trio_media.core.events import Reason

from .language import near, race, scene


@race("P2-4", "P2-9", "P2-13")
@pytest.mark.parametrize("is_named", [True, False], ids=["by its event", "by nothing"])
async def test_an_old_cancels_error_leaves_the_answer_that_speaks_now_alone(
    is_named: bool,
) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        await s.at(500)
        await s.app.interrupts()
        cancel = s.model.last("response.cancel")
        await s.app.says("Something else.")
        await s.model.opens("R2", "I2", 2_000)
        await s.at(1_000)
        await s.model.error("response_cancel_not_active", cancel["event_id"] if is_named else None)
        await s.at(1_200)
        asked = await s.app.interrupts()
        assert s.told_of("cancel") == ["R1", "R2"]
        assert asked.outcome == "cancelled"
        assert s.truncated == {"I1": near(500), "I2": near(700)}


@race("P2-6", "P2-77")
async def test_what_is_generated_long_before_it_is_heard_can_be_interrupted_all_the_time() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 8_000)
        await s.model.audio_done("R1", "I1")
        await s.model.done("R1")
        await s.at(7_000)
        asked = await s.app.interrupts()
        await s.at(9_000)
        assert asked.outcome == "already_over"
        assert s.heard == {"I1": near(7_000)}
        assert s.told == ["create", "truncate I1"]


@race("P2-7")
async def test_an_answer_that_calls_a_tool_after_its_words_can_still_be_cancelled() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 600)
        await s.model.audio_done("R1", "I1")
        await s.model.calls_tool("R1", "C1", "look_up")
        await s.at(300)
        await s.app.interrupts()
        await s.at(1_000)
        assert s.told_of("cancel") == ["R1"]
        assert s.told_of("truncate") == ["I1"]


@race("P2-8")
async def test_an_old_answers_end_coming_again_does_not_end_the_next_one() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 400)
        await s.at(600)
        await s.app.says("Something else.")
        await s.model.opens("R2", "I2", 3_000)
        await s.model.done("R1")
        await s.at(1_000)
        asked = await s.app.interrupts()
        assert s.told_of("cancel") == ["R2"]
        assert asked.outcome == "cancelled"


@race("P2-10")
async def test_an_answer_of_many_seconds_is_never_taken_for_a_stuck_one() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        for second in range(4, 44, 4):
            await s.at(second * 1_000)
            await s.model.audio("R1", "I1", 4_000)
        await s.app.says("And then?")
        await s.at(42_000)
        assert s.told == ["create"]
        await s.model.done("R1")
        await s.at(43_000)
        assert s.told == ["create", "create"]


@race("P2-10", "P2-11")
async def test_an_answer_that_stands_still_is_given_up_though_the_caller_says_nothing() -> None:
    """No frame comes in: a deadline hangs on nobody's traffic."""
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 200)
        await s.app.says("Something else.", keep=True)
        await s.at(29_900)
        assert s.told == ["create"]
        await s.at(30_100)
        assert s.told_of("cancel") == ["R1"]
        await s.at(33_500)
        assert s.told[-1] == "create"


@race("P2-12")
async def test_whoever_gives_up_waiting_keeps_nobody_from_interrupting() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        with trio.move_on_after(0.2):
            await s.call.control.interrupt()
        asked = await s.app.interrupts()
        await s.model.done("R1", "cancelled")
        assert asked.outcome == "cancelled"
        await s.app.says("Something else.")
        await s.model.opens("R2", "I2", 3_000)
        await s.at(1_500)
        await s.app.interrupts()
        assert s.told_of("cancel") == ["R1", "R2"]


@race("P2-14")
async def test_the_deadline_of_an_answer_does_not_disturb_its_cancel() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 200)
        await s.at(29_900)
        asked = await s.app.interrupts()
        await s.at(32_000)
        assert asked.outcome is None
        await s.model.done("R1", "cancelled")
        assert asked.outcome == "cancelled"
        assert s.told_of("cancel") == ["R1"]


@race("P2-15")
async def test_the_end_of_another_answer_is_not_what_an_interruption_waits_for() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        meant = s.app.newest()
        await s.model.opens("R2", "I2", 400, by_itself=True)
        await s.at(300)
        asked = await s.app.interrupts(through=meant)
        await s.model.done("R2")
        await s.model.error("invalid_value")
        await s.at(600)
        assert asked.outcome is None
        await s.model.done("R1", "cancelled")
        assert asked.outcome == "cancelled"
        assert s.told_of("cancel") == ["R1"]


@race("P2-5")
async def test_whatever_interrupts_at_once_is_one_cancel_and_one_clear() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 4_000)
        await s.at(600)
        await s.caller.begins()
        await s.model.hears_start("T1")
        with s.at_once():
            await s.caller.presses("1")
            asked = [await s.app.interrupts(reason) for reason in (Reason.APPLICATION, Reason.TOOL)]
        await s.at(1_400)
        await s.caller.stops()
        assert s.told_of("cancel") == ["R1"]
        assert len(s.clears) == 1
        assert [one.outcome for one in asked] == ["cancelled", "cancelled"]


@race("P2-16")
async def test_the_server_that_interrupts_is_not_helped_and_the_line_is_silent_at_once() -> None:
    async with scene(authority="server", detector="server") as s:
        await s.model.opens("R1", "I1", 4_000, by_itself=True)
        await s.at(1_000)
        await s.model.hears_start("T1")
        assert s.clears == [1_000]
        await s.model.done("R1", "cancelled", "turn_detected")
        await s.at(1_200)
        assert s.told == ["truncate I1"]
        assert s.truncated == {"I1": near(1_000)}


@race("P2-17", "P2-18")
@pytest.mark.parametrize("phase", ["requested", "created", "item"])
async def test_an_answer_can_be_interrupted_by_speech_before_its_first_audio(phase: str) -> None:
    async with scene() as s:
        await s.app.says()
        if phase != "requested":
            await s.model.created("R1")
        if phase == "item":
            await s.model.item("R1", "I1")
        await s.model.hears_start("T1")
        await s.caller.speaks(500)
        if phase == "requested":
            await s.model.created("R1")
        await s.model.audio("R1", "I1", 1_000)
        assert s.told_of("cancel") == ["R1"]
        await s.after(1_000)
        assert s.heard == {}


@race("P2-19")
async def test_a_cough_before_the_first_audio_costs_the_answer_nothing() -> None:
    """An answer that was created is not taken for one that is heard."""
    async with scene() as s:
        await s.app.says()
        await s.model.created("R1")
        await s.caller.speaks(60)
        await s.model.audio("R1", "I1", 1_000)
        await s.model.done("R1")
        await s.at(3_000)
        assert s.told == ["create"]
        assert s.heard_spans == [("I1", 0, 1_000)]


@race("P2-20")
async def test_speech_into_silence_interrupts_nothing() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 400)
        await s.at(1_000)
        await s.model.hears_start("T1")
        await s.caller.speaks(600)
        asked = await s.app.interrupts()
        assert asked.outcome == "nothing_to_interrupt"
        assert s.told == ["create"]
        assert s.clears == []


@race("P2-21", "P2-40")
async def test_what_silenced_one_answer_does_not_silence_the_next() -> None:
    """The end of the caller's speech is lost, and all that comes after it is heard."""
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        await s.model.hears_start("T1")
        await s.caller.speaks(500)
        await s.model.commits("T1")
        await s.model.says("R2", "I2", 1_000)
        await s.at(4_000)
        assert s.heard_spans[-1] == ("I2", 0, 1_000)


@race("P2-23")
async def test_a_model_that_takes_no_cancel_keeps_neither_silence_nor_reading_waiting() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        s.model.obeys_no_more()
        s.call.model_spy.hold()
        asked = await s.app.interrupts()
        assert s.clears == [500]
        await s.model.done("R1")
        await s.at(600)
        assert asked.outcome == "already_over", "its end was not read"
        s.call.model_spy.release()
        await s.settle()
