"""When the model speaks: which turns are answered, and when a create may go out.

The only place that orders a ``response.create``.  One goes out only when the session is ready, no
response is known open, no cancel is unsettled, no caller turn is in progress, nobody is hushed, no
protected speech is still to be heard, and the server is not about to create one by itself.
"""

from __future__ import annotations

from trio_media.core import idling, keying, leaving, protecting, taking, tooling
from trio_media.core.commands import (
    Cause,
    CreateResponse,
    DeleteItem,
    SendKeys,
    SpeechDropped,
    TurnDecided,
)
from trio_media.core.creates import ANSWERS
from trio_media.core.events import Reason, Verdict
from trio_media.core.responses import Phase
from trio_media.core.state import State
from trio_media.core.turns import Turn, TurnState
from trio_media.core.units import SERVER_CREATE_MS

# --- turns -----------------------------------------------------------------------------------


def turn_committed(state: State, item_id: str, now_ms: int) -> None:
    """A turn became an item: decide whether it is answered, and by whom."""
    turn = state.turns.committed(item_id, now_ms)
    if turn is None:
        return
    if turn.stopped_ms is None:
        state.floor.server_ended(now_ms)
    if state.server_acts:
        _answered_by_server(state, turn, now_ms)
    elif turn.is_covered and turn.verdict is not Verdict.WORDS:
        turn.state = TurnState.JUDGED
        judge(state, turn)
    else:
        _counts(state, turn)


def _answered_by_server(state: State, turn: Turn, now_ms: int) -> None:
    _heed(state)
    turn.state = TurnState.ANSWERED
    state.server_create_until_ms = now_ms + SERVER_CREATE_MS
    state.owed.turn_counts()
    state.creates.drop_recovery()
    _drop_greeting(state)
    state.tell(TurnDecided(turn.item_id, "answered by the server"))


def _counts(state: State, turn: Turn) -> None:
    turn.state = TurnState.COUNTS
    _heed(state)
    state.owed.turn_counts()
    _drop_greeting(state)
    if is_answered(state):
        state.creates.want_answer(Cause.TURN, state.book.last_number)
    else:
        _leave(state, turn)


def _leave(state: State, turn: Turn) -> None:
    """Nobody answers a turn that counts."""
    turn.state = TurnState.ANSWERED
    state.tell(TurnDecided(turn.item_id, "left"))


def _heed(state: State) -> None:
    """The caller said something that counts: they keep the call, and what gives way to it ends."""
    idling.word(state)
    leaving.revoked(state)
    tooling.interrupted(state)


def is_answered(state: State) -> bool:
    """Whether the model is to answer what the caller says."""
    return not state.is_held and not leaving.answers_nobody(state)


def _drop_greeting(state: State) -> None:
    state.has_begun = True
    for queued in state.creates.drop_greeting():
        assert queued.request is not None  # somebody asked for it
        state.tell(SpeechDropped(queued.request))


def judge(state: State, turn: Turn, *, is_late: bool = False) -> None:
    """Decide on a turn spoken over the model, as far as its transcript allows."""
    if turn.state is not TurnState.JUDGED:
        return
    if turn.verdict is Verdict.WORDS:
        _counts(state, turn)
    elif turn.verdict is not None or is_late or not state.transcribes:
        turn.state = TurnState.VOID
        if turn.verdict is Verdict.BACKCHANNEL:
            idling.word(state)
        state.tell(DeleteItem(state.number_command(), turn.item_id))
        state.tell(TurnDecided(turn.item_id, "void"))


def turn_transcribed(state: State, item_id: str, verdict: Verdict) -> None:
    """A transcript came; it may come before the commit."""
    turn = state.turns.find(item_id)
    if turn is not None:
        turn.verdict = verdict
        judge(state, turn)


def turn_failed(state: State, item_id: str | None, now_ms: int) -> None:
    """A turn will not be committed, or could not be understood."""
    failed = [
        turn
        for turn in state.turns.live
        if turn.item_id == item_id or (item_id is None and turn.state is TurnState.OPEN)
    ]
    for turn in failed:
        if turn.state is TurnState.OPEN:
            lapse(state, turn, now_ms)
        elif turn.state is TurnState.JUDGED:
            turn.verdict = Verdict.EMPTY
            judge(state, turn)


def lapse(state: State, turn: Turn, now_ms: int) -> None:
    """A turn ends without a commit, or without anybody who could answer it."""
    was_open = turn.state is TurnState.OPEN
    turn.state = TurnState.LAPSED
    if was_open and turn.stopped_ms is None:
        state.floor.server_ended(now_ms)
    state.tell(TurnDecided(turn.item_id, "lapsed"))


