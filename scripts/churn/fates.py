"""How calls end, and what is said in them until then: drawn by lot, the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from random import Random
from typing import Final

import attrs

from trio_media.phone import (
    CallEnd,
    CallerFrame,
    CallerScript,
    Freeze,
    HangUp,
    Press,
    Say,
    StopReading,
    Vanish,
    Wait,
    WaitForSpeech,
)
from trio_media.phone.hearing import Hearing
from trio_media.phone.script import Action, LineAct, ScriptPlayer
from trio_media.phone.voices import TALK

LASTS_MS: Final = (500, 14_000)  # from a click to a short talk: what is cut is cut anywhere in it
STALL_MS: Final = 4_000
TURNS: Final = (1, 5)


class Fate(Enum):
    """What becomes of a call."""

    HANG_UP = "the caller hangs up"
    VANISH = "the connection is cut without a close"
    STOP_ONLY = "a stop without a close"
    STALL = "it stalls both ways, then it is gone"
    UNREAD = "nobody reads for a while"
    NO_STREAM = "given up before the media stream"
    BAD_SIGNATURE = "refused: a wrong signature"
    BAD_TOKEN = "refused: a wrong token"
    OLD_TOKEN = "refused: a token used again"


WEIGHTS: Final = {
    Fate.HANG_UP: 6,
    Fate.VANISH: 3,
    Fate.STOP_ONLY: 2,
    Fate.STALL: 2,
    Fate.UNREAD: 1,
    Fate.NO_STREAM: 1,
    Fate.BAD_SIGNATURE: 1,
    Fate.BAD_TOKEN: 1,
    Fate.OLD_TOKEN: 1,
}
assert set(WEIGHTS) == set(Fate)

LAST_ACTS: Final[dict[Fate, tuple[LineAct, ...]]] = {
    Fate.VANISH: (Vanish(),),
    Fate.STOP_ONLY: (HangUp(closes=False),),
    Fate.STALL: (Freeze(STALL_MS), Vanish()),
    Fate.UNREAD: (StopReading(STALL_MS), HangUp()),
}
"""How it ends; those that are not here hang up."""

# A model session that is lost, and cannot be had again, ends a call from the far end.
_ANY_GOOD: Final = frozenset({CallEnd.HUNG_UP, CallEnd.FAR_END_CLOSED})
# Where all hang up at the end of a round, the caller may be faster than the refusal.
_REFUSED: Final = frozenset({CallEnd.REFUSED, CallEnd.FAR_END_CLOSED, CallEnd.HUNG_UP})
_ENDS: Final = {
    Fate.VANISH: _ANY_GOOD | {CallEnd.VANISHED},
    # Whoever says nothing for so long may be given up by the server.
    Fate.STALL: _ANY_GOOD | {CallEnd.VANISHED, CallEnd.LOST, CallEnd.STALLED},
    Fate.UNREAD: _ANY_GOOD | {CallEnd.LOST, CallEnd.STALLED},
    Fate.BAD_SIGNATURE: frozenset({CallEnd.REFUSED}),
    Fate.BAD_TOKEN: _REFUSED,
    Fate.OLD_TOKEN: _ANY_GOOD,
}


@attrs.frozen
class Plan:
    """A call to be."""

    fate: Fate
    script: CallerScript
    lasts_ms: int

    @property
    def ends(self) -> frozenset[CallEnd]:
        """The ends that it may have."""
        return _ENDS.get(self.fate, _ANY_GOOD)


def draw(random: Random) -> Plan:
    """Draw a call."""
    (fate,) = random.choices(list(WEIGHTS), list(WEIGHTS.values()))
    actions: list[Action] = [Wait(random.randint(0, 600)), Say("hello")]
    for _ in range(random.randint(*TURNS)):
        actions += _draw_turn(random)
    script = CallerScript(tuple(actions), repeats_from=2)
    return Plan(fate, script, random.randint(*LASTS_MS))


def _draw_turn(random: Random) -> Sequence[Action]:
    wait = WaitForSpeech(random.randint(20, 2_500), 5_000)
    match random.randrange(6):
        case 0:
            return (wait, Press("".join(random.choices("0123456789*#", k=random.randint(1, 5)))))
        case 1:
            return (wait, Say("cough"))
        case _:
            return (wait, Say(random.choice(TALK)))


class Caller:
    """Follows a script until its time is up, and then does something to the line."""

    def __init__(self, plan: Plan) -> None:
        self._player = ScriptPlayer(plan.script)
        self._ends_ms = plan.lasts_ms
        self._last = list(LAST_ACTS.get(plan.fate, (HangUp(),)))

    def frame(self, at_ms: int, hearing: Hearing) -> CallerFrame:
        """See `trio_media.phone.CallerVoice`."""
        if at_ms < self._ends_ms or not self._last:
            return self._player.frame(at_ms, hearing)
        return CallerFrame(act=self._last.pop(0))
