"""What a mutation run says at its end: the score by module, and every survivor."""

from __future__ import annotations

from explained import Explained
from outcomes import Outcome
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def score(outcomes: list[Outcome]) -> str:
    """Return the share of mutants noticed, of those that can be and were tried, in percent."""
    noticed = sum(outcome.noticed for outcome in outcomes)
    unexplained = sum(len(outcome.survivors) for outcome in outcomes)
    tried = noticed + unexplained
    return f"{100 * noticed / tried:.1f} %" if tried else "-"


def tell(console: Console, outcomes: list[Outcome], known: list[Explained]) -> None:
    """Print every survivor that nobody explained, and the score."""
    for outcome in outcomes:
        for survivor in outcome.survivors:
            console.print(f"\n[bold]{survivor.file}: {survivor.function}[/]")
            console.print(escape(survivor.diff), soft_wrap=True)
    console.print(_table(outcomes))
    for why in stale(outcomes, known):
        console.print(f"explained, but not among the survivors: {why}", markup=False)


def stale(outcomes: list[Outcome], known: list[Explained]) -> list[str]:
    """Return what is explained of the modules and does not live."""
    whole = {f"{outcome.module}.py" for outcome in outcomes if not outcome.untried}
    living = {
        (survivor.file, survivor.function, survivor.what)
        for outcome in outcomes
        for survivor, _ in outcome.explained
    }
    return [
        f"{entry.file}: {entry.function}: {what!r}"
        for entry in known
        for what in entry.what
        if entry.file in whole and (entry.file, entry.function, what) not in living
    ]


def _table(outcomes: list[Outcome]) -> Table:
    table = Table()
    table.add_column("module")
    for heading in ("mutants", "killed", "timeouts", "explained", "alive", "untried", "score"):
        table.add_column(heading, justify="right")
    table.add_column("worker-minutes", justify="right")
    with_mutants = [outcome for outcome in outcomes if outcome.mutants]
    for outcome in with_mutants:
        table.add_row(outcome.module, *_cells([outcome]))
    table.add_section()
    table.add_row("all", *_cells(with_mutants))
    return table


def _cells(outcomes: list[Outcome]) -> list[str]:
    timeouts = sum(outcome.counts["timeout"] for outcome in outcomes)
    return [
        str(sum(outcome.mutants for outcome in outcomes)),
        str(sum(outcome.noticed for outcome in outcomes) - timeouts),
        str(timeouts),
        str(sum(len(outcome.explained) for outcome in outcomes)),
        str(sum(len(outcome.survivors) for outcome in outcomes)),
        str(sum(outcome.untried for outcome in outcomes)),
        score(outcomes),
        f"{sum(outcome.worker_s for outcome in outcomes) / 60:.1f}",
    ]
