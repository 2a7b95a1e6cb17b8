"""The catalogue's page: every case, and the tests that play it.

``python -m tests.races.page`` writes ``README.md`` anew.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

import attrs

from .rows import Due, Fate, Impossible, Row

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
PAGE: Final = HERE / "README.md"

PARTS: Final = {
    "A": "Cancels: twice, not at all, or of the wrong answer",
    "B": "Truncations, and what was heard",
    "C": "Flushes, and audio that is stale",
    "D": "Creates, one after the other",
    "E": "Turns, and interruptions that are none",
    "F": "Tools",
    "G": "The end of a call, transfers, keys",
    "H": "The beginning of a call, the greeting",
    "I": "Reconnects, and the limits of sessions",
    "J": "Leaks, load, shutdown",
    "K": "Recordings, transcripts, history",
    "S": "Sweeps: many of these at once",
    "P2": "What a server of long production had",
}
HEAD: Final = """\
# The races

Faults that systems doing this job really had, and what becomes of each here: the test that plays
it, the reason why it cannot happen, or the part of the product with which it is due. A to K and
the sweeps come from the public trackers and the source of such systems, part P2 from the history of
one server. Numbers are stable; gaps are intended.

A scenario reads from top to bottom as the call goes, runs a whole call under a virtual clock, and
shows both wires when it fails: `language.py` begins with one.

This page is made by `python -m tests.races.page` from the rows in `rows_*.py` and the scenarios;
a test compares them.
"""


def rows() -> list[Row]:
    """Every row there is, in the order of the catalogue."""
    found: list[Row] = []
    for path in sorted(HERE.glob("rows_*.py")):
        found.extend(sibling(path).ROWS)
    return sorted(found, key=lambda row: place_of(row.case))


def sibling(path: Path) -> ModuleType:
    """A module beside this one, under the name that this one's package has."""
    return importlib.import_module(f".{path.stem}", __package__)


def place_of(case: str) -> tuple[int, int]:
    """Where a case stands in the catalogue."""
    part = part_of(case)
    return list(PARTS).index(part), int(case.removeprefix(part).removeprefix("-"))


def part_of(case: str) -> str:
    """The part that a case belongs to: ``A`` of ``A4``, ``P2`` of ``P2-17``."""
    part = "P2" if case.startswith("P2-") else case[:1]
    assert part in PARTS, f"{case} belongs to no part"
    return part


@attrs.frozen
class Scenario:
    """A test that says which cases it plays."""

    node_id: str
    cases: tuple[str, ...]


def scenarios() -> list[Scenario]:
    """Every scenario there is, in the order in which they are written."""
    return [scenario for path in sorted(HERE.glob("test_*.py")) for scenario in _of(path)]


def _of(path: Path) -> Iterator[Scenario]:
    module = sibling(path)
    tests = [member for _, member in inspect.getmembers(module, inspect.isfunction)]
    ours = [test for test in tests if test.__module__ == module.__name__ and cases_of(test)]
    for test in sorted(ours, key=lambda test: test.__wrapped__.__code__.co_firstlineno):
        name = f"{path.relative_to(ROOT).as_posix()}::{test.__name__}"
        yield Scenario(name, cases_of(test))


def cases_of(test: object) -> tuple[str, ...]:
    """The cases that a test says it plays."""
    return tuple(getattr(test, "races", ()))


# --- the page ---------------------------------------------------------------------------------


def page(all_rows: Sequence[Row], all_scenarios: Sequence[Scenario]) -> str:
    """The page, from the rows and the scenarios."""
    lines = [HEAD]
    for part, title in PARTS.items():
        of_part = [row for row in all_rows if part_of(row.case) == part]
        if not of_part:
            continue
        lines += [f"## {part}. {title}", "", "| case | what goes wrong | here |", "|---|---|---|"]
        lines += [_line(row, all_scenarios) for row in of_part]
        lines.append("")
    return "\n".join(lines)


def _line(row: Row, all_scenarios: Sequence[Scenario]) -> str:
    played = [scenario.node_id for scenario in all_scenarios if row.case in scenario.cases]
    fates = [*row.fates, *(node_id for node_id in played if node_id not in row.fates)]
    return f"| {row.case} | {_cell(row.line)} | {'; '.join(map(_fate, fates))} |"


def _fate(fate: Fate) -> str:
    if isinstance(fate, Impossible):
        return _cell(f"cannot happen: {fate.reason}")
    if isinstance(fate, Due):
        return _cell(f"due with: {fate.part}")
    path, _, name = fate.partition("::")
    return f"[{name}]({_link(path)})"


def _link(path: str) -> str:
    target = ROOT / path
    return target.name if target.parent == HERE else f"../../{path}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(rows(), scenarios()), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
