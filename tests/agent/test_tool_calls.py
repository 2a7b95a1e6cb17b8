from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import threading
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.agent.tool_calls import ToolOutcome, ToolRun, check_options, output_of
from trio_media.core import events as ev
from trio_media.errors import AgentError, ToolError, ToolFailed

from .stage import on_stage


@attrs.frozen
class Table:
    number: int
    seats: list[int]


@dataclasses.dataclass
class Booking:
    at: datetime.date
    table: Table


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("result", "output"),
    [
        ("as it is", "as it is"),
        (None, "done"),
        (5, "5"),
        (True, "true"),
        ([1, "two"], '[1,"two"]'),
        (Table(1, [2, 3]), '{"number":1,"seats":[2,3]}'),
        (
            Booking(datetime.date(2024, 12, 31), Table(1, [])),
            '{"at":"2024-12-31","table":{"number":1,"seats":[]}}',
        ),
        ({Colour.RED: {1}}, '{"red":[1]}'),
        ("", ""),
    ],
)
def test_a_result_is_written_for_the_model(result: object, output: str) -> None:
    assert output_of(result) == output


async def test_a_tool_is_given_its_arguments_and_the_call() -> None:
    agent = Agent()
    given: list[Any] = []

    @agent.tool
    async def book(call: Call, people: int, time: str = "20:00") -> str:
        """Book a table."""
        given.append((call, people, time))
        return "booked"

    async with on_stage(agent) as stage:
        run = stage.call.tools["book"].run
        assert await run('{"people": 4.0}') == "booked"
        assert given == [(stage.call, 4, "20:00")]


async def test_a_tool_that_is_not_async_runs_in_a_thread_and_reaches_the_call() -> None:
    agent = Agent()
    threads: list[int] = []

    @agent.tool
    def look_up(call: Call) -> str:
        threads.append(threading.get_ident())
        said = trio.from_thread.run(call.say, "One moment.")
        return f"{said.outcome.value}"

    async with on_stage(agent) as stage:
        assert await stage.call.tools["look_up"].run("") == "heard"
        assert threads != [threading.get_ident()]
        [asked] = stage.of(ev.SpeechRequested)
        assert not asked.protected


async def test_arguments_that_do_not_fit_are_told_to_the_model(
    autojump_clock: MockClock,
) -> None:
    agent = Agent()
    told: list[ToolRun] = []

    @agent.tool
    async def book(people: int) -> str:
        raise AssertionError("it must not run")

    @agent.on_tool_called
    async def on_tool_called(call: object, run: ToolRun) -> None:
        told.append(run)

    async with on_stage(agent) as stage:
        output = await stage.call.tools["book"].run('{"people": "four"}')
        assert "people: expected an integer, not 'four'" in json.loads(output)["error"]
        await trio.sleep(1)
    assert [run.outcome for run in told] == [ToolOutcome.WRONG_ARGUMENTS]


async def test_an_exception_is_logged_and_its_words_stay_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    agent = Agent()

    @agent.tool
    async def book() -> str:
        raise ValueError("password is 1234")

    @agent.tool
    async def unwritable() -> object:
        return object()

    async with on_stage(agent) as stage:
        for name in ("book", "unwritable"):
            with pytest.raises(ToolFailed) as failed:
                await stage.call.tools[name].run("{}")
            assert str(failed.value) == f"{name} failed"
        assert stage.call.counters["hook_errors"] == 2
    assert [vars(record)["code"] for record in caplog.records] == ["tool book", "tool unwritable"]
    assert "1234" in str(caplog.records[0].exc_info)


@pytest.mark.parametrize("is_grouped", [True, False])
@pytest.mark.parametrize("error", [ToolError("no table is free"), ToolFailed("try again")])
async def test_what_a_tool_says_to_the_model_passes(
    error: Exception, is_grouped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    agent = Agent()

    async def fails() -> None:
        raise error

    @agent.tool
    async def book() -> str:
        if is_grouped:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fails)
        raise error

    async with on_stage(agent) as stage:
        with pytest.raises(type(error), match=str(error)):
            await stage.call.tools["book"].run("{}")
    assert not caplog.records


