"""What is left out of the forms must not matter: the same is reached with it."""

from __future__ import annotations

from collections.abc import Hashable

import attrs
import pytest

from trio_media.core import events as ev
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.simulation.search.budgets import Budgets
from trio_media.simulation.search.explorer import explore
from trio_media.simulation.search.forgetting import gone
from trio_media.simulation.search.forms import digest
from trio_media.simulation.search.node import Node
from trio_media.simulation.search.questions import BY_US, FAST, policy_of

TWO = attrs.evolve(FAST, asks=2, responses=2)


def reached(budgets: Budgets, authority: Authority, *, forgets: bool) -> tuple[set[int], int]:
    """Search to the end; return the forms of all states without what is gone, and how many were."""
    short: set[int] = set()

    def form(node: Node) -> Hashable:
        short.add(digest(node.form()))
        return node.form(forgets=forgets)

    report = explore(Node.begin(policy_of(authority, Ear.LOCAL), budgets), form=form)
    assert report.is_complete
    return short, report.states


@pytest.mark.parametrize(
    ("budgets", "authority"),
    [
        (TWO, Authority.CLIENT),
        (attrs.evolve(FAST, responses=2, tools=1), Authority.CLIENT),
        (attrs.evolve(FAST, responses=2, server_creates=1), Authority.SERVER),
        (attrs.evolve(FAST, interrupts=BY_US, faults=1), Authority.CLIENT),
    ],
)
def test_the_same_is_reached_when_nothing_is_forgotten(
    budgets: Budgets, authority: Authority
) -> None:
    with_all, states = reached(budgets, authority, forgets=False)
    without, fewer = reached(budgets, authority, forgets=True)
    assert with_all == without
    assert fewer <= states


def test_a_response_is_gone_when_nothing_can_name_it_and_nobody_asks_after_it() -> None:
    node = Node.begin(Policy(), TWO)

    def missed() -> frozenset[str]:
        return gone(node.core.state.book, node.invariants.ledger, node.world)

    def move(name: str) -> None:
        node.step(*next(m for m in node.moves() if m[0] == name))

    for name in ("ask", "created", "item 0", "over 0"):
        assert missed() == frozenset()
        move(name)
    assert missed() == frozenset()  # it is heard
    while node.core.next_deadline() is not None or node.world.next_due_ms() is not None:
        move("time")
    assert missed() == {"R1"}
    node.world.left = attrs.evolve(node.world.left, faults=1)
    assert missed() == frozenset()  # a late event may name it


def test_a_response_that_lingers_is_awaited() -> None:
    node = Node.begin(Policy(), FAST)
    for name in ("ask", "created", "over 0"):
        node.step(*next(m for m in node.moves() if m[0] == name))
    node.core.state.book.responses[0].is_lingering = True
    assert gone(node.core.state.book, node.invariants.ledger, node.world) == frozenset()
    node.core.state.book.responses[0].is_lingering = False
    assert gone(node.core.state.book, node.invariants.ledger, node.world) == {"R1"}
    node.invariants.ledger.responses[1].is_protected = True
    assert gone(node.core.state.book, node.invariants.ledger, node.world) == frozenset()


def test_late_answers_to_cancels_of_the_gone_are_still_made() -> None:
    node = Node.begin(Policy(), attrs.evolve(FAST, interrupts=BY_US))
    for name in ("ask", "created", "interrupt", "over 0"):
        node.step(*next(m for m in node.moves() if m[0] == name))
    answers = [event for name, event, _ in node.moves() if name == "cancel_answer"]
    assert answers == [ev.CommandRefused(ev.Refusal.NOT_ACTIVE, 2)]
    before = node.form()
    node.step("cancel_answer", answers[0], node.now_ms)
    assert node.form() == before
