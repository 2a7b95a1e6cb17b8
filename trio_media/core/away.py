"""The model is away: what becomes of what it was doing, and what the caller hears meanwhile.

Rule 1: what was being said, and nothing came of it, is asked for again; what was cut off goes on;
        what was taken does not come back.
Rule 2: a turn of the caller whose words are known stays as it is.  One of which only the sound is
        known lapses: the next session hears it again, as a turn of its own.
Rule 3: silence has an end: when the caller has heard nothing for a while, they are told that the
        model comes back, and again when that takes long; so are they while it is there, and they
        wait for an answer that it failed to give.
Rule 4: a session that the service is about to end is renewed when nothing goes on, or in time.
Rule 5: a call whose media stream was cut goes on in the next one as with the next session; what the
        caller did not hear any more is lost, and the model goes on from there.
"""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.core import answering, failing, responding
from trio_media.core.commands import Cause, PlayRecorded, Recorded, RenewSession, SayAgain
from trio_media.core.creates import CONTINUED
from trio_media.core.events import ConversationResumed, Ended
from trio_media.core.responses import Response
from trio_media.core.state import State
from trio_media.core.turns import Turn, TurnState
from trio_media.core.units import HEARD_ENOUGH_MS, RECORDED_MS, WORDS_AGAIN_MS, earliest

AWAITED: Final = (Cause.TURN, Cause.KEYS, Cause.TOOL, Cause.SERVER)
"""What the caller waits for."""
PASSING: Final = (Cause.CLIP, Cause.FILLER, Cause.SILENCE, Cause.GOODBYE)
"""What nobody misses in the next media stream."""


def went(state: State, now_ms: int) -> None:
    """The model session is gone, and another one is being made."""
    if state.away.since_ms is not None:
        return  # one that failed before it was there changes nothing
    state.away.since_ms = now_ms
    state.away.renew_by_ms = None
    state.is_session_ready = state.server_acts = False
    state.flags_asked_ms = None
    is_answer_due = state.server_create_until_ms is not None
    state.server_create_until_ms = None
    sounds = [turn for turn in state.turns.turns if _is_sound(state, turn)]
    if is_answer_due and not sounds:
        state.creates.want_answer(Cause.CONTINUATION, state.book.last_number)
    for response in state.book.open():
        _cut_off(state, response, sounds, now_ms)
    for response in state.book:
        response.is_lingering = False  # nobody thinks any more that it is open
    if sounds:
        _say_again(state, sounds, now_ms)


def _is_sound(state: State, turn: Turn) -> bool:
    """Whether nothing but the sound of a turn is known that has no answer yet."""
    if turn.verdict is not None or turn.state in (TurnState.VOID, TurnState.LAPSED):
        return False
    if turn.state is not TurnState.ANSWERED:
        return True
    answers = [r for r in state.book.open() if _answers(r, turn)]
    return any(not r.has_begun and not r.is_muted for r in answers)


def _answers(response: Response, turn: Turn) -> bool:
    is_servers = turn.answer is None and response.cause is Cause.SERVER
    return is_servers or response.number == turn.answer


def _cut_off(state: State, response: Response, sounds: list[Turn], now_ms: int) -> None:
    """A response is over for want of a session."""
    responding.close(state, response, Ended.LOST)
    if response.is_muted or response.is_doomed or response.calls:
        return  # what is answered then is what its tools find
    if response.has_begun:
        if response.cause in CONTINUED:
            state.creates.want_answer(Cause.CONTINUATION, state.book.last_number)
    elif any(_answers(response, turn) for turn in sounds):
        return  # the turn is heard again, and answered then
    elif response.cause is Cause.SERVER:
        state.creates.want_answer(Cause.CONTINUATION, state.book.last_number)
    else:
        if response.cause is Cause.RECOVERY:
            state.owed.in_a_row = max(0, state.owed.in_a_row - 1)  # nobody heard anything of it
        failing.create_again(state, response, now_ms)


def _say_again(state: State, sounds: list[Turn], now_ms: int) -> None:
    """Have the next session hear what of these turns is known; the answer to them is owed."""
    for turn in sounds:
        if turn.state is not TurnState.ANSWERED:
            answering.lapse(state, turn, now_ms)
    if not state.turns.in_state(TurnState.COUNTS):
        state.creates.drop_turns()
    state.owed.is_owed = True
    state.tell(SayAgain(tuple(turn.item_id for turn in sounds)))


def came_back(state: State, now_ms: int) -> None:
    """There is a session: what is owed waits for what it hears first."""
    if state.away.since_ms is None:
        return  # it was there, and has changed
    state.away.since_ms = state.away.quiet_ms = None
    state.away.was_told = False
    if state.owed.is_owed:
        state.owed.not_before_ms = now_ms + state.silence_ms + state.policy.recover_ms


# --- what the caller hears meanwhile -----------------------------------------------------------


