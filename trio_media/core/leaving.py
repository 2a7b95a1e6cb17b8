"""Ending the call, or handing it over, when everything was heard.  See `ending`."""

from __future__ import annotations

import enum

from trio_media.core import tooling
from trio_media.core.commands import (
    Cause,
    EndingBegan,
    EndingOutcome,
    EndingSettled,
    SpeechDropped,
)
from trio_media.core.creates import Queued
from trio_media.core.ending import Ending
from trio_media.core.events import EndingRequested
from trio_media.core.responses import Response
from trio_media.core.state import State


class Step(enum.Enum):
    """What the ending does next."""

    WAIT = "wait"
    SPEAK = "speak"
    """Its words are to be asked for."""
    GO = "go"
    """Everything was heard."""


def requested(state: State, event: EndingRequested, now_ms: int) -> None:
    """Somebody of ours ends the call; the newest request counts."""
    current = state.ending
    if current is not None and current.left_ms is not None:
        settled = EndingSettled(event.request, EndingOutcome.REPLACED)
        state.tell(settled)  # the call is being handed over already
        if event.words is not None:
            state.tell(SpeechDropped(event.words))
        return
    ending = Ending(
        request=event.request,
        reason=event.reason,
        is_final=event.is_final,
        leaves=event.leaves,
        tool_call_id=event.tool_call_id,
        words=event.words,
        has_words=event.words is not None,
        since_ms=now_ms,
    )
    replace(state, ending)


def replace(state: State, ending: Ending) -> None:
    """From here on the call is about to end in this way, whatever was asked for before."""
    if state.ending is not None:
        _let_go(state, state.ending, EndingOutcome.REPLACED)
    begin(state, ending)


def begin(state: State, ending: Ending) -> None:
    """From here on the call is about to end."""
    state.ending = ending
    queue = state.creates.queue
    state.creates.queue = [q for q in queue if q.cause is not Cause.SILENCE]
    state.tell(EndingBegan(ending.request, ending.reason))


def revoked(state: State) -> None:
    """The caller spoke, and keeps the call if they may."""
    ending = state.ending
    if ending is not None and not ending.is_final and ending.left_ms is None:
        _let_go(state, ending, EndingOutcome.REVOKED)


def failed(state: State, request: int | None) -> None:
    """Nobody took the call over."""
    ending = state.ending
    if ending is not None and ending.request == request and ending.left_ms is not None:
        _let_go(state, ending, EndingOutcome.FAILED)


def expire(state: State, now_ms: int) -> None:
    """Give up handing the call over."""
    ending = state.ending
    if ending is not None and ending.left_ms is not None and now_ms >= ending.deadline_ms:
        _let_go(state, ending, EndingOutcome.FAILED)


def _let_go(state: State, ending: Ending, outcome: EndingOutcome) -> None:
    state.ending = None
    dropped = [q.request for q in state.creates.queue if q.cause is Cause.GOODBYE]
    if ending.has_words:
        dropped.append(ending.words)
    state.creates.queue = [q for q in state.creates.queue if q.cause is not Cause.GOODBYE]
    state.tell(EndingSettled(ending.request, outcome))
    for request in dropped:
        if request is not None:
            state.tell(SpeechDropped(request))


def is_wanted(state: State, response: Response) -> bool:
    """Whether what a create came to nothing for is still to be said, as far as the end goes."""
    ending = state.ending
    if response.cause is Cause.GOODBYE:
        return ending is not None and ending.words == response.request
    return response.cause is not Cause.SILENCE or ending is None


def answers_nobody(state: State) -> bool:
    """Whether what the caller says is not answered any more."""
    return state.ending is not None and (state.ending.is_final or state.ending.left_ms is not None)


def next_step(state: State, ending: Ending, now_ms: int) -> Step:
    """Say what the ending does now, and note what it waits for."""
    if ending.left_ms is not None:
        return Step.WAIT
    if state.playout.audible() or _is_callers(state, ending):
        ending.quiet_ms = None
    elif ending.quiet_ms is None:
        ending.quiet_ms = now_ms
    if now_ms >= ending.deadline_ms:
        return Step.GO
    if _is_busy(state, ending):
        return Step.WAIT
    if ending.has_words:
        return Step.SPEAK
    return Step.WAIT if state.playout.audible() else Step.GO


def _is_busy(state: State, ending: Ending) -> bool:
    """Whether something is still to be said, or the caller is not done."""
    others = (tool for tool in state.pending_tools() if tool.call_id != ending.tool_call_id)
    is_working = any(others) and not state.is_session_lost  # else nobody speaks of their results
    is_speaking = bool(state.book.open()) or tooling.next_create(state) is not None
    if is_working or is_speaking or state.floor.is_hushed:
        return True
    return _is_callers(state, ending)


def _is_callers(state: State, ending: Ending) -> bool:
    """Whether the caller says what may keep the call."""
    if ending.is_final or state.is_session_lost:
        return False
    is_said = state.turns.has_unanswered or state.floor.is_believed
    return is_said or bool(state.keys.digits)


def speak(state: State, ending: Ending) -> None:
    """Ask for the words of the ending, once."""
    ending.has_words = False
    if state.is_session_lost:
        if ending.words is not None:
            state.tell(SpeechDropped(ending.words))
        return
    number = state.book.last_number
    queued = Queued(Cause.GOODBYE, number, ending.words, is_protected=ending.is_final)
    state.creates.ask(queued)


def next_deadline_ms(state: State) -> int | None:
    """Return when the ending waits no longer."""
    return None if state.ending is None else state.ending.deadline_ms
