"""Defects of what applications ask for: words, clips, keys, endings, tools, holds, silence."""

from __future__ import annotations

from trio_media.core import (
    answering,
    closing,
    idling,
    keying,
    leaving,
    speaking,
    taking,
    tooling,
)
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.creates import Queued
from trio_media.core.digits import Collection
from trio_media.core.ending import Ending
from trio_media.core.machine import HANDLERS
from trio_media.core.responses import Response
from trio_media.core.state import State

from .planting import defect

_outcome, _settle, _explain = speaking._outcome, speaking.settle, taking._explain
_requested, _let_go, _interrupted = leaving.requested, leaving._let_go, tooling.interrupted
_collected = keying._collected


@defect(
    "words count as heard when they are generated",
    "F107, P2-86",
    *(speaking, "_outcome"),
    world="an interruption",
    promise="truth: request 1: heard 0 of 400, and is all of it",
)
def _generated(state: State, response: Response) -> cm.SpeechOutcome | None:
    if not response.is_muted and response.ended is ev.Ended.COMPLETED and response.items:
        return cm.SpeechOutcome.HEARD
    return _outcome(state, response)


@defect(
    "words that are cut off have a second outcome when their response ends",
    "18, G116",
    *(speaking, "settle"),
    world="an interruption",
    promise="outcome: request 1 has two outcomes",
)
def _said_twice(state: State) -> None:
    _settle(state)
    for response in state.book.live:
        if response.is_told and not response.is_open and response.is_muted:
            state.tell(cm.SpeechEnded(1, cm.SpeechOutcome.CUT_OFF, response.heard_ms))


@defect(
    "nobody learns what became of words that were rejected",
    "P2-91, F110",
    *(speaking, "settle"),
    world="a fault",
    promise="rest: whoever asked for words does not know what became of them",
)
def _silent_failure(state: State) -> None:
    for response in state.book.live:
        if response.ended is ev.Ended.REJECTED:
            response.is_told = True
    _settle(state)


@defect(
    "the model is told what was heard of a clip",
    "F112",
    *(taking, "_explain"),
    world="a clip",
    promise="truth: clip1 is no speech",
)
def _told_of_a_clip(state: State, response: Response) -> None:
    _explain(state, response)
    if response.cause is cm.Cause.CLIP and response.heard_ms:
        item = response.items[0]
        state.tell(cm.TruncateItem(state.number_command(), item.item_id, item.heard_ms))


@defect(
    "the end of a call cuts off what is being said",
    "G115, P2-80, 119",
    *(leaving, "_is_busy"),
    world="an ending",
    promise="end: the model is cut off",
)
def _ends_when_generated(state: State, ending: Ending) -> bool:
    return False


@defect(
    "a call ends though the caller spoke into the goodbye",
    "G117, P2-83",
    *(leaving, "revoked"),
    world="an ending and an onset",
    promise="end: the caller interrupts, and the call ends",
)
def _not_revoked(state: State) -> None:
    pass


@defect(
    "a call is kept by whoever speaks, though its end is final",
    "G118",
    *(leaving, "revoked"),
    world="a final ending",
    promise="end: a final ending is revoked",
)
def _always_revoked(state: State) -> None:
    if state.ending is not None and state.ending.left_ms is None:
        _let_go(state, state.ending, cm.EndingOutcome.REVOKED)


@defect(
    "the last words of a call that is ended meanwhile have no outcome",
    "G120, P2-87",
    *(speaking, "end_all"),
    world="an ending, hung up",
    promise="outcome: no outcome at the end",
)
def _forgets_the_last_words(state: State) -> None:
    if state.ending is not None:
        state.ending.has_words = False
    for response in state.book.live:
        if response.request is not None and not response.is_told:
            speaking._ended(state, response, cm.SpeechOutcome.CALL_ENDED)


@defect(
    "a call that is handed over while its session is lost is ended instead",
    "G121, 138",
    *(closing, "end_without_model"),
    world="a handing over",
    promise="end: it is being handed over",
)
def _ends_instead(state: State, now_ms: int) -> None:
    if not state.floor.is_hushed and not state.playout.audible():
        closing.end(state, "model_lost")


