"""Part 1 E: what is taken for the caller's turn, and what is not."""

from __future__ import annotations

import pytest

from trio_media.core import commands as cm

from .language import Scene, near, race, scene


def decided(s: Scene, kind: type[cm.Command]) -> int:
    """How often the core ordered something."""
    return sum(isinstance(order, kind) for order in s.call.notebook.orders)


@race("E91")
@pytest.mark.parametrize("authority", ["client", "server"])
async def test_an_interruption_that_no_words_follow_is_spoken_into_again(authority: str) -> None:
    async with scene(authority=authority) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 5_000)
        await s.at(1_000)
        await s.model.hears_start("T1")
        if authority == "client":
            await s.caller.speaks(500)
        else:
            await s.model.done("R1", "cancelled", "turn_detected")
            await s.at(1_500)
        await s.model.hears_stop("T1")  # and nothing is committed
        stopped_ms = s.now_ms
        await s.at(stopped_ms + 2_100)
        assert s.told_of("create") == ["", ""]
        await s.model.says("R2", "I2", 600)
        await s.after(1_000)
        assert s.heard["I2"] == 600
        assert s.told_when[-1].at_ms == near(stopped_ms + 2_000, 60)


@race("E91")
async def test_noise_that_goes_on_does_not_put_off_an_owed_answer_for_ever() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 5_000)
        await s.at(1_000)
        await s.caller.speaks(500)  # it is long enough to be believed, and no turn comes of it
        taken = ["create", "cancel R1", "truncate I1"]
        while len(s.told) == len(taken) and s.now_ms < 40_000:
            await s.caller.speaks(60)
            await s.after(1_500)
        assert s.told == [*taken, "create"]
        assert s.told_when[-1].at_ms == near(1_500 + 10_000, 100)
        await s.model.says("R2", "I2", 2_000)
        await s.after(4_000)
        assert s.heard["I2"] == 2_000


@race("E92")
@pytest.mark.parametrize("phase", ["requested", "created", "item"])
async def test_a_cough_before_the_first_sound_of_an_answer_costs_none_of_it(phase: str) -> None:
    async with scene() as s:
        await s.model.hears("T1", "And then?")
        if phase != "requested":
            await s.model.created("R1")
        if phase == "item":
            await s.model.item("R1", "I1")
        await s.at(100)
        await s.caller.speaks(60)
        if phase == "requested":
            await s.model.created("R1")
        await s.model.audio("R1", "I1", 1_200)
        await s.model.done("R1")
        await s.at(3_000)
        assert s.told == ["create"]
        assert s.heard_spans == [("I1", 0, 1_200)]


@race("E92", "E91")
async def test_words_before_the_first_sound_of_an_answer_lead_to_another_answer() -> None:
    async with scene() as s:
        await s.model.hears("T1", "And then?")
        await s.at(100)
        await s.caller.speaks(500)
        await s.model.opens("R1", "I1", 1_000)
        await s.at(2_700)
        await s.model.says("R2", "I2", 600)
        await s.at(4_000)
        assert s.told == ["create", "cancel R1", "delete I1", "create"]
        assert s.heard == {"I2": 600}


@race("E93")
@pytest.mark.parametrize("length_ms", [100, 400])
@pytest.mark.parametrize("is_protected", [False, True], ids=["open", "protected"])
async def test_a_greeting_that_the_caller_speaks_before_is_said_or_answered_instead(
    length_ms: int, is_protected: bool
) -> None:
    async with scene(greeting="Hello.", protect_greeting=is_protected) as s:
        await s.at(200)
        await s.model.hears_start("T1")
        await s.caller.speaks(length_ms)
        s.model.obeys_no_more()
        await s.model.opens("R1", "I1", 1_500)
        await s.model.done("R1")
        await s.after(500)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.transcribes("T1", "hello?")
        await s.at(3_000)
        await s.model.says("R2", "I2", 700)
        await s.at(6_000)
        assert s.told_of("create") == ["", ""]
        is_cut = length_ms == 400 and not is_protected
        assert s.heard == ({"I2": 700} if is_cut else {"I1": 1_500, "I2": 700})


@race("E94")
async def test_an_echo_just_after_the_first_sound_silences_nothing() -> None:
    async with scene(greeting="Hello.") as s:
        await s.model.says("R1", "I1", 2_000)
        await s.at(3)
        await s.model.hears_start("T1")
        await s.caller.speaks(120)
        await s.model.hears_stop("T1")
        await s.at(3_000)
        assert s.clears == []
        assert s.heard_spans == [("I1", 0, 2_000)]
        assert s.told == ["create"]


@race("E103")
async def test_an_onset_that_waited_in_the_guard_of_one_answer_does_not_hush_the_next() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        await s.at(40)
        await s.caller.begins()
        await s.at(100)
        await s.app.interrupts()
        await s.caller.stops()
        await s.at(120)
        await s.model.hears("T1")
        await s.model.says("R2", "I2", 800)
        await s.at(2_000)
        assert s.on_phone == ["media I1", "clear", "media I2"]
        assert s.heard["I2"] == 800


