"""Compare bridges under one load: ``scripts/bench``."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import attrs
import click
import trio
from bridges import BRIDGES, NULL_RELAY, QUICK, REPOSITORY, Bridge, of_tree, slug
from environments import LOAD, PACKAGES, ROOT, NotInstalled, is_ready, make
from figures import Figures, figures
from picture import draw
from processes import ProcessFailed
from profiling import profile
from ramp import climb
from rich.console import Console
from rounds import Load, open_bench, play_round
from soak import run_soak
from tables import tell, write_json

QUICK_LOAD: Final = Load(calls=4, seconds=4.0, settle_s=1.5, warm_up_s=0.5, quiet_s=1.0)
SHORT_S: Final = 3.0  # of a call of ``--calls-total``
FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
SET: Final = "Also trio_media with this set; with --tree, of that checkout."
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Plan:
    """What to measure."""

    bridges: tuple[Bridge, ...]
    load: Load
    rounds: int
    root: Path


def choose(
    known_bridges: tuple[Bridge, ...], only: str | None, quick: bool, root: Path
) -> tuple[Bridge, ...]:
    """Return the bridges that are wanted.  Raises `click.BadParameter`."""
    if only is None:
        if not quick:
            return known_bridges
        return tuple(b for b in known_bridges if b.name in QUICK or _is_extra(b, root))
    known = {slug(bridge.name): bridge for bridge in known_bridges}
    wanted = [slug(name) for name in only.split(",")]
    for name in wanted:
        if name not in known:
            raise click.BadParameter(f"{name!r}; there are: {', '.join(known)}")
    return tuple(known[name] for name in wanted)


def _is_extra(bridge: Bridge, root: Path) -> bool:
    """Tell whether a quick run takes a peer along: it is there already."""
    return not bridge.is_ours and is_ready(bridge.environment, root)


def prepare(
    bridges: tuple[Bridge, ...], root: Path, console: Console, *tools: str
) -> tuple[Bridge, ...]:
    """Make the environments; return the bridges that have theirs.

    Raises `click.ClickException` where that of the load, or of ``tools``, cannot be made.
    """
    try:
        for tool in (LOAD, *tools):
            make(tool, root)
    except NotInstalled as exc:
        raise click.ClickException(str(exc)) from exc
    ready = []
    for bridge in bridges:
        if not is_ready(bridge.environment, root):
            console.print(f"making an environment for {bridge.name} in {root}")
        try:
            make(bridge.environment, root)
        except NotInstalled as exc:
            console.print(f"left out: {exc}")
        else:
            ready.append(bridge)
    return tuple(ready)


async def compare(plan: Plan, console: Console) -> dict[str, list[Figures]]:
    """Play the rounds, each over all bridges in an order of its own."""
    results: dict[str, list[Figures]] = {bridge.name: [] for bridge in plan.bridges}
    order = list(plan.bridges)
    with tempfile.TemporaryDirectory() as folder:
        async with open_bench(plan.root, Path(folder)) as bench:
            for number in range(1, plan.rounds + 1):
                random.shuffle(order)
                for bridge in order:
                    found = figures(await play_round(bench, bridge, plan.load))
                    results[bridge.name].append(found)
                    console.print(
                        f"round {number}: {bridge.name}: {found.us_per_frame:.0f} us a frame",
                        style="dim",
                    )
    return results


@click.command()
@click.option("--calls", type=click.IntRange(1, 2_000), default=20, show_default=True)
@click.option("--seconds", type=click.FloatRange(1), default=10.0, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--only", metavar="A,B", help="Only these bridges.")
@click.option("--tree", "trees", multiple=True, type=FOLDER, help="Also another checkout's.")
@click.option("--set", "changes", multiple=True, metavar="SECTION.KEY=VALUE", help=SET)
@click.option("--list", "lists", is_flag=True, help="Name the bridges.")
@click.option("--quick", is_flag=True, help="Under a minute, with what is installed.")
@click.option("--saturate", is_flag=True, help="Add calls until each bridge is late, instead.")
@click.option("--profile", "profiled", metavar="A", help="Where this trio_media spends, instead.")
@click.option(
    "--calls-total", type=int, metavar="N", help="Watch memory over N short calls, instead."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path))
@click.option("--picture", type=click.Path(path_type=Path))
@click.option("--envs", type=click.Path(path_type=Path), default=ROOT, show_default=True)
def main(
    calls: int,
    seconds: float,
    rounds: int,
    only: str | None,
    lists: bool,
    trees: tuple[Path, ...],
    changes: tuple[str, ...],
    quick: bool,
    saturate: bool,
    profiled: str | None,
    calls_total: int | None,
    json_path: Path | None,
    picture: Path | None,
    envs: Path,
) -> None:
    """Put one load on several bridges, in turns, and compare what it costs and how late it is."""
    console = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    bridges = (*BRIDGES, *_others(trees, changes))
    if lists:
        for bridge in bridges:
            console.print(slug(bridge.name), soft_wrap=True)
        return
    load = QUICK_LOAD if quick else Load(calls=calls, seconds=seconds)
    wanted = choose(bridges, profiled or only, quick, envs)
    if profiled:
        made = prepare(wanted[:1], envs, console, "profile")
        run(profile, made[0], load, envs, console)
        return
    ready = prepare(wanted, envs, console)
    if calls_total is not None:
        short = attrs.evolve(load, calls_total=calls_total, call_s=SHORT_S, quiet_s=1.0)
        sys.exit(not run(run_soak, ready[0], short, envs, console))
    if saturate:
        run(climb, ready, load, envs, console)
        return
    planned = Plan(bridges=ready, load=load, rounds=1 if quick else rounds, root=envs)
    _finish(run(compare, planned, console), console, json_path, picture)


def run(main: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """Run a measurement; a process that fails is an error with its name and what it wrote."""
    failed: list[BaseException] = []
    try:
        return trio.run(main, *arguments)
    except* ProcessFailed as group:
        failed = _flat(group)
    raise click.ClickException("\n".join(map(str, failed)))


def _others(trees: tuple[Path, ...], changes: tuple[str, ...]) -> list[Bridge]:
    """Return the variants that the command line adds."""
    if changes and not trees:
        trees = (REPOSITORY,)
    try:
        return [bridge for tree in trees for bridge in of_tree(tree.absolute(), changes)]
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from exc


def _flat(group: BaseExceptionGroup[ProcessFailed]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _flat(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _finish(
    results: dict[str, list[Figures]],
    console: Console,
    json_path: Path | None,
    picture: Path | None,
) -> None:
    """Tell, write, draw; exit 1 if something was not delivered."""
    relays = [name for name in results if name.startswith("relay, trio")]
    base = (relays or list(results))[0]
    tell(console, results, base)
    command = " ".join(["scripts/bench", *sys.argv[1:]])
    if json_path is not None:
        write_json(json_path, results, base, command)
    if picture is not None:
        draw(picture, results)
    sys.exit(any(found.faults() for rounds in results.values() for found in rounds))


assert NULL_RELAY in {bridge.name for bridge in BRIDGES}
assert {bridge.environment for bridge in BRIDGES} <= {"ours", *PACKAGES}

if __name__ == "__main__":
    main()
