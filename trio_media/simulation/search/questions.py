"""The questions that are asked: small ones at every test, large ones by ``scripts/explore``.

Each asks whether any order of its events breaks a promise.  Together the small ones have every
event there is, under both authorities, with every ear, of protected speech and of other; and a
session that goes away comes back in each of them, or is given up.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from trio_media.core.events import Reason
from trio_media.core.policy import Ear, Policy
from trio_media.simulation.search.budgets import Budgets
from trio_media.simulation.search.question import BOTH as BOTH
from trio_media.simulation.search.question import BY_US as BY_US
from trio_media.simulation.search.question import CLIENT as CLIENT
from trio_media.simulation.search.question import FAST as FAST
from trio_media.simulation.search.question import LARGE as LARGE
from trio_media.simulation.search.question import LEAD_MS as LEAD_MS
from trio_media.simulation.search.question import QUIET as QUIET
from trio_media.simulation.search.question import SERVER as SERVER
from trio_media.simulation.search.question import Question as Question
from trio_media.simulation.search.question import policy_of as policy_of
from trio_media.simulation.search.question import protected
from trio_media.simulation.search.questions_away import AWAY as AWAY

ASKED: Final = (
    Question(
        "words that interrupt",
        attrs.evolve(FAST, asks=2, responses=2, is_interrupting=True),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "a clip",
        attrs.evolve(FAST, asks=0, clips=2, onsets=1, responses=0),
        (CLIENT,),
        (Ear.LOCAL,),
    ),
    Question(
        "a clip and an answer",
        attrs.evolve(FAST, clips=1, interrupts=BY_US),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question("a protected clip", protected(asks=0, clips=1, onsets=1), (CLIENT,), (Ear.LOCAL,)),
    Question(
        "keys for somebody",
        attrs.evolve(FAST, asks=0, clips=1, responses=0, keys=3, collections=1, abandons=1),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "an ending and an onset",
        attrs.evolve(FAST, onsets=1, asks=0, responses=1, endings=("words",)),
        (CLIENT,),
        (Ear.LOCAL,),
    ),
    Question(
        "an ending and a turn",
        attrs.evolve(FAST, turns=1, asks=0, responses=1, endings=("words",)),
        BOTH,
        (Ear.SERVER,),
    ),
    Question(
        "a final ending",
        attrs.evolve(FAST, turns=1, asks=0, responses=2, endings=("final",)),
        BOTH,
        (Ear.SERVER,),
    ),
    Question(
        "a handing over",
        attrs.evolve(FAST, losses=1, responses=1, endings=("leaves",)),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "an ending by a tool",
        attrs.evolve(FAST, tools=1, asks=1, responses=2, endings=("tool",)),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "a tool that fills and gives way",
        attrs.evolve(
            FAST, responses=2, tools=1, interrupts=(Reason.TOOL,), wishes=("fills", "gives_way")
        ),
        (CLIENT,),
        (Ear.SERVER,),
        is_complete=False,
    ),
    Question(
        "a tool that holds answers",
        attrs.evolve(
            FAST, responses=2, tools=1, turns=1, collections=1, wishes=("holds", "protects")
        ),
        (CLIENT,),
        (Ear.SERVER,),
        is_complete=False,
    ),
    Question(
        "answers are held",
        attrs.evolve(FAST, responses=2, tools=1, turns=1, holds=1),
        (CLIENT,),
        (Ear.SERVER,),
        is_complete=False,
    ),
    Question(
        "the service's tool",
        attrs.evolve(FAST, asks=0, responses=1, server_creates=1, service_tools=1, turns=1),
        (SERVER,),
        (Ear.SERVER,),
    ),
    Question(
        "silence",
        attrs.evolve(FAST, asks=0, responses=1, onsets=1),
        (CLIENT,),
        (Ear.LOCAL,),
        is_complete=False,
        silence_ms=1_000,
    ),
)
"""What applications ask for, each with what may come in between."""

QUESTIONS: Final = (
    Question("an onset", attrs.evolve(FAST, items=2, onsets=1), BOTH, (Ear.LOCAL, Ear.BOTH)),
    Question(
        "a growing answer",
        attrs.evolve(QUIET, unit_ms=200, units=3, items=2, interrupts=BY_US),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question("a voice", attrs.evolve(FAST, onsets=1, voices=1), BOTH, (Ear.LOCAL,)),
    Question(
        "a short word",
        attrs.evolve(FAST, onsets=1, voices=1, turns=1, verdicts=1),
        (CLIENT,),
        (Ear.BOTH,),
        is_complete=False,
    ),
    Question("a turn", attrs.evolve(FAST, items=2, turns=1, verdicts=1), BOTH, (Ear.SERVER,)),
    Question("an onset, protected", protected(onsets=1), BOTH, (Ear.LOCAL, Ear.BOTH)),
    Question("a turn, protected", protected(turns=1), BOTH, (Ear.SERVER,)),
    Question("faults", attrs.evolve(FAST, interrupts=BY_US, faults=2), BOTH, (Ear.SERVER,)),
    Question(
        "a fault and an onset", attrs.evolve(FAST, onsets=1, faults=1), (CLIENT,), (Ear.LOCAL,)
    ),
    Question("a fault and a turn", attrs.evolve(FAST, turns=1, faults=1), (SERVER,), (Ear.SERVER,)),
    Question("a stalled write", attrs.evolve(FAST, onsets=1, stalls=1), (CLIENT,), (Ear.LOCAL,)),
    Question(
        "a tool",
        attrs.evolve(FAST, responses=2, tools=1, interrupts=(Reason.TOOL,)),
        BOTH,
        (Ear.SERVER,),
    ),
    Question(
        "two calls of tools",
        attrs.evolve(FAST, responses=2, tools=2, calls=2),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "the first of two",
        attrs.evolve(FAST, asks=2, responses=2, interrupts=BY_US, is_stale=True),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "a greeting",
        attrs.evolve(FAST, responses=1, turns=1, is_greeting=True, is_ready=False),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question("a key", attrs.evolve(FAST, responses=2, keys=1), BOTH, (Ear.SERVER,)),
    Question(
        "two answers",
        attrs.evolve(FAST, asks=2, responses=2, interrupts=BY_US),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "the end",
        attrs.evolve(FAST, onsets=1, losses=1, hang_ups=1, interrupts=BY_US),
        BOTH,
        (Ear.LOCAL,),
    ),
    Question(
        "the server's own answer",
        attrs.evolve(QUIET, asks=0, server_creates=1, turns=1),
        (SERVER,),
        (Ear.SERVER, Ear.BOTH),
    ),
    Question(
        "no tokens",
        attrs.evolve(QUIET, has_tokens=False, faults=1, interrupts=BY_US),
        BOTH,
        (Ear.SERVER,),
    ),
    *ASKED,
    *AWAY,
    Question(
        "two answers of two items of three units",
        attrs.evolve(LARGE, interrupts=BY_US),
        (CLIENT,),
        (Ear.SERVER,),
        is_complete=False,
    ),
)


MANY: Final = (
    Question(
        "three answers",
        attrs.evolve(FAST, asks=3, responses=3, interrupts=BY_US),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "three answers, interrupted twice",
        attrs.evolve(FAST, asks=3, responses=3, interrupts=BY_US * 2),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "two answers of two items of three units, to the end",
        attrs.evolve(LARGE, interrupts=BY_US),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "several calls of tools, an onset",
        attrs.evolve(FAST, responses=3, tools=3, calls=2, onsets=1),
        (CLIENT,),
        (Ear.LOCAL,),
    ),
    Question(
        "protected speech, an onset and a turn",
        attrs.evolve(FAST, is_protected=True, onsets=1, turns=1, responses=2),
        BOTH,
        (Ear.BOTH,),
    ),
    Question(
        "a fault, an onset and a turn",
        attrs.evolve(FAST, faults=1, onsets=1, turns=1, responses=2),
        BOTH,
        (Ear.BOTH,),
    ),
    Question(
        "a short word, to the end",
        attrs.evolve(FAST, onsets=1, voices=1, turns=1, verdicts=1, responses=2),
        (CLIENT,),
        (Ear.BOTH,),
    ),
    Question(
        "the session is lost, with an onset, a turn and a tool",
        attrs.evolve(FAST, losses=1, onsets=1, turns=1, tools=1, responses=2),
        BOTH,
        (Ear.BOTH,),
    ),
    Question(
        "an ending, an onset and a tool, to the end",
        attrs.evolve(FAST, onsets=1, tools=1, responses=2, endings=("words",)),
        (CLIENT,),
        (Ear.LOCAL,),
    ),
    Question(
        "a tool that holds answers, and keys, to the end",
        attrs.evolve(
            FAST, responses=3, tools=1, turns=1, keys=2, collections=1, wishes=("holds", "fills")
        ),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "silence, an onset and a turn, to the end",
        attrs.evolve(FAST, asks=0, responses=2, onsets=1, turns=1),
        (CLIENT,),
        (Ear.LOCAL,),
        silence_ms=1_000,
    ),
)
"""Far more states than a test may take: thousands to millions each."""


def walk_budgets(seed: int) -> tuple[Policy, Budgets]:
    """Return a policy and large budgets for a walk; every twelve seeds have every policy."""
    authority = (CLIENT, SERVER)[seed % 2]
    policy = Policy(
        authority=authority,
        ear=list(Ear)[seed // 2 % 3],
        lead_ms=LEAD_MS,
        silence_ms=(0, 0, 0, 1_500)[seed // 3 % 4],
        away_words_ms=(0, 2_000)[seed // 4 % 2],
        has_last_words=bool(seed // 5 % 2),
        forwards_without_model=seed % 7 == 0,
    )
    budgets = Budgets(
        asks=3,
        responses=6,
        faults=5,
        onsets=6,
        voices=4,
        turns=4,
        verdicts=3,
        keys=2,
        interrupts=(Reason.APPLICATION, Reason.TOOL, Reason.DTMF),
        tools=2,
        losses=1,
        aways=2,
        agings=1,
        hang_ups=1,
        stalls=2,
        server_creates=3 if authority is SERVER else int(seed % 5 == 0),
        is_protected=bool(seed // 6 % 2),
        has_tokens=bool(seed // 12 % 3),
        **_wishes(seed),
    )
    return policy, budgets


def _wishes(seed: int) -> dict[str, Any]:
    """Return what applications ask for in a walk: in every third one nothing."""
    if seed % 3 == 0:
        return {}
    wishes = (("fills",), ("gives_way", "fills"), ("holds",), ("protects", "holds", "fills"))
    return {
        "clips": 2,
        "texts": 1,
        "collections": 2,
        "abandons": 1,
        "endings": (("words", "leaves"), ("tool", "final"), ("leaves", "words"))[seed // 5 % 3],
        "holds": 1,
        "service_tools": 1,
        "wishes": wishes[seed // 7 % 4],
        "is_interrupting": bool(seed // 11 % 2),
    }
