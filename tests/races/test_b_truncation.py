"""Part 1 B: what the model is told that the caller heard."""

from __future__ import annotations

import pytest

from .language import Scene, near, race, scene

MARK_DUE_MS = 200  # between two marks
MARK_LATE_MS = 500  # a mark later than this holds the position


async def interrupt(s: Scene, how: str) -> None:
    """Interrupt in one of the ways there are, at the same position."""
    if how == "speech":
        await s.caller.speaks(400)
    elif how == "key":
        await s.caller.presses("1")
    else:
        await s.app.interrupts()


EVERY_WAY = pytest.mark.parametrize("how", ["speech", "key", "application"])


# --- never above what came -------------------------------------------------------------------


@race("B33")
async def test_each_answer_has_a_clock_of_its_own() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 1_000)
        await s.at(5_000)
        await s.model.hears("T1", "And?")
        await s.model.opens("R2", "I2", 2_000)
        await s.at(5_700)
        await s.app.interrupts()
        assert s.truncated == {"I2": near(700)}


@race("B34")
@EVERY_WAY
async def test_time_that_passes_while_no_audio_comes_is_not_heard(how: str) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 600)
        await s.at(2_600)
        await s.model.audio("R1", "I1", 400)
        await s.at(2_800)
        await interrupt(s, how)
        assert s.truncated == {"I1": near(800)}


@race("B34", "B38")
@EVERY_WAY
async def test_what_was_generated_or_sent_ahead_is_not_heard(how: str) -> None:
    async with scene(lead_ms=3_000) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 8_000)
        await s.at(1_200)
        await interrupt(s, how)
        assert s.truncated == {"I1": near(1_200)}


@race("B34")
async def test_an_answer_heard_as_far_as_it_came_is_truncated_where_it_ends() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 600)
        await s.at(2_600)
        await s.app.interrupts()
        assert s.truncated == {"I1": 600}


# --- item by item ----------------------------------------------------------------------------


@race("B35", "B37", "B51", "B57")
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


@race("B37", "B57")
async def test_of_two_items_the_heard_one_is_left_alone_and_the_audible_one_truncated() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 1_000)
        await s.model.audio_done("R1", "I1")
        await s.model.item("R1", "I2")
        await s.model.audio("R1", "I2", 1_000)
        await s.at(1_400)
        await s.app.interrupts()
        assert s.told == ["create", "cancel R1", "truncate I2"]
        assert s.truncated == {"I2": near(400)}


@race("B35", "B37", "A9")
@EVERY_WAY
async def test_what_plays_is_truncated_and_what_waits_behind_it_is_cancelled_and_deleted(
    how: str,
) -> None:
    async with scene() as s:
        await s.app.says("One.")
        await s.app.says("Two.")
        await s.model.says("R1", "I1", 2_000)
        await s.model.opens("R2", "I2", 2_000)
        await s.at(500)
        await interrupt(s, how)
        await s.after(1_000)
        assert s.told == ["create", "create", "cancel R2", "truncate I1", "delete I2"]
        assert s.on_phone == ["media I1", "clear"]


@race("B51")
async def test_an_item_that_comes_after_the_interruption_is_deleted() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 1_000)
        await s.at(400)
        await s.app.interrupts()
        await s.model.item("R1", "I2")
        await s.model.audio("R1", "I2", 500)
        await s.model.done("R1", "cancelled")
        await s.model.item("R1", "I3")
        assert s.told == ["create", "cancel R1", "truncate I1", "delete I2", "delete I3"]


# --- nothing heard ---------------------------------------------------------------------------


@race("B44", "B45")
@pytest.mark.parametrize("length_ms", [0, 1_000])
async def test_an_item_that_nobody_heard_is_deleted_and_never_truncated_at_nothing(
    length_ms: int,
) -> None:
    async with scene() as s:
        await s.app.says()
        with s.at_once():
            await s.model.opens("R1", "I1", length_ms)
            await s.app.interrupts()
        await s.at(500)
        assert s.told == ["create", "cancel R1", "delete I1"]
        assert s.heard == {}


@race("B44")
async def test_where_no_item_exists_the_model_is_told_nothing() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.created("R1")
        await s.app.interrupts()
        await s.at(500)
        assert s.told == ["create", "cancel R1"]


# --- marks -----------------------------------------------------------------------------------


@race("B39", "B41")
async def test_the_echoes_of_a_clear_are_no_hearing() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 5_000)
        await s.at(1_000)
        await s.caller.speaks(100)  # hushed: a clear, and every mark comes back at once
        await s.at(1_500)
        assert s.on_phone == ["media I1", "clear", "media I1"], "it did not go on"
        resumed_ms = s.heard["I1"]
        assert resumed_ms == near(1_100, by_ms=150)
        await s.app.interrupts()
        assert s.truncated == {"I1": near(resumed_ms)}


@race("B43", "B41")
async def test_late_echoes_of_the_last_answer_do_not_make_the_next_one_inaudible() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 5_000)
        await s.at(1_000)
        s.call.carrier.mark_delay_s = 0.3
        await s.app.interrupts()
        await s.app.says("Again.")
        await s.model.says("R2", "I2", 3_000)
        await s.at(1_600)
        await s.app.interrupts()
        assert s.on_phone == ["media I1", "clear", "media I2", "clear"]
        assert s.truncated["I2"] == near(600)


