"""Seeded walks: random moves, far beyond what a search can see to its end."""

from __future__ import annotations

import random  # nothing of a real call is random
from typing import Final

from trio_media.core.policy import Policy
from trio_media.simulation.search.budgets import Budgets
from trio_media.simulation.search.node import BREAKS, Node
from trio_media.simulation.search.report import Found

STEPS_MAX: Final = 400  # of a walk
RARE: Final = ("hang_up", "lose", "away")  # they end the interesting part of a walk
RARITY: Final = 0.95


def walk(policy: Policy, budgets: Budgets, seed: int) -> Found | None:
    """Make random moves, from a seed, until nothing more can happen or a promise breaks."""
    choose = random.Random(seed)
    node = Node.begin(policy, budgets)
    trace: list[str] = []
    for _ in range(STEPS_MAX):
        moves = list(node.moves())
        if not moves:
            break
        name, event, at_ms = choose.choice(moves)
        if name in RARE and choose.random() < RARITY:
            continue
        trace.append(f"{at_ms:>6} {name}: {event}")
        try:
            node.step(name, event, at_ms)
        except BREAKS as broken:
            return Found(f"seed {seed}: {type(broken).__name__} {broken}", tuple(trace))
    return None
