"""Part 1 G and part 2 F: goodbyes that nobody hears, that never end, or that end the wrong call."""

from __future__ import annotations

import contextlib
import itertools
import json

import pytest
import trio
from trio_websocket import ConnectionClosed

from trio_media.agent.agent import Agent
from trio_media.core.units import ENDING_SILENT_MS, FAULT_TRIES, MARK_LATE_MS, MARK_LOST_MS

from .language import Scene, near, race, scene

GOODBYE = "Goodbye, and thank you."


def ending_agent() -> Agent:
    """An agent whose model may end the call."""
    return Agent(built_in_tools=("end_call",))


async def model_ends_call(s: Scene, response_id: str, *, is_over: bool = True) -> None:
    """The model asks for the end, with words of its own."""
    arguments = json.dumps({"goodbye": GOODBYE})
    await s.model.calls_tool(response_id, f"end{response_id}", "end_call", arguments)
    if is_over:
        await s.model.done(response_id)


async def says_goodbye(s: Scene, length_ms: int) -> None:
    """A first answer of a second, the end is asked for, and the goodbye is being heard."""
    await s.model.hears("T1", "That is all.")
    await s.model.opens("R1", "I1", 1_000)
    await model_ends_call(s, "R1")
    await s.model.says("R2", "I2", length_ms)
    assert GOODBYE in s.asked_words[-1]


async def speaks_up(s: Scene, item_id: str, text: str) -> None:
    """The caller says something, as both ears hear it."""
    with contextlib.suppress(ConnectionClosed):  # the call ends when it ends
        await s.model.hears_start(item_id)
        await s.caller.speaks(600)
        await s.model.hears_stop(item_id)
        await s.model.commits(item_id)
        await s.model.transcribes(item_id, text)


# --- it is heard, and then the call ends ------------------------------------------------------


@race("G115", "P2-79")
@pytest.mark.parametrize("marks", ["in time", "late", "lost"])
async def test_a_call_ends_when_its_goodbye_was_heard_and_not_when_it_was_generated(
    marks: str,
) -> None:
    async with scene(agent=ending_agent()) as s:
        s.call.carrier.mark_delay_s = 0.4 if marks == "late" else 0.0
        s.call.carrier.echoes = marks != "lost"
        await says_goodbye(s, 7_000)
        await s.at(7_950)
        assert not s.call.ended.is_set(), "it is generated, and not heard"
        assert (await s.call.until_end()).reason == "end_call"
        assert s.heard == {"I1": 1_000, "I2": 7_000}
        assert s.now_ms - 8_000 <= {"in time": 40, "late": 440}.get(
            marks, MARK_LOST_MS + MARK_LATE_MS + 200
        )


@race("B40", "G115", "G116")
@pytest.mark.parametrize("at_ms", [-500, 300, 1_000, 1_800])
async def test_echoes_of_marks_that_a_cough_cleared_do_not_end_the_call(at_ms: int) -> None:
    async with scene(agent=ending_agent()) as s:
        await says_goodbye(s, 2_000)
        await s.at(1_000 + at_ms)
        await s.caller.speaks(60)
        assert not s.call.carrier._marks, "they all came back when they were cleared"
        await s.after(100)
        assert not s.call.ended.is_set(), "cleared marks are taken for a goodbye that was heard"
        assert (await s.call.until_end()).reason == "end_call"
        assert len(s.clears) == 1
        assert s.heard["I2"] == 2_000, "its end was not heard"


@race("B40")
async def test_words_are_not_taken_for_heard_because_their_marks_came_back_cleared() -> None:
    async with scene(agent=Agent()) as s:
        said = await s.app.asks(s.app.attended.say, "A long story.")
        await s.model.says("R1", "I1", 5_000)
        await s.at(1_500)
        await speaks_up(s, "T1", "Stop, please.")
        assert said.outcome == "cut_off"
        assert said.result.heard_ms == near(1_500)


@race("P2-80")
@pytest.mark.parametrize(
    "order", [*itertools.permutations(["audio", "transcript", "response"])], ids="-".join
)
async def test_a_goodbye_ends_the_call_in_whatever_order_its_ends_are_told(
    order: tuple[str, ...],
) -> None:
    async with scene(agent=ending_agent()) as s:
        await s.model.hears("T1", "That is all.")
        await s.model.created("R1")
        await model_ends_call(s, "R1")
        await s.model.opens("R2", "I2", 1_000)
        began_ms = s.now_ms
        for number, end in enumerate(order):
            await s.at(began_ms + 100 + 300 * number)
            if end == "audio":
                await s.model.audio_done("R2", "I2")
            elif end == "transcript":
                await s.model.transcript_done("R2", "I2")
            else:
                await s.model.done("R2")
        await s.at(began_ms + 980)
        assert not s.call.ended.is_set()
        assert (await s.call.until_end()).reason == "end_call"
        assert s.now_ms == near(began_ms + 1_000)
        assert s.heard == {"I2": 1_000}


