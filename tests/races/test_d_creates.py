"""Part 1 D: answers that are asked for twice, too early, or never."""

from __future__ import annotations

import json

import pytest

from trio_media.core.events import Say

from .language import near, race, scene


@race("D77", "D78")
@pytest.mark.parametrize("end_ms", [0, 1, 50, 700, 2_900])
async def test_what_is_asked_for_after_a_cancel_goes_out_when_the_cancelled_answer_is_over(
    end_ms: int,
) -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says("One.")
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        asked = await s.app.interrupts()
        await s.app.says("Two.")
        await s.at(500 + end_ms)
        assert s.told_of("create") == [""], "a create while a response is open is refused"
        await s.model.done("R1", "cancelled")
        await s.model.says("R2", "I2", 400)
        await s.after(1_000)
        assert s.told == ["create", "cancel R1", "truncate I1", "create"]
        assert s.told_when[-1].at_ms == near(500 + end_ms, 1)
        assert s.heard["I2"] == 400
        assert asked.outcome == "cancelled"


@race("D77", "D82")
async def test_a_turn_after_a_cancel_is_answered_though_the_end_is_never_told() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        asked = await s.app.interrupts()
        await s.model.hears("T1")
        await s.at(3_400)
        assert s.told_of("create") == [""]
        await s.at(3_600)
        assert asked.outcome == "timed_out"
        await s.model.says("R2", "I2", 400)
        await s.at(5_000)
        assert s.told_of("create") == ["", ""]
        assert s.heard["I2"] == 400


@race("D82")
@pytest.mark.parametrize("is_known", [False, True], ids=["unknown", "known"])
async def test_a_create_that_another_answer_blocks_goes_out_again_with_its_words(
    is_known: bool,
) -> None:
    async with scene() as s:
        await s.app.says("Your table is booked.")
        if is_known:
            await s.model.opens("R0", "I0", 300, by_itself=True)
        code = "conversation_already_has_active_response"
        await s.model.error(code, s.model.last("response.create")["event_id"])
        s.model.wire.creates_taken = 1
        await s.at(200)
        assert s.told == ["create"]
        if is_known:
            await s.model.done("R0")
        await s.at(300)
        await s.model.says("R1", "I1", 600)
        await s.at(2_000)
        words = [m["response"]["instructions"] for m in s.model.wire.of("response.create")]
        assert words == ["Your table is booked."] * 2
        assert s.heard["I1"] == 600


@race("D83")
async def test_whoever_waits_for_a_create_that_is_rejected_is_told_at_once() -> None:
    async with scene() as s:
        await s.model.hears("T1")
        asked = await s.app.interrupts()
        assert asked.results == []
        await s.at(300)
        await s.model.error("server_error", s.model.last("response.create")["event_id"])
        assert asked.outcome == "cancelled"
        assert s.now_ms == 300
        await s.at(20_000)
        assert s.told == ["create"], "what was interrupted is not asked for again"


@race("D83")
async def test_a_turn_whose_create_is_rejected_is_answered_soon_all_the_same() -> None:
    async with scene() as s:
        await s.model.hears("T1")
        await s.model.error("server_error", s.model.last("response.create")["event_id"])
        s.model.wire.creates_taken = 1
        await s.at(2_050)
        await s.model.says("R1", "I1", 600)
        await s.at(5_000)
        assert s.told == ["create", "create"]
        assert s.heard == {"I1": 600}


@race("D84")
async def test_speech_that_needs_another_session_waits_until_that_is_confirmed() -> None:
    async with scene(authority="server") as s:
        s.model.obeys_no_more()
        await s.app.says("This call is recorded.", protected=True)
        await s.at(1_000)
        assert s.told == ["flags off"]
        await s.model.event("session.updated", session=s.model.last("session.update")["session"])
        assert s.told == ["flags off", "create"]
        await s.model.says("R1", "I1", 800)
        await s.at(2_000)
        assert s.told == ["flags off", "create", "flags on"]
        assert s.heard == {"I1": 800}


@race("D85")
@pytest.mark.parametrize(
    "broken", [{"response": None}, {"response": []}, {}, {"response": {"status": 7}}]
)
async def test_an_end_that_names_nothing_frees_the_way_for_the_next_answer(
    broken: dict[str, object],
) -> None:
    async with scene() as s:
        await s.model.hears("T1")
        await s.model.opens("R1", "I1", 400)
        # Past the scene's own record of what the model said, which reads names.
        end = json.dumps({"type": "response.done", "event_id": "event_x", **broken})
        await s.model.wire.websocket.send_message(end)
        await s.at(1_000)
        await s.model.hears("T2")
        await s.model.says("R2", "I2", 500)
        await s.at(2_000)
        assert s.told == ["create", "create"]
        assert s.heard == {"I1": 400, "I2": 500}


@race("D85")
async def test_an_answer_that_never_ends_is_given_up_and_the_next_one_goes_out() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.model.hears("T1")
        await s.model.opens("R1", "I1", 400)
        await s.at(1_000)
        await s.app.says("Are you there?")
        await s.at(29_900)
        assert s.told == ["create"]
        await s.at(30_100)
        assert s.told == ["create", "cancel R1"]
        await s.at(33_200)
        await s.model.says("R2", "I2", 500)
        await s.at(35_000)
        assert s.told == ["create", "cancel R1", "create"]
        assert s.heard == {"I1": 400, "I2": 500}


@race("D88")
async def test_what_is_asked_for_before_the_session_is_ready_is_said_in_order_after_it() -> None:
    async with scene(agrees=False, greeting="Hello.") as s:
        await s.app.says("You are number two.")
        await s.app.says("The weather is fine.")
        await s.at(1_000)
        assert s.told == []
        await s.model.wire.begin()
        for number in (1, 2, 3):
            await s.model.says(f"R{number}", f"I{number}", 300)
        await s.at(3_000)
        words = [m["response"]["instructions"] for m in s.model.wire.of("response.create")]
        assert ["Hello." in words[0], *words[1:]] == [
            True,
            "You are number two.",
            "The weather is fine.",
        ]
        assert s.heard_spans == [("I1", 0, 300), ("I2", 0, 300), ("I3", 0, 300)]


@race("D89")
async def test_what_is_asked_for_over_protected_speech_waits_until_that_was_heard() -> None:
    async with scene() as s:
        await s.app.says("This call is recorded.", protected=True)
        await s.model.says("R1", "I1", 2_000)
        await s.app.says("How can I help?", say=Say.APPLICATION)
        await s.at(1_900)
        assert s.told == ["create"]
        await s.at(2_100)
        await s.model.says("R2", "I2", 500)
        await s.at(3_000)
        assert s.told_when[-1].at_ms == near(2_000)
        assert s.heard_spans == [("I1", 0, 2_000), ("I2", 0, 500)]


@race("D90")
@pytest.mark.parametrize("late_ms", [10, 400, 9_000])
async def test_an_answer_that_appears_after_its_create_was_given_up_is_never_heard(
    late_ms: int,
) -> None:
    async with scene() as s:
        await s.model.hears("T1")
        s.model.wire.creates_taken = 0
        await s.at(10_000 + late_ms)
        first, second = s.model.wire.of("response.create")
        await s.model.wire.created("R1", first)
        await s.model.item("R1", "I1")
        await s.model.audio("R1", "I1", 1_000)
        await s.model.wire.created("R2", second)
        await s.model.item("R2", "I2")
        await s.model.audio("R2", "I2", 500)
        await s.model.done("R2")
        await s.after(2_000)
        assert s.told == ["create", "create", "cancel R1", "delete I1"]
        assert s.heard == {"I2": 500}
