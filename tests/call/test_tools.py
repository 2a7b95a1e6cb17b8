"""The tools that the model calls, and their answers."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from trio_media.call.line import Line, ToolCall
from trio_media.call.model_session import TOOL_CALLS_MAX
from trio_media.call.tools import OUTPUT_CHARS_MAX, Tool, run_tool
from trio_media.core import events as ev
from trio_media.errors import ToolFailed, TrioMediaError

from .live import LiveCall, config_of, live_call
from .wires import Model, is_type, speech

QUIET = config_of("")


async def echo(arguments: str) -> str:
    return f"got {arguments}"


async def slow(arguments: str) -> str:
    await trio.sleep(3)
    return arguments


async def never(arguments: str) -> str:
    await trio.sleep_forever()
    raise AssertionError


async def failing(arguments: str) -> str:
    raise TrioMediaError("the line is busy")


async def endless(arguments: str) -> str:
    return "x" * (OUTPUT_CHARS_MAX + 1)


TOOLS = {"echo": echo, "slow": slow, "never": never, "failing": failing, "endless": endless}


def outputs(model: Model) -> dict[str, str]:
    items = [message["item"] for message in model.of("conversation.item.create")]
    return {item["call_id"]: item["output"] for item in items if "call_id" in item}


async def asked(call: LiveCall, *calls: tuple[str, str]) -> Model:
    """The caller asks for something, and the model calls tools."""
    model = await call.start()
    await model.turn("T1")
    await model.opens("R1", "I1", speech(100))
    for call_id, name in calls:
        await model.calls_tool("R1", call_id, name, '{"n": 1}')
    return model


async def test_a_tools_result_is_posted_and_answered(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, tools=TOOLS) as call:
        model = await asked(call, ("C1", "echo"))
        await trio.sleep(0.1)
        assert outputs(model) == {"C1": 'got {"n": 1}'}
        assert len(model.of("response.create")) == 1  # R1 is not over
        await model.done("R1")
        await model.says("R2", "I2", speech(100))
        assert not call.control.line.tool_calls
        assert not call.control.line.tool_outputs


async def test_several_tools_of_an_answer_lead_to_one_create(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, tools=TOOLS) as call:
        model = await asked(call, ("C1", "echo"), ("C2", "slow"))
        await model.done("R1")
        await trio.sleep(2)
        assert set(outputs(model)) == {"C1"}
        assert len(model.of("response.create")) == 1
        await trio.sleep(8)
        assert set(outputs(model)) == {"C1", "C2"}
        assert len(model.of("response.create")) == 2


async def test_an_unknown_tool_is_answered_with_what_is_wrong(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, tools=TOOLS) as call:
        model = await asked(call, ("C1", "teleport"))
        await model.done("R1")
        await model.next_create()
        assert "teleport" in json.loads(outputs(model)["C1"])["error"]


async def test_a_tool_that_fails_says_so_to_the_model(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, tools=TOOLS) as call:
        model = await asked(call, ("C1", "failing"), ("C2", "endless"), ("C3", "never"))
        await model.done("R1")
        await trio.sleep(31)
        found = {call_id: json.loads(o)["error"] for call_id, o in outputs(model).items()}
        assert found["C1"] == "the line is busy"
        assert str(OUTPUT_CHARS_MAX) in found["C2"]
        assert "30 s" in found["C3"]
        assert len(model.of("response.create")) == 2


async def test_a_result_is_posted_though_the_caller_interrupted(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, tools=TOOLS) as call:
        model = await asked(call, ("C1", "slow"))
        await trio.sleep(0.5)
        await call.control.interrupt()
        await trio.sleep(5)
        assert outputs(model) == {"C1": '{"n": 1}'}


async def test_a_call_in_an_answer_that_was_interrupted_is_not_run(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET, tools=TOOLS) as call:
        model = await asked(call)
        model.obeys = False
        call.interrupt_soon()
        await model.wait_for(is_type("response.cancel"))
        await model.calls_tool("R1", "C1", "echo", "{}")
        await model.done("R1", "cancelled")
        await trio.sleep(0.1)
        assert "interrupted" in outputs(model)["C1"]


async def test_arguments_that_were_cut_off_are_never_run(autojump_clock: MockClock) -> None:
    ran: list[str] = []

    async def tool(arguments: str) -> str:
        ran.append(arguments)
        return ""

    async with live_call(QUIET, tools={"tool": tool}) as call:
        model = await asked(call)
        item = {"id": "F1", "type": "function_call", "status": "incomplete", "call_id": "C1"}
        item |= {"name": "tool", "arguments": '{"n'}
        kind = "response.output_item.done"
        await model.event(kind, response_id="R1", output_index=0, item=item)
        await model.done("R1")
        await trio.sleep(5)
        assert ran == []


async def test_a_call_that_the_model_repeats_is_run_once(autojump_clock: MockClock) -> None:
    ran: list[str] = []

    async def tool(arguments: str) -> str:
        ran.append(arguments)
        return ""

    async with live_call(QUIET, tools={"tool": tool}) as call:
        model = await asked(call, ("C1", "tool"), ("C1", "tool"))
        await model.done("R1")
        await trio.sleep(1)
        assert ran == ['{"n": 1}']
        assert len(model.of("conversation.item.create")) == 1


async def test_a_call_id_that_is_used_again_crashes_nothing(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, tools=TOOLS, checks_invariants=False) as call:
        model = await asked(call)
        model.obeys = False
        call.interrupt_soon()
        await model.wait_for(is_type("response.cancel"))
        await model.calls_tool("R1", "C1", "echo", "{}")
        await model.created("R9")
        await model.calls_tool("R9", "C1", "echo", "{}")
        await trio.sleep(1)
        assert call.crash is None


async def test_too_many_calls_at_once_end_the_session(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, tools=TOOLS) as call:
        many = [(f"C{number}", "never") for number in range(TOOL_CALLS_MAX + 1)]
        await asked(call, *many)
        assert (await call.until_end()).reason == "model_lost"
        assert "tool calls" in call.notebook.noted("model_lost")[0]["reason"]


async def test_a_result_that_nobody_wants_any_more_is_not_kept(autojump_clock: MockClock) -> None:
    line = Line.begin()
    await run_tool(ToolCall("C1", "echo", "{}"), Tool(run=echo), line)
    assert line.receive_inbox.receive_nowait() == ev.ToolAnswered("C1")
    assert line.tool_outputs == {"C1": "got {}"}
    async with live_call(QUIET, tools=TOOLS) as call:
        model = await asked(call, ("C1", "slow"))
        await trio.sleep(1)
        await model.websocket.aclose()
        await trio.lowlevel.checkpoint()
        await call.until_end()
        kept: Any = call.control.line
        assert not kept.tool_outputs


# --- trying again, running twice -----------------------------------------------------------------


class Flaky:
    """Fails so many times, then works."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.runs = 0

    async def __call__(self, arguments: str) -> str:
        self.runs += 1
        await trio.sleep(1)
        if self.runs <= self.failures:
            raise ToolFailed(f"failure {self.runs}")
        return "done"