async def test_a_hook_is_told_of_each_call_and_how_it_went(autojump_clock: MockClock) -> None:
    agent = Agent()
    told: list[ToolRun] = []

    @agent.tool
    async def book(people: int) -> str:
        await trio.sleep(people)
        if people > 5:
            raise ToolError("too many")
        return "booked"

    @agent.on_tool_called
    async def on_tool_called(call: object, run: ToolRun) -> None:
        told.append(run)

    async with on_stage(agent) as stage:
        run = stage.call.tools["book"].run
        await run('{"people": 2}')
        with pytest.raises(ToolError):
            await run('{"people": 6}')
        with trio.move_on_after(1):
            await run('{"people": 3}')
        await trio.sleep(1)
    assert [(run.arguments, run.outcome, run.took_ms) for run in told] == [
        ('{"people": 2}', ToolOutcome.DONE, 2_000),
        ('{"people": 6}', ToolOutcome.FAILED, 6_000),
        ('{"people": 3}', ToolOutcome.CANCELLED, 1_000),
    ]
    assert {run.name for run in told} == {"book"}


async def test_how_the_call_goes_on_around_a_tool_is_as_the_agent_says() -> None:
    agent = Agent()

    @agent.tool(
        name="find",
        description="Find it.",
        filler_after_ms=None,
        filler="Let me see.",
        cancel_on_interrupt=True,
        protect_speech=True,
        hold_answers=True,
        timeout_s=5,
        idempotent=True,
        wants_answer=False,
    )
    async def look_up() -> str:
        return ""

    async with on_stage(agent) as stage:
        tool = stage.call.tools["find"]
        [told] = stage.config.realtime.session["tools"]
    assert told["description"] == "Find it."
    assert (tool.filler_after_ms, tool.filler, tool.timeout_s) == (None, "Let me see.", 5)
    assert tool.cancel_on_interrupt
    assert tool.protect_speech
    assert tool.hold_answers
    assert tool.idempotent
    assert not tool.wants_answer


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colour": "red"}, "colour is no option; allowed: name, description, timeout_s"),
        ({"timeout_s": 0}, "timeout_s is above 0"),
        ({"timeout_s": 601}, "at most 600"),
        ({"filler_after_ms": -1}, "filler_after_ms is 0 or more, or None"),
    ],
)
def test_an_option_that_makes_no_sense_is_the_authors_error(options: Any, said: str) -> None:
    with pytest.raises(AgentError, match=said):
        check_options(options)


async def test_nothing_is_recorded_while_a_tool_that_asks_for_that_runs(
    autojump_clock: MockClock,
) -> None:
    agent = Agent()

    @agent.tool(pauses_recording=True)
    async def take_card(call: Call, fails: bool = False) -> str:
        pauses = call.control.line.privacy.pauses
        assert pauses.is_paused
        await trio.sleep(1)
        if fails:
            raise ToolError("no card")
        return "taken"

    async with on_stage(agent) as stage:
        tool, pauses = stage.call.tools["take_card"], stage.control.line.privacy.pauses
        assert await tool.run("{}") == "taken"
        assert not pauses.is_paused
        with pytest.raises(ToolError):
            await tool.run('{"fails": true}')
        assert not pauses.is_paused
        with trio.move_on_after(0.5):
            await tool.run("{}")
        assert not pauses.is_paused


async def test_two_runs_of_such_a_tool_pause_until_both_are_over(
    autojump_clock: MockClock,
) -> None:
    agent = Agent()

    @agent.tool(pauses_recording=True)
    async def take_card(seconds: int) -> None:
        await trio.sleep(seconds)

    async with on_stage(agent) as stage:
        tool, pauses = stage.call.tools["take_card"], stage.control.line.privacy.pauses
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tool.run, '{"seconds": 1}')
            nursery.start_soon(tool.run, '{"seconds": 3}')
            await trio.sleep(2)
            assert pauses.is_paused
        assert not pauses.is_paused
