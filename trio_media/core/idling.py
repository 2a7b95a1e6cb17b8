"""Silence of everybody: the model asks for a word, and after some asking says goodbye.

Rule 1: nothing that still goes on is silence: neither speech, heard or to come, nor a tool that
        runs, nor keys that are waited for, nor an answer that is owed.
Rule 2: noise that nobody takes for speech puts it off for a while, and no longer.
Rule 3: a word of the caller, or a key, begins it all anew.
"""

from __future__ import annotations

from trio_media.core import leaving
from trio_media.core.commands import Cause
from trio_media.core.creates import Queued
from trio_media.core.ending import Ending
from trio_media.core.state import State
from trio_media.core.units import NOISE_WAIT_MS

REASON = "silence"


def notice(state: State, now_ms: int) -> None:
    """Note since when nothing goes on."""
    if _goes_on(state):
        state.idle.since_ms = None
    elif state.idle.since_ms is None:
        state.idle.since_ms = now_ms


def ask(state: State, now_ms: int) -> None:
    """Ask for a word when nothing went on for long, and say goodbye when that was in vain."""
    due_ms = next_deadline_ms(state)
    if due_ms is None or now_ms < due_ms:
        return
    if state.idle.asked < state.policy.silence_asks:
        state.idle.asked += 1
        state.creates.ask(Queued(Cause.SILENCE, state.book.last_number, is_kept=False))
        return
    leaving.begin(
        state,
        Ending(
            request=None,
            reason=REASON,
            is_final=False,
            leaves=False,
            tool_call_id=None,
            words=None,
            has_words=True,
            since_ms=now_ms,
        ),
    )


def word(state: State) -> None:
    """The caller said something, or pressed a key."""
    state.idle.asked = 0


def _goes_on(state: State) -> bool:
    floor = state.floor
    return (
        not state.is_session_ready
        or state.is_held
        or state.ending is not None
        or bool(state.book.open() or state.creates.queue or state.playout.audible())
        or bool(state.keys.digits or state.collections.waiting or state.pending_tools())
        or state.owed.is_owed
        or state.turns.has_unanswered
        or floor.is_hushed
        or floor.is_believed
    )


def next_deadline_ms(state: State) -> int | None:
    """Return when silence has lasted for long, if it goes on."""
    since_ms = state.idle.since_ms
    if since_ms is None or _goes_on(state):
        return None
    floor, silence_ms = state.floor, state.policy.silence_ms
    noise_ms = max(floor.noise_since_ms, since_ms) + silence_ms + NOISE_WAIT_MS
    quiet_ms = max(floor.quiet_since_ms, since_ms) + silence_ms
    return noise_ms if floor.is_heard else min(quiet_ms, noise_ms)
