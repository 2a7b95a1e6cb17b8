"""Virtual time waits for functions of an agent that work in threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_media import Agent
from trio_media import Call as AgentCall
from trio_media.testing import Call
from trio_media.testing.threads import PatientThreads

MakeCall = Callable[..., Call]


def agent_with(*functions: Callable[..., Any]) -> Agent:
    return Agent(instructions="You take bookings.", tools=functions)


def look_up(name: str) -> str:
    """Look somebody up."""
    return f"{name} is known"


async def took_ms(call: Call) -> int:
    """How long the model waited for the answer of a tool, in the call's time."""
    call.model.calls_tool("look_up", name="Ada")
    call.phone.says("Do you know Ada?", at_ms=1_000)
    await call.run(until_ms=8_000)
    [told] = call.model.tool_outputs
    assert told.output == "Ada is known"
    record = call.record().entries
    called = next(e for e in record if e.fields.get("name") == "look_up")
    output = next(e for e in record if e.kind == "conversation.item.create")
    return round(output.sent_ms - (called.came_ms or 0))


async def test_a_function_in_a_thread_takes_no_time_of_the_call(make_call: MakeCall) -> None:
    agent = agent_with(look_up)
    assert [await took_ms(make_call(agent=agent)) for _ in range(3)] == [0, 0, 0]


async def test_a_thread_that_waits_for_the_call_does_not_wait_for_ever(
    make_call: MakeCall,
) -> None:
    def excuse(call: AgentCall) -> str:
        """Say something first."""
        spoken = trio.from_thread.run(call.say, "One moment.")
        return f"heard: {spoken.was_heard}"

    call = make_call(agent=agent_with(excuse))
    call.model.calls_tool("excuse")
    call.phone.says("Can you help me?", at_ms=1_000)
    await call.run(until_ms=8_000)
    assert call.phone.heard.splitlines()[0] == "One moment."
    assert [told.output for told in call.model.tool_outputs] == ["heard: True"]


async def test_the_clock_jumps_again_when_the_last_thread_is_done(
    autojump_clock: MockClock,
) -> None:
    limiter = PatientThreads(autojump_clock, jumps_after_s=0.0)

    async def run(seconds: float) -> None:
        await trio.to_thread.run_sync(time.sleep, seconds, limiter=limiter)  # type: ignore[arg-type]

    with trio.fail_after(3_600):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, 0.001)
            nursery.start_soon(run, 0.002)
    assert autojump_clock.autojump_threshold == 0.0
    assert trio.current_time() == pytest.approx(0.0)
    await trio.sleep(10)
