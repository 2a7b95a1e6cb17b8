"""Running the tools that the model calls.  Each call gets exactly one output.

Rule 1: whatever a tool does, the model gets an output that says so.
Rule 2: a tool whose call is made again with the same arguments while it runs is not run twice, unless
        it says that this does no harm; one of which it does no harm is tried once more when it fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import attrs
import msgspec
import trio

from trio_media.call.line import Line, ToolCall
from trio_media.core import events as ev
from trio_media.errors import ToolFailed, TrioMediaError

TOOL_S: Final = 30.0  # a caller does not wait longer
OUTPUT_CHARS_MAX: Final = 65_536  # more is no answer to be spoken
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


def failure(detail: str) -> str:
    """An output that says what went wrong, in a form models act on."""
    return msgspec.json.encode({"error": detail}).decode()


INTERRUPTED: Final = failure("the caller interrupted; the tool was not run")
