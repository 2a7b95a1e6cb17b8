"""Running the tools that the model calls.  Each call gets exactly one output."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec
import trio

from trio_media.call.line import Line, ToolCall
from trio_media.core import events as ev
from trio_media.errors import TrioMediaError

TOOL_S: Final = 30.0  # a caller does not wait longer
OUTPUT_CHARS_MAX: Final = 65_536  # more is no answer to be spoken
Tool: TypeAlias = Callable[[str], Awaitable[str]]
"""Takes the arguments as JSON, returns the output.  Raises `TrioMediaError` to tell the model why
it could not."""


def failure(detail: str) -> str:
    """An output that says what went wrong, in a form models act on."""
    return msgspec.json.encode({"error": detail}).decode()


INTERRUPTED: Final = failure("the caller interrupted; the tool was not run")


async def run_tool(call: ToolCall, tool: Tool | None, line: Line) -> None:
    """Run a tool, keep its output, and tell the owner.

    **Cancellation:** the tool is cancelled with the call.
    """
    line.note("tool_called", call_id=call.call_id, name=call.name)
    output = failure(f"there is no tool {call.name!r}")
    if tool is not None:
        output = failure(f"{call.name} took longer than {TOOL_S:g} s")
        with trio.move_on_after(TOOL_S):
            try:
                output = await tool(call.arguments)
            except TrioMediaError as error:
                output = failure(str(error))
    if len(output) > OUTPUT_CHARS_MAX:
        output = failure(f"{call.name} returned more than {OUTPUT_CHARS_MAX} characters")
    line.tool_outputs[call.call_id] = output
    await line.send_inbox.send(ev.ToolAnswered(call.call_id))
