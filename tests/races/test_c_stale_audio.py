"""Part 1 C: audio that plays on after it was interrupted, or that silences what comes after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from .language import Scene, near, race, scene


@race("C60", "C61")
async def test_what_was_generated_long_ago_and_is_still_heard_is_cleared_without_a_cancel() -> None:
    async with scene() as s:
        await s.app.says("The long disclaimer.")
        await s.model.says("R1", "I1", 10_000)
        await s.at(2_000)
        asked = await s.app.interrupts()
        await s.at(12_000)
        assert s.told == ["create", "truncate I1"]
        assert s.on_phone == ["media I1", "clear"]
        assert s.heard == {"I1": near(2_000)}
        assert (asked.outcome, asked.heard_ms) == ("already_over", near(2_000))


async def by_speech(s: Scene) -> None:
    """The caller speaks for long enough to be believed."""
    await s.caller.speaks(400)


async def by_server(s: Scene) -> None:
    """The server hears the caller for long; the local ear does not."""
    await s.model.hears_start("T0")
    await s.after(1_300)
    await s.model.hears_stop("T0")


async def by_key(s: Scene) -> None:
    """The caller presses a key."""
    await s.caller.presses("1")


async def by_app(s: Scene) -> None:
    """The application wants silence."""
    await s.app.interrupts()


@race("C62", "C68")
@pytest.mark.parametrize("interrupts", [by_speech, by_server, by_key, by_app])
@pytest.mark.parametrize("is_over", [False, True], ids=["open", "over"])
async def test_every_interruption_clears_once_and_what_waited_is_not_said_later(
    interrupts: Callable[[Scene], Awaitable[None]], is_over: bool
) -> None:
    async with scene() as s:
        await s.app.says("One.")
        await s.app.says("Two.")
        await s.model.opens("R1", "I1", 5_000)
        if is_over:
            await s.model.done("R1")
            await s.model.says("R2", "I2", 1_000)
        await s.app.says("Three.")
        if is_over:
            await s.model.opens("R3", "I3", 1_000)
        await s.at(500)
        await interrupts(s)
        assert len(s.clears) == 1
        assert s.on_phone == ["media I1", "clear"]
        await s.model.hears("T1", "And then?")
        await s.model.says("R9", "I9", 800)
        await s.after(3_000)
        assert s.on_phone == ["media I1", "clear", "media I9"]
        assert s.heard["I9"] == 800
        assert set(s.heard) == {"I1", "I9"}


@race("C63", "C66")
async def test_what_comes_of_an_answer_after_its_cancel_is_neither_heard_nor_recorded() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 1_000)
        await s.at(600)
        asked = await s.app.interrupts()
        for _ in range(3):
            await s.after(30)
            await s.model.audio("R1", "I1", 100)
        await s.model.done("R1", "cancelled")
        await s.model.audio("R1", "I1", 100)
        await s.at(2_000)
        assert s.told == ["create", "cancel R1", "truncate I1"]
        assert s.on_phone == ["media I1", "clear"]
        assert asked.outcome == "cancelled"
        recorded = b"".join(payload for _, payload in s.call.notebook.heard)
        assert s.numbers.spans(recorded) == [("I1", 0, near(600))]
        assert s.call.control.line.store.held_bytes == 0


@race("C64", "C65")
async def test_a_hush_while_the_wire_is_stuck_lets_only_the_write_in_progress_out() -> None:
    async with scene() as s:
        s.call.spy.hold()
        await s.app.says()
        await s.model.opens("R1", "I1", 5_000)
        await s.at(300)
        assert s.on_phone == []
        await s.app.interrupts()
        s.call.spy.release()
        await s.at(3_000)
        assert s.on_phone == ["media I1", "clear"]
        assert sum(sighting.line == "media I1" for sighting in s.on_phone_when) == 1
        assert s.told == ["create", "cancel R1", "delete I1"]


@race("C69")
async def test_an_end_that_only_says_that_the_server_heard_the_caller_interrupts() -> None:
    async with scene(authority="server") as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 5_000)
        await s.at(1_000)
        await s.model.done("R1", "cancelled", "turn_detected")
        await s.at(2_000)
        assert s.told == ["create", "truncate I1"]
        assert s.on_phone == ["media I1", "clear"]


@race("C67", "C70")
async def test_the_late_words_of_one_answer_do_not_mix_with_the_next_and_do_not_mute_it() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 1_500)
        await s.at(1_000)
        asked = await s.app.interrupts()
        await s.model.opens("R2", "I2", 0, by_itself=True)
        for _ in range(10):
            await s.model.audio("R1", "I1", 100)
            await s.model.audio("R2", "I2", 100)
        await s.model.done("R1", "cancelled")
        await s.model.audio("R1", "I1", 100)
        await s.model.done("R2")
        await s.at(3_000)
        assert s.told == ["create", "cancel R1", "truncate I1"]
        assert s.heard_spans == [("I1", 0, near(1_000)), ("I2", 0, 1_000)]
        assert asked.outcome == "cancelled"


@race("C71")
async def test_a_carrier_that_returns_no_marks_hears_every_answer_to_its_end() -> None:
    async with scene() as s:
        s.call.carrier.echoes = False
        for number in (1, 2, 3):
            await s.model.hears(f"T{number}", "And then?")
            await s.model.says(f"R{number}", f"I{number}", 1_500)
            await s.after(4_000)
        assert s.told == ["create"] * 3
        assert s.heard == {"I1": 1_500, "I2": 1_500, "I3": 1_500}


@race("C72", "D80", "D89")
async def test_two_lines_asked_for_at_once_are_said_one_after_the_other() -> None:
    async with scene() as s:
        with s.at_once():
            await s.app.says("One.")
            await s.app.says("Two.")
        await s.settle()
        await s.model.opens("R1", "I1", 1_000)
        assert s.told == ["create"], "the second waits for the end of the first"
        await s.model.audio("R1", "I1", 1_000)
        await s.model.done("R1")
        await s.model.says("R2", "I2", 700)
        await s.at(4_000)
        asked = [m["response"]["instructions"] for m in s.model.wire.of("response.create")]
        assert asked == ["One.", "Two."]
        assert s.heard_spans == [("I1", 0, 2_000), ("I2", 0, 700)]
        assert s.clears == []


@race("C73")
async def test_a_clear_overtakes_all_audio_that_is_not_written() -> None:
    async with scene(lead_ms=5_000) as s:
        s.call.spy.hold()
        await s.app.says()
        await s.model.says("R1", "I1", 5_000)
        await s.at(1_000)
        await s.app.interrupts()
        await s.model.hears("T1")
        await s.model.says("R2", "I2", 300)
        s.call.spy.release()
        await s.at(3_000)
        assert s.on_phone == ["media I1", "clear", "media I2"]
        assert sum(sighting.line == "media I1" for sighting in s.on_phone_when) == 1
        assert s.heard["I2"] == 300


@race("C74")
async def test_a_carrier_that_takes_nothing_any_more_holds_up_no_interruption() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 20_000)
        await s.at(500)
        s.call.spy.hold()
        await s.at(1_500)
        asked = await s.app.interrupts()
        assert asked.outcome == "cancelled"
        assert s.told[:2] == ["create", "cancel R1"]
        assert (await s.call.until_end()).reason == "carrier_lost"
        assert s.now_ms <= 7_500


@race("C75")
@pytest.mark.parametrize("end", ["completed", "failed", "interrupted"])
async def test_a_hush_whose_answer_ends_in_it_does_not_outlive_it(end: str) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 0)
        await s.at(200)
        await s.caller.begins()
        await s.after(60)
        if end == "interrupted":
            await s.app.interrupts()
        else:
            await s.model.done("R1", end)
        await s.caller.stops()
        await s.model.hears("T1", "Hello?")
        await s.model.says("R2", "I2", 800)
        await s.after(2_000)
        assert s.heard == {"I2": 800}


@race("C76")
async def test_six_interruptions_before_any_word_leave_nothing_behind() -> None:
    async with scene() as s:
        for number in range(1, 7):
            await s.app.says()
            await s.model.opens(f"R{number}", f"I{number}", 0)
            asked = await s.app.interrupts()
            assert asked.outcome == "cancelled"
        await s.model.hears("T1")
        await s.model.says("R7", "I7", 500)
        await s.at(2_000)
        for number in range(1, 7):
            assert s.told[3 * number - 3 : 3 * number] == [
                "create",
                f"cancel R{number}",
                f"delete I{number}",
            ]
        assert s.told[18:] == ["create"]
        assert s.heard == {"I7": 500}
        assert s.call.control.line.store.held_bytes == 0, "audio that nobody will hear is kept"
