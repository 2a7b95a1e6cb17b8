from __future__ import annotations

import enum
from collections import deque

import attrs
import pytest

from trio_media.core.invariants import Invariants
from trio_media.core.responses import Item, Response
from trio_media.core.state import State
from trio_media.core.turns import Turn
from trio_media.simulation.search.cloning import clone
from trio_media.simulation.search.records import Held, changes, held_by, shared_within, within
from trio_media.simulation.search.world import World


class Colour(enum.Enum):
    RED = "red"


@attrs.frozen
class Fixed:
    name: str


@attrs.define(eq=False)
class Leaf:
    colour: Colour = Colour.RED
    fixed: Fixed | None = None
    numbers: list[int] = attrs.field(factory=list)
    names: set[str] = attrs.field(factory=set)


@attrs.define(eq=False)
class Tree:
    first: Leaf
    second: Leaf | None = None
    leaves: list[Leaf] = attrs.field(factory=list)
    waiting: deque[Leaf] = attrs.field(factory=deque)
    by_name: dict[str, Leaf] = attrs.field(factory=dict)
    fixed: dict[str, Fixed] = attrs.field(factory=dict)
    pairs: list[tuple[int, str]] = attrs.field(factory=list)


@attrs.define
class OneOfTwo:
    either: Leaf | Tree


@attrs.define
class Nested:
    lists: list[list[Leaf]]


@attrs.define
class Frozen:
    inner: frozenset[int]


def test_annotations_say_what_a_field_holds() -> None:
    assert held_by(Tree) == {
        "first": Held(None, Leaf, is_enum=False, is_optional=False),
        "second": Held(None, Leaf, is_enum=False, is_optional=True),
        "leaves": Held(list, Leaf, is_enum=False, is_optional=False),
        "waiting": Held(deque, Leaf, is_enum=False, is_optional=False),
        "by_name": Held(dict, Leaf, is_enum=False, is_optional=False),
        "fixed": Held(dict, Fixed, is_enum=False, is_optional=False),
        "pairs": Held(list, None, is_enum=False, is_optional=False),
    }
    assert held_by(Leaf)["colour"] == Held(None, None, is_enum=True, is_optional=False)


@pytest.mark.parametrize("kind", [OneOfTwo, Nested, Frozen])
def test_what_cannot_be_copied_is_refused(kind: type) -> None:
    with pytest.raises(TypeError):
        held_by(kind)


def test_everything_of_a_call_can_be_copied() -> None:
    for root in (State, World, Invariants):
        assert list(within(root))
    assert shared_within(State) == {Response, Item, Turn}
    assert [changes(kind) for kind in (Leaf, Fixed)] == [True, False]


def test_a_copy_is_of_the_same_shape_and_shares_nothing_that_changes() -> None:
    leaf, fixed = Leaf(numbers=[1], names={"a"}), Fixed("f")
    tree = Tree(leaf, leaf, [leaf, Leaf()], deque([leaf]), {"l": leaf}, {"f": fixed}, [(1, "a")])
    copy = clone(tree)
    assert copy.first is copy.second is copy.leaves[0] is copy.waiting[0] is copy.by_name["l"]
    assert copy.first is not leaf
    assert copy.fixed["f"] is fixed
    copy.first.numbers.append(2)
    copy.first.names.clear()
    copy.pairs.clear()
    copy.fixed.clear()
    assert (leaf.numbers, leaf.names, tree.pairs, tree.fixed) == (
        [1],
        {"a"},
        [(1, "a")],
        {"f": fixed},
    )