@race("E95")
@pytest.mark.parametrize("detector", ["both", "local"])
async def test_what_the_server_alone_takes_for_speech_does_not_interrupt_when_it_is_short(
    detector: str,
) -> None:
    async with scene(detector=detector) as s:
        await s.app.says()
        await s.model.says("R1", "I1", 4_000)
        await s.at(500)
        for number in range(3):
            await s.model.hears_start(f"T{number}")
            await s.caller.is_quiet(900)
            await s.model.hears_stop(f"T{number}")
            await s.model.commits(f"T{number}")
            await s.model.transcribes(f"T{number}", "")
        await s.at(5_000)
        assert s.clears == []
        assert s.heard_spans == [("I1", 0, 4_000)]
        assert s.told == ["create", "delete T0", "delete T1", "delete T2"]


@race("E96")
async def test_a_caller_whose_audio_stops_in_mid_sentence_is_heard_to_stop() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 4_000)
        await s.at(1_000)
        await s.caller.begins()
        await s.after(100)
        assert s.caller._talking is not None
        s.caller._talking.cancel()  # and not one frame of silence after it
        await s.at(9_000)
        assert s.told == ["create"]
        assert len(s.clears) == 1
        assert s.heard == {"I1": 4_000}
        given_ms = len(s.model.wire.caller_audio()) // 8
        assert given_ms >= 1_500, "the service hears no silence, so no turn can end"


@race("E99")
@pytest.mark.parametrize(("text", "is_answered"), [("mhm", False), ("no wait", True)])
async def test_a_short_word_is_played_over_once_and_then_answered_or_forgotten(
    text: str, is_answered: bool
) -> None:
    async with scene(backchannel_ms=600) as s:
        await s.app.says()
        await s.model.says("R1", "I1", 4_000)
        await s.at(1_000)
        await s.model.hears_start("T1")
        await s.caller.speaks(300)
        await s.at(2_100)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        assert (decided(s, cm.Hushed), decided(s, cm.Resumed)) == (1, 1)
        await s.model.transcribes("T1", text)
        await s.at(3_500)
        assert decided(s, cm.Taken) == 0
        await s.at(6_000)
        if is_answered:
            await s.model.says("R2", "I2", 500)
            await s.at(8_000)
        assert s.told == (["create", "create"] if is_answered else ["create", "delete T1"])
        assert s.heard["I1"] == 4_000
        assert len(s.clears) == 1


@race("E100")
async def test_a_transcript_that_comes_late_ends_neither_the_next_turn_nor_its_answer() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        await s.model.hears_start("T1")
        await s.caller.speaks(500)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.says("R2", "I2", 2_000)
        await s.at(2_000)
        await s.model.transcribes("T1", "what was that")
        await s.model.hears_start("T2")
        await s.model.transcribes("T1", "what was that again")
        await s.at(2_500)
        await s.model.hears_stop("T2")
        await s.model.commits("T2")
        await s.model.transcribes("T2", "")
        await s.at(5_000)
        assert s.told == ["create", "cancel R1", "truncate I1", "create", "delete T2"]
        assert s.heard["I2"] == 2_000


@race("E102")
async def test_every_frame_of_the_caller_reaches_the_model_whatever_is_interrupted() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.caller.is_quiet(1_000)
        await s.caller.speaks(800)
        await s.caller.is_quiet(400)
        frames = [m for _, m in s.call.carrier.said if m["event"] == "media"]
        assert len(frames) >= 109
        assert s.told == ["create", "cancel R1", "truncate I1"]
        assert len(s.model.wire.caller_audio()) == 160 * len(frames)
        assert s.model.wire.of("input_audio_buffer.clear") == []


@race("E105")
async def test_a_service_that_hears_nothing_any_more_is_made_up_for_by_the_local_ear() -> None:
    async with scene() as s:
        for number in (1, 2):
            await s.app.says()
            await s.model.opens(f"R{number}", f"I{number}", 3_000)
            await s.after(1_000)
            await s.caller.speaks(500)
            assert s.told_of("cancel")[-1] == f"R{number}"
            await s.after(2_100)
        await s.model.says("R3", "I3", 400)
        assert s.told_of("create") == [""] * 3


@race("E106")
async def test_a_turn_that_never_ends_blocks_nothing_for_longer_than_its_deadline() -> None:
    async with scene() as s:
        await s.model.hears_start("T1")
        await s.app.says("Are you still there?")
        for second in range(1, 30):
            await s.at(1_000 * second)
            await s.caller.is_quiet(20)
            await s.model.event("rate_limits.updated", rate_limits=[])
            assert s.told == []
        await s.at(30_100)
        await s.model.says("R1", "I1", 700)
        await s.at(32_000)
        assert s.told == ["create"]
        assert s.heard == {"I1": 700}


@race("E106")
async def test_noise_does_not_keep_a_turn_open_whose_end_was_lost() -> None:
    async with scene() as s:
        await s.model.hears_start("T1")
        await s.app.says("Are you still there?")
        while s.now_ms < 56_000:
            await s.caller.speaks(100)
            await s.after(3_000)
            assert s.told == []
        await s.at(63_000)
        await s.model.says("R1", "I1", 700)
        await s.at(65_000)
        assert s.told == ["create"]
        assert s.heard == {"I1": 700}