@defect(
    "nobody gives up handing a call over",
    "G122, P2-85",
    *(leaving, "expire"),
    world="a handing over",
    promise="dead air: something waits without a deadline",
)
def _hands_over_for_ever(state: State, now_ms: int) -> None:
    pass


@defect(
    "keys that a prompt asked for reach the model as well",
    "G123, P2-79",
    *(keying, "pressed"),
    world="keys for somebody",
    promise="keys: the model gets ",
)
def _both_get_them(state: State, wanted: Collection, digit: str, now_ms: int) -> None:
    state.keys.pressed(digit, now_ms)
    outcome = wanted.pressed(digit, now_ms)
    if outcome is not None:
        _collected(state, wanted, outcome)


@defect(
    "the first key is waited for without end",
    "G124, P2-81",
    *(keying, "notice_silence"),
    world="keys for somebody",
    promise="dead air: something waits without a deadline",
)
def _no_first_key(state: State, now_ms: int) -> None:
    pass


@defect(
    "a tool that an interruption cancels goes on",
    "F108, 110, P2-89",
    *(tooling, "interrupted"),
    world="a tool that gives way",
    promise="tools: R1.call1 does not give way",
)
def _goes_on(state: State) -> None:
    pass


@defect(
    "every tool is cancelled by an interruption",
    "F109, 107",
    *(tooling, "interrupted"),
    world="a tool",
    promise="tools: R1.call1 is cancelled, and gives way to nobody",
)
def _cancels_all(state: State) -> None:
    for tool in state.pending_tools():
        tool.is_cancelled_by_interruption = True
    _interrupted(state)


@defect(
    "a filler is said over the model",
    "F111, P2-88",
    *(tooling, "_is_somebody_speaking"),
    world="a tool that fills",
    promise="tools: a filler while somebody speaks",
)
def _over_the_model(state: State) -> bool:
    return False


@defect(
    "a caller's turn is answered before the tool that holds answers",
    "F114, 111",
    *(tooling, "holds_answers"),
    world="a tool that holds",
    promise="one answer: while answers are held",
)
def _does_not_hold(state: State) -> bool:
    return False


@defect(
    "a hold leaves turns that nobody answers",
    "P2-48, 26",
    *(answering, "hold"),
    world="a hold",
    promise="rest: a turn is open or undecided",
)
def _left_hanging(state: State, *, is_held: bool) -> None:
    state.is_held = is_held
    if is_held:
        state.creates.drop_answers()


@defect(
    "what results are owed is forgotten in a hold",
    "87, 111",
    *(tooling, "answer_when_complete"),
    world="a hold",
    promise="rest: a tool's result has no answer",
)
def _forgotten_in_a_hold(state: State) -> None:
    for response in tooling._complete(state):
        response.owes_tool_answer = False
        if not state.is_held:
            state.creates.want_answer(cm.Cause.TOOL, state.book.last_number)


@defect(
    "the model asks for a word while a tool runs",
    "P2-82, F107",
    *(idling, "_goes_on"),
    world="silence and a tool",
    promise="quiet: a word is asked for while something goes on",
)
def _impatient(state: State) -> bool:
    return bool(state.book.open() or state.creates.queue or state.ending is not None)


@defect(
    "the model asks for a word without end",
    "P2-82",
    *(idling, "ask"),
    world="silence",
    promise="quiet: a word is asked for too often",
)
def _for_ever(state: State, now_ms: int) -> None:
    due_ms = idling.next_deadline_ms(state)
    if due_ms is not None and now_ms >= due_ms:
        state.creates.ask(Queued(cm.Cause.SILENCE, state.book.last_number, is_kept=False))


@defect(
    "a second ending goes beside the first",
    "G115, P2-87",
    *(HANDLERS, ev.EndingRequested),
    world="two endings",
    promise="end: two endings at once",
)
def _beside(state: State, event: ev.EndingRequested, now_ms: int) -> None:
    state.ending = None
    _requested(state, event, now_ms)
