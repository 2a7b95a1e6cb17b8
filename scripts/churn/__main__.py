"""Hold calls that come and go in every way, and see whether the server stays: ``scripts/soak``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Final

import attrs
import click
import trio

sys.path.append(str(Path(__file__).parents[1] / "benchmark"))  # processes.py is there

from flatness import Moment
from kept_files import check_kept, remove_kept
from losing_model import LosingModel
from population import Population
from rich.console import Console
from served import Served, open_served
from telling import tell_moment, tell_verdict

from trio_media.phone.route import VOICE_PATH

SPARE_CALLS: Final = 4  # of each worker's limit: a call that ends holds its slot for a moment


@attrs.frozen(kw_only=True)
class Soak:
    """What is to be done."""

    seconds: float
    round_s: float
    calls: int
    workers: int
    seed: int


async def soak(plan: Soak, folder: Path, console: Console) -> bool:
    """Watch a server; return whether it stayed as it was and nothing went wrong."""
    model = LosingModel(Random(plan.seed))
    async with trio.open_nursery() as nursery:
        await nursery.start(model.serve)
        async with open_served(
            folder,
            model_port=model.port,
            workers=plan.workers,
            calls_max=plan.calls + SPARE_CALLS,
        ) as served:
            population = Population(served.url + VOICE_PATH, plan.calls, plan.seed)
            moments: list[Moment] = []
            began_s = trio.current_time()
            while trio.current_time() - began_s < plan.seconds and served.process.poll() is None:
                before = moments[-1].calls if moments else 0
                await population.churn(plan.round_s)
                left = await served.until_quiet(model)
                if left:
                    population.note(f"what calls had is not free: {left}")
                moment = await served.look(trio.current_time() - began_s)
                moments.append(moment)
                await _check_kept(population, folder, moment.calls - before)
                _check_server(population, served)
                tell_moment(console, moment, len(population.wrong))
        nursery.cancel_scope.cancel()
    return tell_verdict(console, moments, population, model)


async def _check_kept(population: Population, folder: Path, calls: int) -> None:
    for what in await trio.to_thread.run_sync(check_kept, folder, calls):
        population.note(f"kept: {what}")
    await trio.to_thread.run_sync(remove_kept, folder)


def _check_server(population: Population, served: Served) -> None:
    if served.process.poll() is not None:
        population.note(f"the server ended with exit code {served.process.returncode}")
    while served.errors:
        population.note(f"log: {served.errors.pop()}")


@click.command()
@click.option("--seconds", type=click.FloatRange(1), default=300.0, show_default=True)
@click.option("--calls", type=click.IntRange(1, 500), default=12, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of what callers do.")
@click.option("--round", "round_s", type=click.FloatRange(1), default=30.0, show_default=True)
def main(seconds: float, calls: int, workers: int, seed: int, round_s: float) -> None:
    """Hold so many calls at a time, which begin, talk, interrupt and end in every way there is.

    After each round all calls end, and what the server holds then is compared: tasks, file
    descriptors, threads and memory.  Fails if one of them grows, or if anything went wrong.
    """
    console = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    plan = Soak(seconds=seconds, round_s=round_s, calls=calls, workers=workers, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        is_good = trio.run(soak, plan, Path(folder), console)
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
