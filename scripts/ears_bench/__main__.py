"""Measure how well interruptions are heard: ``scripts/bench_ears``."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import attrs
import click
import conditions
import numpy as np
import policies
import report
import sources
import stage
from conditions import HAZARD_S, Condition, Site
from cost import measure_cost
from measure import Figures, add, measure
from rich.console import Console
from rich.progress import Progress
from seen import FRAME_MS

DEFAULT_CLIPS: Final = 24
CLIPS_AT_ONCE: Final = 12  # in one call
SECONDS_A_CLIP: Final = 22.0  # of background that is there for one, at the most
WAKE_CLIPS: Final = 6  # of them, by all callers
WAKE_CLIP_S: Final = (0.65, 1.5)
QUICK: Final = ("clean", "noise 10 dB", "echo 20 dB", "backchannels", "coughs", "music on hold")
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


Named = tuple[str, str, int, int]


@attrs.frozen(kw_only=True)
class Job:
    """One call to hold and to measure."""

    condition: str
    policy: str
    root: Path
    half: str
    part: int
    """Which of a condition's calls."""
    clips: int
    seed: int


def run(job: Job) -> tuple[Job, Figures, float]:
    """Hold one call; return its figures and how long it was, in seconds."""
    condition = conditions.ALL[job.condition]
    # The same sounds for every policy.
    seed = job.seed * 1_000 + job.part
    rng = np.random.default_rng(seed)
    site = Site(job.root, job.half)
    said: tuple[sources.Clip, ...] = ()
    if condition.clip_s is not None:
        first = job.part * CLIPS_AT_ONCE
        found = sources.clips(job.root, job.half, condition.clip_s, job.seed)
        said = tuple(islice(found, first, first + job.clips))
    seconds = len(said) * SECONDS_A_CLIP if condition.clip_s is not None else HAZARD_S
    background = condition.background(site, rng, int(seconds * sources.RATE_HZ))
    scene = stage.Scene(
        condition=condition,
        policy=policies.ALL[job.policy],
        clips=said,
        background=background,
        wakes=tuple(islice(sources.clips(job.root, job.half, WAKE_CLIP_S, seed), WAKE_CLIPS)),
        speech=sources.model_speech(job.root, job.half, 60, seed),
        seed=seed,
    )
    seen = stage.play(scene)
    return job, measure(seen), len(seen.audible) * FRAME_MS / 1_000


def jobs(names: tuple[str, ...], policy_names: tuple[str, ...], clips: int) -> Iterator[Named]:
    """Yield what is to be held: condition, policy, which call of it, and its clips."""
    for name in names:
        for part, left in _parts(conditions.ALL[name], clips):
            for policy in policy_names:
                yield name, policy, part, left


def _parts(condition: Condition, clips: int) -> Iterator[tuple[int, int]]:
    """How many clips each of a condition's calls has."""
    if condition.clip_s is None:
        yield from ((part, 0) for part in range(max(1, clips // CLIPS_AT_ONCE)))
        return
    for part, first in enumerate(range(0, clips, CLIPS_AT_ONCE)):
        yield part, min(CLIPS_AT_ONCE, clips - first)


def _chosen(wanted: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(part.strip() for part in wanted.split(",")) if wanted else known
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name!r}; there are: {', '.join(known)}")
    return names


@click.command()
@click.option("--half", type=click.Choice(["dev", "test"]), default="test", show_default=True)
@click.option("--clips", type=click.IntRange(1, 120), default=DEFAULT_CLIPS, show_default=True)
@click.option("--conditions", "wanted", metavar="A,B", help="Only these.")
@click.option("--policies", "policy_names", metavar="A,B", help="Only these.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--jobs", "processes", type=int, default=os.cpu_count() or 1, show_default=True)
@click.option("--quick", is_flag=True, help="Six conditions, six clips: a minute.")
@click.option("--cost", is_flag=True, help="What the ears cost, and whom they delay, instead.")
@click.option("--json", "json_path", type=click.Path(path_type=Path))
@click.option("--picture", type=click.Path(path_type=Path))
@click.option("--cache", type=click.Path(path_type=Path), default=CACHE / "trio_media" / "ears")
def main(
    half: str,
    clips: int,
    wanted: str | None,
    policy_names: str | None,
    seed: int,
    processes: int,
    quick: bool,
    cost: bool,
    json_path: Path | None,
    picture: Path | None,
    cache: Path,
) -> None:
    """Hold calls in which a human interrupts, and say how well that was heard."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    root = sources.fetch(cache)
    if cost:
        measure_cost(console, root)
        return
    names = _chosen(wanted, QUICK if quick else tuple(conditions.ALL))
    chosen = _chosen(policy_names, tuple(policies.ALL))
    todo = [
        Job(
            condition=name,
            policy=policy,
            root=root,
            half=half,
            part=part,
            clips=count,
            seed=seed,
        )
        for name, policy, part, count in jobs(names, chosen, 6 if quick else clips)
    ]
    began_s, call_s = time.monotonic(), 0.0
    results = {name: {policy: Figures() for policy in chosen} for name in names}
    quiet = Progress(console=console, disable=not sys.stdout.isatty(), transient=True)
    with multiprocessing.Pool(processes) as pool, quiet as progress:
        for done in progress.track(pool.imap_unordered(run, todo), len(todo)):
            job, figures, length_s = done
            so_far = results[job.condition]
            so_far[job.policy] = add(so_far[job.policy], figures)
            call_s += length_s
    report.tell(console, results)
    took_s = time.monotonic() - began_s
    command = " ".join(["scripts/bench_ears", *sys.argv[1:]])
    console.print(
        f"{command}: {len(todo)} calls, {call_s / 60:.0f} minutes of them "
        f"in {took_s / 60:.1f} minutes on {processes} cores; clips of the {half} half"
    )
    if json_path is not None:
        report.write_json(json_path, results, command)
    if picture is not None:
        report.draw(picture, results)


if __name__ == "__main__":
    main()
