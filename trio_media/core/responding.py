"""The life of responses: what the model's events, and their absence, do to the records.

Rule 1: an event acts on the response that it names; one that names nothing changes nothing, with
        two exceptions: "not active" settles the one cancel that is out, and a terminal event too
        malformed to name its response ends the only one that is open.
Rule 2: what a muted response still says reaches nobody.
"""

from __future__ import annotations

from trio_media.core import failing, taking, tooling
from trio_media.core.commands import (
    Cause,
    PostToolOutput,
    ResponseClosed,
    ResponseOpened,
    SpeechEnded,
    SpeechOutcome,
)
from trio_media.core.events import (
    FAULTS,
    AudioReceived,
    CommandRefused,
    Ended,
    ItemAdded,
    ItemAudioDone,
    Reason,
    Refusal,
    ResponseCreated,
    ResponseOver,
    ServiceToolRan,
    ToolCalled,
)
from trio_media.core.responses import Cancel, Item, Phase, Response
from trio_media.core.state import State
from trio_media.core.units import CANCEL_RETRY_MS


def created(state: State, event: ResponseCreated, now_ms: int) -> None:
    """A response is open; it may be one of ours, or the server's own."""
    response = _named(state, event.response_id, now_ms, token=event.token)
    if response.cause is Cause.SERVER:
        state.server_create_until_ms = None


def _named(
    state: State,
    response_id: str,
    now_ms: int,
    *,
    token: int | None = None,
    is_terminal: bool = False,
) -> Response:
    """Find the response with this id, whatever is known of it so far, and note its progress."""
    response = state.book.by_id(response_id)
    if response is None:
        response = _adopt(state, response_id, now_ms, token)
        if response.cause is Cause.SERVER and not is_terminal:
            state.owed.is_owed = False
            state.creates.drop_recovery()
        if response.is_doomed and not is_terminal:
            taking.cancel(state, response, now_ms)
    state.book.revive(response)
    if response.is_open:
        response.progress_ms = now_ms
    return response


def _adopt(state: State, response_id: str, now_ms: int, token: int | None) -> Response:
    """A new id: it belongs to a create of ours, or the server made it."""
    state.echoes_tokens = state.echoes_tokens or token is not None
    ours = state.book.by_token(token) if token is not None else _whose(state, now_ms)
    if ours is not None and ours.response_id is None:
        ours.response_id = response_id
        ours.is_guessed = token is None
        if ours.phase is Phase.OVER:  # closed by deadline; now it appears after all
            ours.is_doomed = ours.is_muted = True
        ours.phase = Phase.ACTIVE
        state.tell(ResponseOpened(ours.number, response_id, ours.cause))
        return ours
    response = state.book.add(Cause.SERVER, Phase.ACTIVE, now_ms, response_id=response_id)
    state.tell(ResponseOpened(response.number, response_id, response.cause))
    return response


def _whose(state: State, now_ms: int) -> Response | None:
    """The create of ours that a response without our token answers, if it answers one.

    Services that do not echo metadata leave no other clue than that a create is out, or was given
    up, and that the server has no reason to create by itself.
    """
    until_ms = state.server_create_until_ms
    if state.echoes_tokens or (until_ms is not None and now_ms < until_ms):
        return None
    requested = state.book.sole(Phase.REQUESTED)
    if requested is not None or state.server_acts:
        return requested
    return next((r for r in state.book if r.is_lingering and r.response_id is None), None)


def item_added(state: State, event: ItemAdded, now_ms: int) -> None:
    """A response has a new item."""
    response = _named(state, event.response_id, now_ms)
    _item(state, response, event.item_id, is_speech=event.is_speech)


def _item(state: State, response: Response, item_id: str, *, is_speech: bool = True) -> Item:
    """Find an item, or begin its record."""
    item = response.find_item(item_id)
    if item is None:
        item = Item(item_id, response, is_speech=is_speech, is_done=not response.is_open)
        response.items.append(item)
        if response.is_muted or not response.is_open:
            taking.mute_late_item(state, item)
    return item


def audio_received(state: State, event: AudioReceived, now_ms: int) -> None:
    """More of an item's audio came."""
    response = _named(state, event.response_id, now_ms)
    item = _item(state, response, event.item_id)
    if response.is_muted or item.is_done or item.is_released:
        return
    item.received_ms += event.length_ms
    response.was_served = False
    if item.received_ms:
        state.playout.add_audio(item)


def audio_done(state: State, event: ItemAudioDone, now_ms: int) -> None:
    """An item gets no more audio."""
    response = _named(state, event.response_id, now_ms)
    _item(state, response, event.item_id).is_done = True


def tool_called(state: State, event: ToolCalled, now_ms: int) -> None:
    """A function call is complete."""
    response = _named(state, event.response_id, now_ms)
    item = _item(state, response, event.item_id, is_speech=False)
    item.is_done = True
    tooling.called(state, response, event)


def service_tool_ran(state: State, event: ServiceToolRan, now_ms: int) -> None:
    """The service ran a tool itself.  Who speaks about it, the service or we, is not settled."""
    _named(state, event.response_id, now_ms).was_served = True


