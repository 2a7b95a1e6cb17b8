"""The command line.

Exit codes: 0 done; 1 it ran and found a failure; 2 the command line or the configuration is wrong,
with one line on standard error; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Final

import click

from trio_media.cli.check import check
from trio_media.cli.demo import demo
from trio_media.cli.dial import dial
from trio_media.cli.phone import call, load
from trio_media.cli.realtime import realtime
from trio_media.cli.replay import replay
from trio_media.cli.serve import serve
from trio_media.cli.simulate import simulate
from trio_media.errors import ConfigError
from trio_media.logs import without_secrets

PROGRAM: Final = "trio-media"
EXIT_FAILED: Final = 1
EXIT_WRONG_USE: Final = 2
EXIT_INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("trio_media"), prog_name=PROGRAM)
def cli() -> None:
    """A phone-call server for realtime speech models: the caller can interrupt at any moment."""


for _command in (serve, demo, dial, call, load, realtime, simulate, replay, check):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; give its exit code."""
    try:
        code = cli.main(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.ctx.get_help() if exc.ctx else exc.format_message(), err=True)
        return EXIT_WRONG_USE
    except click.ClickException as exc:
        return _complain(exc.format_message())
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough.  What is still buffered has nowhere to go.
        sys.stdout = None
        return EXIT_FAILED
    except ConfigError as exc:
        return _complain(str(exc))
    except BaseExceptionGroup as group:
        # A nursery wraps what comes out of it.
        errors = list(_leaves(group))
        if any(isinstance(error, KeyboardInterrupt) for error in errors):
            return EXIT_INTERRUPTED
        if all(isinstance(error, ConfigError) for error in errors):
            return _complain(str(errors[0]))
        raise
    return code if isinstance(code, int) else 0


def _complain(message: str) -> int:
    one_line = without_secrets(" ".join(message.split()))
    click.echo(f"{PROGRAM}: {one_line}", err=True)
    return EXIT_WRONG_USE


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


if __name__ == "__main__":
    main()
