"""Tools: each call of the model's gets one output, and all results of a response one answer.

Rule 1: a call that was cut off, or whose response was taken before it was complete, is not run.
Rule 2: a result goes to the model at once, whatever the caller does meanwhile, and once.
Rule 3: a tool that an interruption cancels has its output in that moment; what it still returns
        reaches nobody.
Rule 4: while tools run and nobody speaks, the model says now and then that it is still at it.
Rule 5: an answer waits for tools that hold it; whatever else is to be said does not.
"""

from __future__ import annotations

from trio_media.core.commands import CancelTool, Cause, PostToolOutput, RunTool
from trio_media.core.creates import ANSWERS, Queued
from trio_media.core.events import ToolCalled
from trio_media.core.responses import PendingTool, Response
from trio_media.core.state import State
from trio_media.core.units import FILLER_AGAIN_MS, earliest


def called(state: State, response: Response, event: ToolCalled) -> None:
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
        is_cancelled_by_interruption=event.is_cancelled_by_interruption,
        is_protecting=event.is_protecting,
        holds_answers=event.holds_answers,
    )
    state.book.has_tools = True
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
    """One answer for all results of a response, when it is over and all of them are there.

    It is owed until it is asked for: what drops it from the queue costs nothing but time.
    """
    if state.is_held or state.is_session_lost:
        return
    for response in _complete(state):
        is_protected = response.is_answer_protected
        if not state.creates.has_answer(is_protected=is_protected):
            number = state.book.last_number
            state.creates.want_answer(Cause.TOOL, number, is_protected=is_protected)


def spoken_of(state: State) -> None:
    """An answer is asked for: it is about every result that is complete."""
    for response in _complete(state):
        response.owes_tool_answer = False


def _complete(state: State) -> list[Response]:
    return [
        r for r in state.book.live if r.owes_tool_answer and not r.is_open and not r.pending_tools
    ]


def interrupted(state: State) -> None:
    """The caller wants something else: tools that give way to that are over."""
    for response in state.book.live:
        for call_id, tool in list(response.pending_tools.items()):
            if tool.is_cancelled_by_interruption:
                del response.pending_tools[call_id]
                state.tell(CancelTool(call_id))
                state.tell(PostToolOutput(state.number_command(), call_id, was_run=False))


def holds_answers(state: State) -> bool:
    """Whether answers wait: somebody holds them, or a tool does that runs."""
    return state.is_held or any(tool.holds_answers for tool in state.pending_tools())


def next_create(state: State) -> Queued | None:
    """Return the first create that waits for nothing but its turn."""
    if not state.creates.queue:
        return None
    holds = holds_answers(state)
    return next((q for q in state.creates.queue if not (holds and q.cause in ANSWERS)), None)


# --- fillers ---------------------------------------------------------------------------------


def fill_silence(state: State, now_ms: int) -> None:
    """Have the model say that it is still at it, if nobody says anything."""
    due_ms = next_deadline_ms(state)
    if due_ms is None or now_ms < due_ms or _is_somebody_speaking(state):
        return
    told = [tool for tool in state.pending_tools() if tool.filler_ms is not None]
    for tool in told:
        tool.filler_ms = FILLER_AGAIN_MS  # one filler is about all of them
    is_protected = any(tool.is_protecting for tool in told)
    number = state.book.last_number
    state.creates.ask(Queued(Cause.FILLER, number, is_protected=is_protected, is_kept=is_protected))


def notice_silence(state: State, now_ms: int) -> None:
    """Note since when nobody speaks while tools run."""
    is_spoken = _is_somebody_speaking(state)
    for tool in state.pending_tools():
        if is_spoken:
            tool.silent_since_ms = None
        elif tool.silent_since_ms is None:
            tool.silent_since_ms = now_ms


def drop_fillers(state: State) -> None:
    """Nothing is waited for any more that a filler could be about."""
    if not state.pending_tools():
        queue = state.creates.queue
        state.creates.queue = [q for q in queue if q.cause is not Cause.FILLER]


def _is_somebody_speaking(state: State) -> bool:
    return (
        bool(state.book.open())
        or bool(state.playout.audible())
        or next_create(state) is not None
        or state.turns.is_undecided
        or state.floor.is_hushed
        or state.floor.is_believed
        or not state.is_session_ready
        or state.is_held
    )


def next_deadline_ms(state: State) -> int | None:
    """Return when a filler is due, while nobody speaks."""
    if not state.book.has_tools:
        return None
    return earliest(*(_filler_due_ms(tool) for tool in state.pending_tools()))


def _filler_due_ms(tool: PendingTool) -> int | None:
    if tool.filler_ms is None or tool.silent_since_ms is None:
        return None
    return tool.silent_since_ms + tool.filler_ms
