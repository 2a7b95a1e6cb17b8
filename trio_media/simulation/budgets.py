"""The searches that are made: small budgets that are searched to their end, and larger ones to a depth.

Each asks one question of every order of its events; together they have every event there is, under
both authorities, with every ear, of protected speech and of other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from trio_media.core.events import Reason
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.simulation.world import Budgets

LEAD_MS: Final = 400  # as little as shows that audio is sent ahead

# Audio comes at once where only its end matters, and a unit at a time where its middle does.
AT_ONCE: Final = Budgets(unit_ms=400, units=1, items=1, responses=1, onsets=0, turns=0)

SEARCHES: Final[Mapping[str, Budgets]] = {
    "an onset over a growing answer": attrs.evolve(AT_ONCE, unit_ms=200, units=2, onsets=1),
    "an onset over two items": attrs.evolve(AT_ONCE, items=2, onsets=1),
    "two onsets": attrs.evolve(AT_ONCE, onsets=2),
    "a turn over two items": attrs.evolve(AT_ONCE, items=2, turns=1, verdicts=1),
    "a turn, and its answer": attrs.evolve(AT_ONCE, responses=2, turns=1, unit_ms=200),
}


def policies() -> Iterator[Policy]:
    """Yield both authorities with every ear."""
    for authority in Authority:
        for ear in Ear:
            yield Policy(authority=authority, ear=ear, lead_ms=LEAD_MS)