def over(state: State, event: ResponseOver, now_ms: int) -> None:
    """A response's generation is over.  A second terminal event changes nothing."""
    response = _terminal_of(state, event, now_ms)
    if response is None:
        return
    response.is_lingering = False
    if not response.is_open:
        return
    if event.ended is Ended.TURN_DETECTED and state.server_acts:
        _taken_by_server(state, response, now_ms)
    close(state, response, event.ended)
    if event.ended in FAULTS and not response.is_muted:
        failing.heed(state, response, now_ms)
    if response.was_served and not response.is_muted:
        # Unless the service speaks about what its tool found: it is given time for that.
        state.owed.is_owed = True
        state.owed.not_before_ms = now_ms + state.policy.recover_ms


def _taken_by_server(state: State, response: Response, now_ms: int) -> None:
    """The server heard the caller, and its terminal event may be the first to say so.

    The take comes before the response is closed, so that it concerns even one of which nothing was
    audible: its items are told, and an answer is owed.  It does not concern newer ones: the next
    answer may be open before the terminal event of the last one comes.
    """
    interrupted_by_server(state, through=response.number)
    if all(exposed.number > response.number for exposed in state.exposed()):
        return  # taken already
    if not state.turns.is_speaking:
        state.floor.server_ended(now_ms)  # an answer that is owed waits from here
    taking.take(state, now_ms, Reason.SERVER_SPEECH, through=response.number)


def _terminal_of(state: State, event: ResponseOver, now_ms: int) -> Response | None:
    if event.response_id is not None:
        return _named(state, event.response_id, now_ms, token=event.token, is_terminal=True)
    if event.token is not None:
        return state.book.by_token(event.token)
    return state.book.open()[0] if len(state.book.open()) == 1 else None


def close(state: State, response: Response, ended: Ended) -> None:
    """Generation is over, whoever says so."""
    response.close(ended)
    if response.has_begun:
        state.failing.sorries = 0
    if ended is Ended.REJECTED and response.cause is Cause.RECOVERY:
        state.owed.in_a_row = max(0, state.owed.in_a_row - 1)  # nobody heard anything of it
    state.tell(ResponseClosed(response.number, response.response_id, ended))


def refused(state: State, event: CommandRefused, now_ms: int) -> None:
    """The service rejected something; what it rejected decides, and nothing else."""
    if event.command is None:
        if event.refusal is Refusal.NOT_ACTIVE:
            _settle_sole_cancel(state)
        return
    response = state.book.by_command(event.command)
    if response is None:
        return  # a truncate, a delete, ...: harmless
    if event.command == response.cancel_command:
        if response.cancel is Cancel.OUT:
            response.cancel = Cancel.SETTLED
            response.cancel_refused = event.refusal is not Refusal.NOT_ACTIVE
        return
    if response.phase is Phase.REQUESTED:
        close(state, response, Ended.REJECTED)
        if event.refusal is Refusal.ALREADY_ACTIVE:
            failing.create_refused(state, response, now_ms)
        else:
            failing.came_to_nothing(state, response)
    elif response.is_guessed:
        _disown(state, response, event.refusal, now_ms)


def _disown(state: State, response: Response, refusal: Refusal, now_ms: int) -> None:
    """What looked like the answer to a create is the server's own, for the create was refused."""
    is_told = response.is_told  # whoever asked for it knows what became of this one
    if refusal is Refusal.ALREADY_ACTIVE and not response.is_muted and not is_told:
        failing.create_again(state, response, now_ms)
    if response.request is not None and not is_told:
        state.tell(SpeechEnded(response.request, SpeechOutcome.FAILED, 0))
    response.cause, response.token, response.request = Cause.SERVER, None, None
    response.is_guessed = False


def _settle_sole_cancel(state: State) -> None:
    out = [response for response in state.book.live if response.cancel is Cancel.OUT]
    if len(out) == 1:
        out[0].cancel = Cancel.SETTLED


def unsent(state: State, command: int, now_ms: int) -> None:
    """No byte of a command was written."""
    response = state.book.by_command(command)
    if response is None:
        return
    if command == response.cancel_command:
        if response.cancel is Cancel.OUT:
            response.cancel = Cancel.UNSENT
            response.retry_ms = now_ms + CANCEL_RETRY_MS
    elif response.phase is Phase.REQUESTED:
        close(state, response, Ended.REJECTED)
        failing.create_again(state, response, now_ms)


def expire(state: State, now_ms: int) -> None:
    """Give up what made no progress in time."""
    for response in state.book.open():
        deadline_ms = response.deadline_ms()
        if deadline_ms is None or now_ms < deadline_ms:
            continue
        if response.phase is Phase.ACTIVE:
            taking.cancel(state, response, now_ms)  # what came of it plays on
            continue
        if response.phase is Phase.REQUESTED:
            failing.came_to_nothing(state, response)
        close(state, response, Ended.DEADLINE)


def interrupted_by_server(state: State, through: int | None = None) -> None:
    """The server hears the caller, and cancels by itself whatever it has open.

    ``through``: responses newer than this began after that.
    """
    for response in state.book.open():
        is_newer = through is not None and response.number > through
        if response.response_id is not None and not is_newer:
            response.is_server_interrupted = True


def forget(state: State) -> None:
    """Drop old records.  A tool call in one gets its one output now, for nobody will know it."""
    on_tape = state.playout.on_tape()
    state.book.rest(on_tape)
    for response in state.book.prune(on_tape):
        for call_id in sorted(response.pending_tools):
            state.tell(PostToolOutput(state.number_command(), call_id, was_run=False))


def session_lost(state: State) -> None:
    """The model session is gone: what it was doing is over, what was heard of it plays on."""
    state.is_session_lost = True
    state.is_session_ready = False
    for response in state.book.open():
        close(state, response, Ended.LOST)
