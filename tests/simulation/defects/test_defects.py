"""Every planted defect is found, by the search or, if so stated, by walks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trio_media.simulation.search.explorer import explore
from trio_media.simulation.search.questions import walk_budgets
from trio_media.simulation.search.report import Found
from trio_media.simulation.search.rest import Rests
from trio_media.simulation.search.walking import walk

from . import asking, cancelling, creating, ending, hearing, hushing
from .planting import DEFECTS, Defect
from .worlds import WALKS, WORLDS

TRANSITIONS_MAX = 12_000
"""Far above what the farthest of them needs."""
UNBROKEN_MAX = 1_500
WALKS_MAX = 400
CATALOGUE = (asking, cancelling, creating, ending, hearing, hushing)
TABLE: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def _table() -> Iterator[None]:
    """Print what was found, with -s."""
    yield
    print("\n| planted defect | like | found in | promise broken | steps |")  # noqa: T201
    print("|---|---|---|---|---|")  # noqa: T201
    print("\n".join(TABLE))  # noqa: T201


def look_for(defect: Defect) -> Found | None:
    """Search the smallest world in which a defect is found, and leave every state to itself."""
    with defect.planted():
        if defect.world == WALKS:
            walks = (walk(*walk_budgets(seed), seed) for seed in range(WALKS_MAX))
            return next((found for found in walks if found is not None), None)
        visit = Rests().visit
        return explore(defect.root(), transitions_max=TRANSITIONS_MAX, visit=visit).found


@pytest.mark.parametrize("defect", [pytest.param(d, id=d.name) for d in DEFECTS])
def test_a_planted_defect_is_found(defect: Defect) -> None:
    found = look_for(defect)
    assert found is not None
    error = found.promise.removeprefix(f"seed {found.promise.split()[1].rstrip(':')}: ")
    broken, promise = error.split(" ", 1)
    TABLE.append(
        f"| {defect.name} | {defect.races} | {defect.world} | {promise} | {len(found.trace) - 1} |"
    )
    assert broken in ("BrokenInvariant", "NeverRestsError")
    assert promise.startswith(defect.promise), found


@pytest.mark.parametrize("world", sorted(WORLDS))
def test_without_a_defect_nothing_is_found(world: str) -> None:
    defect = next(defect for defect in DEFECTS if defect.world == world)
    visit = Rests(every=7).visit
    report = explore(defect.root(), transitions_max=UNBROKEN_MAX, visit=visit)
    assert report.found is None, report


def test_the_catalogue_is_large_and_every_defect_has_a_name_of_its_own() -> None:
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= 50
    assert {defect.world for defect in DEFECTS} == {*WORLDS, WALKS}
