"""What was found, for people."""

from __future__ import annotations

from collections.abc import Sequence

from flatness import Flatness, Moment, judge, settled
from losing_model import LosingModel
from population import Population
from rich.console import Console
from rich.table import Table


def tell_moment(console: Console, moment: Moment, wrong: int) -> None:
    """Tell of a quiet moment as soon as it is over, and how much was wrong by then."""
    console.print(
        f"{moment.at_s:6.0f} s  {moment.calls:5} calls  {moment.tasks:4} tasks  {moment.fds:4} fds"
        f"  {moment.threads:3} threads  RSS {moment.rss_mib:7.1f}  PSS {moment.pss_mib:7.1f} MiB"
        f"  {wrong} wrong",
        style="dim",
    )


def tell_verdict(
    console: Console, moments: Sequence[Moment], population: Population, model: LosingModel
) -> bool:
    """Print the tables and the verdict; return whether it is good."""
    console.print(_fates(population, model))
    found = judge(settled(moments))
    if found:
        console.print(_measures(found))
    for what in population.wrong:
        console.print(f"wrong: {what}", soft_wrap=True)
    grown = [one.name for one in found if not one.is_flat]
    if grown:
        verdict = f"not flat: {', '.join(grown)}"
    else:
        verdict = "flat" if found else "too few quiet moments to say whether it is flat"
    console.print(f"{verdict}; {len(population.wrong) or 'nothing'} wrong")
    return not grown and not population.wrong


def _fates(population: Population, model: LosingModel) -> Table:
    table = Table("calls", "", box=None)
    for fate, count in population.fates.most_common():
        table.add_row(f"{count}", fate.value)
    table.add_row(f"{model.lost}", f"model sessions lost, of {model.opened}")
    return table


def _measures(found: Sequence[Flatness]) -> Table:
    table = Table("behind the warm-up", "first", "last", "rise of the line", "allowed", box=None)
    for one in found:
        numbers = (one.first, one.last, one.rise, one.allowed)
        style = None if one.is_flat else "bold"
        table.add_row(one.name, *(f"{number:.1f}" for number in numbers), style=style)
    return table
