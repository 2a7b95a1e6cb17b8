"""Part 1 A: cancels that go out twice, or not at all, or hit the wrong answer."""

from __future__ import annotations

import pytest
import trio

from trio_media.core.events import Reason

from .language import Scene, near, race, scene


async def next_answer_is_heard(s: Scene, response_id: str = "R9", item_id: str = "I9") -> None:
    """The caller says something, is answered once, and hears all of the answer."""
    creates = s.told.count("create")
    await s.model.hears(f"T{response_id}", "And then?")
    assert s.told.count("create") == creates + 1, "the caller is not answered"
    await s.model.says(response_id, item_id, 600)
    await s.after(1_500)
    assert s.heard[item_id] == 600


# --- one cancel, by whoever has the right ----------------------------------------------------


@race("A1", "A12")
async def test_what_the_server_interrupts_is_not_cancelled_by_us_and_its_error_is_harmless() -> (
    None
):
    async with scene(authority="server") as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        await s.model.hears_start("T1")
        await s.model.done("R1", "cancelled", "turn_detected")
        await s.model.error("response_cancel_not_active")
        await s.at(1_200)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.says("R2", "I2", 800, by_itself=True)
        await s.at(3_000)
        assert s.told == ["create", "truncate I1"]
        assert s.truncated == {"I1": near(1_000)}
        assert s.on_phone == ["media I1", "clear", "media I2"]
        assert s.heard["I2"] == 800


@race("A1", "A12")
async def test_the_end_of_an_answer_alone_says_that_the_server_interrupted_it() -> None:
    async with scene(authority="server") as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        await s.model.done("R1", "cancelled", "turn_detected")
        await s.at(2_000)
        assert s.told == ["create", "truncate I1"]
        assert s.on_phone == ["media I1", "clear"]
        assert s.heard == {"I1": near(1_000)}


@race("A2", "A20")
@pytest.mark.parametrize("names_the_cancel", [True, False])
async def test_not_active_after_the_end_of_what_was_cancelled_is_harmless(
    names_the_cancel: bool,
) -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        asked = await s.app.interrupts()
        cancel = s.model.last("response.cancel")
        await s.model.done("R1")
        await s.model.error(
            "response_cancel_not_active", cancel["event_id"] if names_the_cancel else None
        )
        assert asked.outcome == "already_over"
        await next_answer_is_heard(s)
        assert s.told_of("cancel") == ["R1"]


@race("A3", "A14")
@pytest.mark.parametrize("authority", ["client", "server"])
@pytest.mark.parametrize("reason", [Reason.APPLICATION, Reason.TOOL])
async def test_what_we_silence_for_a_reason_of_our_own_we_also_cancel(
    authority: str, reason: Reason
) -> None:
    async with scene(authority=authority) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        asked = await s.app.interrupts(reason)
        await s.app.says("Instead.")
        assert s.told == ["create", "cancel R1", "truncate I1", "create"]
        assert asked.outcome == "cancelled"


@race("A13")
async def test_a_storm_of_reasons_cancels_once() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        with s.at_once():
            for number in range(3):
                await s.model.hears_start(f"T{number}")
                await s.caller.begins()
                await s.caller.stops()
                await s.caller.presses("1")
                await s.app.interrupts()
                await s.model.hears_stop(f"T{number}")
        await s.at(1_200)
        await s.caller.speaks(500)
        await s.model.done("R1", "cancelled")
        assert s.told_of("cancel") == ["R1"]
        assert s.told_of("truncate") == ["I1"]
        assert s.on_phone == ["media I1", "clear"]
        assert len(s.clears) == 1


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


@race("A18", "A20")
async def test_an_interruption_is_defined_in_every_state_and_again() -> None:
    async with scene() as s:
        assert (await s.app.interrupts()).outcome == "nothing_to_interrupt"
        await s.caller.speaks(500)
        assert s.told == []
        await s.app.says()
        await s.model.says("R1", "I1", 2_000)
        await s.after(500)
        assert (await s.app.interrupts()).outcome == "already_over"
        for _ in range(3):
            assert (await s.app.interrupts()).outcome == "nothing_to_interrupt"
        await next_answer_is_heard(s)
        assert s.told_of("cancel") == []
        assert len(s.clears) == 1


# --- before there is anything to name --------------------------------------------------------


