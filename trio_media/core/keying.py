"""Keys for somebody of ours.  See `digits`."""

from __future__ import annotations

from trio_media.core import tooling
from trio_media.core.commands import DigitsCollected, DigitsOutcome
from trio_media.core.digits import Collection
from trio_media.core.events import DigitsRequested
from trio_media.core.state import State


def requested(state: State, event: DigitsRequested, now_ms: int) -> None:
    """Somebody wants keys.  Those that the model does not know yet are theirs."""
    wanted = Collection(
        event.request, event.count, event.terminator, event.first_ms, event.between_ms
    )
    if not state.collections.ask(wanted):
        state.tell(DigitsCollected(event.request, "", DigitsOutcome.TIMED_OUT))
        return
    for digit in state.keys.take():
        current = state.collections.current
        if current is None:
            state.keys.pressed(digit, now_ms)
        else:
            pressed(state, current, digit, now_ms)


def pressed(state: State, wanted: Collection, digit: str, now_ms: int) -> None:
    """A key for somebody was pressed."""
    outcome = wanted.pressed(digit, now_ms)
    if outcome is not None:
        _collected(state, wanted, outcome)


def expire(state: State, now_ms: int) -> None:
    """Give up waiting for keys that do not come."""
    wanted = state.collections.current
    deadline_ms = next_deadline_ms(state)
    if wanted is not None and deadline_ms is not None and now_ms >= deadline_ms:
        _collected(state, wanted, DigitsOutcome.TIMED_OUT)


def notice_silence(state: State, now_ms: int) -> None:
    """Begin to wait for the first key when the model is silent."""
    wanted = state.collections.current
    if wanted is None or wanted.digits:
        return
    if _is_asking(state):
        wanted.since_ms = None
    elif wanted.since_ms is None:
        wanted.since_ms = now_ms


def _is_asking(state: State) -> bool:
    """Whether the caller is still being told what to press.

    An answer that waits for a tool is not about that: the tool may wait for these keys.
    """
    is_to_come = tooling.next_create(state) is not None
    return is_to_come or state.floor.is_hushed or state.is_occupied()


def _collected(state: State, wanted: Collection, outcome: DigitsOutcome) -> None:
    state.collections.next()
    state.tell(DigitsCollected(wanted.request, wanted.digits, outcome))


def next_deadline_ms(state: State) -> int | None:
    """Return when a key is waited for no longer."""
    wanted = state.collections.current
    return None if wanted is None else wanted.deadline_ms()
