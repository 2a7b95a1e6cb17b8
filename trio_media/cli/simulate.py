"""``trio-media simulate``: whole calls under a virtual clock, with faults, by their seeds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from trio_media.simulation.calls.campaign import Played
    from trio_media.simulation.calls.scenario import Scenario

SHRUNK_MAX: Final = 3  # failing seeds that are shrunk; the others are only named
TRIES_MAX: Final = 300  # calls that are held to make one smaller


@click.command()
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many calls to hold.  [default: 100]",
)
@click.option(
    "--first",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="K",
    help="The first of them.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="K", help="Hold the call of this seed alone."
)
@click.option("--trace", is_flag=True, help="Print every message of the call; needs --seed.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="J",
    help="How many processes to use.  [default: one a core]",
)
@click.option("--no-shrink", is_flag=True, help="Do not look for a smaller call that fails too.")
def simulate(
    seeds: int | None,
    first: int,
    seed: int | None,
    trace: bool,
    jobs: int | None,
    no_shrink: bool,
) -> int:
    """Hold simulated calls with faults, and say which promises were broken.

    A call is made from its seed: the caller, the model, the networks and the order of the tasks.
    The same seed gives the same call, byte for byte.  Exits 1 when a promise was broken.
    """
    if seed is not None and seeds is not None:
        raise click.UsageError("--seeds and --seed exclude each other")
    if trace and seed is None:
        raise click.UsageError("--trace needs --seed")
    if trace and seed is not None:
        _print_trace(seed)
    wanted = range(first, first + (seeds or 100)) if seed is None else range(seed, seed + 1)
    calls = _played(wanted, jobs or os.cpu_count() or 1)
    broken = [played for played in calls if played.broken]
    for played in broken[:SHRUNK_MAX] if not no_shrink else []:
        _print_test(played)
    return 1 if broken else 0


def _played(seeds: range, jobs: int) -> list[Played]:
    """Hold the calls, with progress; print what was broken, and the sums."""
    from trio_media.simulation.calls.campaign import run_campaign

    played = []
    for call in _with_progress(run_campaign(seeds, jobs), len(seeds)):
        played.append(call)
        for broken in call.broken:
            click.echo(f"seed {call.seed}: {broken}")
        if call.broken:
            click.echo(f"  again: trio-media simulate --seed {call.seed} --trace")
    _print_sums(played)
    return played


def _with_progress(calls: Iterator[Played], count: int) -> Iterable[Played]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not console.is_terminal or count == 1:
        return calls
    return track(calls, "calls", count, console=console, transient=True)


def _print_sums(played: list[Played]) -> None:
    failed = sum(bool(call.broken) for call in played)
    call_s, cpu_s = sum(call.call_s for call in played), sum(call.cpu_s for call in played)
    click.echo(
        f"{len(played)} calls, {call_s / 3_600:.2f} hours of them, in {cpu_s / 3_600:.4f} "
        f"core-hours; {failed} broke a promise"
    )
    for name, has_websockets in (("over websockets", True), ("at the legs", False)):
        some = [call for call in played if call.has_websockets is has_websockets]
        some_cpu_s = sum(call.cpu_s for call in some)
        if some_cpu_s:
            speed = sum(call.call_s for call in some) / some_cpu_s
            click.echo(f"  {name}: {len(some)} calls, {speed:.0f} times real time a core")
    if len(played) == 1:
        click.echo(f"  trace {played[0].digest}")


def _print_trace(seed: int) -> None:
    from trio_media.simulation.calls.making import make_scenario
    from trio_media.simulation.calls.play import play
    from trio_media.simulation.calls.shrinking import as_python

    scenario = make_scenario(seed)
    click.echo(as_python(scenario))
    for line in play(scenario).lines():
        click.echo(line)


def _print_test(played: Played) -> None:
    """Print the smallest call that breaks the same promise, as a test."""
    from trio_media.simulation.calls.campaign import broken_in
    from trio_media.simulation.calls.making import make_scenario
    from trio_media.simulation.calls.shrinking import as_test, shrink

    promise = played.broken[0].promise

    def breaks(scenario: Scenario) -> bool:
        return any(broken.promise == promise for broken in broken_in(scenario))

    smallest = shrink(make_scenario(played.seed), breaks, TRIES_MAX)
    click.echo(f"\n# The smallest call found that breaks `{promise}` as seed {played.seed} does:\n")
    click.echo(as_test(smallest, promise))
