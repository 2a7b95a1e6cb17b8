"""A function of the application as a tool that the model can call.

Rule 1: the model always gets an answer it can act on: the result, what is wrong with its arguments,
        or that it failed; never what an exception says, unless it is a `ToolError` or `ToolFailed`.
Rule 2: an exception is logged with its traceback, and may be tried again where that does no harm.
"""

from __future__ import annotations

import enum
import itertools
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypedDict

import attrs
import msgspec
import trio

from trio_media.agent.application import Code, run_code
from trio_media.agent.schema import ToolSchema
from trio_media.boundary import crash_boundary
from trio_media.call.tools import FILLER_MS, TOOL_S, Tool, failure
from trio_media.errors import AgentError, ArgumentsWrong, ToolError, ToolFailed

if TYPE_CHECKING:
    from trio_media.agent.call import Call

TIMEOUT_S_MAX: Final = 600.0  # nobody stays on the line for longer
_runs: Final = itertools.count(1)  # tells the runs of a tool apart that run side by side
DONE: Final = "done"  # what the model is told by a function that returns nothing


class ToolOptions(TypedDict, total=False):
    """How the call goes on around a tool: see `trio_media.call.tools.Tool` for each."""

    name: str
    """The function's own, where it is not given."""
    description: str
    """The first paragraph of the function's docstring, where it is not given."""
    timeout_s: float
    filler_after_ms: int | None
    filler: str
    cancel_on_interrupt: bool
    protect_speech: bool
    hold_answers: bool
    idempotent: bool
    wants_answer: bool
    pauses_recording: bool
    """Nothing is recorded while it runs: see `Call.pause_recording`."""


class ToolOutcome(enum.Enum):
    """What became of a call of a tool."""

    DONE = "done"
    FAILED = "failed"
    WRONG_ARGUMENTS = "wrong_arguments"
    CANCELLED = "cancelled"
    """By its deadline, by the caller, or by the end of the call."""


@attrs.frozen(kw_only=True)
class ToolRun:
    """The model called a tool."""

    name: str
    arguments: str
    """JSON as the model wrote it."""
    outcome: ToolOutcome
    took_ms: int


@attrs.frozen
class AgentTool:
    """A function, and how a model calls it."""

    schema: ToolSchema
    function: Code
    options: ToolOptions = attrs.field(factory=ToolOptions)

    def in_session(self) -> dict[str, Any]:
        """How a model session is told of it."""
        return {
            "type": "function",
            "name": self.schema.name,
            "description": self.schema.description,
            "parameters": self.schema.parameters,
        }


def check_options(options: ToolOptions) -> None:
    """Raise `AgentError` for an option that there is not, or a value that makes no sense."""
    unknown = sorted(set(options) - set(ToolOptions.__annotations__))
    if unknown:
        allowed = ", ".join(ToolOptions.__annotations__)
        raise AgentError(f"tool: {unknown[0]} is no option; allowed: {allowed}")
    timeout_s = options.get("timeout_s", TOOL_S)
    if not 0 < timeout_s <= TIMEOUT_S_MAX:
        raise AgentError(f"tool: timeout_s is above 0 and at most {TIMEOUT_S_MAX:g}")
    filler_ms = options.get("filler_after_ms", FILLER_MS)
    if filler_ms is not None and filler_ms < 0:
        raise AgentError("tool: filler_after_ms is 0 or more, or None for no filler")


def tool_of(tool: AgentTool, call: Call) -> Tool:
    """Make a tool of one call."""
    options: dict[str, Any] = {**tool.options}
    options.pop("name", None)
    options.pop("description", None)
    options.pop("pauses_recording", None)
    return Tool(run=partial(run_agent_tool, tool, call), **options)


async def run_agent_tool(tool: AgentTool, call: Call, arguments: str) -> str:
    """Run a tool and return its output for the model.

    Raises `ToolError` or `ToolFailed`, whose words are for the model.  **Cancellation:** as of the
    function itself; ``on_tool_called`` is told.
    """
    began_s = trio.current_time()
    outcome = ToolOutcome.CANCELLED
    pause = f"tool {tool.schema.name}, run {next(_runs)}"
    if tool.options.get("pauses_recording", False):
        call.pause_for(pause)
    try:
        keywords = tool.schema.arguments_of(arguments)
        output = await _run(tool, call, keywords)
        outcome = ToolOutcome.DONE
    except ArgumentsWrong as wrong:
        outcome, output = ToolOutcome.WRONG_ARGUMENTS, failure(str(wrong))
    except (ToolError, ToolFailed):
        outcome = ToolOutcome.FAILED
        raise
    finally:
        call.resume_for(pause)
        took_ms = int((trio.current_time() - began_s) * 1_000)
        name = tool.schema.name
        run = ToolRun(name=name, arguments=arguments, outcome=outcome, took_ms=took_ms)
        call.tell("tool_called", run)
    return output


async def _run(tool: AgentTool, call: Call, keywords: dict[str, Any]) -> str:
    """Run the function; any exception but our own is logged, and no more is said of it."""
    if tool.schema.takes_call is not None:
        keywords = {tool.schema.takes_call: call, **keywords}
    output = DONE
    crashes: list[Exception] = []
    with crash_boundary(crashes.append):
        output = output_of(await run_code(partial(tool.function, **keywords), count=call.count))
    if not crashes:
        return output
    error = crashes[0]
    if isinstance(error, ToolError | ToolFailed):
        raise error
    call.crashed(f"tool {tool.schema.name}", error)
    raise ToolFailed(f"{tool.schema.name} failed") from error


def output_of(result: object) -> str:
    """Write what a function returned as an output for the model.

    Raises whatever the encoder does for what JSON cannot hold.
    """
    if result is None:
        return DONE
    return result if isinstance(result, str) else msgspec.json.encode(result).decode()
