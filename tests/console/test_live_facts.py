"""Tools and failures of a live call, from its notes."""

from __future__ import annotations

from trio_media.console.live_facts import TOOLS_MAX, LiveFacts
from trio_media.console.views import ToolView
from trio_media.facts.failures import FAILURES_MAX


def test_a_tool_is_shown_while_it_runs_and_when_it_is_over() -> None:
    facts = LiveFacts()
    facts.note("tool_called", 100, {"call_id": "c1", "name": "book"})
    assert facts.tools == [ToolView(at_ms=100, name="book", outcome=None, took_ms=None)]
    over = {"call_id": "c1", "name": "book", "outcome": "done", "took_ms": 70}
    facts.note("tool_ended", 170, over)
    facts.note("tool_ended", 180, {**over, "call_id": "nobody's"})
    facts.note("caller_text", 190, {"item_id": "T1", "text": "hello"})
    assert facts.tools == [ToolView(at_ms=100, name="book", outcome="done", took_ms=70)]


def test_the_oldest_tools_go_first() -> None:
    facts = LiveFacts()
    for number in range(TOOLS_MAX + 1):
        facts.note("tool_called", number, {"call_id": f"c{number}", "name": "book"})
    assert len(facts.tools) == TOOLS_MAX
    assert facts.tools[0].at_ms == 1


def test_failures_are_counted_also_when_they_are_too_many_to_keep() -> None:
    facts = LiveFacts()
    for number in range(FAILURES_MAX + 2):
        facts.note("failure", number, {"what": "rate_limited"})
    assert facts.failures_count == FAILURES_MAX + 2
