"""What the tasks of a call share."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from trio_media.call.line import INBOX_MAX, Line, Nudge, ToolCall
from trio_media.core import events as ev

from .live import Notebook


async def test_the_clock_begins_with_the_call(autojump_clock: MockClock) -> None:
    await trio.sleep(5)
    line = Line.begin()
    assert line.now_ms() == 0
    await trio.sleep(1.2345)
    assert line.now_ms() == 1_234


async def test_a_nudge_to_a_full_inbox_is_not_needed() -> None:
    line = Line.begin()
    for _ in range(INBOX_MAX + 10):
        line.nudge()
    assert line.receive_inbox.statistics().current_buffer_used == INBOX_MAX
    assert line.receive_inbox.receive_nowait() == Nudge()


async def test_observers_see_events_orders_and_notes() -> None:
    notebook = Notebook()
    line = Line.begin([notebook])
    line.observe_event(ev.TimePassed(), 5)
    line.observe_commands([], 5)
    line.note("something", why="because")
    assert notebook.events == [ev.TimePassed()]
    assert notebook.notes == [("something", {"why": "because"})]


async def test_a_tool_that_was_answered_is_forgotten() -> None:
    line = Line.begin()
    line.tool_calls["C1"] = ToolCall("C1", "name", "{}")
    line.tool_outputs["C1"] = "done"
    line.forget_tool("C1")
    line.forget_tool("C1")
    assert not line.tool_calls
    assert not line.tool_outputs


async def test_a_failure_is_counted_where_it_is_noted() -> None:
    line = Line.begin()
    line.note("failure", what="model_lost", detail="1006", done="reconnect")
    assert line.tally.counters["failures"] == 1


async def test_a_pause_is_noted_once_however_many_reasons_it_has() -> None:
    line, notebook = Line.begin(), Notebook()
    line.observers = [notebook]
    for why in ("a", "b"):
        line.pause_recording(why)
    for why in ("b", "a", "a"):
        line.resume_recording(why)
    assert [kind for kind, _ in notebook.notes] == ["recording_paused", "recording_resumed"]
