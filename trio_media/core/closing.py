"""The end of a call, by us or by anybody: nothing is open, and nobody waits any longer."""

from __future__ import annotations

from trio_media.core import leaving, responding, speaking, taking
from trio_media.core.commands import EndCall, Leave, Outcome
from trio_media.core.events import Ended, Reason
from trio_media.core.state import State


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


def end_without_model(state: State) -> None:
    """The model session is gone: the call ends when all of it was heard, unless others take it."""
    is_left = state.ending is not None and state.ending.left_ms is not None
    if not is_left and not state.floor.is_hushed and not state.playout.audible():
        end(state, "model_lost")


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
