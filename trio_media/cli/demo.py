"""``trio-media demo``: one whole call on this machine."""

from __future__ import annotations

import functools
from pathlib import Path

import click


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("trio-media-demo"),
    show_default=True,
    metavar="DIR",
    help="Where the recording, the log and the picture go.",
)
def demo(out: Path) -> int:
    """Hold one call between a simulated phone and the built-in model, with an interruption.

    Needs no account and no key.  Fails if the call broke one of the promises.
    """
    import trio

    from trio_media.demo import run_demo

    return 0 if trio.run(functools.partial(run_demo, out)) else 1
