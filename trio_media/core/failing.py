"""What comes to nothing, and what is done about it: creates refused, and answers not given.

Rule 1: nobody waits in vain for an answer that the service failed to give, and nothing is asked for
        without end:

| ended        | nothing of it came         | something was said       | when that was in vain |
|--------------|----------------------------|--------------------------|-----------------------|
| rate limited | again, after 1, 2, 4 s     | goes on, after the same  | words of ours         |
| failed       | again, twice               | goes on, twice           | words of ours         |
| cut short    | again, twice               | goes on, twice           | nothing more          |
| filtered     | the model says that it cannot speak about that, once  | words of ours         |

Rule 2: words of ours ask the caller to say it again.  After so many of them in a row, with nothing
        else to be heard, the call goes on as one that has lost its model.
Rule 3: what somebody of ours wants to be said is asked for again while nothing of it came; then
        they are told.  What was to fill a silence comes again by itself, if the silence goes on.
Rule 4: what the server was to answer by itself, and did not, we ask for in its place.
"""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.core import answering, leaving
from trio_media.core.commands import Cause, EndModelSession, FaultMet, PlayRecorded, Recorded
from trio_media.core.creates import ANSWERS, CONTINUED, FILLS, NEVER, Queued, Vain
from trio_media.core.events import Ended
from trio_media.core.outcomes import Remedy
from trio_media.core.responses import Response
from trio_media.core.state import State
from trio_media.core.units import (
    CONTINUATIONS,
    CREATE_RETRY_MS,
    CREATE_TRIES,
    FAULT_TRIES,
    RATE_PAUSE_MS,
    RATE_TRIES,
    SORRIES_IN_A_ROW,
)

NO_ANSWERS: Final = "it gives no answers"

# --- creates that are refused ----------------------------------------------------------------


def create_refused(state: State, response: Response, now_ms: int) -> None:
    """A create was refused because a response is open: it is tried again when that is over."""
    if not state.book.open() and any(r.is_lingering for r in state.book):
        state.tell(EndModelSession("a response that we gave up blocks every other"))
    create_again(state, response, now_ms)  # where it is the next session's to answer


def came_to_nothing(state: State, response: Response) -> None:
    """A create was rejected or never answered: the caller who waits for it is owed an answer.

    Once: an owed answer that comes to nothing in its turn owes no other.
    """
    is_waited_for = response.cause in (Cause.TURN, Cause.KEYS, Cause.TOOL)
    if is_waited_for and not response.is_doomed:
        state.owed.is_owed = True


def create_again(state: State, response: Response, now_ms: int) -> None:
    """A create came to nothing: it is first in the queue again, unless it was interrupted.

    What was to fill a silence is not asked for again: it comes by itself, if the silence goes on.
    """
    is_wanted = response.cause not in FILLS and leaving.is_wanted(state, response)
    if response.is_doomed or not is_wanted:
        return
    tries = response.tries + 1
    if tries > CREATE_TRIES:
        tries = 0  # the next session is asked as if for the first time
        if state.is_session_ready:  # else it was no fault of this one: it was lost
            state.tell(EndModelSession("it takes none of our creates"))
    if not state.book.open():
        state.creates.not_before_ms = now_ms + CREATE_RETRY_MS
    _queue_again(state, response, tries, response.vain)


def _queue_again(state: State, response: Response, tries: int, vain: Vain) -> None:
    again = Queued(
        response.cause,
        response.number,
        response.request,
        response.is_protected,
        response.is_kept,
        tries,
        vain,
    )
    response.request = None  # what becomes of it is said of the new one
    state.creates.ask_again(again)


# --- answers that are not given --------------------------------------------------------------


def heed(state: State, response: Response, now_ms: int) -> None:
    """A response that nobody took has ended in a fault: see that nobody waits for it in vain."""
    remedy = _remedy(state, response)
    state.tell(FaultMet(response.number, response.response_id, _fault(response), remedy))
    match remedy:
        case Remedy.RETRY:
            _retry(state, response, now_ms)
        case Remedy.CONTINUE:
            _pause(state, response, now_ms)
            _want(state, response, Cause.CONTINUATION)
        case Remedy.EXPLAIN:
            _want(state, response, Cause.EXPLANATION)
        case Remedy.SAY:
            state.failing.sorries += 1
            state.tell(PlayRecorded(Recorded.SORRY))
        case Remedy.END:
            state.tell(EndModelSession(NO_ANSWERS, is_final=True))
        case _:
            pass  # it is left


