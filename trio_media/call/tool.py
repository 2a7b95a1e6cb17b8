"""What a tool is to a call: what runs, and how the call goes on around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import attrs

TOOL_S: Final = 30.0  # a caller does not wait longer
FILLER_MS: Final = 3_000  # longer silences make callers ask whether anybody is there
RunTool: TypeAlias = Callable[[str], Awaitable[str]]
"""Takes the arguments as JSON, returns the output.  Raises `TrioMediaError` to tell the model why
it could not; `ToolFailed` when trying again might help."""


@attrs.frozen(kw_only=True)
class Tool:
    """A tool, and how the call goes on around it."""

    run: RunTool
    timeout_s: float = TOOL_S
    filler_after_ms: int | None = FILLER_MS
    """Silence after which the model says that it is still at it; None: it says nothing."""
    filler: str = ""
    """What it then says; empty: words of its own."""
    cancel_on_interrupt: bool = False
    """An interruption, or a turn of the caller that counts, ends it without its result."""
    protect_speech: bool = False
    """The filler, and what the model says about the result, cannot be interrupted."""
    hold_answers: bool = False
    """What the caller says meanwhile is answered when the result is there."""
    idempotent: bool = False
    """Running it twice does no harm."""
    wants_answer: bool = True
    """False: the model is told the result, and need not say anything about it."""


def as_tools(tools: Mapping[str, Tool | RunTool]) -> dict[str, Tool]:
    """Give tools as a call takes them: a mere function has no marks."""
    return {
        name: tool if isinstance(tool, Tool) else Tool(run=tool) for name, tool in tools.items()
    }