@race("A4", "A5", "A6")
@pytest.mark.parametrize("says_whose_it_is", [True, False])
async def test_an_answer_interrupted_before_its_id_is_cancelled_by_id_and_never_heard(
    says_whose_it_is: bool,
) -> None:
    async with scene() as s:
        await s.app.says("Hello.")
        await s.at(50)
        asked = await s.app.interrupts()
        await s.at(350)
        assert s.told == ["create"]
        s.model.obeys_no_more()
        await s.model.opens("R1", "I1", 500, by_itself=not says_whose_it_is)
        await s.model.audio("R1", "I1", 500)
        await s.model.done("R1", "cancelled")
        await s.at(1_000)
        assert s.told == ["create", "cancel R1", "delete I1"]
        assert s.on_phone == ["clear"], "a clear that finds nothing does no harm, audio would"
        assert asked.outcome == "cancelled"


@race("A11")
async def test_an_interruption_drops_what_was_asked_for_before_the_model_was_there() -> None:
    async with scene(agrees=False) as s:
        await s.app.says("Hello.")
        await s.at(100)
        assert (await s.app.interrupts()).outcome == "cancelled"
        await s.at(1_000)
        await s.model.wire.begin()
        await s.after(1_000)
        assert s.told == []
        await s.app.says("Later.")
        assert s.told == ["create"]


@race("A19")
async def test_what_is_kept_in_the_queue_is_said_after_an_interruption_and_no_more() -> None:
    async with scene() as s:
        await s.app.says("A")
        await s.model.opens("R1", "I1", 3_000)
        await s.app.says("B", keep=True)
        await s.app.says("C")
        await s.at(500)
        asked = await s.app.interrupts()
        assert s.told == ["create", "cancel R1", "truncate I1", "create"]
        assert s.model.last("response.create")["response"]["instructions"] == "B"
        await s.model.says("R2", "I2", 500)
        await s.at(2_000)
        assert asked.outcome == "cancelled"
        assert s.told.count("create") == 2
        assert s.heard["I2"] == 500


@race("A25")
async def test_an_answer_interrupted_before_its_first_audio_ends_and_blocks_nothing() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.created("R1")
        asked = await s.app.interrupts()
        assert asked.outcome == "cancelled"
        assert s.told == ["create", "cancel R1"]
        await next_answer_is_heard(s)


# --- the wrong target ------------------------------------------------------------------------


@race("A7", "A22")
async def test_a_late_end_of_the_last_answer_leaves_the_next_one_as_it_is() -> None:
    async with scene(authority="server") as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        await s.app.interrupts()
        await s.model.opens("R2", "I2", 3_000, by_itself=True)
        await s.at(1_000)
        await s.model.done("R1", "cancelled")
        await s.at(1_500)
        assert s.on_phone == ["media I1", "clear", "media I2"]
        asked = await s.app.interrupts()
        await s.model.done("R2", "cancelled")
        assert s.told_of("cancel") == ["R1", "R2"]
        assert asked.outcome == "cancelled"
        assert s.truncated["I2"] == near(1_000)


@race("A8", "A12")
async def test_nothing_is_cancelled_for_an_answer_that_is_over_so_the_next_one_survives() -> None:
    async with scene(authority="server") as s:
        await s.app.says()
        await s.model.says("R1", "I1", 3_000)
        await s.at(1_000)
        await s.model.hears_start("T1")
        await s.at(1_100)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.says("R2", "I2", 600, by_itself=True)
        await s.at(2_500)
        assert s.told == ["create", "truncate I1"]
        assert s.heard == {"I1": near(1_000), "I2": 600}


@race("A9", "A10")
async def test_open_answers_are_heard_one_by_one_and_each_is_cancelled_by_its_id() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 300)
        await s.model.opens("R2", "I2", 300, by_itself=True)
        await s.model.audio("R1", "I1", 300)
        await s.model.audio("R2", "I2", 2_000)
        await s.at(400)
        await s.caller.speaks(400)
        assert s.told_of("cancel") == ["R1", "R2"]
        assert s.told_of("truncate") + s.told_of("delete") == ["I1", "I2"]
        assert [item for item, _, _ in s.heard_spans] == ["I1"]


@race("A10")
async def test_an_answer_that_pauses_between_its_items_is_not_mixed_with_another() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 300)
        await s.model.audio_done("R1", "I1")
        await s.model.says("R2", "I2", 500, by_itself=True)
        await s.at(600)
        await s.model.item("R1", "I3")
        await s.model.audio("R1", "I3", 400)
        await s.model.done("R1")
        await s.at(2_500)
        assert s.heard_spans == [("I1", 0, 300), ("I3", 0, 400), ("I2", 0, 500)]
        assert s.told == ["create"]


