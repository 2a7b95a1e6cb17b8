"""``trio-media replay``: the log of a call, decided again."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trio_media.core.commands import Command
    from trio_media.replay import Replay
    from trio_media.replay.steps import Entry


@click.command()
@click.argument(
    "log_path",
    metavar="LOG",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing; only the exit code tells.")
@click.option("--differences-only", is_flag=True, help="Leave out what happened in the call.")
@click.option(
    "--as-test",
    "test_path",
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="Write a pytest test that replays the log, and FILE.jsonl beside it: the log without "
    "names, words and keys.",
)
@click.option("--force", is_flag=True, help="Let --as-test overwrite files.")
def replay(
    log_path: Path, quiet: bool, differences_only: bool, test_path: Path | None, force: bool
) -> int:
    """Run the event log of a call through the decisions again, and tell the call.

    Fails if a decision differs from the log's, where the same version made it, or if a promise is
    broken.  A log of another version may differ: what does is listed.  A log that is cut off is
    replayed as far as it goes.
    """
    from trio_media.errors import ConfigError, LogUnreadable

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what was said may not be in its alphabet
    if force and test_path is None:
        raise ConfigError("--force says what --as-test may do, and there is no --as-test")
    try:
        outcome = _replay(log_path, test_path, tells=not (quiet or differences_only), force=force)
    except LogUnreadable as exc:
        raise ConfigError(f"{log_path}: {exc}") from exc
    except OSError as exc:
        raise ConfigError(f"{log_path}: {exc.strerror or exc}") from exc
    if not quiet:
        _report(outcome)
    return 0 if outcome.is_kept else 1


def _replay(log_path: Path, test_path: Path | None, *, tells: bool, force: bool) -> Replay:
    from trio_media.replay import LoggedCall, replay_call
    from trio_media.replay.as_test import LogAsTest, Place
    from trio_media.replay.telling import Teller, tell_header

    place = None if test_path is None else Place(test_path)
    if place is not None:
        place.check(may_overwrite=force)
    call = LoggedCall.read(log_path)
    teller, writer = Teller(), LogAsTest(call.header)

    def tell(entry: Entry, decided: Sequence[Command]) -> None:
        if tells:
            for line in teller.tell(entry):
                click.echo(line)
        if place is not None:
            writer.take(entry, decided)

    if tells:
        click.echo(tell_header(call.header))
    outcome = replay_call(call, tell)
    if tells:
        for line in teller.summary():
            click.echo(line)
    if place is not None:
        writer.write(place)
    return outcome


def _report(outcome: Replay) -> None:
    from trio_media.replay.report import report_problems, report_verdict

    for line in report_problems(outcome):
        click.echo(line)
    click.echo(report_verdict(outcome))
