"""Defects of cancels and of how responses end."""

from __future__ import annotations

from typing import Any

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core import failing, responding, taking
from trio_media.core.machine import HANDLERS
from trio_media.core.responses import Cancel, Phase, Response, ResponseBook
from trio_media.core.state import State

from .planting import defect

_stop, _refused, _unsent = taking._stop, responding.refused, responding.unsent
_cancel, _adopt, _named = taking.cancel, responding._adopt, responding._named


@defect(
    "a cancel is ordered again until it is answered",
    "13, P2-5",
    *(taking, "retry_unsent_cancels"),
    world="an interruption",
    promise="one cancel: a second one",
)
def _again(state: State, now_ms: int) -> None:
    for response in state.book.open():
        if response.cancel is Cancel.OUT:
            response.cancel = Cancel.UNSENT
            taking.cancel(state, response, now_ms)


@defect(
    "a response that is over is cancelled too",
    "8, 20, P2-13",
    *(taking, "_stop"),
    world="an interruption",
    promise="one cancel: of a response that is over",
)
def _over_too(state: State, response: Response, now_ms: int) -> None:
    _stop(state, response, now_ms)
    if response.phase is Phase.OVER:
        state.tell(cm.CancelResponse(state.number_command(), str(response.response_id)))


@defect(
    "an interruption before the id is known is forgotten",
    "4, 5, 6, 11, P2-17",
    *(taking, "_stop"),
    world="an interruption",
    promise="one cancel: 1 goes on unheard",
)
def _undoomed(state: State, response: Response, now_ms: int) -> None:
    _stop(state, response, now_ms)
    response.is_doomed = False


@defect(
    "an interruption silences, and leaves the generation running",
    "3, P2-18",
    *(taking, "_stop"),
    world="an interruption",
    promise="one cancel: 1 goes on unheard",
)
def _only_mutes(state: State, response: Response, now_ms: int) -> None:
    response.is_muted = True
    response.is_doomed = response.phase is Phase.REQUESTED


@defect(
    "the server's own interruption is cancelled by us too",
    "1, 12, P2-16",
    *(responding, "interrupted_by_server"),
    world="the server's turn",
    promise="one cancel: the server did it",
)
def _twice(state: State, through: int | None = None) -> None:
    pass


@defect(
    "where the server interrupts by itself, nobody cancels for the application",
    "14",
    *(taking, "cancel"),
    world="the server's interruption",
    promise="one cancel: 1 goes on unheard",
)
def _server_will(state: State, response: Response, now_ms: int) -> None:
    if not state.server_acts:
        _cancel(state, response, now_ms)
        return
    response.phase = Phase.CANCELLING
    response.cancel_at_ms = response.progress_ms = now_ms


@defect(
    "not active is taken for the end of the response",
    "2, P2-4, P2-9",
    *(HANDLERS, ev.CommandRefused),
    world="an interruption",
    promise="one answer: 1 is closed as failed at a CommandRefused",
)
def _not_active_ends(state: State, event: ev.CommandRefused, now_ms: int) -> None:
    for response in state.book.open():
        if response.cancel_command == event.command:
            responding.close(state, response, ev.Ended.FAILED)
    _refused(state, event, now_ms)


@defect(
    "the end of an old response ends the new one",
    "7, P2-8, P2-15",
    *(responding, "_terminal_of"),
    world="two answers and a fault",
    promise="one answer: 2 is closed as completed at a ResponseOver",
)
def _ends_the_newest(state: State, event: ev.ResponseOver, now_ms: int) -> Response | None:
    return state.book.open()[-1] if state.book.open() else None


@defect(
    "after one cancel, creates wait for ever for another to be settled",
    "7, 77, P2-14",
    *(ResponseBook, "has_unsettled_cancel"),
    world="an interruption",
    promise="rest: a cancel is unsettled",
)
def _in_flight_for_ever(book: ResponseBook) -> bool:
    return any(response.cancel is not Cancel.NONE for response in book)


@defect(
    "a cancel that was not written counts as sent",
    "P2-1, P2-2, P2-3, P2-12",
    *(responding, "unsent"),
    world="a fault",
    promise="one cancel: one that was not written is not ordered again",
)
def _sent_anyway(state: State, command: int, now_ms: int) -> None:
    response = state.book.by_command(command)
    if response is None or command != response.cancel_command:
        _unsent(state, command, now_ms)


@defect(
    "a response is given up so long after it began, whatever it says meanwhile",
    "106, P2-10",
    *(responding, "_named"),
    world="a slow answer",
    promise="one cancel: 1 was neither taken nor silent",
)
def _by_age(state: State, response_id: str, now_ms: int, **more: Any) -> Response:
    known = state.book.by_id(response_id)
    progress_ms = now_ms if known is None else known.progress_ms
    response = _named(state, response_id, now_ms, **more)
    response.progress_ms = progress_ms
    return response


@defect(
    "a response without a terminal event is open for ever",
    "85, 25, 164, P2-11, P2-49",
    *(Response, "deadline_ms"),
    world="an interruption",
    promise="dead air: something waits without a deadline",
)
def _without_deadline(response: Response) -> int | None:
    return None


@defect(
    "a response that comes after its create was given up is played",
    "90, 4",
    *(responding, "_adopt"),
    world="an interruption",
    promise="one cancel: 1 goes on unheard",
)
def _late_is_welcome(state: State, response_id: str, now_ms: int, token: int | None) -> Response:
    response = _adopt(state, response_id, now_ms, token)
    if response.ended is ev.Ended.DEADLINE:
        response.is_doomed = response.is_muted = False
    return response


@defect(
    "an interruption of what timed out has no outcome",
    "18, 21, 25",
    *(taking, "settle_interruptions"),
    world="an interruption",
    promise="dead air: something waits without a deadline",
)
def _without_outcome(state: State) -> None:
    for interruption in list(state.interruptions):
        target = interruption.target
        is_over = target is None or (not target.is_open and target.ended is not ev.Ended.DEADLINE)
        if is_over:
            state.interruptions.remove(interruption)
            outcome = interruption.outcome or taking._outcome(target)  # type: ignore[arg-type]
            taking._settled(state, interruption, outcome)


@defect(
    "an interruption has two outcomes",
    "18, P2-15",
    *(taking, "settle_interruptions"),
    world="an interruption",
    promise="outcome: an outcome nobody waits for",
)
def _two_outcomes(state: State) -> None:
    for interruption in state.interruptions:
        for _ in range(2):
            taking._settled(state, interruption, cm.Outcome.CANCELLED)
    state.interruptions = []


@defect(
    "an interruption of the first answer takes the next one too",
    "15, 63, P2-63",
    *(HANDLERS, ev.InterruptRequested),
    world="the first of two",
    promise="evidence: (2,) were not meant",
)
def _stale_takes(state: State, event: ev.InterruptRequested, now_ms: int) -> None:
    taking.take(state, now_ms, event.reason, request=event.request)


@defect(
    "a refused create is open until its deadline",
    "83, P2-49",
    *(HANDLERS, ev.CommandRefused),
    world="a fault",
    promise="one answer: a refused create is open",
)
def _refusals_are_noise(state: State, event: ev.CommandRefused, now_ms: int) -> None:
    response = None if event.command is None else state.book.by_command(event.command)
    if response is None or event.command == response.cancel_command:
        _refused(state, event, now_ms)


@defect(
    "a create that another response keeps out is lost",
    "78, 82, P2-42",
    *(failing, "create_refused"),
    world="a fault",
    promise="one answer: request 1 is not tried again",
)
def _lost(state: State, response: Response, now_ms: int) -> None:
    pass
