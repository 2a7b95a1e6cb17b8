"""A breadth-first search over the decision core's canonical states.

Two paths that lead to the same canonical state (``forms``) are searched once, so a search over
small budgets ends, and then every order of the events in them was seen.  A state is kept as 128
bits, the number of the one before it and the number of the move between them: the way to a broken
promise is walked again to be told.

Moves that commute are made in every order all the same.  Letting the second of two sleep where the
other order leads there was tried, with every pair of kinds that was always seen to commute: it
saves one transition in a hundred, for a state is most often reached again by moves that do not, and
it believes of the core what is to be shown.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from array import array
from collections import deque
from collections.abc import Callable, Hashable, Iterator

import attrs

from trio_media.simulation.search.forms import digest
from trio_media.simulation.search.node import BREAKS, Node
from trio_media.simulation.search.report import Found, Report
from trio_media.simulation.search.rest import NeverRestsError


@attrs.frozen
class _Due:
    """A state whose moves are to be made."""

    node: Node
    index: int
    depth: int


@attrs.define
class _Search:
    """What was reached so far, and how."""

    root: Node
    form: Callable[[Node], Hashable]
    visit: Callable[[Node], None] | None
    seen: set[int] = attrs.field(factory=set)
    """Every state that was reached, as 128 bits."""
    parents: array[int] = attrs.field(factory=lambda: array("q"))
    vias: array[int] = attrs.field(factory=lambda: array("B"))
    """Which move of the parent led there."""
    frontier: deque[_Due] = attrs.field(factory=deque)
    transitions: int = 0
    depth: int = 0

    def reach(self, node: Node, parent: int, via: int, depth: int) -> None:
        """Note a state; if it is new, its moves are due."""
        key = digest(self.form(node))
        if key in self.seen:
            node.let_go()
            return
        self.frontier.append(_Due(node, len(self.seen), depth))
        self.seen.add(key)
        self.parents.append(parent)
        self.vias.append(via)
        if self.visit is not None:
            self.visit(node)
        node.pack()

    def way(self, index: int) -> list[int]:
        """Return which moves lead to a state."""
        vias: list[int] = []
        while index:
            vias.append(self.vias[index])
            index = self.parents[index]
        return vias[::-1]

    def found(self, broken: Exception, way: list[int]) -> Report:
        """Say which promise was broken, walking the way again."""
        later = broken.steps if isinstance(broken, NeverRestsError) else ()
        trace = (*_walked(self.root, way), *later)
        found = Found(f"{type(broken).__name__} {broken}", trace)
        return Report(len(self.seen), self.transitions, len(way), False, found)

    def unbroken(self, *, is_complete: bool) -> Report:
        """Say that nothing was found."""
        return Report(len(self.seen), self.transitions, self.depth, is_complete, None)


def explore(
    root: Node,
    *,
    transitions_max: int = sys.maxsize,
    states_max: int = sys.maxsize,
    form: Callable[[Node], Hashable] = Node.form,
    visit: Callable[[Node], None] | None = None,
) -> Report:
    """Search breadth first, until every state within the budgets was seen or a bound is hit.

    ``visit`` sees every new state, and may raise what a broken promise raises.
    """
    search = _Search(root.copy(), form, visit)
    search.reach(root.copy(), 0, 0, 0)
    with _uncollected():
        while search.frontier:
            due = search.frontier.popleft()
            search.depth = due.depth
            due.node.unpack()
            moves = list(due.node.moves())
            for via, move in enumerate(moves):
                if search.transitions >= transitions_max or len(search.seen) >= states_max:
                    return search.unbroken(is_complete=False)
                search.transitions += 1
                # The last one needs no copy.
                node = due.node.copy() if via < len(moves) - 1 else due.node
                try:
                    node.step(*move)
                    search.reach(node, due.index, via, due.depth + 1)
                except BREAKS as broken:
                    return search.found(broken, [*search.way(due.index), via])
    return search.unbroken(is_complete=True)


def _walked(root: Node, way: list[int]) -> Iterator[str]:
    """Make moves again, and tell each."""
    yield "begin"
    node = root.copy()
    for via in way:
        move = list(node.moves())[via]
        yield f"{move[2]:>6} {move[0]}: {move[1]}"
        with contextlib.suppress(*BREAKS):  # the last one breaks again
            node.step(*move)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Let no collector walk over a million records that are all in use; nodes let go of theirs."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
