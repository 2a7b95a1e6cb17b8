"""Taking the floor: what an interruption does to every response, and how it ends.

| phase            | what a take does                                                              |
|------------------|-------------------------------------------------------------------------------|
| queued           | dropped, unless the asker keeps it; nothing on the wire                       |
| requested        | doomed: cancelled by id when the id appears, none of it heard                 |
| active           | muted at once; one cancel, if it is ours for this reason                      |
| cancelling       | nothing more                                                                  |
| over, audible    | cleared and truncated; no cancel                                              |
| over, heard      | nothing to interrupt                                                          |

The order of commands is: silence first, then stop, then explain.
"""

from __future__ import annotations

from trio_media.core import leaving, tooling
from trio_media.core.commands import (
    CancelResponse,
    Cause,
    ClearCarrier,
    DeleteItem,
    Hushed,
    InterruptionSettled,
    Outcome,
    Resumed,
    SpeechDropped,
    Taken,
    TruncateItem,
)
from trio_media.core.creates import Queued
from trio_media.core.events import FAULTS, Ended, Reason
from trio_media.core.responses import Cancel, Fate, Item, Phase, Response
from trio_media.core.state import Interruption, State

SPEECH = (Reason.LOCAL_SPEECH, Reason.SERVER_SPEECH)


def hush(state: State, now_ms: int) -> None:
    """Silence the model without deciding anything, if there is anything to silence."""
    if state.floor.is_hushed or state.playout.is_shielded() or not state.exposed():
        return
    _clear(state)
    state.floor.hushed(now_ms, server_acts=state.server_acts)
    item = state.playout.playing()
    heard_ms = 0 if item is None else item.heard_ms
    state.tell(Hushed(heard_ms, None if item is None else item.item_id))


def resume(state: State, now_ms: int, *, was_false: bool = True) -> None:
    """The caller did not want the floor: go on a little before the position.

    ``was_false``: what silenced the model was no interruption; a voice makes no hush false.
    """
    hush = state.floor.hush
    assert hush is not None
    was_false = was_false and not hush.is_voiced
    state.floor.resumed(now_ms, was_false=was_false)
    state.playout.resume()
    state.tell(Resumed(was_false))


def take(
    state: State,
    now_ms: int,
    reason: Reason,
    *,
    request: int | None = None,
    through: int | None = None,
) -> None:
    """Interrupt every response that is open or audible, at the position.

    ``through``: responses newer than this are not meant.
    """
    if reason in SPEECH:
        tooling.interrupted(state)
    concerned = [r for r in _concerned(state, reason) if through is None or r.number <= through]
    targets = [r for r in concerned if not r.is_muted]
    dropped = _drop_queued(state, reason, through)
    if not concerned and not dropped:
        _settle_nothing(state, reason, request, is_stale=bool(_concerned(state, reason)))
        return
    state.last_interruption += 1
    numbers = tuple(r.number for r in concerned)
    if targets:
        _silence(state, targets, reason)
        for response in targets:
            _stop(state, response, now_ms)
        for response in targets:
            _explain(state, response)
        state.turns.uncover()
    has_floor = not state.exposed()
    if has_floor:
        state.floor.taken()
    state.tell(Taken(state.last_interruption, reason, request, numbers, has_floor))
    for queued in dropped:
        if queued.request is not None:
            state.tell(SpeechDropped(queued.request))
    if targets and reason in (*SPEECH, Reason.DTMF):
        _heed_caller(state, reason)
    target = concerned[-1] if concerned else None
    state.interruptions.append(
        Interruption(state.last_interruption, reason, request, target, _known_outcome(target))
    )


def _heed_caller(state: State, reason: Reason) -> None:
    """The caller interrupted: they keep the call, and words of theirs are answered."""
    leaving.revoked(state)
    state.idle.asked = 0
    if reason in SPEECH and not state.is_session_lost:
        state.owed.take_by_speech()


def _concerned(state: State, reason: Reason) -> list[Response]:
    """The responses that an interruption is about, those taken already but not over included."""
    audible = state.playout.audible()
    return [
        r
        for r in state.book.live
        if (r.is_open or (r in audible and not r.is_muted))
        and (not r.is_protected or reason is Reason.HANG_UP)
    ]


def _drop_queued(state: State, reason: Reason, through: int | None) -> list[Queued]:
    """A hang-up drops every queued create; anything else those that may be dropped."""
    if reason is Reason.HANG_UP:
        dropped, state.creates.queue = state.creates.queue, []
        return dropped
    return state.creates.drop(through)


def _silence(state: State, targets: list[Response], reason: Reason) -> None:
    """Nothing of the targets reaches the caller from here on."""
    is_silent = state.floor.is_hushed
    if not is_silent and (reason is Reason.HANG_UP or not state.playout.is_shielded()):
        _clear(state)
        is_silent = True
    for item in state.playout.remove(targets, was_silenced=is_silent):
        state.note_heard(item)


def _clear(state: State) -> None:
    """One ``clear``: a new epoch begins."""
    state.playout.silence()
    state.tell(ClearCarrier(state.playout.epoch))


def _stop(state: State, response: Response, now_ms: int) -> None:
    """Mute one response, and stop its generation if that is ours to do."""
    response.is_muted = True
    if response.phase is Phase.REQUESTED:
        response.is_doomed = True
    elif response.phase is Phase.ACTIVE:
        cancel(state, response, now_ms)


