"""Part 2 D: greetings that lock a call, and ears that hear too much or too little."""

from __future__ import annotations

import pytest

from tests.call.wires import LOUD_FRAME, QUIET_FRAME

from .language import near, race, scene


@race("P2-55", "P2-60")
@pytest.mark.parametrize(("onset_ms", "clears"), [(0, 0), (100, 0), (300, 1)])
async def test_an_echo_just_after_the_greeting_began_does_not_cut_it(
    onset_ms: int, clears: int
) -> None:
    async with scene(greeting="Hello.", echo_guard_ms=200) as s:
        await s.model.says("R1", "I1", 2_000)
        await s.at(onset_ms)
        await s.caller.speaks(80)
        await s.at(6_000)
        assert len(s.clears) == clears
        assert s.heard["I1"] == 2_000, "the greeting is not heard to its end"


@race("P2-56", "P2-57")
@pytest.mark.parametrize("end", ["failed", "cancelled", "completed", "incomplete", "refused"])
async def test_a_greeting_that_comes_to_nothing_locks_nothing(end: str) -> None:
    """No audio of it ever comes: the caller is heard all the time, and answered."""
    async with scene(greeting="Hello.", protect_greeting=True) as s:
        if end == "refused":
            create = s.model.last("response.create")
            await s.model.error("invalid_value", create["event_id"])
        else:
            await s.model.created("R1")
            await s.model.done("R1", end)
        await s.caller.speaks(400)
        await s.model.hears("T1", "Hello?")
        await s.after(3_000)
        # The create of the greeting was answered, or it was refused and never will be.
        s.model.wire.creates_taken = 1
        await s.model.says("R2", "I2", 600)
        await s.after(2_000)
        assert s.heard == {"I2": 600}
        assert LOUD_FRAME * 20 in s.model.wire.caller_audio()


@race("P2-58")
async def test_a_protected_greeting_is_protected_to_its_last_word() -> None:
    """Its generation is long over when the caller speaks into its tail."""
    async with scene(greeting="Hello.", protect_greeting=True) as s:
        await s.model.says("R1", "I1", 3_000)
        await s.at(2_300)
        await s.caller.speaks(500)
        assert (await s.app.interrupts()).outcome == "protected"
        await s.at(4_000)
        assert s.heard_spans == [("I1", 0, 3_000)]
        assert s.clears == []


@race("P2-59")
async def test_the_caller_is_heard_while_the_model_speaks() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 3_000)
        await s.at(500)
        await s.caller.is_quiet(1_000)
        await s.caller.speaks(100)
        await s.at(2_000)
        heard = s.model.wire.caller_audio()
        assert QUIET_FRAME * 50 in heard
        assert LOUD_FRAME * 5 in heard


@race("P2-61")
async def test_a_noise_in_the_first_second_costs_no_answer() -> None:
    async with scene(greeting="Hello.", echo_guard_ms=0) as s:
        await s.model.says("R1", "I1", 2_000)
        await s.at(20)
        await s.caller.speaks(100)
        await s.at(5_000)
        assert s.told == ["create"]
        assert s.heard_spans[-1] == ("I1", 0, 2_000)


@race("P2-62")
@pytest.mark.parametrize(("length_ms", "is_taken"), [(20, False), (250, False), (360, True)])
async def test_how_long_speech_must_last_is_a_setting(length_ms: int, is_taken: bool) -> None:
    async with scene(min_speech_ms=160) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        await s.caller.speaks(length_ms)
        await s.after(1_000)
        assert s.told_of("cancel") == (["R1"] if is_taken else [])


@race("P2-62")
async def test_a_short_word_over_the_model_is_answered_when_it_was_a_word() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        await s.model.hears_start("T1")
        await s.caller.speaks(200)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.transcribes("T1", "No, Thursday.")
        await s.model.done("R1")
        await s.after(5_000)
        assert s.told_of("create") == ["", ""]


@race("P2-63")
async def test_a_transcript_that_comes_late_cancels_no_newer_answer() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        await s.model.hears_start("T1")
        await s.caller.speaks(500)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.opens("R2", "I2", 3_000)
        await s.at(2_500)
        await s.model.transcribes("T1", "Stop. Wait. I want something else.")
        await s.model.done("R2")
        await s.at(6_000)
        assert s.told_of("cancel") == ["R1"]
        assert s.heard["I2"] == 3_000


@race("P2-64")
@pytest.mark.parametrize("text", ["", "mhm", "xq"])
async def test_a_turn_into_silence_is_answered_whatever_was_understood(text: str) -> None:
    async with scene() as s:
        await s.model.hears("T1", text)
        await s.model.says("R1", "I1", 300)
        await s.at(1_000)
        await s.model.hears("T2", "Hello?")
        await s.model.says("R2", "I2", 300)
        await s.at(9_000)
        assert s.told == ["create", "create"]
        assert s.heard == {"I1": 300, "I2": 300}


@race("P2-65")
async def test_no_frame_of_the_caller_is_dropped_at_the_usual_rate_and_above_it() -> None:
    """A second as it should be, a second with jitter, and a burst."""
    async with scene() as s:
        await s.caller.is_quiet(1_000)
        for number in range(50):
            await s.after(5 if number % 2 else 35)
            await s.call.carrier.media(LOUD_FRAME, timestamp_ms=(50 + number) * 20)
        for number in range(20):
            await s.call.carrier.media(QUIET_FRAME, timestamp_ms=(100 + number) * 20)
        await s.settle()
        heard = s.model.wire.caller_audio()
        assert heard.count(LOUD_FRAME[:1]) == 50 * 160
        assert len(heard) == near(120 * 160, by_ms=2 * 160)


@race("P2-66")
async def test_a_call_inherits_nothing_of_the_one_before() -> None:
    """That one ended in the middle of everything."""
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        await s.caller.begins()
        await s.at(1_000)
        await s.app.says("Something else.")
        await s.caller.stops()
        await s.caller.hangs_up()
        await s.call.until_end()
    async with scene() as s:
        assert s.told == []
        await s.app.says()
        await s.model.says("R1", "I1", 500)
        await s.at(1_000)
        assert s.told == ["create"]
        assert s.heard_spans == [("I1", 0, 500)]
