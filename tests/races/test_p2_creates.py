"""Part 2 C: answers that are asked for twice, too early, or never."""

from __future__ import annotations

import pytest

from .language import near, race, scene


@race("P2-42", "P2-43")
async def test_what_is_to_be_said_instead_waits_for_the_end_of_what_was_cancelled() -> None:
    """And the reader goes on reading: the end it waits for is one of the things it reads."""
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        await s.app.interrupts()
        await s.app.says("Something else.")
        await s.model.hears_start("T1")
        await s.model.hears_stop("T1")
        await s.at(2_000)
        assert s.told == ["create", "cancel R1", "truncate I1"]
        await s.model.commits("T1")
        await s.model.done("R1", "cancelled")
        assert s.told_of("create") == ["", ""]


@race("P2-45")
async def test_where_the_server_creates_we_do_not() -> None:
    async with scene(authority="server", detector="server") as s:
        for number in range(1, 4):
            await s.model.hears(f"T{number}", "And then?")
            await s.model.says(f"R{number}", f"I{number}", 300, by_itself=True)
            await s.after(3_000)
        assert s.told == []


@race("P2-46")
async def test_a_turn_that_comes_twice_is_answered_once() -> None:
    async with scene() as s:
        await s.model.hears("T1", "Hello?")
        await s.model.commits("T1")
        await s.model.says("R1", "I1", 300)
        await s.model.hears("T1", "Hello?")
        await s.at(9_000)
        assert s.told == ["create"]


@race("P2-47", "P2-49")
@pytest.mark.parametrize("answered_ms", [9_900, None])
async def test_a_create_is_asked_for_again_only_when_its_time_is_over(
    answered_ms: int | None,
) -> None:
    async with scene() as s:
        await s.model.hears("T1", "Hello?")
        if answered_ms is not None:
            await s.at(answered_ms)
            await s.model.says("R1", "I1", 300)
        await s.at(15_000)
        assert s.told == ["create"] * (1 if answered_ms is not None else 2)


@race("P2-47")
async def test_an_answer_that_appears_after_its_time_is_not_heard_beside_the_next() -> None:
    async with scene() as s:
        await s.model.hears("T1", "Hello?")
        await s.at(14_000)
        assert s.told == ["create", "create"]
        await s.model.opens("R1", "I1", 500)
        await s.model.says("R2", "I2", 500)
        await s.at(18_000)
        assert s.told_of("cancel") == ["R1"]
        assert s.heard == {"I2": 500}


@race("P2-48")
async def test_a_greeting_is_asked_for_once_whatever_becomes_of_it() -> None:
    """The caller speaks before it is there, is answered, and the session is confirmed again."""
    async with scene(greeting="Hello.") as s:
        await s.model.hears_start("T1")
        await s.caller.speaks(500)
        await s.model.opens("R1", "I1", 300)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.says("R2", "I2", 300)
        session = s.model.last("session.update")["session"]
        await s.model.event("session.updated", session=session)
        await s.at(9_000)
        creates = s.model.wire.of("response.create")
        assert ["Hello." in str(create) for create in creates] == [True, False]
        assert s.heard == {"I2": 300}


@race("P2-50")
async def test_no_number_of_answers_is_too_many() -> None:
    async with scene() as s:
        for number in range(1, 16):
            await s.model.hears(f"T{number}", "And then?")
            await s.model.says(f"R{number}", f"I{number}", 100)
            await s.after(150)
        assert s.told == ["create"] * 15
        assert list(s.heard.values()) == [100] * 15


@race("P2-51")
async def test_what_was_asked_for_before_the_session_is_said_when_it_is_there() -> None:
    async with scene(agrees=False) as s:
        await s.app.says()
        await s.app.says("And welcome.")
        await s.at(2_000)
        assert s.told == []
        await s.model.wire.begin()
        await s.model.says("R1", "I1", 300)
        await s.model.says("R2", "I2", 300)
        await s.at(4_000)
        assert s.heard_spans == [("I1", 0, 300), ("I2", 0, 300)]


@race("P2-52")
async def test_nothing_follows_when_the_caller_hangs_up_over_an_answer() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 8_000)
        await s.at(1_000)
        media = len(s.call.carrier.of("media"))
        await s.caller.hangs_up()
        await s.call.until_end()
        assert s.told_of("create") == [""]
        assert len(s.call.carrier.of("media")) == media
        assert s.call.ended_ms - s.zero_ms <= 2_000


@race("P2-53")
@pytest.mark.parametrize(
    ("is_committed", "fails", "within_ms"),
    [(True, True, 0), (False, True, 0), (False, False, 2_000)],
    ids=["committed", "not committed", "neither"],
)
async def test_a_turn_that_nobody_understood_blocks_no_answer(
    is_committed: bool, fails: bool, within_ms: int
) -> None:
    """It fails when it was committed, or before that, or nothing more is ever said of it."""
    async with scene() as s:
        await s.model.hears_start("T1")
        await s.at(500)
        await s.app.says()
        await s.model.hears_stop("T1")
        if is_committed:
            await s.model.commits("T1")
        assert s.told == (["create"] if is_committed else [])
        if fails:
            await s.model.event(
                "conversation.item.input_audio_transcription.failed",
                item_id="T1",
                content_index=0,
                error={"code": "audio_unintelligible", "message": "what?"},
            )
        await s.after(within_ms + 10)
        assert s.told == ["create"], "an answer waits for a turn that is over"
        await s.model.says("R1", "I1", 300)
        await s.after(1_000)
        if is_committed:  # into silence, so it is answered, whatever it was
            await s.model.says("R2", "I2", 300)
        await s.model.hears("T2", "Hello?")
        await s.model.says("R3", "I3", 300)
        await s.after(1_000)
        assert s.heard["I3"] == 300


@race("P2-54")
async def test_an_echo_that_took_an_answer_before_its_audio_costs_one_create() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.created("R1")
        await s.caller.speaks(600)
        assert s.told == ["create", "cancel R1"]
        await s.after(1_900)
        assert s.told == ["create", "cancel R1"], "nobody waited for the caller to go on"
        await s.after(300)
        assert s.told == ["create", "cancel R1", "create"]
        await s.model.says("R2", "I2", 500)
        await s.after(9_000)
        assert s.told[3:] == []
        assert s.heard == {"I2": near(500, by_ms=0)}
