"""The searches that are made: small budgets, each searched to its end, and a large one to a depth.

Each asks one question of every order of its events.  Together they have every event there is, under
both authorities, with every ear, of protected speech and of other.
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
class Search:
    """One question, and the calls of which it is asked."""

    name: str
    budgets: Budgets
    authorities: tuple[Authority, ...]
    ears: tuple[Ear, ...]
    is_complete: bool = True
    """It is searched to its end; else to the bound."""

    def policies(self) -> Iterator[Policy]:
        """Yield the policies under which the question is asked."""
        for authority in self.authorities:
            for ear in self.ears:
                yield Policy(authority=authority, ear=ear, lead_ms=LEAD_MS)


def _protected(**amounts: int) -> Budgets:
    return attrs.evolve(FAST, is_protected=True, **amounts)  # type: ignore[arg-type]


SEARCHES: Final = (
    Search("an onset", attrs.evolve(FAST, items=2, onsets=1), BOTH, (Ear.LOCAL, Ear.BOTH)),
    Search(
        "a growing answer",
        attrs.evolve(QUIET, unit_ms=200, units=3, items=2, interrupts=BY_US),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Search("a voice", attrs.evolve(FAST, onsets=1, voices=1), BOTH, (Ear.LOCAL,)),
    Search(
        "a short word",
        attrs.evolve(FAST, onsets=1, voices=1, turns=1, verdicts=1),
        (CLIENT,),
        (Ear.BOTH,),
        is_complete=False,
    ),
    Search("a turn", attrs.evolve(FAST, items=2, turns=1, verdicts=1), BOTH, (Ear.SERVER,)),
    Search("an onset, protected", _protected(onsets=1), BOTH, (Ear.LOCAL, Ear.BOTH)),
    Search("a turn, protected", _protected(turns=1), BOTH, (Ear.SERVER,)),
    Search("faults", attrs.evolve(FAST, interrupts=BY_US, faults=2), BOTH, (Ear.SERVER,)),
    Search("a fault and an onset", attrs.evolve(FAST, onsets=1, faults=1), (CLIENT,), (Ear.LOCAL,)),
    Search("a fault and a turn", attrs.evolve(FAST, turns=1, faults=1), (SERVER,), (Ear.SERVER,)),
    Search("a stalled write", attrs.evolve(FAST, onsets=1, stalls=1), (CLIENT,), (Ear.LOCAL,)),
    Search(
        "a tool",
        attrs.evolve(FAST, responses=2, tools=1, interrupts=(Reason.TOOL,)),
        BOTH,
        (Ear.SERVER,),
    ),
    Search("a key", attrs.evolve(FAST, responses=2, keys=1), BOTH, (Ear.SERVER,)),
    Search(
        "two answers",
        attrs.evolve(FAST, asks=2, responses=2, interrupts=BY_US),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Search(
        "the end",
        attrs.evolve(FAST, onsets=1, losses=1, hang_ups=1, interrupts=BY_US),
        BOTH,
        (Ear.LOCAL,),
    ),
    Search(
        "the server's own answer",
        attrs.evolve(QUIET, asks=0, server_creates=1, turns=1),
        (SERVER,),
        (Ear.SERVER, Ear.BOTH),
    ),
    Search(
        "no tokens",
        attrs.evolve(QUIET, has_tokens=False, faults=1, interrupts=BY_US),
        BOTH,
        (Ear.SERVER,),
    ),
    Search(
        "two answers of two items of three units",
        attrs.evolve(LARGE, interrupts=BY_US),
        (CLIENT,),
        (Ear.SERVER,),
        is_complete=False,
    ),
)


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
