"""Part 2 B: what was taken and is heard all the same, and what was not and is lost."""

from __future__ import annotations

import pytest

from .language import near, race, scene


@race("P2-26", "P2-27")
async def test_audio_of_an_answer_that_was_taken_is_not_heard_however_late_it_comes() -> None:
    """Behind the cancel, behind the end, behind a second end, while the next one speaks."""
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 1_000)
        await s.at(500)
        await s.app.interrupts()
        await s.model.audio("R1", "I1", 300)
        await s.model.item("R1", "I1b")
        await s.model.audio("R1", "I1b", 300)
        await s.model.done("R1", "cancelled")
        await s.model.audio("R1", "I1", 300)
        await s.model.audio("R1", "I1c", 300)
        await s.model.done("R1", "cancelled")
        await s.app.says("Something else.")
        await s.model.opens("R2", "I2", 400)
        await s.model.audio("R1", "I1", 300)
        await s.model.audio("R2", "I2", 400)
        await s.model.done("R2")
        await s.at(3_000)
        assert s.heard_spans == [("I1", 0, near(500)), ("I2", 0, 800)]
        assert s.on_phone == ["media I1", "clear", "media I2"]


@race("P2-28", "P2-35", "P2-38")
async def test_an_interruption_empties_every_place_where_audio_waits() -> None:
    """At the carrier, in its outbox, at ours, and on its way from the model; within a frame."""
    async with scene(lead_ms=400) as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 6_000)
        await s.at(1_000)
        with s.at_once():
            await s.model.audio("R1", "I1", 1_000)
            await s.app.interrupts()
            await s.model.audio("R1", "I1", 1_000)
        await s.at(6_000)
        assert s.clears == [1_000]
        assert s.on_phone == ["media I1", "clear"]
        assert s.heard == {"I1": near(1_000, by_ms=20)}


@race("P2-29", "P2-73")
async def test_a_write_in_progress_is_all_that_follows_an_interruption() -> None:
    """The carrier's stream stands still in the middle of a write; the clear is next on it."""
    async with scene() as s:
        await s.app.says()
        s.call.spy.hold()
        await s.model.opens("R1", "I1", 4_000)
        await s.at(400)
        assert s.call.control.line.carrier_outbox._audio_ms > 0, "nothing waits behind the write"
        await s.app.interrupts()
        await s.at(900)
        s.call.spy.release()
        await s.at(3_000)
        assert len(s.call.carrier.sent()) <= 200 * 8
        assert s.on_phone == ["media I1", "clear"]
        assert s.told == ["create", "cancel R1", "delete I1"]


@race("P2-30", "P2-78")
async def test_nothing_of_an_answers_last_piece_leads_the_next_answer() -> None:
    """An answer of odd length is taken within its last frame; another ends with a part of one."""
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 1_013)
        await s.at(1_005)
        await s.app.interrupts()
        await s.app.says("Something else.")
        await s.model.says("R2", "I2", 507)
        await s.app.says("And more.")
        await s.model.says("R3", "I3", 393)
        await s.at(4_000)
        assert s.heard_spans[1:] == [("I2", 0, 507), ("I3", 0, 393)]


@race("P2-31", "P2-34")
async def test_an_interruption_removes_what_it_means_and_not_the_answer_behind() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 3_000)
        meant = s.app.newest()
        await s.app.says("Something else.")
        await s.model.says("R2", "I2", 1_000)
        await s.at(500)
        for _ in range(3):
            await s.app.interrupts(through=meant)
            await s.after(100)
        await s.at(3_000)
        assert s.heard_spans == [("I1", 0, near(500)), ("I2", 0, 1_000)]
        assert s.told_of("truncate") == ["I1"]
        assert len(s.clears) == 1


@race("P2-32")
@pytest.mark.parametrize("at_ms", [100, 240, 260, 5_000, 20_000])
async def test_an_answer_can_be_silenced_at_any_age(at_ms: int) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 30_000)
        await s.at(at_ms)
        await s.app.interrupts()
        await s.after(2_000)
        assert s.heard == {"I1": near(at_ms)}
        assert s.truncated == {"I1": near(at_ms)}


@race("P2-36")
async def test_a_noise_costs_a_pause_and_not_a_word() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 3_000)
        await s.at(1_000)
        await s.caller.speaks(60)
        await s.at(6_000)
        [first, again] = s.heard_spans
        assert first == ("I1", 0, near(1_000, by_ms=60))
        assert again == ("I1", near(first[2] - 100), 3_000)
        assert s.told == ["create"]


@race("P2-39", "P2-69")
async def test_a_carrier_that_stands_still_loses_nothing_of_an_answer() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        await s.at(450)
        s.call.spy.hold()
        await s.model.audio("R1", "I1", 2_000)
        await s.model.done("R1")
        await s.at(3_000)
        s.call.spy.release()
        await s.at(9_000)
        assert s.heard_spans == [("I1", 0, 4_000)]
        assert s.clears == []


@race("P2-41")
async def test_answers_taken_one_after_the_other_do_not_share_a_position() -> None:
    """The echoes of every clear come back while the next answer is heard."""
    async with scene() as s:
        await s.app.says()
        for number in range(1, 6):
            await s.model.opens(f"R{number}", f"I{number}", 3_000)
            await s.after(100 * number)
            await s.app.interrupts()
            await s.app.says(f"Answer {number}.")
        await s.after(500)
        heard_ms = {f"I{number}": near(100 * number, by_ms=20) for number in range(1, 6)}
        assert s.truncated == heard_ms
        assert s.heard == heard_ms
