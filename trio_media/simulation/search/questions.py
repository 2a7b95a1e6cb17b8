"""The questions that are asked: small ones at every test, large ones by ``scripts/explore``.

Each asks whether any order of its events breaks a promise.  Together the small ones have every
event there is, under both authorities, with every ear, of protected speech and of other.

A session that is lost is the end of the call today, so what comes after it is not asked: that is
due with reconnects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from trio_media.core.events import Reason
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.simulation.search.budgets import Budgets

LEAD_MS: Final = 400  # as little as shows that audio is sent ahead
CLIENT, SERVER = Authority.CLIENT, Authority.SERVER
BOTH: Final = (CLIENT, SERVER)
BY_US: Final = (Reason.APPLICATION,)

# Audio comes at once where only its end matters, and a unit at a time where its middle does.
QUIET: Final = Budgets(unit_ms=400, units=1, items=1, responses=1, onsets=0, turns=0)
FAST: Final = attrs.evolve(QUIET, is_fast=True)
LARGE: Final = attrs.evolve(FAST, unit_ms=200, units=3, items=2, asks=2, responses=2)


@attrs.frozen
class Question:
    """One question, and the calls of which it is asked."""

    name: str
    budgets: Budgets
    authorities: tuple[Authority, ...]
    ears: tuple[Ear, ...]
    is_complete: bool = True
    """It is searched to its end at every test; else to the bound."""

    def policies(self) -> Iterator[Policy]:
        """Yield the policies under which the question is asked."""
        for authority in self.authorities:
            for ear in self.ears:
                yield policy_of(authority, ear)


def policy_of(authority: Authority, ear: Ear) -> Policy:
    """Return the policy that is searched under an authority, with an ear."""
    return Policy(authority=authority, ear=ear, lead_ms=LEAD_MS)


def _protected(**amounts: int) -> Budgets:
    return attrs.evolve(FAST, is_protected=True, **amounts)  # type: ignore[arg-type]


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
    Question("an onset, protected", _protected(onsets=1), BOTH, (Ear.LOCAL, Ear.BOTH)),
    Question("a turn, protected", _protected(turns=1), BOTH, (Ear.SERVER,)),
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
)
"""Far more states than a test may take: thousands to millions each."""


def walk_budgets(seed: int) -> tuple[Policy, Budgets]:
    """Return a policy and large budgets for a walk; every twelve seeds have every policy."""
    authority = (CLIENT, SERVER)[seed % 2]
    policy = Policy(authority=authority, ear=list(Ear)[seed // 2 % 3], lead_ms=LEAD_MS)
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
        hang_ups=1,
        stalls=2,
        server_creates=3 if authority is SERVER else int(seed % 5 == 0),
        is_protected=bool(seed // 6 % 2),
        has_tokens=bool(seed // 12 % 3),
    )
    return policy, budgets
