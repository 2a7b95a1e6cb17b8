"""What is found is told with its seed and the smallest input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import trio
from hunting import STRATEGIES, Hunt
from plans import Dial
from target import Wrong


@attrs.define(eq=False)
class Stand:
    """A server that cannot stand one thing."""

    inputs: int = 0

    async def attempt(self, plans: Sequence[Dial]) -> None:
        if any(b"POST" in piece for plan in plans for piece in plan.pieces):
            raise Wrong("it cannot stand POST")


async def test_what_is_found_is_told_with_the_seed_and_the_smallest_input() -> None:
    bench: Any = Stand()
    hunt = Hunt(bench, ("http-requests", "http-bytes"), 3, trio.current_time() + 30)
    await trio.to_thread.run_sync(hunt.run)
    first = hunt.findings[0]
    assert first.wrong == "it cannot stand POST"
    assert first.plans.count("Dial(") == 1
    assert len(first.plans) < 150, "one plan is enough, and little of it"
    assert f"--seed {first.seed} --only {first.kind}" in first.told()
    assert {one.kind for one in hunt.findings} == {"http-requests", "http-bytes"}


async def test_the_same_seed_thinks_of_the_same_plans() -> None:
    thought: list[list[str]] = []
    for _ in range(2):
        seen: list[str] = []
        bench: Any = Remembering(seen)
        hunt = Hunt(bench, ("carrier-messages",), 11, trio.current_time() + 60, rounds_max=1)
        await trio.to_thread.run_sync(hunt.run)
        thought.append(seen)
    assert thought[0] == thought[1]
    assert len(set(thought[0])) > 5


@attrs.define(eq=False)
class Remembering:
    seen: list[str]
    inputs: int = 0

    async def attempt(self, plans: Sequence[object]) -> None:
        self.seen.append(repr(plans))


def test_every_kind_of_socket_and_level_is_there() -> None:
    kinds = set(STRATEGIES)
    for peer in ("carrier", "model"):
        assert {f"{peer}-bytes", f"{peer}-messages", f"{peer}-sequences"} <= kinds
    assert {"http-bytes", "http-requests"} <= kinds
