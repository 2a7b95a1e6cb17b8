"""What we ask to be said or played: one outcome for each, by what the caller heard of it.

Rule 1: heard means heard: neither generated nor sent.
Rule 2: what was interrupted has its outcome at once; its end on the wire changes nothing of it.
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
from trio_media.core.units import CREATES_KEPT, HEARD_ENOUGH_MS


def requested(state: State, event: SpeechRequested, now_ms: int) -> None:
    """Somebody of ours wants the model to speak."""
    if event.interrupts:
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
    if state.is_session_lost:
        state.tell(SpeechDropped(request))
    else:
        state.tell(SendText(state.number_command(), request))


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
        if response.request is None:
            continue
        outcome = _outcome(state, response)
        if outcome is not None:
            state.tell(SpeechEnded(response.request, outcome, response.heard_ms))
            response.request = None


def _outcome(state: State, response: Response) -> SpeechOutcome | None:
    if response.is_muted:
        was_heard = bool(response.items) and all(map(_is_heard, response.items))
        was_heard = was_heard and response.ended is Ended.COMPLETED
        return SpeechOutcome.HEARD if was_heard else SpeechOutcome.CUT_OFF
    if response.is_open or state.is_audible(response):
        return None
    is_whole = response.ended is Ended.COMPLETED and response.heard_ms > 0
    return SpeechOutcome.HEARD if is_whole else SpeechOutcome.FAILED


def _is_heard(item: Item) -> bool:
    return item.received_ms - item.heard_ms <= HEARD_ENOUGH_MS


def end_all(state: State) -> None:
    """The call is over: whoever waits for words or keys learns it."""
    for response in state.book.live:
        if response.request is not None:
            ended = SpeechEnded(response.request, SpeechOutcome.CALL_ENDED, response.heard_ms)
            state.tell(ended)
            response.request = None
    for queued in state.creates.queue:
        if queued.request is not None:
            state.tell(SpeechEnded(queued.request, SpeechOutcome.CALL_ENDED, 0))
    state.creates.queue = []
    for wanted in state.collections.waiting:
        state.tell(DigitsCollected(wanted.request, wanted.digits, DigitsOutcome.CALL_ENDED))
    state.collections.waiting = []
