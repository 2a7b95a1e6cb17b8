"""The command: ask questions of every order of events, and print what was seen.

``scripts/explore --list`` names the questions; without any, the small ones are asked.  Exit code 1:
a promise was broken, and the way to it is printed.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Final

import attrs
import click

from trio_media.core.policy import Authority, Ear
from trio_media.simulation.search.explorer import explore
from trio_media.simulation.search.node import Node
from trio_media.simulation.search.questions import MANY, QUESTIONS, Question, policy_of
from trio_media.simulation.search.report import Report
from trio_media.simulation.search.rest import Rests

COLUMNS: Final = (
    *("question", "authority", "ear", "states", "transitions", "depth", "seconds", "extent"),
    *("deadlines to rest", "ms to rest", "bytes a state"),
)
STATES_MAX: Final = 1_000_000  # some 10 GB: the nodes whose moves are due are the most of it


@attrs.frozen
class Job:
    """One question, asked of the calls under one policy."""

    question: str
    authority: Authority
    ear: Ear
    states_max: int
    rest_every: int
    """One state in so many is left to itself; 0: none."""


@attrs.frozen
class Answer:
    """What a job saw."""

    job: Job
    report: Report
    rests: Rests
    seconds: float
    """Of processor time."""
    state_bytes: int
    """Memory that the whole search took, by state."""

    @property
    def cells(self) -> tuple[str, ...]:
        """One row of the table, in the order of `COLUMNS`."""
        report, job = self.report, self.job
        extent = "complete" if report.is_complete else "cut off"
        return (
            job.question,
            job.authority.value,
            job.ear.value,
            f"{report.states:,}",
            f"{report.transitions:,}",
            str(report.depth),
            f"{self.seconds:.1f}",
            "broken" if report.found else extent,
            str(self.rests.deadlines),
            f"{self.rests.waited_ms:,}",
            f"{self.state_bytes:,}",
        )


def answer(job: Job) -> Answer:
    """Search one question, in this process."""
    question = named(job.question)
    rests = Rests(every=max(1, job.rest_every))
    before_bytes, began_s = _peak_bytes(), time.process_time()
    report = explore(
        Node.begin(policy_of(job.authority, job.ear), question.budgets),
        states_max=job.states_max,
        visit=rests.visit if job.rest_every else None,
    )
    seconds = time.process_time() - began_s
    state_bytes = (_peak_bytes() - before_bytes) // report.states
    return Answer(job, report, rests, seconds, state_bytes)


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1_024


def named(name: str) -> Question:
    """Return the question with this name.

    Raises `click.BadParameter` if there is none.
    """
    for question in (*QUESTIONS, *MANY):
        if question.name == name:
            return question
    raise click.BadParameter(f"there is no question {name!r}; --list names them")


def answers(jobs: Sequence[Job], processes: int) -> Iterator[Answer]:
    """Search every question, in so many processes at once; yield each as it ends."""
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawning, max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(answer, job) for job in jobs]):
            yield done.result()


def table(found: Sequence[Answer], *, is_markdown: bool) -> str:
    """Lay the answers out as text, for a terminal or for a page."""
    rows = [COLUMNS, *(each.cells for each in found)]
    if is_markdown:
        rows.insert(1, tuple("---" for _ in COLUMNS))
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def total(found: Sequence[Answer]) -> str:
    """Sum the answers up in a line."""
    states = sum(each.report.states for each in found)
    transitions = sum(each.report.transitions for each in found)
    seconds = sum(each.seconds for each in found)
    complete = sum(each.report.is_complete for each in found)
    return (
        f"{len(found)} searches, {complete} of them complete: {states:,} states, "
        f"{transitions:,} transitions, {seconds:.0f} s of processor time, "
        f"{states / max(seconds, 0.001):,.0f} states a second"
    )


@click.command()
@click.option("--question", "names", multiple=True, help="Ask this one; may be given again.")
@click.option("--large", is_flag=True, help="Ask the large ones.")
@click.option("--list", "is_list", is_flag=True, help="Name the questions, and ask none.")
@click.option("--states-max", type=click.IntRange(1), default=STATES_MAX, show_default=True)
@click.option(
    "--rest-every",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Leave one state in so many to itself; 0: none.",
)
@click.option("--jobs", "processes", type=click.IntRange(1), default=1, show_default=True)
@click.option("--markdown", "is_markdown", is_flag=True, help="Print the table for a page.")
def main(
    names: tuple[str, ...],
    large: bool,
    is_list: bool,
    states_max: int,
    rest_every: int,
    processes: int,
    is_markdown: bool,
) -> None:
    """Search every order of events of small hostile worlds for a broken promise."""
    if is_list:
        for kind, questions in (("small", QUESTIONS), ("large", MANY)):
            for question in questions:
                click.echo(f"{kind}  {question.name}")
        return
    asked = [named(name) for name in names] or list(MANY if large else QUESTIONS)
    jobs = [
        Job(question.name, policy.authority, policy.ear, states_max, rest_every)
        for question in asked
        for policy in question.policies()
    ]
    found: list[Answer] = []
    for each in answers(jobs, processes):
        found.append(each)
        if sys.stderr.isatty():
            click.echo(f"{len(found)} of {len(jobs)}: {each.job.question}", err=True)
    found.sort(key=lambda each: jobs.index(each.job))
    click.echo(table(found, is_markdown=is_markdown))
    click.echo(total(found))
    broken = [each.report.found for each in found if each.report.found is not None]
    for way in broken:
        click.echo(f"\n{way}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
