"""Defects of creates: when the model speaks, and for whom."""

from __future__ import annotations

from trio_media.core import answering, protecting, taking, tooling
from trio_media.core import events as ev
from trio_media.core.commands import Cause
from trio_media.core.creates import Creates, Queued
from trio_media.core.machine import HANDLERS
from trio_media.core.responses import Phase, Response
from trio_media.core.state import State
from trio_media.core.turns import Turn, TurnState

from .planting import defect

_by_server, _judge, _drop = answering._answered_by_server, answering.judge, Creates.drop
_counts, _create = answering._counts, answering.create_if_allowed


def _is_ready(state: State) -> bool:
    return state.is_session_ready and not state.is_session_lost


@defect(
    "a create goes out while a response is open",
    "80, P2-42, P2-44",
    *(answering, "may_create"),
    world="two answers",
    promise="one answer: one is open",
)
def _at_once(state: State, now_ms: int) -> bool:
    return _is_ready(state)


@defect(
    "a create goes out while a cancel is unsettled",
    "77, 78, P2-43",
    *(answering, "may_create"),
    world="two answers, interrupted",
    promise="one answer: one is open",
)
def _after_the_cancel(state: State, now_ms: int) -> bool:
    is_busy = any(r.phase in (Phase.REQUESTED, Phase.ACTIVE) for r in state.book)
    return _is_ready(state) and not is_busy and not state.floor.is_hushed


@defect(
    "a create goes out while the caller speaks",
    "103, P2-53, P2-103",
    *(answering, "may_create"),
    world="a turn",
    promise="one answer: the caller is in a turn",
)
def _over_the_caller(state: State, now_ms: int) -> bool:
    is_busy = state.book.open() or state.book.has_unsettled_cancel()
    return _is_ready(state) and not is_busy and not state.floor.is_hushed


@defect(
    "a create goes out in a hush",
    "32, 103",
    *(answering, "may_create"),
    world="two answers and an onset",
    promise="one answer: the floor is hushed",
)
def _in_a_hush(state: State, now_ms: int) -> bool:
    is_busy = state.book.open() or state.book.has_unsettled_cancel() or state.turns.in_progress
    return _is_ready(state) and not is_busy


@defect(
    "a create goes out before the session is confirmed",
    "131, 133, P2-96, P2-97",
    *(answering, "may_create"),
    world="before the session",
    promise="one answer: the session is not ready",
)
def _to_nobody(state: State, now_ms: int) -> bool:
    return not state.book.open()


@defect(
    "each tool result has a create of its own",
    "81",
    *(tooling, "answer_when_complete"),
    world="two tools",
    promise="one answer: of a tool's result while others are awaited",
)
def _one_each(state: State) -> None:
    for response in state.book.live:
        if response.owes_tool_answer and not response.is_open:
            response.owes_tool_answer = False
            state.creates.want_answer(Cause.TOOL, state.book.last_number)


@defect(
    "no create follows the results of tools",
    "87, 111, 112",
    *(tooling, "answer_when_complete"),
    world="a tool",
    promise="rest: a tool's result has no answer",
)
def _results_alone(state: State) -> None:
    for response in state.book.live:
        if not response.is_open:
            response.owes_tool_answer = False


@defect(
    "a turn that the server answers is answered by us too",
    "P2-45",
    *(answering, "_answered_by_server"),
    world="the server's answer",
    promise="one answer: of no turn",
)
def _both_answer(state: State, turn: Turn, now_ms: int) -> None:
    _by_server(state, turn, now_ms)
    state.creates.want_answer(Cause.TURN, state.book.last_number)


@defect(
    "a late transcript has an answered turn answered again",
    "46, 100, P2-46",
    *(answering, "judge"),
    world="a turn and a verdict",
    promise="one answer: T1 was answered, and is answered",
)
def _again(state: State, turn: Turn, *, is_late: bool = False) -> None:
    if turn.state is TurnState.ANSWERED and turn.verdict is ev.Verdict.WORDS:
        state.turns.live.append(turn)
        _counts(state, turn)
    else:
        _judge(state, turn, is_late=is_late)


@defect(
    "a committed turn is not answered",
    "26, P2-64",
    *(answering, "_counts"),
    world="a turn",
    promise="rest: a turn is open or undecided",
)
def _unanswered(state: State, turn: Turn) -> None:
    turn.state = TurnState.COUNTS
    state.owed.turn_counts()


@defect(
    "an interruption drops what was to be kept",
    "19, 88, 93, P2-31",
    *(Creates, "drop"),
    world="kept answers",
    promise="one answer: request 2 was to be kept",
)
def _drops_all(creates: Creates, through: int | None) -> list[Queued]:
    dropped, creates.queue = creates.queue, []
    return dropped


@defect(
    "what an interruption drops is dropped without a word",
    "93, 88",
    *(Creates, "drop"),
    world="two answers, interrupted",
    promise="rest: speech that was asked for was neither created nor dropped",
)
def _drops_silently(creates: Creates, through: int | None) -> list[Queued]:
    _drop(creates, through)
    return []


@defect(
    "a greeting comes after the caller spoke",
    "135, P2-48",
    *(answering, "_drop_greeting"),
    world="a greeting",
    promise="one answer: a greeting after the caller spoke",
)
def _late_greeting(state: State) -> None:
    pass


@defect(
    "protected speech can be interrupted",
    "17, P2-55",
    *(answering, "create_if_allowed"),
    world="protected",
    promise="protected: ",
)
def _unprotected(state: State, now_ms: int) -> None:
    _create(state, now_ms)
    for response in state.book.live:
        response.is_protected = False


@defect(
    "protection ends with the generation",
    "58, P2-58",
    *(taking, "_concerned"),
    world="protected, interrupted",
    promise="protected: 1 was taken",
)
def _open_alone_is_protected(state: State, reason: ev.Reason) -> list[Response]:
    audible = state.playout.audible()
    return [r for r in state.book.live if (r.is_open and not r.is_protected) or r in audible]


@defect(
    "protected speech is asked for before the server is known not to act",
    "84, P2-97",
    *(protecting, "forbid_server"),
    world="protected from the server",
    promise="protected: created before the server is known not to act",
)
def _without_waiting(state: State, now_ms: int) -> None:
    queued = state.creates.queue.pop(0)
    command = state.number_command()
    response = state.book.add(queued.cause, Phase.REQUESTED, now_ms, token=command)
    response.request, response.is_protected = queued.request, True
    state.tell(
        answering.CreateResponse(
            command, command, queued.cause, response.number, queued.request, protected=True
        )
    )


@defect(
    "after protected speech the server does not get its authority back",
    "142, P2-51, P2-56",
    *(protecting, "allow_server"),
    world="protected from the server",
    promise="rest: the server has not its authority back",
)
def _keeps_it(state: State, now_ms: int) -> None:
    pass


@defect(
    "the caller's keys are lost when they interrupt",
    "127",
    *(HANDLERS, ev.KeyPressed),
    world="a key",
    promise="rest: the model does not know of keys",
)
def _keys_are_lost(state: State, event: ev.KeyPressed, now_ms: int) -> None:
    answering.taking.take(state, now_ms, ev.Reason.DTMF)
