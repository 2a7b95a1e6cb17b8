"""What a message of 250 bytes costs on each transport: microseconds of CPU, and the ratio.

    bench_legs [--rounds N] [--messages N] [LOAD ...]

The transports take turns, so that what else the machine does meets both; the best round counts.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import trio
from loading import connect, load
from serving import LOADS, serve

TRANSPORTS: Final = ("trio-websocket", "websockets")
CONNECTIONS: Final = {"receive": 1, "send": 1, "send10": 1, "echo": 50, "paced": 50}


def measure(transport: str, name: str, messages: int) -> float:
    """Microseconds of CPU for each message."""
    connections = CONNECTIONS[name]
    each = messages // connections
    command = [sys.executable, str(Path(__file__).parent), "--serve", transport, name, f"{each}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        load(name, [connect(port) for _ in range(connections)], each)
        return float(process.stdout.readline()) / (each * connections) * 1e6


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, help="How often each is measured.")
@click.option("--messages", default=20_000, show_default=True, help="In each measurement.")
@click.argument("names", metavar="[LOAD]...", nargs=-1, type=click.Choice(list(LOADS)))
def main(rounds: int, messages: int, names: tuple[str, ...]) -> None:
    """Measure, and print a line for each load."""
    print(f"{'load':<10}" + "".join(f"{name:>18}" for name in TRANSPORTS) + f"{'ratio':>8}")
    for name in names or tuple(LOADS):
        best = dict.fromkeys(TRANSPORTS, float("inf"))
        for _ in range(rounds):
            for transport in TRANSPORTS:
                best[transport] = min(best[transport], measure(transport, name, messages))
        old, new = (best[transport] for transport in TRANSPORTS)
        print(f"{name:<10}{old:>15.1f} us{new:>15.1f} us{old / new:>8.1f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        transport, name, each = sys.argv[2:5]
        trio.run(serve, transport, name, CONNECTIONS[name], int(each))
    else:
        main()
