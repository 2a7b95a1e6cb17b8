"""The end of a call, by us or by anybody: nothing is open, and nobody waits any longer."""

from __future__ import annotations

from trio_media.core import leaving, responding, speaking, taking
from trio_media.core.commands import EndCall, Leave, Outcome, PlayRecorded, Recorded
from trio_media.core.ending import Ending
from trio_media.core.events import Ended, Reason
from trio_media.core.state import State
from trio_media.core.units import RECORDED_MS

MODEL_LOST = "model_lost"


def go_on_ending(state: State, now_ms: int) -> None:
    """Take the next step of an ending that was asked for."""
    ending = state.ending
    assert ending is not None
    step = leaving.next_step(state, ending, now_ms)
    if step is leaving.Step.WAIT:
        return
    if step is leaving.Step.SPEAK:
        leaving.speak(state, ending)
    elif ending.leaves:
        ending.left_ms = now_ms
        state.tell(Leave(ending.request))
    else:
        speaking.settle(state)  # what was heard to its end was not cut off by this
        taking.take(state, now_ms, Reason.HANG_UP)
        end(state, ending.reason)


def end_without_model(state: State, now_ms: int) -> None:
    """The model session is gone for good: the call ends when all of it was heard, our own last
    words among it, unless others take it."""
    is_left = state.ending is not None and state.ending.left_ms is not None
    if is_left or state.floor.is_hushed or state.playout.audible():
        return
    last_words_ms = state.away.last_words_ms
    if last_words_ms is None:
        last_words_ms = now_ms if state.policy.has_last_words else now_ms - RECORDED_MS
        state.away.last_words_ms = last_words_ms
        if state.policy.has_last_words:
            state.tell(PlayRecorded(Recorded.GOODBYE))
    if now_ms < last_words_ms + RECORDED_MS:
        return  # the shell looks for them
    if state.policy.forwards_without_model and not state.away.was_forwarded:
        state.away.was_forwarded = True
        _forward(state, now_ms)
    else:
        end(state, MODEL_LOST)


def _forward(state: State, now_ms: int) -> None:
    """Have others take the call over, in place of whatever ending was asked for."""
    ending = Ending(
        request=None,
        reason=MODEL_LOST,
        is_final=True,
        leaves=True,
        tool_call_id=None,
        words=None,
        has_words=False,
        since_ms=now_ms,
    )
    leaving.replace(state, ending)
    ending.left_ms = now_ms
    state.tell(Leave(None))


def end(state: State, reason: str) -> None:
    """End the call."""
    close_all(state)
    state.tell(EndCall(reason))


def close_all(state: State) -> None:
    """The call is over: nothing is open, and nobody waits any longer."""
    _note_what_was_heard(state)
    taking.end_interruptions(state, Outcome.CALL_ENDED)
    speaking.end_all(state)
    for response in state.book.open():
        responding.close(state, response, Ended.LOST)
    state.is_over = True


def _note_what_was_heard(state: State) -> None:
    """What was heard to its end is kept for a resume; nothing resumes any more."""
    for track in state.playout.tracks:
        if track.item.is_done and track.playable_end_ms <= state.playout.settled_ms:
            state.note_heard(track.item)
