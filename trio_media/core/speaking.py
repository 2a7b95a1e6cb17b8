"""What we ask to be said or played: one outcome for each, by what the caller heard of it.

Rule 1: heard means heard: neither generated nor sent.
Rule 2: what was interrupted has its outcome at once; its end on the wire changes nothing of it.
Rule 3: a text waits for the session, and is heard by nobody: it has its outcome when it is sent.
"""

from __future__ import annotations

from trio_media.core import taking
from trio_media.core.commands import (
    Cause,
    DigitsCollected,
    DigitsOutcome,
    ResponseClosed,
    ResponseOpened,
    SendText,
    SpeechDropped,
    SpeechEnded,
    SpeechOutcome,
)
from trio_media.core.creates import Queued
from trio_media.core.events import ClipOffered, Ended, Reason, Say, SpeechRequested
from trio_media.core.responses import Item, Phase, Response
from trio_media.core.state import State
from trio_media.core.units import CREATES_KEPT


def requested(state: State, event: SpeechRequested, now_ms: int) -> None:
    """Somebody of ours wants the model to speak."""
    if event.interrupts and not state.is_session_lost:
        taking.take(state, now_ms, Reason.APPLICATION)
    if state.is_session_lost or len(state.creates.queue) >= CREATES_KEPT:
        state.tell(SpeechDropped(event.request))
        return
    cause = Cause.GREETING if event.say is Say.GREETING else Cause.APPLICATION
    number = state.book.last_number
    is_kept = event.keep or event.protected
    state.creates.ask(Queued(cause, number, event.request, event.protected, is_kept))


def text_offered(state: State, request: int) -> None:
    """Somebody of ours adds a text to the conversation."""
    if state.is_session_lost or len(state.texts) >= CREATES_KEPT:
        state.tell(SpeechDropped(request))
        return
    state.texts.append(request)
    send_texts(state)


def send_texts(state: State) -> None:
    """Add the texts that wait to the conversation, once there is one."""
    if state.is_session_ready:
        texts, state.texts = state.texts, []
        for request in texts:
            state.tell(SendText(state.number_command(), request))


def session_lost(state: State) -> None:
    """Nobody reads the texts that wait."""
    texts, state.texts = state.texts, []
    for request in texts:
        state.tell(SpeechDropped(request))


def clip_offered(state: State, event: ClipOffered, now_ms: int) -> None:
    """Audio of ours is played behind what there is: a response that is over, of one item.

    It is no speech of the model's, so nothing is ever told about it.
    """
    response = state.book.add(Cause.CLIP, Phase.OVER, now_ms, response_id=event.item_id)
    response.ended = Ended.COMPLETED
    response.request = event.request
    response.is_protected = event.protected
    item = Item(event.item_id, response, is_speech=False, received_ms=event.length_ms, is_done=True)
    response.items.append(item)
    state.playout.add_audio(item)
    state.tell(ResponseOpened(response.number, event.item_id, Cause.CLIP))
    state.tell(ResponseClosed(response.number, event.item_id, Ended.COMPLETED))


def settle(state: State) -> None:
    """Give what was said its outcome, once that is known."""
    for response in state.book.live:
        if response.request is None or response.is_told:
            continue
        outcome = _outcome(state, response)
        if outcome is not None:
            _ended(state, response, outcome)


def _ended(state: State, response: Response, outcome: SpeechOutcome) -> None:
    assert response.request is not None
    response.is_told = True
    state.tell(SpeechEnded(response.request, outcome, response.heard_ms))


def _outcome(state: State, response: Response) -> SpeechOutcome | None:
    if response.is_muted:
        was_heard = bool(response.items) and _is_whole(response)
        return SpeechOutcome.HEARD if was_heard else SpeechOutcome.CUT_OFF
    if response.is_open or state.is_audible(response):
        return None
    is_whole = response.ended is Ended.COMPLETED and response.heard_ms > 0
    return SpeechOutcome.HEARD if is_whole else SpeechOutcome.FAILED


def _is_whole(response: Response) -> bool:
    """Whether all that the model had to say was heard."""
    return response.ended is Ended.COMPLETED and all(map(_is_heard, response.items))


def _is_heard(item: Item) -> bool:
    """Whether all of it was heard; what had no audio hides nothing."""
    return item.received_ms == 0 or item.is_heard_enough


def end_all(state: State) -> None:
    """The call is over: whoever waits for words or keys learns it."""
    for response in state.book.live:
        if response.request is not None and not response.is_told:
            # The carrier may not have said yet that it played the last of it.
            is_heard = response.heard_ms > 0 and _is_whole(response)
            _ended(state, response, SpeechOutcome.HEARD if is_heard else SpeechOutcome.CALL_ENDED)
    waiting = [queued.request for queued in state.creates.queue]
    if state.ending is not None and state.ending.has_words:
        waiting.append(state.ending.words)
    for request in (*waiting, *state.texts):
        if request is not None:
            state.tell(SpeechEnded(request, SpeechOutcome.CALL_ENDED, 0))
    state.creates.queue, state.texts = [], []
    for wanted in state.collections.waiting:
        state.tell(DigitsCollected(wanted.request, wanted.digits, DigitsOutcome.CALL_ENDED))
    state.collections.waiting = []
