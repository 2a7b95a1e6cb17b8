"""A breadth-first search over the decision core's canonical states.

Two paths that lead to the same canonical state (``cloning``) are searched once, so a search over
small budgets ends, and then every order of the events in them was seen.
"""

from __future__ import annotations

from collections import deque

from trio_media.simulation.search.node import BREAKS, Node
from trio_media.simulation.search.report import Found, Report


def explore(root: Node, *, transitions_max: int) -> Report:
    """Search breadth first, until every state within the budgets was seen or the bound is hit."""
    frontier: deque[tuple[Node, int, int]] = deque([(root, 0, 0)])
    parents: list[tuple[int, str]] = [(-1, "begin")]
    seen = {hash(root.form())}
    transitions = depth_max = 0
    while frontier:
        node, index, depth = frontier.popleft()
        depth_max = max(depth_max, depth)
        moves = list(node.moves())
        for left, (name, event, at_ms) in zip(range(len(moves) - 1, -1, -1), moves, strict=True):
            if transitions >= transitions_max:
                return Report(len(seen), transitions, depth_max, False, None)
            transitions += 1
            child = node.copy() if left else node  # the last one needs no copy
            step = f"{at_ms:>6} {name}: {event}"
            try:
                child.step(name, event, at_ms)
            except BREAKS as broken:
                trace = (*_trace(parents, index), step)
                found = Found(f"{type(broken).__name__} {broken}", trace)
                return Report(len(seen), transitions, depth + 1, False, found)
            key = hash(child.form())
            if key not in seen:
                seen.add(key)
                parents.append((index, step))
                frontier.append((child, len(parents) - 1, depth + 1))
    return Report(len(seen), transitions, depth_max, True, None)


def _trace(parents: list[tuple[int, str]], index: int) -> tuple[str, ...]:
    steps: list[str] = []
    while index >= 0:
        index, step = parents[index]
        steps.append(step)
    return tuple(reversed(steps))
