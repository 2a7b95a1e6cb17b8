from __future__ import annotations

from trio_media.call.tool import FILLER_MS, TOOL_S, Tool, as_tools


async def look_up(arguments: str) -> str:
    return arguments


def test_a_mere_function_has_no_marks() -> None:
    marked = Tool(run=look_up, idempotent=True)
    tools = as_tools({"plain": look_up, "marked": marked})
    assert tools == {"plain": Tool(run=look_up), "marked": marked}
    assert tools["marked"] is marked


def test_a_tool_without_marks_is_careful() -> None:
    """It is not run twice, not cancelled, and not waited for for ever."""
    tool = Tool(run=look_up)
    assert not tool.idempotent
    assert not tool.cancel_on_interrupt
    assert not tool.protect_speech
    assert not tool.hold_answers
    assert tool.wants_answer
    assert (tool.timeout_s, tool.filler_after_ms) == (TOOL_S, FILLER_MS)
    assert FILLER_MS < TOOL_S * 1_000