def expire_turns(state: State, now_ms: int) -> None:
    """Act on the deadlines of turns."""
    is_heard = state.floor.is_heard
    for turn in list(state.turns.live):
        deadline_ms = turn.deadline_ms(is_heard=is_heard)
        if deadline_ms is None or now_ms < deadline_ms:
            continue
        if turn.state is TurnState.OPEN:
            lapse(state, turn, now_ms)
        else:
            judge(state, turn, is_late=True)


def send_keys_if_due(state: State, now_ms: int) -> None:
    """Tell the model the keys, once the caller has finished dialling and the session is there."""
    deadline_ms = state.keys.next_deadline_ms()
    if state.is_session_ready and deadline_ms is not None and now_ms >= deadline_ms:
        state.tell(SendKeys(state.number_command(), state.keys.take()))
        _heed(state)
        state.owed.turn_counts()
        _drop_greeting(state)
        if is_answered(state):
            state.creates.want_answer(Cause.KEYS, state.book.last_number)


def key_pressed(state: State, digit: str, now_ms: int) -> None:
    """A key interrupts, if the operator wants that, and is somebody's of ours or the model's.

    One that was asked for is no wish for something else: the tool that asks may wait for it.
    """
    idling.word(state)
    wanted = state.collections.current
    if wanted is None:
        state.keys.pressed(digit, now_ms)
    if state.policy.dtmf_interrupts:
        if wanted is None:
            tooling.interrupted(state)
        taking.take(state, now_ms, Reason.DTMF)
    if wanted is not None:
        keying.pressed(state, wanted, digit, now_ms)


def hold(state: State, *, is_held: bool) -> None:
    """The model is to answer nothing that is heard, or may again."""
    state.is_held = is_held
    if is_held:
        state.creates.drop_answers()
        for turn in state.turns.in_state(TurnState.COUNTS):
            _leave(state, turn)


def session_lost(state: State, now_ms: int) -> None:
    """Nobody is left to answer: creates and turns close."""
    for queued in state.creates.queue:
        if queued.request is not None:
            state.tell(SpeechDropped(queued.request))
    state.creates.queue = []
    state.owed.is_owed = False
    for turn in state.turns.live:
        if turn.state is not TurnState.LAPSED:
            lapse(state, turn, now_ms)


# --- the gate --------------------------------------------------------------------------------


def create_if_allowed(state: State, now_ms: int) -> None:
    """Send the first create that waits, if one may go out now."""
    if not state.creates.queue or not may_create(state, now_ms):
        return
    queued = tooling.next_create(state)
    if queued is None:
        return
    is_decided = not state.turns.in_state(TurnState.JUDGED)
    if not is_decided and queued.cause in (*ANSWERS, Cause.GREETING):
        return  # whether this answers that turn too, or is void, is known in a moment
    if queued.is_protected and (state.server_acts or state.flags_asked_ms is not None):
        protecting.forbid_server(state, now_ms)
        return
    state.creates.queue.remove(queued)
    command = state.number_command()
    response = state.book.add(queued.cause, Phase.REQUESTED, now_ms, token=command)
    response.request = queued.request
    response.is_protected = queued.is_protected
    response.is_kept = queued.is_kept
    response.tries, response.vain = queued.tries, queued.vain
    state.owed.is_owed = False
    if queued.cause is Cause.RECOVERY:
        state.owed.in_a_row += 1
    if queued.cause in ANSWERS:
        tooling.spoken_of(state)
        for turn in state.turns.in_state(TurnState.COUNTS):
            turn.state, turn.answer = TurnState.ANSWERED, response.number
            state.tell(TurnDecided(turn.item_id, "answered"))
    create = CreateResponse(
        command, command, queued.cause, response.number, queued.request, queued.is_protected
    )
    state.tell(create)


def may_create(state: State, now_ms: int) -> bool:
    """Whether a create may go out now, if one waits."""
    until_ms = state.server_create_until_ms
    return (
        state.is_session_ready
        and not state.is_session_lost
        and not state.book.open()
        and not state.book.has_unsettled_cancel()
        and not state.turns.in_progress
        and not state.floor.is_hushed
        and now_ms >= state.creates.not_before_ms
        and (until_ms is None or now_ms >= until_ms)
        and not any(r.is_protected for r in state.playout.audible())
        and not (state.ending is not None and state.ending.left_ms is not None)
    )
