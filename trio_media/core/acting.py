"""What the floor says, done: a verb becomes a hush, a resume or a take."""

from __future__ import annotations

from trio_media.core import taking
from trio_media.core.events import Reason
from trio_media.core.floor import Verb
from trio_media.core.state import State


def heed_floor(state: State, now_ms: int) -> None:
    """Do what the floor's deadlines lead to."""
    while True:
        verb, is_long = state.floor.due(now_ms, server_acts=state.server_acts)
        if verb is Verb.NOTHING:
            return
        reason = Reason.SERVER_SPEECH if is_long else Reason.LOCAL_SPEECH
        act(state, verb, now_ms, reason)


def act(state: State, verb: Verb, now_ms: int, reason: Reason) -> None:
    """Do what the floor says."""
    if verb is Verb.HUSH:
        taking.hush(state, now_ms)
    elif verb is Verb.RESUME:
        taking.resume(state, now_ms)
    elif verb is Verb.TAKE:
        if state.exposed():
            taking.take(state, now_ms, reason)
        elif state.floor.is_hushed:
            # It was speech, but what it silenced is gone by itself.
            taking.resume(state, now_ms, was_false=False)