def _fault(response: Response) -> Ended:
    assert response.ended is not None
    return response.ended


def _remedy(state: State, response: Response) -> Remedy:
    if not _is_waited_for(state, response):
        return Remedy.LEAVE
    remedy = _next_try(response)
    if response.cause not in CONTINUED:
        return remedy if remedy is Remedy.RETRY else Remedy.LEAVE
    if remedy is not Remedy.SAY:
        return remedy
    if _is_answered_besides(state):
        return Remedy.LEAVE
    return Remedy.END if state.failing.sorries >= SORRIES_IN_A_ROW else Remedy.SAY


def _is_waited_for(state: State, response: Response) -> bool:
    """Whether anybody is still to hear what the response did not say."""
    cause = response.cause
    if cause in FILLS or response.calls:
        return False  # what is answered then is what its tools find
    if cause is Cause.SERVER and not state.has_server_authority:
        return False  # nobody asked for it
    if cause is Cause.GREETING:
        return not state.has_begun
    if cause in CONTINUED:
        return answering.is_answered(state)
    return leaving.is_wanted(state, response)


def _next_try(response: Response) -> Remedy:
    """What is tried next, by what was tried in vain: the table above."""
    fault, vain = _fault(response), response.vain
    if fault is Ended.FILTERED:
        return Remedy.SAY if vain.was_explained else Remedy.EXPLAIN
    has_begun = response.has_begun
    if fault is Ended.CUT_SHORT and vain.continuations >= (CONTINUATIONS if has_begun else 1):
        return Remedy.LEAVE
    if has_begun and fault is not Ended.RATE_LIMITED:
        is_last = vain.continuations >= CONTINUATIONS
    else:
        is_last = vain.retries >= (RATE_TRIES if fault is Ended.RATE_LIMITED else FAULT_TRIES)
    if is_last:
        return Remedy.SAY
    return Remedy.CONTINUE if has_begun else Remedy.RETRY


def _is_answered_besides(state: State) -> bool:
    """Whether the caller says something, or did, that is answered next."""
    is_queued = any(queued.cause in ANSWERS for queued in state.creates.queue)
    return is_queued or state.turns.has_unanswered or bool(state.keys.digits)


def _retry(state: State, response: Response, now_ms: int) -> None:
    _pause(state, response, now_ms)
    if response.cause is Cause.SERVER:
        _want(state, response, Cause.CONTINUATION)
        return
    if response.cause is Cause.RECOVERY:
        state.owed.in_a_row = max(0, state.owed.in_a_row - 1)  # nobody heard anything of it
    response.is_guessed = False  # if its create is refused after all: it waits already
    _queue_again(state, response, response.tries, _after(response))
    state.failing.is_trying |= response.cause in CONTINUED


def _pause(state: State, response: Response, now_ms: int) -> None:
    """Give the service time."""
    is_limited = _fault(response) is Ended.RATE_LIMITED
    pause_ms = RATE_PAUSE_MS << response.vain.retries if is_limited else CREATE_RETRY_MS
    state.creates.not_before_ms = max(state.creates.not_before_ms, now_ms + pause_ms)


def _want(state: State, response: Response, cause: Cause) -> None:
    number, is_protected = state.book.last_number, response.is_protected
    vain = _after(response)
    state.creates.want_answer(cause, number, is_protected=is_protected, vain=vain)
    state.failing.is_trying = True


def _after(response: Response) -> Vain:
    """What was done in vain, if what is asked for now comes to nothing too."""
    fault, vain = _fault(response), response.vain
    if fault is Ended.FILTERED:
        return attrs.evolve(vain, was_explained=True)
    if response.has_begun and fault is not Ended.RATE_LIMITED:
        return attrs.evolve(vain, continuations=vain.continuations + 1)
    return attrs.evolve(vain, retries=vain.retries + 1)


def is_tried(state: State) -> bool:
    """Whether the caller waits for an answer that is asked for again, and nothing of it came."""
    asked = [r for r in state.book.open() if not r.is_muted and not r.has_begun]
    waiting: list[Queued | Response] = [*state.creates.queue, *asked]
    return any(one.vain != NEVER and one.cause in CONTINUED for one in waiting)
