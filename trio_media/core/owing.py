"""The answer that is owed to the caller, when it is due, and how it is paid.

Rule 1: it is due when both ears have been quiet for a while, and nothing else is being decided.
Rule 2: noise puts it off for a while and no longer.
Rule 3: what the service may say by itself it is given time to say.
"""

from __future__ import annotations

from trio_media.core import answering, tooling
from trio_media.core.commands import Cause
from trio_media.core.state import State
from trio_media.core.units import NOISE_WAIT_MS, earliest


def pay(state: State, now_ms: int) -> None:
    """Speak again after an interruption that nothing followed.

    It is asked for only when it can go out: until then, speech begins the wait anew.
    """
    at_ms = due_ms(state)
    is_due = at_ms is not None and now_ms >= at_ms and not state.creates.queue
    if is_due and answering.may_create(state, now_ms) and state.owed.pay():
        state.creates.want_answer(Cause.RECOVERY, state.book.last_number)


def due_ms(state: State) -> int | None:
    """When the owed answer is due; None if none is, or while somebody speaks or may be answered.

    It waits for quiet, but not for ever: noise puts it off for a while and no longer.
    """
    floor, recover_ms = state.floor, state.policy.recover_ms
    if not state.owed.is_owed or floor.is_believed or not answering.is_answered(state):
        return None
    if state.turns.has_unanswered:  # one that counts is answered instead
        return None
    if tooling.holds_answers(state):
        return None
    noise_ms = floor.noise_since_ms + recover_ms + NOISE_WAIT_MS
    quiet_ms = noise_ms if floor.is_heard else min(floor.quiet_since_ms + recover_ms, noise_ms)
    return max(quiet_ms, state.owed.not_before_ms)


def next_deadline_ms(state: State, now_ms: int) -> int | None:
    """Return when something here is due by time alone."""
    waits = [due_ms(state)]
    if state.creates.queue or state.owed.is_owed:
        waits += (state.creates.not_before_ms, state.server_create_until_ms)
    # One that is past already must not hide one that is to come.
    return earliest(*(at_ms for at_ms in waits if at_ms is not None and at_ms > now_ms))
