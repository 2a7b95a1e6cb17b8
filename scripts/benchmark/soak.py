"""Whether memory stays flat over many calls, all alike.  For all else: ``scripts/soak``.

Rule 1: what counts is the middle of the run against its end; the beginning fills caches.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import trio
from bridges import Bridge
from processes import Running
from rich.console import Console
from rounds import Bench, Load, hang_up, open_bench, open_bridge, open_phones, warm_up

SAMPLE_S: Final = 2.0
TELL_EVERY: Final = 15  # samples
GROWTH_MAX: Final = 0.03  # of the memory, from the second quarter to the last
MIB: Final = 1 << 20


def growth(samples: Sequence[float]) -> float:
    """Return by what part memory grew from the second quarter to the last."""
    quarter = len(samples) // 4
    if not quarter:
        return 0.0
    before, after = median(samples[quarter : 2 * quarter]), median(samples[-quarter:])
    return (after - before) / before


async def run_soak(bridge: Bridge, load: Load, root: Path, console: Console) -> bool:
    """Hold all calls of a load; return whether memory stayed flat and no call was lost."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_bench(root, Path(folder)) as bench,
            open_bridge(bench, bridge) as (server, url),
        ):
            await warm_up(bench, url)
            async with open_phones(bench, url, load) as phones:
                samples, lost, begun = await _watch(server, bench, phones, console)
                await hang_up(phones)
    grown = growth(samples)
    console.print(
        f"{bridge.name}: {begun} calls, {lost} lost; memory {samples[0]:.1f} MiB at first, "
        f"{samples[-1]:.1f} at last; {grown:+.1%} from the second quarter to the last"
    )
    return grown <= GROWTH_MAX and not lost


async def _watch(
    server: Running, bench: Bench, phones: Running, console: Console
) -> tuple[list[float], int, int]:
    samples: list[float] = []
    while True:
        await trio.sleep(SAMPLE_S)
        samples.append(server.rss_bytes() / MIB)
        report = await phones.ask("report")
        # Neither may keep what it measured for hours.
        await phones.ask("reset")
        await bench.model.ask("reset")
        if len(samples) % TELL_EVERY == 0:
            console.print(f"{report['begun']} calls: {samples[-1]:.1f} MiB", style="dim")
        if server.process.poll() is not None:
            raise server.failed("ended")
        lost = report["lost"] + report["failed"]
        if report["placed"] and not report["live"]:
            return samples, lost, report["begun"]
