"""The figures for eyes and for programs: tables and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
from figures import Figures, middle, spread
from rich.console import Console
from rich.table import Table

from trio_media.phone.load_report import Percentiles

Results = Mapping[str, Sequence[Figures]]
"""By bridge, its rounds.  Never without one."""

COST: Final = ("us/frame", "spread", "x", "calls/core", "KiB/call", "CPU", "frames", "load")
LATENCY: Final = (
    "frame to model",
    "first delta to phone",
    "server's speech to clear",
    "onset to clear",
    "interrupted",
    "not cleared",
)


def _three(p: Percentiles) -> str:
    if p.p50 is None:
        return "-"
    return "/".join(f"{value:.3g}" for value in (p.p50, p.p95, p.p99) if value is not None)


def ratios(results: Results, base: str) -> dict[str, float]:
    """Return each bridge's cost as a multiple of the base's, round by round, then the median.

    Rounds of the same number lie next to each other in time, so the machine's mood cancels.
    """
    from statistics import median

    return {
        name: median(
            ours.us_per_frame / theirs.us_per_frame
            for ours, theirs in zip(rounds, results[base], strict=False)
        )
        for name, rounds in results.items()
    }


def tell(console: Console, results: Results, base: str) -> None:
    """Print the tables, then what was wrong and what is to be doubted."""
    console.print(_cost(results, base))
    console.print(_latency(results))
    for name, rounds in results.items():
        for what in sorted({text for figures in rounds for text in figures.doubts()}):
            console.print(f"doubt {name}: a peer was the bottleneck: {what}")
        for what in sorted({text for figures in rounds for text in figures.faults()}):
            console.print(f"FAULT {name}: {what}")


def _cost(results: Results, base: str) -> Table:
    title = f"Cost: CPU per caller frame that reached the model; x: of {base}"
    table = Table("bridge", *COST, title=title, title_justify="left")
    times = ratios(results, base)
    for name, rounds in results.items():
        f = middle(rounds)
        table.add_row(
            name,
            f"{f.us_per_frame:.0f}",
            f"{spread(rounds):.0%}",
            f"{times[name]:.2f}",
            f"{f.calls_per_core:.0f}",
            f"{f.kib_per_call:.0f}",
            f"{f.cpu_share:.0%}",
            f"{f.frames_heard}/{f.frames_sent}",
            f"{f.machine_load:.1f}",
        )
    return table


def _latency(results: Results) -> Table:
    title = "Latency: p50/p95/p99 ms; *: by onsets, where the bridge changes the audio"
    table = Table("bridge", *LATENCY, title=title, title_justify="left")
    for name, rounds in results.items():
        f = middle(rounds)
        star = "*" if f.by_onsets else ""
        table.add_row(
            name,
            _three(f.frame_ms) + star,
            _three(f.delta_ms) + star,
            _three(f.server_clear_ms),
            _three(f.onset_clear_ms),
            str(f.interruptions),
            str(f.not_cleared),
        )
    return table


def plain(results: Results, base: str) -> dict[str, Any]:
    """Give the figures as JSON can hold them."""
    times = ratios(results, base)
    return {
        name: {
            "median": attrs.asdict(middle(rounds)),
            "calls_per_core": middle(rounds).calls_per_core,
            "times_base": times[name],
            "spread": spread(rounds),
            "rounds": [attrs.asdict(figures) for figures in rounds],
            "doubts": sorted({text for figures in rounds for text in figures.doubts()}),
            "faults": sorted({text for figures in rounds for text in figures.faults()}),
        }
        for name, rounds in results.items()
    }


def write_json(path: Path, results: Results, base: str, command: str) -> None:
    """Write everything that was measured."""
    content = {"command": command, "base": base, "bridges": plain(results, base)}
    path.write_text(json.dumps(content, indent=1) + "\n")
