"""Break the decision core on purpose and ask whether its tests notice: ``scripts/mutate``."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import click
import explained
import outcomes
import report
import workplace
from rich.console import Console

ROOT: Final = Path(__file__).resolve().parents[2]
SURVIVORS: Final = ROOT / "scripts" / "mutation_survivors.toml"
DEFAULT_MINUTES: Final = 120.0
STOP_S: Final = 60.0  # for mutmut to write down what it knows


def work_of(root: Path) -> Path:
    """Return where the copy of this tree is; each tree has its own."""
    name = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"trio_media-mutation-{name}"


def mutate(work: Path, processes: int, until_s: float, *, is_quick: bool) -> bool:
    """Run mutmut in the copy.  Returns whether it came to its end in time.

    Raises:
        click.ClickException: It failed: not the mutants, but the run.
    """
    env = os.environ | {
        "CI": "true",  # a forked process must find the same examples as the one before it
        "PYTHONPATH": str(Path(__file__).parent),
        "MUTATION_NEEDED": str(work / "needed.json"),
        "MUTATION_QUICK": "1" if is_quick else "",
    }
    log = work / "log"
    with log.open("wb") as quiet:
        mutmut = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("mutmut")),
                "run",
                "--max-children",
                str(processes),
            ],
            cwd=work,
            env=env,
            stdout=None if sys.stdout.isatty() else quiet,
            stderr=subprocess.STDOUT,
        )
        try:
            code = mutmut.wait(max(0.0, until_s - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as error:
            mutmut.send_signal(signal.SIGINT)
            mutmut.wait(STOP_S)
            if isinstance(error, KeyboardInterrupt):
                raise
            return False
    if code != 0:
        raise click.ClickException(f"mutmut failed with {code}; it said why in {log}")
    return True


def mutate_all(
    work: Path, modules: list[str], processes: int, until_s: float, *, is_quick: bool
) -> bool:
    """Mutate the modules one by one: each is slower while it may be mutated, used or not."""
    for module in modules:
        trial = workplace.trial_of(ROOT, module, is_quick=is_quick)  # it may change meanwhile
        if workplace.is_tried(work, module, trial):
            continue
        workplace.copy_tree(ROOT, work, module, is_quick=is_quick)
        is_whole = mutate(work, processes, until_s, is_quick=is_quick)
        outcomes.note_living(work, module)
        if not is_whole:
            return False
        workplace.note_tried(work, module, trial)
    return True


@click.command()
@click.argument("modules", nargs=-1, metavar="[MODULE]...")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0.0, min_open=True),
    default=DEFAULT_MINUTES,
    show_default=True,
    help="Stop then; the next run goes on from there.",
)
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True)
@click.option(
    "--quick", is_flag=True, help="Without the few tests that need a quarter of a second."
)
@click.option("--fresh", is_flag=True, help="Forget what former runs found.")
@click.option("--report", "only_report", is_flag=True, help="Only tell what former runs found.")
def main(
    modules: tuple[str, ...], minutes: float, jobs: int, quick: bool, fresh: bool, only_report: bool
) -> None:
    """Mutate the core's MODULEs (all, if none is named), and list what no test noticed.

    What became of a mutant is remembered until its function changes; one that lived is tried again
    when a test changed.  Exits 1 if a mutant lives that nobody explained.
    """
    there = workplace.modules_of(ROOT)
    for module in modules:
        if module not in there:
            raise click.BadParameter(f"{module!r}; there are: {', '.join(there)}")
    chosen = sorted(set(modules)) or there
    try:
        known = explained.read_explained(SURVIVORS)
    except explained.SurvivorsError as error:
        raise click.ClickException(str(error)) from error
    work = work_of(ROOT)
    if fresh:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(exist_ok=True)
    began_s, is_whole = time.monotonic(), True
    if not only_report:
        until_s = began_s + minutes * 60
        is_whole = mutate_all(work, chosen, jobs, until_s, is_quick=quick)
    found = [outcomes.read_outcome(work, module, known) for module in chosen]
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    report.tell(console, found, known)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    console.print(
        f"this run: {(time.monotonic() - began_s) / 60:.1f} minutes, "
        f"{(used.ru_utime + used.ru_stime) / 3_600:.2f} core-hours"
    )
    if not is_whole:
        console.print(f"stopped after {minutes:g} minutes; the same command goes on from there")
    sys.exit(any(outcome.survivors or outcome.untried for outcome in found))


if __name__ == "__main__":
    main()
