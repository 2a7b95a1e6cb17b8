"""Defects of what was heard, what the model is told of it, and what still reaches the caller."""

from __future__ import annotations

from trio_media.core import events as ev
from trio_media.core import responding, taking
from trio_media.core.commands import TruncateItem
from trio_media.core.machine import HANDLERS
from trio_media.core.playout import Playout
from trio_media.core.responses import Fate, Item, Response
from trio_media.core.state import State
from trio_media.core.tape import Track

from .planting import defect

_explain, _received, _silence, _created = (
    taking._explain,
    responding.audio_received,
    Playout.silence,
    responding.created,
)


@defect(
    "what was sent counts as heard",
    "38, 34",
    *(Playout, "play_head_ms"),
    world="an interruption",
    promise="truth: R1.1: heard",
)
def _sent(playout: Playout, now_ms: int) -> int:
    return playout.next_ms


@defect(
    "marks that a clear sends back count as played",
    "39, 40, 41, 42",
    *(Playout, "echoed"),
    world="faults",
    promise="truth: R1.1: heard",
)
def _of_any_epoch(playout: Playout, epoch: int, number: int, now_ms: int) -> None:
    while playout.marks:
        playout._settle(playout.marks.popleft().position_ms)


@defect(
    "a mark is told by its place in the queue, not by its name",
    "43, 41",
    *(Playout, "echoed"),
    world="a fault and an onset",
    promise="truth: R1.1: heard",
)
def _by_place(playout: Playout, epoch: int, number: int, now_ms: int) -> None:
    if playout.marks:
        playout._settle(playout.marks.popleft().position_ms)


@defect(
    "heard is counted from where the tape began, not from where the item did",
    "33, 35, 57, P2-77",
    *(Track, "audio_ms"),
    world="two items",
    promise="truth: R1.1: heard 600 of 400",
)
def _of_the_tape(track: Track, position_ms: int) -> int:
    return position_ms


@defect(
    "what is heard twice counts twice",
    "34, 99",
    *(Playout, "silence"),
    world="an onset",
    promise="truth: R1.1: ",
)
def _counted_twice(playout: Playout) -> None:
    _silence(playout)
    playout.high_ms += 100
    playout._note_heard(playout.high_ms)


@defect(
    "an item of which nothing was heard is truncated at nothing",
    "44, 45",
    *(taking, "_explain"),
    world="an interruption",
    promise="truth: R1.1: 0 of 400",
)
def _truncated_at_zero(state: State, response: Response) -> None:
    for item in response.items:
        if not item.heard_ms and item.received_ms:
            item.fate = Fate.TRUNCATED
            state.tell(TruncateItem(state.number_command(), item.item_id, 0))
    _explain(state, response)


@defect(
    "the model is not told what was heard",
    "47, 48, 58, P2-16",
    *(taking, "_explain"),
    world="an interruption",
    promise="truth: R1.1: heard 200 of 400, and the model does not know",
)
def _untold(state: State, response: Response) -> None:
    for item in response.items:
        item.fate = Fate.TRUNCATED
        state.note_heard(item)


@defect(
    "only the newest item is told",
    "35, 37, 50, 51",
    *(taking, "_explain"),
    world="two items",
    promise="rest: what was heard of R1.1 is not known",
)
def _only_the_newest(state: State, response: Response) -> None:
    items, response.items = response.items, response.items[-1:]
    _explain(state, response)
    response.items = items


@defect(
    "more is told than was received",
    "33, 34, 46",
    *(taking, "_explain"),
    world="an interruption",
    promise="truth: R1.1: ",
)
def _by_the_clock(state: State, response: Response) -> None:
    for item in response.items:
        if item.heard_ms and item.fate is Fate.UNTOLD:
            item.fate = Fate.TRUNCATED
            elapsed_ms = item.heard_ms + 2_000  # the network stalled, the clock did not
            state.tell(TruncateItem(state.number_command(), item.item_id, elapsed_ms))
    _explain(state, response)


