"""Defects of tools, of a lost session and of the end of a call."""

from __future__ import annotations

from trio_media.core import closing, responding, taking, tooling
from trio_media.core import events as ev
from trio_media.core.commands import Command, Outcome, PostToolOutput, RunTool
from trio_media.core.machine import HANDLERS
from trio_media.core.responses import PendingTool
from trio_media.core.state import State

from .planting import defect

_tool_called, _answered, _tell = responding.tool_called, tooling.answered, State.tell
_lost = HANDLERS[ev.SessionLost]


@defect(
    "an interruption throws a tool's result away",
    "107, 109, 110",
    *(tooling, "answered"),
    world="a tool",
    promise="tools: the model does not get the result of R1.call1",
)
def _thrown_away(state: State, call_id: str, *, wants_answer: bool) -> None:
    of_it = [r for r in state.book.live if call_id in r.pending_tools]
    if any(response.is_muted for response in of_it):
        del of_it[0].pending_tools[call_id]
        return
    _answered(state, call_id, wants_answer=wants_answer)


@defect(
    "a call of an interrupted response has no output",
    "108, 114",
    *(HANDLERS, ev.ToolCalled),
    world="a tool",
    promise="tools: R1.call1 is neither run nor answered",
)
def _unanswered(state: State, event: ev.ToolCalled, now_ms: int) -> None:
    response = state.book.by_id(event.response_id)
    if response is None or not response.is_muted:
        _tool_called(state, event, now_ms)


@defect(
    "a call of an interrupted response is run",
    "113, 22",
    *(HANDLERS, ev.ToolCalled),
    world="a tool",
    promise="tools: R1.call1 is run for a response that was taken",
)
def _run_anyway(state: State, event: ev.ToolCalled, now_ms: int) -> None:
    response = state.book.by_id(event.response_id)
    if response is not None and response.is_muted and event.call_id not in response.calls:
        response.calls.add(event.call_id)
        response.pending_tools[event.call_id] = PendingTool(event.call_id)
        state.tell(RunTool(event.call_id))
        return
    _tool_called(state, event, now_ms)


@defect(
    "a tool's result is posted twice",
    "87, 107",
    *(tooling, "answered"),
    world="a tool",
    promise="tools: posted twice",
)
def _posted_twice(state: State, call_id: str, *, wants_answer: bool) -> None:
    _answered(state, call_id, wants_answer=wants_answer)
    state.tell(PostToolOutput(state.number_command(), call_id, was_run=True))


@defect(
    "a call ends, and whoever waits for an interruption waits on",
    "163, 18",
    *(taking, "end_interruptions"),
    world="the end",
    promise="outcome: no outcome at the end",
)
def _without_outcomes(state: State, outcome: Outcome) -> None:
    state.interruptions = []


@defect(
    "something is ordered after the end",
    "122, P2-52, P2-87",
    *(closing, "close_all"),
    world="the end",
    promise="end: commands after the end",
)
def _goes_on(state: State) -> None:
    taking.end_interruptions(state, Outcome.CALL_ENDED)


@defect(
    "a lost session is still spoken to",
    "138, 143",
    *(State, "tell"),
    world="the loss",
    promise="lost: told to a lost session",
)
def _to_the_lost(state: State, command: Command) -> None:
    state.out.append(command)


@defect(
    "a lost session leaves its response open",
    "139, 25",
    *(HANDLERS, ev.SessionLost),
    world="the loss",
    promise="lost: 1 is open without a session",
)
def _left_open(state: State, event: ev.SessionLost, now_ms: int) -> None:
    state.is_session_lost, state.is_session_ready = True, False


@defect(
    "a hang-up does not end the call",
    "115, 120, 123, P2-80",
    *(HANDLERS, ev.HangUpRequested),
    world="the end",
    promise="end: a hang-up ends nothing",
)
def _does_not_end(state: State, event: ev.HangUpRequested, now_ms: int) -> None:
    taking.take(state, now_ms, ev.Reason.HANG_UP)
