"""How many calls a bridge carries before it is late, and how it does at a share of them.

Rule 1: late is p99 of caller frames 20 ms above what the null relay needs for as many calls.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import attrs
import trio
from bridges import BRIDGES, NULL_RELAY, Bridge
from environments import make
from figures import Figures, figures
from rich.console import Console
from rich.table import Table
from rounds import Bench, Load, open_bench, play_round
from tables import tell

LATE_MS: Final = 20.0
FIRST_PART: Final = 0.4  # of what the cost of a frame promises
STEP: Final = 1.3
CALLS_MAX: Final = 1_500
PLANNED: Final = 0.6  # of the summit: what one should plan for
CHANCES: Final = 2  # for a step: whoever else uses the machine may have made it late


@attrs.frozen(kw_only=True)
class Summit:
    """How far a bridge came."""

    promised: float
    """Calls per core, by the cost of a frame at a small load."""
    calls: int
    """The most that were not late; 0: even the first step was."""
    cpu_share: float
    """Of a core, at that number of calls."""
    stopped_by: str
    planned: Figures | None = None
    """At `PLANNED` of them."""


@attrs.define(eq=False)
class Null:
    """What the null relay needs, by number of calls."""

    bench: Bench
    load: Load
    known_ms: dict[int, float] = attrs.field(factory=dict)

    async def p99_ms(self, calls: int) -> float:
        """Return its p99; measured once for each number."""
        if calls not in self.known_ms:
            relay = next(bridge for bridge in BRIDGES if bridge.name == NULL_RELAY)
            found = figures(
                await play_round(self.bench, relay, attrs.evolve(self.load, calls=calls))
            )
            self.known_ms[calls] = found.frame_ms.p99 or 0.0
        return self.known_ms[calls]


async def climb(bridges: tuple[Bridge, ...], load: Load, root: Path, console: Console) -> None:
    """Add calls to each bridge until it is late; print how many there were."""
    relay = next(bridge for bridge in BRIDGES if bridge.name == NULL_RELAY)
    await trio.to_thread.run_sync(make, relay.environment, root)
    table = Table("bridge", "calls/core by cost", "calls, p99 + 20 ms", "CPU then", "stopped by")
    planned: dict[str, list[Figures]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with open_bench(root, Path(folder)) as bench:
            null = Null(bench, load)
            for bridge in bridges:
                summit = await _climb_one(bridge, null, console)
                if summit.calls:
                    calls = max(1, round(summit.calls * PLANNED))
                    found = await play_round(bench, bridge, attrs.evolve(load, calls=calls))
                    summit = attrs.evolve(summit, planned=figures(found))
                table.add_row(
                    bridge.name,
                    f"{summit.promised:.0f}",
                    str(summit.calls),
                    f"{summit.cpu_share:.0%}",
                    summit.stopped_by,
                )
                if summit.planned is not None:
                    planned[bridge.name] = [summit.planned]
    console.print(table)
    if planned:
        console.print(f"At {PLANNED:.0%} of these calls:")
        tell(console, planned, next(iter(planned)))


async def _climb_one(bridge: Bridge, null: Null, console: Console) -> Summit:
    load = null.load
    found = figures(await play_round(null.bench, bridge, load))
    promised = found.calls_per_core
    best, share = 0, 0.0
    calls = max(2, int(promised * FIRST_PART))
    while calls <= CALLS_MAX:
        for _ in range(CHANCES):
            found = figures(await play_round(null.bench, bridge, attrs.evolve(load, calls=calls)))
            allowed_ms = await null.p99_ms(calls) + LATE_MS
            console.print(
                f"{bridge.name}: {calls} calls: p99 {found.frame_ms.p99} ms of {allowed_ms:.1f}",
                style="dim",
            )
            why = _stops(found, allowed_ms)
            if not why:
                break
        if why:
            return Summit(promised=promised, calls=best, cpu_share=share, stopped_by=why)
        best, share = calls, found.cpu_share
        calls = max(calls + 1, int(calls * STEP))
    return Summit(promised=promised, calls=best, cpu_share=share, stopped_by="our own limit")


def _stops(found: Figures, allowed_ms: float) -> str:
    """Return why there is no further step."""
    if found.faults():
        return found.faults()[0]
    if found.doubts():
        return found.doubts()[0]
    if (found.frame_ms.p99 or 0.0) > allowed_ms:
        return "late"
    return ""
