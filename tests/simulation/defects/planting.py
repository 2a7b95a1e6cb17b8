"""What a planted defect is, and how it is planted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import attrs
import pytest

from trio_media.core.policy import Policy
from trio_media.simulation.search.node import Node
from trio_media.simulation.search.questions import LEAD_MS

from .worlds import WORLDS

F = TypeVar("F", bound=Callable[..., Any])


@attrs.frozen
class Defect:
    """One change to the core."""

    name: str
    races: str
    """Which faults of real systems it is like: numbers of the catalogue of races."""
    owner: Any
    """The module, class or table in which it replaces something."""
    place: Any
    """The name, or the key, of what it replaces."""
    change: Any
    world: str
    """The smallest world in which it is found."""
    promise: str
    """How the promise that it breaks is reported."""

    def root(self) -> Node:
        """The beginning of the call in which it is looked for."""
        budgets, authority, ear = WORLDS[self.world]
        silence_ms = 1_000 if self.world.startswith("silence") else 0
        policy = Policy(authority=authority, ear=ear, lead_ms=LEAD_MS, silence_ms=silence_ms)
        return Node.begin(policy, budgets)

    @contextlib.contextmanager
    def planted(self) -> Iterator[None]:
        """Have the core do wrong.  Raises if what it replaces is not there."""
        with pytest.MonkeyPatch.context() as patch:
            if isinstance(self.owner, dict):
                assert self.place in self.owner, self.place
                patch.setitem(self.owner, self.place, self.change)
            else:
                patch.setattr(self.owner, self.place, self.change)
            yield


DEFECTS: list[Defect] = []


def defect(
    name: str, races: str, owner: Any, place: Any, *, world: str, promise: str
) -> Callable[[F], F]:
    """Enter a change into the catalogue."""

    def enter(change: F) -> F:
        is_property = (
            isinstance(vars(owner).get(place), property) if isinstance(place, str) else False
        )
        replacement = property(change) if is_property else change
        DEFECTS.append(Defect(name, races, owner, place, replacement, world, promise))
        return change

    return enter