@race("B42")
async def test_without_echoes_the_model_speaks_on_and_is_told_no_more_than_was_heard() -> None:
    async with scene(less_ms=20_000) as s:
        s.call.carrier.echoes = False
        await s.app.says()
        await s.model.says("R1", "I1", 20_000)
        await s.at(15_000)
        marks = s.call.carrier.times_ms("mark")
        await s.app.interrupts()
        assert len(marks) == near(75, by_ms=6)
        assert s.heard["I1"] > 10_000, "without marks it hardly speaks"
        assert s.truncated["I1"] <= s.heard["I1"]


# --- the interruption and the end of an answer -----------------------------------------------


@race("B38", "B48", "B47")
async def test_an_answer_generated_long_ago_is_cleared_and_told_as_far_as_it_was_heard() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 8_000)
        await s.model.audio_done("R1", "I1")
        await s.model.done("R1")
        await s.at(1_200)
        asked = await s.app.interrupts()
        assert (asked.outcome, asked.heard_ms) == ("already_over", near(1_200))
        assert s.told == ["create", "truncate I1"]
        await s.at(3_000)
        assert s.heard == {"I1": near(asked.heard_ms)}
        assert s.on_phone == ["media I1", "clear"]


@race("B47")
@pytest.mark.parametrize("authority", ["client", "server"])
@pytest.mark.parametrize("detector", ["server", "both"])
async def test_speech_that_takes_is_followed_by_what_was_heard(
    authority: str, detector: str
) -> None:
    async with scene(authority=authority, detector=detector) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        await s.model.hears_start("T1")
        if authority == "server":
            await s.model.done("R1", "cancelled", "turn_detected")
        await s.caller.speaks(400)
        assert s.told_of("truncate") == ["I1"]


@race("B52")
async def test_an_interruption_in_the_last_frames_ends_as_one_and_plays_no_tail() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 1_000)
        await s.at(960)
        asked = await s.app.interrupts()
        await s.at(2_000)
        assert (asked.outcome, asked.heard_ms) == ("already_over", near(960, by_ms=20))
        assert s.heard == {"I1": near(960, by_ms=20)}
        assert s.on_phone == ["media I1", "clear"]


@race("B54")
@pytest.mark.parametrize("heard_ms", [20, 60, 180, 240])
async def test_silence_does_not_depend_on_how_little_was_heard(heard_ms: int) -> None:
    async with scene(echo_guard_ms=0) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 5_000)
        await s.at(heard_ms)
        await s.caller.speaks(400)
        await s.after(500)
        assert s.told == ["create", "cancel R1", "truncate I1"]
        assert s.heard == {"I1": near(heard_ms)}
        assert len(s.clears) == 1


# --- what else goes wrong with a truncation --------------------------------------------------


@race("B46")
@pytest.mark.parametrize("odd_bytes", [1, 7, 161])
async def test_audio_of_no_whole_millisecond_leads_to_whole_milliseconds(odd_bytes: int) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.created("R1")
        await s.model.item("R1", "I1")
        for _ in range(100):
            await s.model.wire.audio("R1", "I1", b"\x55" * (240 - odd_bytes))
        await s.at(500)
        await s.app.interrupts()
        [truncate] = s.model.wire.of("conversation.item.truncate")
        assert type(truncate["audio_end_ms"]) is int
        assert truncate["audio_end_ms"] == near(500)


@race("B46", "B56")
@pytest.mark.parametrize("odd_bytes", [1, 7, 161])
async def test_of_audio_of_no_whole_millisecond_nothing_is_lost(odd_bytes: int) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.created("R1")
        await s.model.item("R1", "I1")
        for _ in range(50):
            await s.model.wire.audio("R1", "I1", b"\x55" * (240 - odd_bytes))
        await s.model.done("R1")
        await s.at(2_000)
        [(_, _, heard_ms)] = s.heard_spans
        assert heard_ms == near(50 * (240 - odd_bytes) / 8, by_ms=1)


@race("B49")
@pytest.mark.parametrize("code", ["invalid_value", "item_truncate_invalid_item_id"])
async def test_a_truncation_that_is_refused_costs_nothing_and_the_next_turn_is_answered(
    code: str,
) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        await s.app.interrupts()
        refused = s.model.last("conversation.item.truncate")
        await s.model.error(code, refused["event_id"], "Audio content is already shorter")
        await s.model.hears("T1", "Hello?")
        await s.model.says("R2", "I2", 500)
        await s.after(1_000)
        assert s.told == ["create", "cancel R1", "truncate I1", "create"]
        assert s.heard["I2"] == 500


@race("B34", "B38")
async def test_a_carrier_that_stands_still_makes_little_heard_that_was_not() -> None:
    async with scene(more_ms=MARK_DUE_MS + MARK_LATE_MS) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 5_000)
        await s.at(1_000)
        s.call.carrier.stall(3)
        await s.at(3_000)
        await s.app.interrupts()
        assert s.heard == {"I1": 1_000}
