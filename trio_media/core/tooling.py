"""Tools: each call of the model's gets one output, and all results of a response one answer.

Rule 1: a call that was cut off, or whose response was taken before it was complete, is not run.
Rule 2: a result goes to the model at once, whatever the caller does meanwhile, and once.
Rule 3: a tool that an interruption cancels has its output in that moment; what it still returns
        reaches nobody.
Rule 4: while tools run and nobody speaks, the model says now and then that it is still at it.
"""

from __future__ import annotations

from trio_media.core.commands import CancelTool, Cause, PostToolOutput, RunTool
from trio_media.core.creates import Queued
from trio_media.core.events import ToolCalled
from trio_media.core.responses import PendingTool, Response
from trio_media.core.state import State
from trio_media.core.units import FILLER_AGAIN_MS, earliest


def called(state: State, response: Response, event: ToolCalled, now_ms: int) -> None:
    """A function call is complete: run it, unless it was interrupted.  Each gets one output."""
    if event.call_id in response.calls:
        return
    response.calls.add(event.call_id)
    if response.is_muted:
        state.tell(PostToolOutput(state.number_command(), event.call_id, was_run=False))
        return
    response.pending_tools[event.call_id] = PendingTool(
        event.call_id,
        event.filler_ms,
        None if event.filler_ms is None else now_ms + event.filler_ms,
        event.is_cancelled_by_interruption,
        event.is_protecting,
        event.holds_answers,
    )
    state.tell(RunTool(event.call_id))


def answered(state: State, call_id: str, *, wants_answer: bool) -> None:
    """A tool's result is there: the model gets it at once, whatever the caller does meanwhile."""
    for response in state.book.live:
        tool = response.pending_tools.pop(call_id, None)
        if tool is None:
            continue
        response.owes_tool_answer = response.owes_tool_answer or wants_answer
        response.is_answer_protected = response.is_answer_protected or tool.is_protecting
        state.tell(PostToolOutput(state.number_command(), call_id, was_run=True))


def answer_when_complete(state: State) -> None:
    """One answer for all results of a response, when it is over and all of them are there."""
    if state.is_held:
        return
    for response in state.book.live:
        if response.owes_tool_answer and not response.is_open and not response.pending_tools:
            response.owes_tool_answer = False
            state.creates.want_answer(
                Cause.TOOL, state.book.last_number, is_protected=response.is_answer_protected
            )


def interrupted(state: State) -> None:
    """The caller wants something else: tools that give way to that are over."""
    for response in state.book.live:
        for call_id, tool in list(response.pending_tools.items()):
            if tool.is_cancelled_by_interruption:
                del response.pending_tools[call_id]
                state.tell(CancelTool(call_id))
                state.tell(PostToolOutput(state.number_command(), call_id, was_run=False))


def holds_answers(state: State) -> bool:
    """Whether the caller's turns wait for the result of a tool."""
    return any(tool.holds_answers for tool in state.pending_tools())


# --- fillers ---------------------------------------------------------------------------------


def fill_silence(state: State, now_ms: int) -> None:
    """Have the model say that it is still at it, if nobody says anything."""
    due = [t for t in state.pending_tools() if t.filler_due_ms is not None]
    if not any(now_ms >= tool.filler_due_ms for tool in due if tool.filler_due_ms is not None):
        return
    if _is_somebody_speaking(state):
        return
    for tool in due:
        tool.filler_due_ms = now_ms + FILLER_AGAIN_MS
    is_protected = any(tool.is_protecting for tool in due)
    number = state.book.last_number
    state.creates.ask(Queued(Cause.FILLER, number, is_protected=is_protected, is_kept=is_protected))


def drop_fillers(state: State) -> None:
    """Nothing is waited for any more that a filler could be about."""
    if not state.pending_tools():
        queue = state.creates.queue
        state.creates.queue = [q for q in queue if q.cause is not Cause.FILLER]


def _is_somebody_speaking(state: State) -> bool:
    return (
        bool(state.book.open())
        or bool(state.playout.audible())
        or bool(state.creates.queue)
        or state.turns.has_unanswered
        or state.floor.is_hushed
        or state.floor.is_believed
        or not state.is_session_ready
        or state.is_held
    )


def next_deadline_ms(state: State) -> int | None:
    """Return when a filler is due, while nobody speaks."""
    if _is_somebody_speaking(state):
        return None
    return earliest(*(tool.filler_due_ms for tool in state.pending_tools()))
