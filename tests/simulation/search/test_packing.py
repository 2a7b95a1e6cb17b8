from __future__ import annotations

import attrs

from trio_media.core.policy import Policy
from trio_media.simulation.search.node import Node
from trio_media.simulation.search.questions import QUIET


def a_busy_node() -> Node:
    node = Node.begin(Policy(), attrs.evolve(QUIET, onsets=1, tools=1))
    for name in ("ask", "created", "item 0", "call 0", "onset"):
        node.step(*next(move for move in node.moves() if move[0] == name))
    return node


def test_a_node_that_was_packed_goes_on_as_one_that_was_not() -> None:
    node, twin = a_busy_node(), a_busy_node()
    node.pack()
    assert isinstance(node.core.state.playout.marks, tuple)
    node.unpack()
    assert node.form() == twin.form()
    for _ in range(4):
        for each in (node, twin):
            each.step(*list(each.moves())[-1])
        assert node.form() == twin.form()


def test_the_containers_are_of_their_kind_again() -> None:
    node, twin = a_busy_node(), a_busy_node()
    node.pack()
    node.unpack()
    for name in ("tracks", "sent", "marks"):
        mine, its = (getattr(n.core.state.playout, name) for n in (node, twin))
        assert type(mine) is type(its)
        assert len(mine) == len(its)
    [response] = node.core.state.book.responses
    assert set(response.pending_tools) == {"R1.call1"}
    assert node.invariants.ledger.dues.calls == {"R1.call1": "R1"}
    assert isinstance(node.world.taken, set)