@race("P2-83")
async def test_only_what_was_asked_for_last_ends_the_call() -> None:
    async with scene(agent=Agent()) as s:
        await s.app.says("First.")
        await s.model.opens("R1", "I1", 1_000)
        await s.app.says("Second.", keep=True)
        ended = await s.app.asks(s.app.attended.hang_up, say=GOODBYE)
        for response_id, item_id in (("R1", "I1"), ("R2", "I2"), ("R3", "I3")):
            if response_id != "R1":
                await s.model.opens(response_id, item_id, 1_000)
            await s.model.audio_done(response_id, item_id)
            await s.model.done(response_id)
            assert not ended.is_over, f"{response_id} set it off"
        assert GOODBYE in s.asked_words[2]
        await s.call.until_end()
        assert ended.outcome == "ended"
        assert s.heard == {"I1": 1_000, "I2": 1_000, "I3": 1_000}


# --- the caller speaks into it ----------------------------------------------------------------


@race("G116", "P2-81", "P2-85")
async def test_a_caller_keeps_the_call_by_speaking_into_the_goodbye_but_not_for_ever() -> None:
    async with scene(agent=ending_agent()) as s:
        await says_goodbye(s, 3_000)
        await s.after(1_500)
        await speaks_up(s, "T2", "Wait, one more thing.")
        assert s.told[-2:] == ["truncate I2", "create"]
        await s.model.says("R3", "I3", 1_000)
        await s.after(15_000)
        assert not s.call.ended.is_set(), "the caller was hung up on"
        assert s.app.attended.was_end_revoked
        assert not s.app.attended.state.is_ending
        await s.model.hears("T3", "No, that was it.")
        await s.model.created("R4")
        await model_ends_call(s, "R4")
        await s.model.says("R5", "I5", 3_000)
        clears = len(s.clears)
        began_ms = s.now_ms
        await s.after(1_000)
        await speaks_up(s, "T4", "And another thing.")
        assert (await s.call.until_end()).reason == "end_call"
        assert s.heard["I5"] == 3_000, "the second goodbye is said to its end"
        assert s.now_ms - began_ms <= 3_100
        assert len(s.clears) == clears
        assert len(s.told_of("create")) == 5, "nobody says goodbye a third time"


@race("G116", "P2-81")
@pytest.mark.parametrize("at_ms", [200, 900, 1_500, 2_500])
@pytest.mark.parametrize("if_interrupted", ["stay", "hang_up"])
async def test_an_end_is_revoked_wholly_or_not_at_all_wherever_the_caller_speaks(
    if_interrupted: str, at_ms: int
) -> None:
    async with scene(agent=Agent()) as s:
        await s.app.says("First.")
        await s.model.says("R1", "I1", 1_000)
        ask = s.app.attended.hang_up
        ended = await s.app.asks(ask, say=GOODBYE, if_interrupted=if_interrupted)
        s.call.nursery.start_soon(says_when_asked, s, "R2", "I2", 2_000)
        await s.at(at_ms)
        await speaks_up(s, "T1", "Wait.")
        if if_interrupted == "stay":
            await s.at(20_000)
            assert ended.outcome == "revoked"
            assert not s.call.ended.is_set()
            assert not s.app.attended.state.is_ending
            assert sum(GOODBYE in words for words in s.asked_words) == 1
        else:
            await s.call.until_end()
            assert ended.outcome == "ended"
            assert s.heard["I2"] == 2_000


async def says_when_asked(s: Scene, response_id: str, item_id: str, length_ms: int) -> None:
    """Answer the next create, if there is one."""
    with trio.move_on_after(2):
        await s.model.says(response_id, item_id, length_ms)


@race("P2-88")
async def test_a_caller_who_says_goodbye_is_answered_before_anything_ends() -> None:
    async with scene(agent=ending_agent()) as s:
        await s.model.hears("T1", "Thanks, bye.")
        await s.after(5_000)
        assert not s.call.ended.is_set()
        assert s.told == ["create"]
        await s.model.opens("R1", "I1", 1_000)
        await s.model.calls_tool("R1", "C1", "end_call", "{}")
        await s.model.done("R1")
        began_ms = s.now_ms
        assert (await s.call.until_end()).reason == "end_call"
        assert s.heard == {"I1": 1_000}
        assert s.now_ms - began_ms == near(1_000)


# --- what is waited for, and for how long -----------------------------------------------------


@race("P2-85", "G116")
@pytest.mark.parametrize("model", ["is silent", "says nothing", "refuses"])
async def test_a_goodbye_that_nobody_says_ends_the_call_and_is_not_asked_for_again(
    model: str,
) -> None:
    async with scene(agent=ending_agent()) as s:
        await s.model.hears("T1", "That is all.")
        await s.model.created("R1")
        await model_ends_call(s, "R1")
        if model == "refuses":
            await s.model.error("server_error", s.model.last("response.create")["event_id"])
        elif model == "says nothing":
            await s.model.created("R2")
            await s.model.done("R2")
        assert (await s.call.until_end()).reason == "end_call"
        assert s.now_ms <= ENDING_SILENT_MS + 100
        assert len(s.told_of("create")) == 2


