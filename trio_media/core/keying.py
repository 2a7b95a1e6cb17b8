"""Keys for somebody of ours.  See `digits`."""

from __future__ import annotations

from trio_media.core.commands import DigitsCollected, DigitsOutcome
from trio_media.core.digits import Collection
from trio_media.core.events import DigitsRequested
from trio_media.core.state import State


def requested(state: State, event: DigitsRequested, now_ms: int) -> None:
    """Somebody wants keys.  Those that the model does not know yet are theirs."""
    wanted = Collection(
        event.request, event.count, event.terminator, event.first_ms, event.between_ms, now_ms
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
        _collected(state, wanted, outcome, now_ms)


def expire(state: State, now_ms: int) -> None:
    """Give up waiting for keys that do not come."""
    while (wanted := state.collections.current) is not None and _is_due(state, wanted, now_ms):
        _collected(state, wanted, DigitsOutcome.TIMED_OUT, now_ms)


def wait_for_silence(state: State, now_ms: int) -> None:
    """Begin to wait for the first key when the model is silent."""
    wanted = state.collections.current
    if wanted is not None and not wanted.digits and _is_asking(state):
        wanted.since_ms = now_ms


def _is_asking(state: State) -> bool:
    """Whether the caller is still being told what to press."""
    return state.is_occupied() or bool(state.creates.queue) or state.floor.is_hushed


def _is_due(state: State, wanted: Collection, now_ms: int) -> bool:
    is_waiting = bool(wanted.digits) or not _is_asking(state)
    return is_waiting and now_ms >= wanted.deadline_ms()


def _collected(state: State, wanted: Collection, outcome: DigitsOutcome, now_ms: int) -> None:
    state.collections.next(now_ms)
    state.tell(DigitsCollected(wanted.request, wanted.digits, outcome))


def next_deadline_ms(state: State) -> int | None:
    """Return when a key is waited for no longer."""
    wanted = state.collections.current
    if wanted is None or (not wanted.digits and _is_asking(state)):
        return None
    return wanted.deadline_ms()
