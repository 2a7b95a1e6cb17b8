from __future__ import annotations

from trio_media.core.policy import Authority, Ear
from trio_media.simulation.search.questions import MANY, QUESTIONS, walk_budgets


def test_every_question_has_a_name_of_its_own() -> None:
    names = [question.name for question in (*QUESTIONS, *MANY)]
    assert len(set(names)) == len(names)


def test_twelve_walks_have_every_policy_and_protection() -> None:
    seen = set()
    for seed in range(12):
        policy, budgets = walk_budgets(seed)
        seen.add((policy.authority, policy.ear, budgets.is_protected))
    assert len(seen) == len(Authority) * len(Ear) * 2
