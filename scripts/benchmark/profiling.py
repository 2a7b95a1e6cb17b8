"""Where trio_media's time goes: own time by function, and wake-ups per caller frame.

Rule 1: three runs of the same load, for a profiler disturbs what another counts: `counted` counts
what Trio does, `called` the calls and their CPU, and py-spy samples without disturbing.
"""

from __future__ import annotations

import json
import pstats
import re
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

import attrs
import trio
from bridges import HERE, Bridge
from environments import python_of
from rich.console import Console
from rich.table import Table
from rounds import SETTLE_S, Bench, Load, hang_up, open_bench, open_bridge, open_phones

ROWS: Final = 25
RATE_HZ: Final = 400
CALLS_MAX: Final = 5  # while each call of a function is timed: more would be too slow to be true
END_S: Final = 30.0  # to write a profile
IDLE: Final = re.compile(r"_work \(trio/_core/_thread_cache|wait \(threading|get_events|_epoll")
"""A sampler takes them for busy, for they are in a system call that waits."""
STARTING: Final = re.compile(r"builtins\.compile|marshal\.loads|method 'read'")
"""Imports, which are no part of a frame."""
LINE: Final = re.compile(r":\d+\)$")
COUNT_MIN: Final = 0.02  # a frame


async def profile(bridge: Bridge, load: Load, root: Path, console: Console) -> None:
    """Print the top functions by own time, by calls, and the wake-ups; all per caller frame."""
    if not bridge.is_ours:
        raise SystemExit(f"{bridge.name} is not trio_media")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with open_bench(root, folder) as bench:
            counts, stats = folder / "counts.json", folder / "stats"
            counting = (sys.executable, HERE / "counted.py", counts)
            frames = await _run(bench, bridge, load, counting)
            console.print(_wake_ups(json.loads(counts.read_text()), frames))
            calling = (sys.executable, HERE / "called.py", stats)
            few = attrs.evolve(load, calls=min(load.calls, CALLS_MAX))
            frames = await _run(bench, bridge, few, calling)
            console.print(_calls(pstats.Stats(str(stats)), frames))
            samples = folder / "samples"
            await _run(bench, bridge, load, (), samples)
            console.print(_own_time(samples.read_text()))


async def _run(
    bench: Bench,
    bridge: Bridge,
    load: Load,
    wrapper: tuple[str | Path, ...],
    samples: Path | None = None,
) -> int:
    """Hold the load's calls; return how many frames reached the model in all."""
    await bench.model.ask("reset")
    async with open_bridge(bench, bridge, wrapper) as (server, url):
        async with open_phones(bench, url, load) as phones:
            await trio.sleep(SETTLE_S)
            if samples is None:
                await trio.sleep(load.seconds)
            else:
                await _sample(bench.root, server.process.pid, load.seconds, samples)
            await hang_up(phones)
        report: dict[str, Any] = await bench.model.ask("report")
        # Whatever counts writes its file at the end, which SIGTERM brings.
        server.process.send_signal(signal.SIGTERM)
        with trio.fail_after(END_S):
            await server.process.wait()
    return int(report["frames"])


async def _sample(root: Path, pid: int, seconds: float, path: Path) -> None:
    spy = python_of("profile", root).with_name("py-spy")
    how = ["record", "--pid", str(pid), "--duration", str(int(seconds)), "--rate", str(RATE_HZ)]
    command = [str(spy), *how, "--format", "raw", "--output", str(path)]
    with trio.fail_after(seconds + END_S):
        await trio.run_process(command, capture_stdout=True, capture_stderr=True)


def own_samples(raw: str) -> Counter[str]:
    """Return samples by the function that ran, without those that only waited."""
    found: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        name = LINE.sub(")", stack.rpartition(";")[2])
        if not IDLE.search(name):
            found[name] += int(count)
    return found


def _own_time(raw: str) -> Table:
    found = own_samples(raw)
    # A send that wakes its reader is interrupted by it, where there are fewer cores than work.
    title = f"Own time, py-spy at {RATE_HZ} Hz, without waiting; a busy machine makes sends dear"
    table = Table("%", "function", title=title)
    for name, count in found.most_common(ROWS):
        table.add_row(f"{count * 100 / found.total():.1f}", name)
    return table


def _calls(stats: pstats.Stats, frames: int) -> Table:
    title = "By own time in cProfile, per caller frame; a coroutine counts each time it goes on"
    table = Table("calls", "own us", "with callees us", "function", title=title)
    rows = sorted(stats.stats.items(), key=lambda row: -row[1][2])  # type: ignore[attr-defined]
    rows = [row for row in rows if not STARTING.search(row[0][2])]
    for (file, line, name), (_, calls, own_s, all_s, _) in rows[:ROWS]:
        place = f"{file.rpartition('site-packages/')[2]}:{line} {name}"
        spent = (own_s * 1e6 / frames, all_s * 1e6 / frames)
        table.add_row(f"{calls / frames:.2f}", *(f"{us:.1f}" for us in spent), place)
    return table


def _wake_ups(counts: dict[str, int], frames: int) -> Table:
    table = Table("per frame", "what", title="What Trio does for one caller frame")
    for name, count in sorted(counts.items(), key=lambda row: -row[1]):
        if count / frames >= COUNT_MIN:
            table.add_row(f"{count / frames:.2f}", name)
    return table
