"""The decision core: events in, commands out, time as an argument.

`handle` has no I/O and no checkpoint: when it returns, everything it decided is already true here,
and whatever comes next meets the new state.  The same events at the same times always give the
same commands, so a log of its inputs replays.

Read on in `happening` (what each event does at once) and in `_settle` (what its consequences are).
"""

from __future__ import annotations

from typing import Final

from trio_media.core import (
    answering,
    away,
    closing,
    idling,
    keying,
    leaving,
    owing,
    protecting,
    responding,
    sending,
    speaking,
    taking,
    tooling,
)
from trio_media.core import events as ev
from trio_media.core.acting import act, heed_floor
from trio_media.core.commands import Cause, Command
from trio_media.core.happening import HANDLERS as HANDLERS
from trio_media.core.policy import Policy
from trio_media.core.responses import Cancel
from trio_media.core.state import State
from trio_media.core.units import earliest

OF_THE_MODEL: Final = frozenset(ev.OF_THE_MODEL)  # asked with every event


class DecisionCore:
    """One call's decisions.  Used by its owner and by nobody else."""

    def __init__(self, policy: Policy) -> None:
        self.state = State(policy)
        self.now_ms = 0

    def handle(self, event: ev.Event, now_ms: int) -> list[Command]:
        """Take in one event and return the commands that it, and the time, lead to.

        ``now_ms`` is on the call's monotonic clock and never goes back.
        """
        assert now_ms >= self.now_ms, "time went back"
        self.now_ms = now_ms
        state = self.state
        if state.is_over:
            return []
        state.playout.advance(now_ms)
        if type(event) in OF_THE_MODEL:
            # It has happened already, and a deadline decides only about what has not: what is over
            # is not cancelled, and what came in time, but was read late, is not given up.
            if not state.is_session_lost:
                HANDLERS[type(event)](state, event, now_ms)
            _expire(state, now_ms)
        else:
            _expire(state, now_ms)
            HANDLERS[type(event)](state, event, now_ms)
        if not state.is_over:
            _settle(state, now_ms)
        out, state.out = state.out, []
        return out

    @property
    def is_interruptible(self) -> bool:
        """Whether speech could interrupt anything now, or decides about a hush."""
        return self.state.floor.is_hushed or bool(self.state.exposed())

    def next_deadline(self) -> int | None:
        """Return when `handle` should see a `TimePassed`, at the latest; None: not by itself."""
        state = self.state
        if state.is_over:
            return None
        deadlines = (
            state.book.next_deadline_ms(),
            state.turns.next_deadline_ms(is_heard=state.floor.is_heard),
            state.keys.next_deadline_ms() if state.is_session_ready else None,
            state.floor.next_deadline_ms(),
            sending.next_deadline_ms(state.playout, self.now_ms, is_silenced=state.floor.is_hushed),
            owing.next_deadline_ms(state, self.now_ms),
            protecting.next_deadline_ms(state),
            tooling.next_deadline_ms(state),
            keying.next_deadline_ms(state),
            leaving.next_deadline_ms(state),
            idling.next_deadline_ms(state),
            away.next_deadline_ms(state),
            *[r.retry_ms for r in state.book.live if r.cancel is Cancel.UNSENT],
        )
        # What is due already was acted on, or waits for an event.
        now_ms = self.now_ms
        return earliest(*[d for d in deadlines if d is not None and d > now_ms])


# --- time ------------------------------------------------------------------------------------


def _expire(state: State, now_ms: int) -> None:
    """Act on every deadline up to now."""
    responding.expire(state, now_ms)
    heed_floor(state, now_ms)
    if state.turns.live:
        answering.expire_turns(state, now_ms)
    if state.keys.digits:
        answering.send_keys_if_due(state, now_ms)
    if state.collections.waiting:
        keying.expire(state, now_ms)
    if state.flags_asked_ms is not None:
        protecting.flags_lapsed(state, now_ms)
    if state.ending is not None:
        leaving.expire(state, now_ms)


def _settle(state: State, now_ms: int) -> None:
    """Do what the new state of things allows."""
    heed_floor(state, now_ms)  # an event may have brought a deadline forward to now
    if state.turns.live and not state.is_occupied():
        state.turns.uncover()
    if state.floor.is_heard:
        state.turns.heard(now_ms)
    taking.retry_unsent_cancels(state, now_ms)
    taking.delete_unheard(state)
    _ask_for_more(state, now_ms)
    if state.is_over:
        return
    answering.create_if_allowed(state, now_ms)
    protecting.allow_server(state, now_ms)
    _weigh_speech_at_openings(state, now_ms)
    _play(state, now_ms)
    if state.interruptions:
        taking.settle_interruptions(state)
    speaking.settle(state)
    _notice_silence(state, now_ms)
    responding.forget(state)
    state.turns.rest()
    if not state.is_session_ready or state.failing.is_trying:
        away.notice_silence(state, now_ms)
    if state.away.renew_by_ms is not None:
        away.renew_if_due(state, now_ms)
    if state.is_session_lost:
        closing.end_without_model(state, now_ms)


def _ask_for_more(state: State, now_ms: int) -> None:
    """Have the model say what is due, and the call end if that is.

    Most of the time nothing is: that is asked first, for this runs with every mark.
    """
    if state.book.has_tools:
        tooling.answer_when_complete(state)
        tooling.fill_silence(state, now_ms)
    if state.creates.queue:
        tooling.drop_fillers(state)
    if state.keys.digits:
        answering.send_keys_if_due(state, now_ms)  # they may have waited for the session alone
    if state.owed.is_owed:
        owing.pay(state, now_ms)
    if state.policy.silence_ms:
        idling.ask(state, now_ms)
    if state.ending is not None:
        closing.go_on_ending(state, now_ms)


def _notice_silence(state: State, now_ms: int) -> None:
    """Begin to count whatever silence began with this event."""
    if state.book.has_tools:
        tooling.notice_silence(state, now_ms)
    if state.collections.waiting:
        keying.notice_silence(state, now_ms)
    if state.policy.silence_ms:
        idling.notice(state, now_ms)


def _play(state: State, now_ms: int) -> None:
    """Send audio and let go of what is heard, unless the model is silenced."""
    if state.floor.is_hushed:
        return
    for command in sending.send_ahead(state.playout, now_ms):
        state.tell(command)
    for item in state.playout.release():
        state.note_heard(item)
        is_said = item.response.cause is not Cause.CLIP and not item.response.is_open
        if is_said and not state.is_audible(item.response):
            state.owed.in_a_row = 0  # it was heard to the end: nothing is in a row


def _weigh_speech_at_openings(state: State, now_ms: int) -> None:
    """Local speech that is on while a response opens counts as an onset then."""
    if state.opened == state.book.last_number:
        return
    state.opened = state.book.last_number
    if state.floor.is_heard:
        act(state, state.floor.onset(now_ms), now_ms, ev.Reason.LOCAL_SPEECH)