async def output_of(*tools: Tool, call_ids: tuple[str, ...] = ("c1",), names: str = "a") -> Line:
    """Run the same call by several tools at once; return the line, with the outputs."""
    line = Line.begin()
    async with trio.open_nursery() as nursery:
        for call_id, tool in zip(call_ids, tools, strict=True):
            nursery.start_soon(run_tool, ToolCall(call_id, names, "{}"), tool, line)
            await trio.testing.wait_all_tasks_blocked()
    assert line.running_tools == {}
    return line


@pytest.mark.parametrize(
    ("failures", "idempotent", "output", "runs"),
    [
        (0, True, "done", 1),
        (1, True, "done", 2),
        (2, True, "failure 2", 2),
        (1, False, "failure 1", 1),
    ],
)
async def test_a_tool_that_may_run_twice_is_tried_once_more(
    failures: int, idempotent: bool, output: str, runs: int, autojump_clock: MockClock
) -> None:
    flaky = Flaky(failures)
    line = await output_of(Tool(run=flaky, idempotent=idempotent))
    assert output in line.tool_outputs["c1"]
    assert flaky.runs == runs


async def test_both_tries_share_one_deadline(autojump_clock: MockClock) -> None:
    flaky = Flaky(1)
    line = await output_of(Tool(run=flaky, idempotent=True, timeout_s=1.5))
    assert "longer than 1.5 s" in line.tool_outputs["c1"]
    assert flaky.runs == 2


async def test_a_call_that_is_made_again_while_it_runs_is_not_run_twice(
    autojump_clock: MockClock,
) -> None:
    flaky = Flaky(0)
    tool = Tool(run=flaky)
    line = await output_of(tool, tool, call_ids=("c1", "c2"))
    assert line.tool_outputs["c1"] == "done"
    assert "running already" in line.tool_outputs["c2"]
    assert flaky.runs == 1
    again = attrs.evolve(tool, idempotent=True)
    line = await output_of(again, again, call_ids=("c1", "c2"))
    assert set(line.tool_outputs.values()) == {"done"}


async def test_an_id_that_a_model_uses_twice_harms_nothing(autojump_clock: MockClock) -> None:
    flaky = Flaky(0)
    tool = Tool(run=flaky, idempotent=True)
    line = await output_of(tool, tool, call_ids=("c1", "c1"))
    assert line.tool_outputs == {"c1": "done"}


async def test_a_tool_that_is_stopped_has_no_result(autojump_clock: MockClock) -> None:
    line = Line.begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_tool, ToolCall("c1", "never", "{}"), Tool(run=never), line)
        await trio.testing.wait_all_tasks_blocked()
        line.running_tools["c1"].scope.cancel()
    assert line.tool_outputs == {}
    assert line.running_tools == {}
    assert line.tally.counters["tools_cancelled"] == 1
