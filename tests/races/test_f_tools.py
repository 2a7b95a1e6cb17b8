"""Part 1 F: tools whose results are lost, posted twice, or make the caller wait."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest
import trio

from trio_media.core.events import Reason

from .language import Scene, near, race, scene
from .service import slow_service

Tool = Callable[[str], Awaitable[str]]


def tool_of(ran: list[str], length_ms: int) -> dict[str, Tool]:
    """A tool that takes so long and notes that it ran."""

    async def book(arguments: str) -> str:
        ran.append(arguments)
        await trio.sleep(length_ms / 1_000)
        return "booked"

    return {"book": book}


def outputs(s: Scene) -> dict[str, str]:
    """What the model got for each call of a tool."""
    items = [m["item"] for m in s.model.wire.of("conversation.item.create")]
    return {item["call_id"]: item["output"] for item in items if "call_id" in item}


@race("F107", "F109", "F110")
@pytest.mark.parametrize("length_ms", [10, 600, 3_000])
@pytest.mark.parametrize("by", ["speech", "key", "application"])
async def test_a_result_reaches_the_model_once_whoever_interrupts(length_ms: int, by: str) -> None:
    ran: list[str] = []
    async with scene(tools=tool_of(ran, length_ms)) as s:
        await s.app.says()
        await s.model.opens("R0", "I0", 3_000)
        await s.model.calls_tool("R0", "C1", "book", '{"at": 8}')
        await s.model.done("R0")
        await s.at(100)
        async with slow_service(s, length_ms=400):
            if by == "speech":
                await s.model.hears_start("T1")
                await s.caller.speaks(500)
                await s.model.hears_stop("T1")
                await s.model.commits("T1")
            elif by == "key":
                await s.caller.presses("1")
            else:
                await s.app.interrupts()
            await s.at(6_000)
        assert ran == ['{"at": 8}']
        assert outputs(s) == {"C1": "booked"}
        assert s.told_of("output") == ["C1"]
        assert "create" in s.told[s.told.index("output C1") :], "nobody spoke about the result"
        assert s.clears[1:] == []


@race("F107")
async def test_a_call_that_the_model_repeats_in_its_answer_is_made_once() -> None:
    ran: list[str] = []
    async with scene(tools=tool_of(ran, 50)) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 500)
        for _ in range(2):
            await s.model.calls_tool("R1", "C1", "book")
        await s.at(200)
        await s.model.calls_tool("R1", "C1", "book")
        await s.model.done("R1")
        await s.at(1_000)
        assert ran == ["{}"]
        assert s.told == ["create", "output C1", "create"]


@race("F108")
async def test_a_call_that_crosses_its_cancel_is_not_made_and_has_its_one_output() -> None:
    ran: list[str] = []
    async with scene(tools=tool_of(ran, 10)) as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 1_000)
        await s.at(300)
        await s.app.interrupts()
        await s.model.calls_tool("R1", "C1", "book")
        await s.model.done("R1", "cancelled")
        await s.at(2_000)
        assert ran == []
        assert "interrupted" in json.loads(outputs(s)["C1"])["error"]
        assert s.told == ["create", "cancel R1", "truncate I1", "output C1"]


@race("F111")
async def test_a_long_tool_slows_down_neither_the_ear_nor_the_silence() -> None:
    ran: list[str] = []
    async with scene(tools=tool_of(ran, 20_000)) as s:
        await s.model.hears("T1", "Book a table.")
        await s.model.created("R1")
        await s.model.calls_tool("R1", "C1", "book")
        await s.model.done("R1")
        await s.app.says("One moment.")
        await s.model.says("R2", "I2", 5_000)
        await s.at(3_000)
        await s.caller.begins()
        await s.after(100)
        assert s.clears == [near(3_000, 40)]
        await s.after(500)
        await s.caller.stops()
        await s.model.hears("T2", "Hello?")
        await s.model.says("R3", "I3", 800)
        await s.at(6_000)
        assert s.heard["I3"] == 800, "the caller is answered while the tool still runs"
        await s.at(20_100)
        assert outputs(s) == {"C1": "booked"}
        await s.model.says("R4", "I4", 600)
        await s.at(22_000)
        assert s.heard["I4"] == 600


@race("F113")
@pytest.mark.parametrize("is_interrupted", [True, False])
async def test_arguments_that_are_not_complete_are_never_run(is_interrupted: bool) -> None:
    ran: list[str] = []
    async with scene(tools=tool_of(ran, 10)) as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 1_000)
        await s.model.event(
            "response.function_call_arguments.delta",
            response_id="R1",
            item_id="F1",
            call_id="C1",
            output_index=1,
            delta='{"at": ',
        )
        await s.at(300)
        if is_interrupted:
            await s.app.interrupts()
        item = {"id": "F1", "type": "function_call", "status": "incomplete", "call_id": "C1"}
        item |= {"name": "book", "arguments": '{"at": '}
        await s.model.event(
            "response.output_item.done", response_id="R1", output_index=1, item=item
        )
        await s.model.done("R1", "cancelled" if is_interrupted else "incomplete")
        await s.at(4_000)
        assert ran == []
        assert outputs(s) == {}


@race("F114")
async def test_a_tool_that_never_returns_is_given_up_and_says_so_once() -> None:
    ran: list[str] = []
    async with scene(tools=tool_of(ran, 50_000)) as s:
        await s.model.hears("T1", "Book a table.")
        await s.model.created("R0")
        await s.model.calls_tool("R0", "C1", "book")
        await s.model.done("R0")
        await s.at(29_000)
        assert s.told == ["create"]
        async with slow_service(s, length_ms=400):
            await s.at(60_000)
        assert "30 s" in json.loads(outputs(s)["C1"])["error"]
        assert s.told == ["create", "output C1", "create"]


@race("F114")
async def test_a_tool_that_interrupts_the_answer_that_called_it_settles_like_any_other() -> None:
    outcomes: list[str] = []
    async with scene() as s:

        async def hush(arguments: str) -> str:
            result = await s.call.control.interrupt(Reason.APPLICATION)
            outcomes.append(result.outcome.value)
            return "done"

        s.app.offers("hush", hush)
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        await s.at(500)
        await s.model.calls_tool("R1", "C1", "hush")
        await s.at(1_000)
        assert outcomes == ["cancelled"]
        assert s.told == ["create", "cancel R1", "truncate I1", "output C1", "create"]
