"""What a question is: small budgets, and the calls of which it is asked."""

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
    silence_ms: int = 0
    """After so long without a word of anybody the model asks for one."""
    away_words_ms: int = 0
    """After so long of nothing the caller is told that the model comes back."""
    has_last_words: bool = False
    forwards: bool = False
    """For want of a model the call is handed over."""

    def policies(self) -> Iterator[Policy]:
        """Yield the policies under which the question is asked."""
        for authority in self.authorities:
            for ear in self.ears:
                policy = policy_of(authority, ear)
                yield attrs.evolve(
                    policy,
                    silence_ms=self.silence_ms,
                    silence_asks=1,
                    away_words_ms=self.away_words_ms,
                    has_last_words=self.has_last_words,
                    forwards_without_model=self.forwards,
                )


def policy_of(authority: Authority, ear: Ear) -> Policy:
    """Return the policy that is searched under an authority, with an ear."""
    return Policy(authority=authority, ear=ear, lead_ms=LEAD_MS)


def protected(**amounts: int) -> Budgets:
    return attrs.evolve(FAST, is_protected=True, **amounts)  # type: ignore[arg-type]
