"""Part 1 F: tools of an agent that give way, hold answers, take long, or must be heard."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio

from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.call.tool import FILLER_MS, TOOL_S

from .language import Scene, near, race, scene
from .service import slow_service
from .test_f_tools import outputs

ANSWER_MS = 800


@attrs.define
class Kitchen:
    """A tool that takes a while, and what became of its runs."""

    length_ms: int
    began: list[str] = attrs.field(factory=list)
    ended: list[str] = attrs.field(factory=list)

    def agent(self, **marks: Any) -> Agent:
        """An agent whose only tool it is."""
        agent = Agent()
        agent.tool(**marks)(self.cook)
        return agent

    async def cook(self, what: str = "soup") -> str:
        """Cook something."""
        self.began.append(what)
        await trio.sleep(self.length_ms / 1_000)
        self.ended.append(what)
        return f"{what} is ready"


async def orders(s: Scene, response_id: str = "R1", call_id: str = "C1") -> None:
    """The caller asks, and the model calls the tool without a word."""
    await s.model.hears("T1", "Some soup, please.")
    await s.model.created(response_id)
    await s.model.calls_tool(response_id, call_id, "cook", '{"what": "soup"}')
    await s.model.done(response_id)


# --- a long tool is no dead air ---------------------------------------------------------------


@race("F111")
async def test_a_long_tool_is_spoken_of_and_who_interrupts_that_is_heard_as_fast_as_ever() -> None:
    kitchen = Kitchen(15_000)
    async with scene(agent=kitchen.agent(filler="One moment, please.")) as s:
        await orders(s)
        await s.model.opens("R2", "I2", 3_000)
        assert s.told_when[-1].at_ms == near(FILLER_MS)
        assert "One moment, please." in s.asked_words[-1]
        await s.at(4_000)
        await s.caller.begins()
        await s.after(100)
        assert s.clears == [near(4_000)], "the ear waits for the tool"
        await s.after(400)
        await s.caller.stops()
        await s.model.hears("T2", "Hello?")
        await s.model.says("R3", "I3", ANSWER_MS)
        await s.at(9_000)
        assert s.heard["I3"] == ANSWER_MS, "the caller is answered while the tool runs"
        assert len(s.told_of("create")) == 3, "no filler just after somebody has spoken"
        await s.at(15_100)
        assert outputs(s) == {"C1": "soup is ready"}
        await s.model.says("R4", "I4", ANSWER_MS)
        await s.at(17_000)
        assert s.heard["I4"] == ANSWER_MS


@race("F111")
@pytest.mark.parametrize("after_ms", [2_500, 2_990, 3_010, 3_500, 6_000])
async def test_a_filler_and_a_result_are_never_both_in_the_air(after_ms: int) -> None:
    kitchen = Kitchen(after_ms)
    async with scene(agent=kitchen.agent()) as s:
        await orders(s)
        if after_ms < FILLER_MS:
            await s.at(FILLER_MS)
            assert s.told == ["create", "output C1", "create"]
        else:
            await s.model.opens("R2", "I2", 1_000)
            await s.at(after_ms + 10)
            assert s.told == ["create", "create", "output C1"], "the filler is not over"
            await s.model.done("R2")
            assert s.told[-1] == "create"
        await s.model.says("R3", "I3", ANSWER_MS)
        await s.at(9_000)
        assert s.heard["I3"] == ANSWER_MS
        assert len(s.told_of("create")) == 2 + (after_ms > FILLER_MS)


# --- nobody guesses a result ------------------------------------------------------------------


@race("F112")
@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize("words", ["Is it there yet?", "And bread, please."])
async def test_an_answer_waits_for_the_result_where_the_tool_asks_for_it(
    holds: bool, words: str
) -> None:
    kitchen = Kitchen(4_000)
    agent = kitchen.agent(hold_answers=holds, filler_after_ms=None)
    async with scene(agent=agent) as s:
        await orders(s)
        await s.at(1_000)
        await s.model.hears("T2", words)
        await s.at(3_900)
        assert len(s.told_of("create")) == (1 if holds else 2)
        if not holds:
            return
        await s.at(4_100)
        assert s.told == ["create", "output C1", "create"], "one answer to both, after the result"
        await s.model.says("R2", "I2", ANSWER_MS)
        await s.at(9_000)
        assert s.told == ["create", "output C1", "create"]


@race("F112")
async def test_an_answer_that_is_held_by_a_tool_that_never_returns_comes_at_last() -> None:
    kitchen = Kitchen(10**9)
    async with scene(agent=kitchen.agent(hold_answers=True, filler_after_ms=None)) as s:
        await orders(s)
        await s.at(1_000)
        await s.model.hears("T2", "Hello?")
        await s.at(round(TOOL_S * 1_000) + 100)
        assert s.told == ["create", "output C1", "create"]
        assert "took longer" in json.loads(outputs(s)["C1"])["error"]


# --- a tool that gives way --------------------------------------------------------------------


async def by_speech(s: Scene) -> None:
    await s.model.hears_start("T2")
    await s.caller.speaks(600)
    await s.model.hears_stop("T2")
    await s.model.commits("T2")
    await s.model.transcribes("T2", "No, forget it.")


async def by_turn(s: Scene) -> None:
    await s.model.hears("T2", "No, forget it.")


async def by_key(s: Scene) -> None:
    await s.caller.presses("0")


async def by_application(s: Scene) -> None:
    await s.app.interrupts()


@race("F114", "F108")
@pytest.mark.parametrize("by", [by_speech, by_turn, by_key, by_application])
@pytest.mark.parametrize("is_speaking", [True, False])
async def test_a_tool_that_gives_way_has_its_one_output_at_once_and_no_late_result(
    by: Callable[[Scene], Awaitable[None]], is_speaking: bool
) -> None:
    kitchen = Kitchen(5_000)
    agent = kitchen.agent(cancel_on_interrupt=True, filler_after_ms=None)
    async with scene(agent=agent) as s:
        await s.model.hears("T1", "Some soup, please.")
        await s.model.created("R1")
        if is_speaking:
            await s.model.item("R1", "I1")
            await s.model.audio("R1", "I1", 4_000)
        await s.model.calls_tool("R1", "C1", "cook", '{"what": "soup"}')
        await s.model.done("R1")
        await s.at(1_000)
        await by(s)
        await s.after(100)
        assert "interrupted" in json.loads(outputs(s)["C1"])["error"]
        await s.at(12_000)
        assert s.told_of("output") == ["C1"], "the late result reached somebody"
        assert (kitchen.began, kitchen.ended) == (["soup"], [])
        assert not s.call.control.line.running_tools


# --- nothing runs twice -----------------------------------------------------------------------


@race("F107")
@pytest.mark.parametrize("marks", [{}, {"idempotent": True}])
async def test_a_model_that_calls_again_because_it_was_interrupted_books_once(
    marks: dict[str, Any],
) -> None:
    kitchen = Kitchen(3_000)
    async with scene(agent=kitchen.agent(filler_after_ms=None, **marks)) as s:
        await orders(s)
        await s.at(500)
        await s.caller.speaks(600)
        await s.model.hears("T2", "Did you get that? Some soup.")
        await s.model.created("R2")
        await s.model.calls_tool("R2", "C2", "cook", '{"what": "soup"}')
        await s.model.done("R2")
        await s.at(7_000)
        assert len(kitchen.began) == (2 if marks else 1)
        assert sorted(s.told_of("output")) == ["C1", "C2"]
        assert outputs(s)["C1"] == "soup is ready"


# --- speech that needs another session --------------------------------------------------------


@race("D84")
@pytest.mark.parametrize("confirms_ms", [100, 1_000])
async def test_what_is_said_of_a_result_waits_for_the_session_that_it_needs(
    confirms_ms: int,
) -> None:
    kitchen = Kitchen(300)
    agent = kitchen.agent(protect_speech=True, filler_after_ms=None)
    async with scene(agent=agent, authority="server") as s:
        s.model.obeys_no_more()
        await s.model.hears("T1", "Some soup, please.")
        await s.model.created("R1", by_itself=True)
        await s.model.calls_tool("R1", "C1", "cook", '{"what": "soup"}')
        await s.model.done("R1")
        await s.at(300 + confirms_ms)
        assert s.told == ["output C1", "flags off"], "the create overtook the change"
        session = s.model.last("session.update")["session"]
        await s.model.event("session.updated", session=session)
        assert s.told == ["output C1", "flags off", "create"]
        await s.model.says("R2", "I2", 2_000)
        await s.after(500)
        await s.caller.speaks(600)
        await s.after(3_000)
        assert s.heard["I2"] == 2_000
        assert s.clears == []


# --- several at once --------------------------------------------------------------------------


@race("A31")
@pytest.mark.parametrize("takes_floor", [True, False])
@pytest.mark.parametrize("gap_ms", [0, 3, 100, 400])
async def test_tools_that_all_take_the_floor_at_once_leave_one_voice_and_an_ear(
    gap_ms: int, takes_floor: bool
) -> None:
    agent = Agent()
    ran: list[str] = []
    outcomes: list[str] = []

    async def hand_over(call: Call, to: str) -> str:
        ran.append(to)
        ask = f"You are {to} now. Say so."
        result = await call.ask_model(ask, interrupt=takes_floor)
        outcomes.append(result.outcome.value)
        return "done"

    agent.tool(filler_after_ms=None, wants_answer=False)(hand_over)
    async with scene(agent=agent) as s:
        await s.model.hears("T1", "Somebody else, please.")
        await s.model.opens("R0", "I0", 1_000)
        async with slow_service(s, length_ms=ANSWER_MS) as service:
            with s.at_once():
                for number, to in enumerate(("sales", "support", "the kitchen")):
                    arguments = json.dumps({"to": to})
                    await s.model.calls_tool("R0", f"C{number}", "hand_over", arguments)
                await s.model.done("R0")
            service.over.add("R0")
            await s.after(gap_ms)
            await by_speech(s)
            await s.at(20_000)
            assert s.heard[s.numbers.items[-1]] == ANSWER_MS, "nobody answered the caller"
            assert len(outcomes) == len(ran) == (1 if takes_floor else 3), "somebody still waits"
            assert sorted(s.told_of("output")) == ["C0", "C1", "C2"]
            creates = len(s.told_of("create"))
            assert creates <= 6, "they go on for ever"
            await s.model.hears("T3", "Are you there?")
            await s.at(22_000)
            assert len(s.told_of("create")) == creates + 1, "the ear is lost"