def cancel(state: State, response: Response, now_ms: int) -> None:
    """Await the end of an active response, and cancel it unless the server did.

    The only place that orders a cancel: at most one a response, by id, never for one that is over.
    """
    assert response.phase is not Phase.OVER
    assert response.response_id is not None
    if response.phase is not Phase.CANCELLING:
        response.phase = Phase.CANCELLING
        response.cancel_at_ms = response.progress_ms = now_ms
    is_unsent = response.cancel in (Cancel.NONE, Cancel.UNSENT)
    if is_unsent and not response.is_server_interrupted:
        response.cancel = Cancel.OUT
        response.cancel_command = state.number_command()
        state.tell(CancelResponse(response.cancel_command, response.response_id))
    elif response.cancel is Cancel.UNSENT:
        response.cancel = Cancel.NONE  # nobody saw it, and nobody needs it


def retry_unsent_cancels(state: State, now_ms: int) -> None:
    """A cancel of which no byte was written is ordered again, a moment later."""
    for response in state.book.open():
        if response.cancel is Cancel.UNSENT and now_ms >= response.retry_ms:
            cancel(state, response, now_ms)


def _explain(state: State, response: Response) -> None:
    """Tell the model what was heard of each item, or note that the item is to be deleted."""
    for item in response.items:
        if response.cause is Cause.CLIP:
            state.note_heard(item)  # the model never knew of it
        if not item.is_speech or item.fate is not Fate.UNTOLD:
            continue
        if item.heard_ms == 0:
            item.fate = Fate.DELETE_DUE
        elif not item.is_heard_enough:
            assert item.heard_ms <= item.received_ms
            item.fate = Fate.TRUNCATED
            state.tell(TruncateItem(state.number_command(), item.item_id, item.heard_ms))
        state.note_heard(item)


def delete_unheard(state: State) -> None:
    """Delete the items nobody heard, once their response is over."""
    for response in state.book.live:
        if response.is_open:
            continue
        for item in response.items:
            if item.fate is Fate.DELETE_DUE:
                item.fate = Fate.DELETED
                state.tell(DeleteItem(state.number_command(), item.item_id))


def mute_late_item(state: State, item: Item) -> None:
    """An item that appears after its response was taken, or was over: nobody will hear it."""
    if item.is_speech and item.fate is Fate.UNTOLD:
        item.fate = Fate.DELETE_DUE
        state.note_heard(item)


# --- how an interruption ends ----------------------------------------------------------------

_OUTCOMES = {
    Ended.COMPLETED: Outcome.ALREADY_OVER,
    Ended.CANCELLED: Outcome.CANCELLED,
    Ended.TURN_DETECTED: Outcome.SERVER_CANCELLED,
    **dict.fromkeys(FAULTS, Outcome.ALREADY_OVER),
    Ended.REJECTED: Outcome.CANCELLED,
    Ended.DEADLINE: Outcome.TIMED_OUT,
    Ended.LOST: Outcome.FAILED,
}


def _known_outcome(target: Response | None) -> Outcome | None:
    """The outcome that needs no waiting."""
    if target is None:
        return Outcome.CANCELLED  # queued creates were dropped
    if target.is_open:
        return None
    if target.ended is Ended.TURN_DETECTED:
        return Outcome.SERVER_CANCELLED
    return Outcome.ALREADY_OVER


def _outcome(target: Response) -> Outcome:
    """What became of a target that is over now."""
    assert target.ended is not None
    if target.ended is Ended.CANCELLED and target.cancel is Cancel.NONE:
        return Outcome.SERVER_CANCELLED  # nobody else could have
    if target.ended is Ended.DEADLINE and target.cancel_refused:
        return Outcome.FAILED
    return _OUTCOMES[target.ended]


def settle_interruptions(state: State) -> None:
    """Give every interruption whose target is over its outcome."""
    waiting: list[Interruption] = []
    for interruption in state.interruptions:
        target = interruption.target
        outcome = interruption.outcome
        if outcome is None:
            assert target is not None
            if target.is_open:
                waiting.append(interruption)
                continue
            outcome = _outcome(target)
        _settled(state, interruption, outcome)
    state.interruptions = waiting


def end_interruptions(state: State, outcome: Outcome) -> None:
    """The call is over: whoever waits learns it."""
    for interruption in state.interruptions:
        _settled(state, interruption, interruption.outcome or outcome)
    state.interruptions = []


def _settled(state: State, interruption: Interruption, outcome: Outcome) -> None:
    target = interruption.target
    state.tell(
        InterruptionSettled(
            interruption.number,
            interruption.request,
            interruption.reason,
            outcome,
            0 if target is None else target.heard_ms,
        )
    )


def _settle_nothing(state: State, reason: Reason, request: int | None, *, is_stale: bool) -> None:
    """There is nothing to interrupt; whoever asked is told why."""
    if request is None:
        return
    audible = state.playout.audible()
    has_protected = any(r.is_protected and (r.is_open or r in audible) for r in state.book.live)
    state.last_interruption += 1
    outcome = Outcome.PROTECTED if has_protected else Outcome.NOTHING_TO_INTERRUPT
    if is_stale:
        outcome = Outcome.ALREADY_OVER  # what was meant is gone; what is there was not meant
    interruption = Interruption(state.last_interruption, reason, request, None)
    _settled(state, interruption, outcome)
