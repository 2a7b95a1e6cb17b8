"""What a seed draws of a model that goes away: when, how, for how long, and what it said before."""

from __future__ import annotations

import random
from typing import Final

import attrs

from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.record import MODEL

WORDS: Final = "one two three four five six seven eight nine ten eleven twelve"
ENDS: Final = (sc.Trouble.BREAK, sc.Trouble.CLOSE, sc.Trouble.EXPIRY, sc.Trouble.SILENCE)
CODES: Final = (1000, 1001, 1006, 1011, 1012, 1013)
NONE: Final = (sc.NoSession(503), sc.NoSession(500), sc.NoSession(429), sc.NoSession(code="server"))
FATAL: Final = (sc.NoSession(401), sc.NoSession(code="insufficient_quota"))
SESSION_S: Final = (5, 9, 15)


def with_away(rng: random.Random, scenario: sc.Scenario) -> sc.Scenario:
    """Have the model go away in some calls, once or more, and a session be too old in a few."""
    faults = list(scenario.faults)
    if rng.random() < 0.35:
        faults += [_away(rng, scenario.length_ms) for _ in range(rng.choice((1, 1, 2, 3)))]
    settings = attrs.evolve(
        scenario.settings,
        session_max_s=rng.choice(SESSION_S) if rng.random() < 0.1 else 3_600,
        reconnect_max=rng.choice((6, 6, 6, 2, 0)),
        reconnect_say_after_ms=rng.choice((2_000, 2_000, 500)),
    )
    answers = tuple(
        attrs.evolve(answer, texts=_texts(number, len(answer.items_ms)))
        for number, answer in enumerate(scenario.answers, 1)
    )
    return attrs.evolve(scenario, faults=tuple(faults), settings=settings, answers=answers)


def _away(rng: random.Random, length_ms: int) -> sc.Fault:
    refusals = [rng.choice(NONE) for _ in range(rng.choice((0, 0, 0, 1, 2, 4, 8)))]
    if rng.random() < 0.1:
        refusals.append(rng.choice(FATAL))
    return sc.Fault(
        rng.randrange(length_ms),
        MODEL,
        rng.choice(ENDS),
        code=rng.choice(CODES),
        then=tuple(refusals),
    )


def _texts(number: int, count: int) -> tuple[str, ...]:
    """Words of which each item has its own."""
    return tuple(f"{number}.{place}: {WORDS}" for place in range(1, count + 1))