def notice_silence(state: State, now_ms: int) -> None:
    """Note since when the caller hears nothing, and tell them when that is long enough."""
    if state.failing.is_trying and not failing.is_tried(state):
        state.failing.is_trying = False
        if state.away.since_ms is None:
            state.away.quiet_ms, state.away.was_told = None, False
    if not state.policy.away_words_ms or _is_told_nothing(state):
        return
    if state.playout.audible() or state.floor.is_hushed or state.floor.is_heard:
        state.away.quiet_ms = None
        return
    if state.away.quiet_ms is None:
        state.away.quiet_ms = now_ms
    if now_ms >= state.away.quiet_ms + _patience_ms(state):
        # From now on again, for there may be nothing to be played, and then nothing else happens.
        state.away.was_told, state.away.quiet_ms = True, now_ms
        state.tell(PlayRecorded(Recorded.ONE_MOMENT))


def _is_told_nothing(state: State) -> bool:
    """Whether the model may speak at any time, or never will, or others have the caller."""
    is_leaving = state.ending is not None and state.ending.left_ms is not None
    is_there = state.away.since_ms is None and not state.failing.is_trying
    return state.is_session_lost or is_there or is_leaving or state.is_held


def next_deadline_ms(state: State) -> int | None:
    """Return when the caller is told to wait for the model, or the session is renewed."""
    away = state.away
    if state.is_session_lost:
        return None if away.last_words_ms is None else away.last_words_ms + RECORDED_MS
    if away.quiet_ms is None or not state.policy.away_words_ms or _is_told_nothing(state):
        return away.renew_by_ms
    return earliest(away.quiet_ms + _patience_ms(state), away.renew_by_ms)


def _patience_ms(state: State) -> int:
    wait_ms = state.policy.away_words_ms
    return max(wait_ms, WORDS_AGAIN_MS) if state.away.was_told else wait_ms


# --- before the service ends it ----------------------------------------------------------------


def renew_if_due(state: State, now_ms: int) -> None:
    """Renew the session when nothing goes on, or when it has to be."""
    by_ms = state.away.renew_by_ms
    if by_ms is not None and (now_ms >= by_ms or _is_quiet(state, now_ms)):
        state.away.renew_by_ms = None
        state.tell(RenewSession())


def _is_quiet(state: State, now_ms: int) -> bool:
    floor, turns = state.floor, state.turns
    is_said = bool(state.book.open() or state.playout.audible() or state.creates.queue)
    is_heard = floor.is_hushed or floor.is_heard or turns.has_unanswered
    until_ms = state.server_create_until_ms
    is_due = state.owed.is_owed or bool(state.keys.digits) or state.flags_asked_ms is not None
    is_due = is_due or (until_ms is not None and now_ms < until_ms)
    return not (is_said or is_heard or is_due or state.pending_tools())


# --- when the media stream is cut ---------------------------------------------------------------


@attrs.frozen
class LeftOver:
    """What a media stream that was cut leaves to the next one of the call."""

    resumed: ConversationResumed
    """What the core is told there."""
    sounds: tuple[str, ...]
    """The turns of which only the sound is known."""


def left_over(state: State) -> LeftOver:
    """Return what is left over if the media stream is cut now.  Changes nothing."""
    sounds = [turn for turn in state.turns.turns if _is_sound(state, turn)]
    spoken = any(turn.state is TurnState.COUNTS for turn in state.turns.turns if turn not in sounds)
    queued = {queued.cause for queued in state.creates.queue}
    is_asked = spoken or bool(state.pending_tools() or state.keys.digits)
    is_asked = is_asked or not queued.isdisjoint((Cause.KEYS, Cause.TOOL))
    is_coming = state.server_create_until_ms is not None or Cause.TURN in queued
    is_asked = is_asked or (is_coming and not sounds)
    is_asked = is_asked or any(_is_awaited(r, sounds) for r in state.book.open())
    is_owed = state.owed.is_owed or state.floor.is_hushed or Cause.RECOVERY in queued
    was_cut = Cause.CONTINUATION in queued or any(_is_missed(state, r) for r in state.book)
    return LeftOver(
        ConversationResumed(
            is_answer_due=is_asked,
            was_cut=was_cut and not sounds and not state.floor.is_hushed,
            is_owed=is_owed or bool(sounds),
        ),
        tuple(turn.item_id for turn in sounds),
    )


def _is_awaited(response: Response, sounds: list[Turn]) -> bool:
    """Whether the caller waits for an answer of which nothing has come."""
    if response.is_muted or response.is_doomed or response.has_begun:
        return False
    return response.cause in AWAITED and not any(_answers(response, turn) for turn in sounds)


def _is_missed(state: State, response: Response) -> bool:
    """Whether the caller hears only a part of a response that nobody took."""
    if response.is_muted or response.is_doomed or response.cause in PASSING:
        return False
    if response.is_open:
        return any(item.received_ms for item in response.items)
    unheard_ms = sum(item.received_ms - item.heard_ms for item in response.items if item.is_speech)
    return state.is_audible(response) and unheard_ms > HEARD_ENOUGH_MS


def resumed(state: State, event: ConversationResumed) -> None:
    """Go on with what the last media stream has left over."""
    if state.is_session_lost or not answering.is_answered(state):
        return
    if event.is_owed:
        state.owed.is_owed = True
    if event.is_answer_due:
        state.creates.want_answer(Cause.TURN, state.book.last_number)
    elif event.was_cut:
        state.creates.want_answer(Cause.CONTINUATION, state.book.last_number)
