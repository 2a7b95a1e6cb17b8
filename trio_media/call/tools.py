"""Running the tools that the model calls.  Each call gets exactly one output.

Rule 1: whatever a tool does, the model gets an output that says so.
Rule 2: a tool whose call is made again with the same arguments while it runs is not run twice,
        unless it says that this does no harm.
Rule 3: one of which it does no harm is tried once more when it fails, within its deadline.
"""

from __future__ import annotations

from typing import Final

import attrs
import msgspec
import trio

from trio_media.call.control import running_tool
from trio_media.call.line import Line, RunningTool, ToolCall
from trio_media.call.tool import FILLER_MS as FILLER_MS
from trio_media.call.tool import TOOL_S as TOOL_S
from trio_media.call.tool import RunTool as RunTool
from trio_media.call.tool import Tool as Tool
from trio_media.core import events as ev
from trio_media.errors import ToolFailed, TrioMediaError

OUTPUT_CHARS_MAX: Final = 65_536  # more is no answer to be spoken


def failure(detail: str) -> str:
    """An output that says what went wrong, in a form models act on."""
    return msgspec.json.encode({"error": detail}).decode()


INTERRUPTED: Final = failure("the caller interrupted; the tool was not run")
CANCELLED: Final = failure("the caller interrupted; there is no result")
RUNS_ALREADY: Final = failure("this very call is running already; its result comes")


@attrs.frozen
class Ran:
    """How a tool's call went."""

    output: str
    outcome: str
    """``done``, ``failed``, ``late``, ``twice`` or ``unknown``."""


async def run_tool(call: ToolCall, tool: Tool | None, line: Line) -> None:
    """Run a tool, keep its output, and tell the owner.

    **Cancellation:** the tool is cancelled with the call.
    """
    running_tool.set(call.call_id)
    line.note("tool_called", call_id=call.call_id, name=call.name)
    began_ms = line.now_ms()
    is_twice = tool is not None and not tool.idempotent and _is_running(call, line)
    with trio.CancelScope() as scope:
        running = line.running_tools[call.call_id] = RunningTool(call, scope)
        try:
            ran = Ran(RUNS_ALREADY, "twice") if is_twice else await _run(call, tool)
        finally:
            # A model that uses an id twice has one that is no more.
            if line.running_tools.get(call.call_id) is running:
                del line.running_tools[call.call_id]
    is_cancelled = scope.cancelled_caught  # then the owner has told the model
    outcome = "cancelled" if is_cancelled else ran.outcome
    took_ms = line.now_ms() - began_ms
    line.note("tool_ended", call_id=call.call_id, name=call.name, outcome=outcome, took_ms=took_ms)
    line.tally.count(f"tools_{outcome}")
    line.tally.took("tool", took_ms)
    if is_cancelled:
        return
    line.tool_outputs[call.call_id] = ran.output
    wants_answer = tool is None or tool.wants_answer or ran.outcome != "done"
    await line.send_inbox.send(ev.ToolAnswered(call.call_id, wants_answer))


def _is_running(call: ToolCall, line: Line) -> bool:
    """Whether the same is being done already."""
    same = (call.name, call.arguments)
    return any((one.call.name, one.call.arguments) == same for one in line.running_tools.values())


async def _run(call: ToolCall, tool: Tool | None) -> Ran:
    if tool is None:
        return Ran(failure(f"there is no tool {call.name!r}"), "unknown")
    with trio.move_on_after(tool.timeout_s):
        ran = await _try(call, tool, tries=2 if tool.idempotent else 1)
        if len(ran.output) > OUTPUT_CHARS_MAX:
            detail = f"{call.name} returned more than {OUTPUT_CHARS_MAX} characters"
            return Ran(failure(detail), "failed")
        return ran
    return Ran(failure(f"{call.name} took longer than {tool.timeout_s:g} s"), "late")


async def _try(call: ToolCall, tool: Tool, *, tries: int) -> Ran:
    try:
        return Ran(await tool.run(call.arguments), "done")
    except ToolFailed as error:
        if tries == 1:
            return Ran(failure(str(error)), "failed")
    except TrioMediaError as error:
        return Ran(failure(str(error)), "failed")
    return await _try(call, tool, tries=tries - 1)