@defect(
    "what nobody heard stays in the conversation",
    "44, 51",
    *(taking, "delete_unheard"),
    world="two answers, interrupted",
    promise="truth: R1.1 was not heard, and the model does not know",
)
def _kept_in_mind(state: State) -> None:
    pass


@defect(
    "what is heard is deleted with what is not",
    "44, 58",
    *(taking, "_explain"),
    world="an interruption",
    promise="truth: R1.1: heard 200 of 400",
)
def _all_deleted(state: State, response: Response) -> None:
    for item in response.items:
        item.fate = Fate.DELETE_DUE
        state.note_heard(item)


@defect(
    "an interruption sends no clear",
    "60, 61, 62, 54, P2-35",
    *(taking, "_clear"),
    world="an onset",
    promise="silence: a hush without a clear",
)
def _no_clear(state: State) -> None:
    state.playout.silence()


@defect(
    "each take sends a clear of its own, inside a hush too",
    "13, 28",
    *(taking, "_silence"),
    world="an onset",
    promise="silence: a clear inside a hush",
)
def _two_clears(state: State, targets: list[Response], reason: ev.Reason) -> None:
    taking._clear(state)
    state.playout.remove(targets, was_silenced=True)


@defect(
    "late audio of a cancelled response is played",
    "63, 66, 67, P2-26",
    *(HANDLERS, ev.AudioReceived),
    world="an interruption",
    promise="silence: R1.1 was taken",
)
def _late_audio(state: State, event: ev.AudioReceived, now_ms: int) -> None:
    response = responding._named(state, event.response_id, now_ms)
    item = responding._item(state, response, event.item_id)
    item.received_ms += event.length_ms
    state.playout.add_audio(item)


@defect(
    "what was cancelled is forgotten when it is over, and plays on",
    "63, P2-27",
    *(HANDLERS, ev.AudioReceived),
    world="faults",
    promise="silence: R1.1 was taken",
)
def _tombstone_goes(state: State, event: ev.AudioReceived, now_ms: int) -> None:
    response = state.book.by_id(event.response_id)
    if response is not None and not response.is_open and response.is_muted:
        item = responding._item(state, response, event.item_id)
        item.is_done = item.is_released = response.is_muted = False
    _received(state, event, now_ms)


@defect(
    "the mute outlives the response that was muted",
    "27, 70, P2-21, P2-40",
    *(HANDLERS, ev.ResponseCreated),
    world="two answers, interrupted",
    promise="one cancel: 2 goes on unheard",
)
def _mute_stays(state: State, event: ev.ResponseCreated, now_ms: int) -> None:
    was_muted = any(response.is_muted for response in state.book)
    _created(state, event, now_ms)
    for response in state.book.open():
        response.is_muted = response.is_muted or was_muted


@defect(
    "what is over cannot be interrupted, though it is heard",
    "60, 61, P2-6, P2-7",
    *(State, "exposed"),
    world="an onset",
    promise="silence: 1 goes on after an interruption",
)
def _over_is_over(state: State) -> list[Response]:
    return [r for r in state.book.live if r.is_open and not r.is_muted and not r.is_protected]


@defect(
    "a mark that never comes back is waited for without end",
    "71, 164",
    *(Playout, "mark_due_ms"),
    world="an interruption",
    promise="rest: something is audible",
)
def _waits_for_marks(playout: Playout) -> int | None:
    return None


@defect(
    "the bytes of what was heard are kept",
    "153, 152",
    *(Playout, "release"),
    world="an interruption",
    promise="rest: what was heard of R1.1 is not known",
)
def _never_released(playout: Playout) -> list[Item]:
    while playout.tracks and playout.tracks[0].item.is_done:
        if playout.tracks[0].playable_end_ms > playout.settled_ms:
            break
        playout.tracks.popleft()
    return []
