"""Defects of the floor: what evidence of speech leads to."""

from __future__ import annotations

from trio_media.core import machine
from trio_media.core.creates import Owed
from trio_media.core.floor import Floor, Verb
from trio_media.core.playout import Playout
from trio_media.core.state import State
from trio_media.core.turns import Turn, TurnState

from .planting import defect
from .worlds import WALKS

_onset, _play, _taken = Floor.onset, machine._play, Floor.taken


@defect(
    "a hush does not end by itself",
    "75, 99, P2-40",
    *(Floor, "_hush_deadline_ms"),
    world="an onset",
    promise="dead air: a hush outlived hush_max_ms",
)
def _without_end(floor: Floor) -> int | None:
    return None


@defect(
    "a hush ends, and nothing plays on",
    "28, 75, 99",
    *(machine, "_play"),
    world="an onset",
    promise="rest: something is audible",
)
def _resumes_in_words(state: State, now_ms: int) -> None:
    if state.floor.last_false_ms is None:
        _play(state, now_ms)


@defect(
    "a resume skips what the clear threw away",
    "27, P2-31",
    *(Playout, "resume"),
    world="an onset",
    promise="truth: R1.1: audio was skipped",
)
def _skips(playout: Playout) -> None:
    playout.next_ms += 200


@defect(
    "a mere onset takes the floor",
    "36, 91, 104, P2-36, P2-62",
    *(Floor, "onset"),
    world="an onset",
    promise="evidence: an onset took the floor",
)
def _trigger_happy(floor: Floor, at_ms: int) -> Verb:
    return Verb.TAKE if _onset(floor, at_ms) is Verb.HUSH else Verb.NOTHING


@defect(
    "a take leaves the hush in force",
    "75, 103, P2-40",
    *(Floor, "taken"),
    world="an onset",
    promise="hush: resumed without a hush",
)
def _hush_stays(floor: Floor) -> None:
    hush = floor.hush
    _taken(floor)
    floor.hush = hush


@defect(
    "nothing is hushed while the echo guard runs, and nothing after it",
    "94, 103",
    *(Floor, "speech_confirmed"),
    world="an onset",
    promise="silence: 1 goes on after an interruption",
)
def _deaf(floor: Floor, at_ms: int, *, server_acts: bool) -> Verb:
    return Verb.NOTHING


@defect(
    "an interruption that no turn explains is followed by silence",
    "91, 92, 32, P2-54",
    *(Owed, "take_by_speech"),
    world="an onset",
    promise="dead air: something waits without a deadline",
)
def _owes_nothing(owed: Owed) -> None:
    pass


@defect(
    "noise is answered again and again",
    "32, 116, P2-47, P2-85",
    *(Owed, "pay"),
    world=WALKS,
    promise="dead air: owed answers without end",
)
def _pays_for_ever(owed: Owed) -> bool:
    owed.is_owed = False
    return True


@defect(
    "a turn that is never committed is open for ever",
    "106, P2-53, P2-11",
    *(Turn, "deadline_ms"),
    world="a turn",
    promise="rest: ",
)
def _stuck(turn: Turn, *, is_heard: bool) -> int | None:
    is_judged = turn.state is TurnState.JUDGED and turn.committed_ms is not None
    return turn.committed_ms + 3_000 if is_judged and turn.committed_ms is not None else None