@race("P2-85", "G116")
@pytest.mark.parametrize("failures", [1, FAULT_TRIES, FAULT_TRIES + 1])
async def test_a_goodbye_that_fails_is_tried_again_so_often_and_then_the_call_ends(
    failures: int,
) -> None:
    async with scene(agent=ending_agent()) as s:
        await s.model.hears("T1", "That is all.")
        await s.model.created("R1")
        await model_ends_call(s, "R1")
        for number in range(failures):
            assert not s.call.ended.is_set(), "it was given up too soon"
            await s.model.created(f"G{number}")
            await s.model.done(f"G{number}", "failed")
        if failures <= FAULT_TRIES:
            await s.model.says("R2", "I2", 1_000)
        assert (await s.call.until_end()).reason == "end_call"
        goodbyes = [words for words in s.asked_words if GOODBYE in words]
        assert len(goodbyes) == min(failures, FAULT_TRIES) + 1
        assert s.heard == ({"I2": 1_000} if failures <= FAULT_TRIES else {})
        assert s.now_ms <= ENDING_SILENT_MS + 100


@race("P2-85", "G116")
async def test_a_goodbye_that_fails_once_and_then_is_not_said_holds_nobody_up() -> None:
    async with scene(agent=ending_agent()) as s:
        await s.model.hears("T1", "That is all.")
        await s.model.created("R1")
        await model_ends_call(s, "R1")
        await s.model.created("R2")
        await s.model.done("R2", "failed")
        assert (await s.call.until_end()).reason == "end_call"
        assert s.now_ms <= ENDING_SILENT_MS + 100
        assert sum(GOODBYE in words for words in s.asked_words) == 2, "as often as it failed"


@race("G119")
@pytest.mark.parametrize("tool_ms", [200, 3_000, 50_000])
async def test_a_goodbye_waits_for_a_result_and_what_is_said_of_it_but_not_for_ever(
    tool_ms: int,
) -> None:
    agent = ending_agent()

    async def look_up() -> str:
        await trio.sleep(tool_ms / 1_000)
        return "found"

    agent.tool(filler_after_ms=None)(look_up)
    async with scene(agent=agent) as s:
        await s.model.hears("T1", "Look it up, and then goodbye.")
        await s.model.created("R1")
        await s.model.calls_tool("R1", "C1", "look_up")
        await model_ends_call(s, "R1")
        if tool_ms > ENDING_SILENT_MS:
            assert (await s.call.until_end()).reason == "end_call"
            assert s.now_ms <= ENDING_SILENT_MS + 100
            return
        await s.model.opens("R2", "I2", 1_000)
        assert s.told == ["create", "output endR1", "output C1", "create"]
        assert GOODBYE not in s.asked_words[1], "the goodbye overtook the result"
        await s.model.done("R2")
        await s.model.says("R3", "I3", 1_000)
        assert GOODBYE in s.asked_words[2]
        assert (await s.call.until_end()).reason == "end_call"
        assert s.heard == {"I2": 1_000, "I3": 1_000}


@race("P2-82")
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("incomplete", "content_filter"),
        ("incomplete", "max_output_tokens"),
        ("failed", "error"),
        ("cancelled", "turn_detected"),
    ],
)
async def test_an_answer_that_was_cut_off_hangs_up_on_nobody(status: str, reason: str) -> None:
    async with scene(agent=ending_agent()) as s:
        await s.model.hears("T1", "Can you tell me more?")
        await s.model.opens("R1", "I1", 1_000)
        item = {"id": "F1", "type": "function_call", "status": "incomplete", "call_id": "C1"}
        item |= {"name": "end_call", "arguments": "{}"}
        await s.model.event(
            "response.output_item.done", response_id="R1", output_index=1, item=item
        )
        await s.model.done("R1", status, reason)
        await s.at(15_000)
        assert not s.call.ended.is_set()
        await s.model.hears("T2", "Hello?")
        assert s.told[-1] == "create"


@race("P2-63", "G116")
async def test_a_transcript_that_comes_late_revokes_no_end_that_was_asked_for_since() -> None:
    async with scene(agent=ending_agent()) as s:
        await s.model.hears("T1")
        await s.model.opens("R1", "I1", 500)
        await model_ends_call(s, "R1")
        await s.at(200)
        await s.model.transcribes("T1", "No, nothing else, thank you.")
        await s.model.says("R2", "I2", 1_000)
        assert (await s.call.until_end()).reason == "end_call"
        assert s.heard == {"I1": 500, "I2": 1_000}
