"""Throw at a served instance what nobody should send, while a call goes on: ``scripts/fuzz``."""

from __future__ import annotations

import random
import sys

import click
import trio
from hunting import STRATEGIES
from running import fuzz


@click.command(help=__doc__)
@click.option("--seconds", default=60.0, show_default=True, help="How long new inputs are tried.")
@click.option("--seed", type=int, help="Begins with the inputs of that seed.  [default: any]")
@click.option("--only", multiple=True, type=click.Choice(list(STRATEGIES)), help="These kinds.")
def main(seconds: float, seed: int | None, only: tuple[str, ...]) -> None:
    """Fuzz, and exit with 1 where something was found."""
    chosen = random.randrange(1 << 31) if seed is None else seed
    print(f"seed {chosen}", flush=True)
    result = trio.run(fuzz, only or tuple(STRATEGIES), seconds, chosen)
    print(result.told())
    sys.exit(1 if result.hunt.findings else 0)


if __name__ == "__main__":
    main()