@race("A15")
async def test_an_interruption_that_meant_an_older_answer_leaves_the_newer_one_alone() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 300)
        meant = s.app.newest()
        await s.at(1_000)
        await s.model.hears("T1")
        await s.model.opens("R2", "I2", 1_000)
        await s.after(300)
        assert (await s.app.interrupts(Reason.TOOL, through=meant)).outcome == "already_over"
        await s.model.done("R2")
        await s.after(2_000)
        assert s.told == ["create", "create"]
        assert s.clears == []
        assert s.heard["I2"] == 1_000


@race("A17")
@pytest.mark.parametrize("authority", ["client", "server"])
async def test_protected_speech_is_neither_cancelled_nor_cleared_nor_truncated(
    authority: str,
) -> None:
    async with scene(authority=authority) as s:
        await s.app.says("This call is recorded.", protected=True)
        await s.model.opens("R1", "I1", 2_000)
        await s.at(500)
        await s.model.hears_start("T1")
        await s.caller.speaks(600)
        await s.caller.presses("5")
        assert (await s.app.interrupts()).outcome == "protected"
        await s.model.hears_stop("T1")
        await s.model.done("R1")
        await s.at(3_000)
        assert s.heard == {"I1": 2_000}
        assert s.clears == []
        assert s.told_of("cancel") + s.told_of("truncate") + s.told_of("delete") == []


# --- what must not wait ----------------------------------------------------------------------


@race("A21")
async def test_a_cancel_that_nobody_acknowledges_silences_all_the_same_and_ends_nothing() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        asked = await s.app.interrupts()
        assert s.clears == [near(500)]
        await s.at(4_000)
        assert asked.outcome == "timed_out"
        await next_answer_is_heard(s)
        assert not s.call.ended.is_set()


async def slow_tool(arguments: str) -> str:
    await trio.sleep(3)
    return "done"


@race("A23")
async def test_silence_waits_neither_for_a_tool_nor_for_a_model_that_does_not_read() -> None:
    async with scene(tools={"slow": slow_tool}) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.model.calls_tool("R1", "C1", "slow")
        await s.app.says("Behind it.", protected=True)
        await s.at(500)
        s.call.model_spy.hold()
        await s.caller.begins()
        assert s.clears == [near(500)]
        await s.at(1_000)
        await s.caller.stops()
        s.call.model_spy.release()
        await s.at(3_500)
        assert s.told_of("cancel") == ["R1"]
        assert s.told_of("output") == ["C1"]
        assert s.on_phone == ["media I1", "clear"]


# --- what an old interruption does to what comes after it ------------------------------------


@race("A27", "A28")
async def test_after_an_interruption_the_next_answer_is_heard_to_its_end_and_no_more() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        await s.model.hears_start("T1")
        await s.caller.speaks(400)
        await s.at(1_000)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.says("R2", "I2", 1_800)
        await s.at(4_000)
        assert s.on_phone == ["media I1", "clear", "media I2"]
        assert s.heard_spans == [("I1", 0, near(500)), ("I2", 0, 1_800)]


@race("A30")
async def test_a_caller_who_goes_on_before_the_answer_is_heard_gets_the_next_answer() -> None:
    async with scene() as s:
        await s.model.hears("T1", "I want to")
        await s.model.created("R1")
        await s.caller.begins()
        await s.model.hears_start("T2")
        await s.after(800)
        await s.caller.stops()
        await s.model.hears_stop("T2")
        await s.model.commits("T2")
        await s.model.says("R2", "I2", 700)
        await s.after(1_500)
        assert s.told == ["create", "cancel R1", "create"]
        assert s.heard == {"I2": 700}


@race("A32")
async def test_noise_that_cancels_answers_before_they_are_heard_silences_nobody_for_ever() -> None:
    async with scene() as s:
        await s.model.hears("T1", "Hello?")
        for number in (1, 2):
            await s.model.created(f"R{number}")
            await s.caller.speaks(400)
            assert s.told_of("cancel")[-1] == f"R{number}"
            await s.after(2_500)
            assert s.told.count("create") == number + 1, "nobody speaks any more"
        await s.model.says("R3", "I3", 500)
        await s.after(1_000)
        assert s.heard == {"I3": 500}
