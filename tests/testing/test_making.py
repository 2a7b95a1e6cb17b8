"""How a call is made is how it is held: who attends it, what it begins with, what is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media import Agent, CallInfo, CallRefused
from trio_media.config import AgentConfig, Config
from trio_media.testing import Call, ScriptError, make_call
from trio_media.testing.making import CALLED, CALLER

MakeCall = Callable[..., Call]


def greeting(info: CallInfo) -> str:
    return f"Good evening, {info.parameters.get('name', info.caller)}."


agent = Agent(instructions="You take bookings.", greeting=greeting, voice="cedar")


@agent.tool
async def book(people: int, time: str) -> str:
    """Book a table."""
    return f"Booked for {people} at {time}."


async def test_an_agent_attends_the_call_as_when_it_is_served(make_call: MakeCall) -> None:
    call = make_call(agent=agent, parameters={"name": "Ada"})
    call.model.calls_tool("book", people=2, time="19:00")
    call.phone.says("A table for two at seven, please.", at_ms=3_000)
    await call.run(until_ms=10_000)
    assert call.phone.heard.splitlines()[0] == "Good evening, Ada."
    session = call.model.session
    assert (session.instructions, session.voice) == ("You take bookings.", "cedar")
    assert session.tool_names == ["book"]
    assert session.asked["audio"]["output"]["voice"] == "cedar"
    assert call.agent_call.info.parameters == {"name": "Ada"}
    roles = [spoken.role for spoken in call.agent_call.transcript]
    assert roles == ["model", "caller", "model"]


async def test_who_calls_is_told_and_so_is_a_call_of_ours(make_call: MakeCall) -> None:
    infos = []
    for more in ({}, {"caller": "+15553334444"}, {"outbound": True}):
        call = make_call(agent=agent, **more)
        await call.run(until_ms=1_000)
        infos.append(call.agent_call.info)
    assert [info.caller for info in infos] == [CALLER, "+15553334444", CALLER]
    assert [info.direction for info in infos] == ["inbound", "inbound", "outbound"]
    assert infos[2].our_number == CALLER
    assert infos[0].our_number == CALLED


@pytest.mark.trio_media(agent=agent)
async def test_the_marker_gives_an_agent(call: Call) -> None:
    await call.run(until_ms=4_000)
    assert call.phone.heard == f"Good evening, {CALLER}."


async def test_an_agent_that_refuses_has_no_call(make_call: MakeCall) -> None:
    def never(info: CallInfo) -> str:
        raise CallRefused("not on Mondays")

    call = make_call(agent=Agent(instructions=never))
    await call.run(until_ms=5_000)
    assert call.end_reason == "refused"
    with pytest.raises(ScriptError, match="has not started"):
        _ = call.agent_call


async def test_without_an_agent_nobody_asks_whether_the_caller_is_there(call: Call) -> None:
    """Tests with long silences are older than the question."""
    call.model.speaks("Hello.")
    await call.run(until_ms=70_000)
    assert call.phone.heard == "Hello."
    assert call.hung_up_by == "caller"


async def test_an_agents_caller_who_says_nothing_is_asked_and_let_go(make_call: MakeCall) -> None:
    call = make_call(agent=agent)
    await call.run(until_ms=120_000)
    heard = call.phone.heard.splitlines()
    assert heard[1:] == ["Are you still there?", "Are you still there?", "Goodbye."]
    assert (call.end_reason, call.hung_up_by) == ("silence", "us")


async def test_what_is_configured_counts_where_the_agent_says_nothing(make_call: MakeCall) -> None:
    config = Config(agent=AgentConfig(instructions="You are a cook.", greeting="Hello."))
    call = make_call(agent=Agent(), config=config)
    await call.run(until_ms=4_000)
    assert call.phone.heard == "Hello."
    assert call.model.session.instructions == "You are a cook."


def test_what_is_no_agent_is_refused() -> None:
    with pytest.raises(ScriptError, match=r"agent: a trio_media\.Agent is needed, not 'booking'"):
        make_call(agent="booking")  # type: ignore[arg-type]


async def test_a_call_without_an_agent_has_no_hands_of_one(call: Call) -> None:
    async with call.running():
        await call.started()
        with pytest.raises(ScriptError, match="no agent attends the call"):
            _ = call.agent_call


def test_there_is_no_session_before_the_call() -> None:
    with pytest.raises(ScriptError, match="there is no model yet"):
        _ = make_call().model.session
