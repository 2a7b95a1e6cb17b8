"""The figures, for eyes: tables, JSON and a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs
from measure import Figures, percentile
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.table import Table

Results = Mapping[str, Mapping[str, Figures]]
"""By condition, then by policy."""

COLOURS: Final = ("#0b7a75", "#c8553d", "#e0a526", "#6a4c93", "#9aa5b1", "#5d6d7e")


def _hush(figures: Figures) -> str:
    return _latency(figures.hushes_ms, figures.hush_misses, figures.interrupting)


def _take(figures: Figures) -> str:
    return _latency(figures.takes_ms, figures.take_misses, figures.interrupting)


def _latency(values: list[int], misses: int, of: int) -> str:
    if not of:
        return ""
    missed = f" m{misses * 100 / of:.0f}" if misses else ""
    p50, p95 = percentile(values, 50), percentile(values, 95)
    return missed.strip() if p50 is None or p95 is None else f"{p50:.0f}/{p95:.0f}{missed}"


def _already(figures: Figures) -> str:
    return f"{figures.silent * 100 / figures.clips:.0f}" if figures.clips else ""


def _wakes(figures: Figures) -> str:
    return f"{figures.wakes}" if figures.wakes else ""


def _false(figures: Figures) -> str:
    return f"{_a_minute(figures.false_hushes, figures)}  {_a_minute(figures.false_takes, figures)}"


def _lost(figures: Figures) -> str:
    return f"{figures.lost_ms / max(figures.alone_min, 0.01):.0f}"


def _a_minute(count: int, figures: Figures) -> str:
    return f"{count / max(figures.alone_min, 0.01):.1f}"


TABLES: Final = (
    ("Onset to hush: p50/p95 ms, m = missed %", _hush),
    ("Onset to take: p50/p95 ms, m = missed % (of backchannels: a take is wrong)", _take),
    ("Silent already when the caller began, % (neither heard nor missed above)", _already),
    ("False hushes and false takes a minute in which the caller says nothing", _false),
    ("Model's speech lost by that, ms a minute", _lost),
    ("Times that the caller had to wake a silent model", _wakes),
)


def tell(console: Console, results: Results) -> None:
    """Print the tables."""
    policies = list(next(iter(results.values())))
    for title, cell in TABLES:
        table = Table("condition", *policies, title=title, title_justify="left")
        for condition, by_policy in results.items():
            cells = [cell(by_policy[policy]) for policy in policies]
            if any(cells):
                table.add_row(condition, *cells)
        console.print(table)


def plain(results: Results) -> dict[str, Any]:
    """Give the figures as JSON can hold them."""
    return {
        condition: {policy: _plain(figures) for policy, figures in by_policy.items()}
        for condition, by_policy in results.items()
    }


def _plain(figures: Figures) -> dict[str, Any]:
    kept = attrs.asdict(figures, filter=lambda field, _: not field.name.endswith("es_ms"))
    for name in ("hushes_ms", "takes_ms"):
        values = getattr(figures, name)
        kept[name] = {"p50": percentile(values, 50), "p95": percentile(values, 95)}
    return {**kept, "hush_misses": figures.hush_misses, "take_misses": figures.take_misses}


def write_json(path: Path, results: Results, command: str) -> None:
    path.write_text(json.dumps({"command": command, "results": plain(results)}, indent=1) + "\n")


# --- the picture -------------------------------------------------------------------------------

WIDTH: Final = 1_800
ROW: Final = 15
GAP: Final = 12
TOP: Final = 120
LEFT: Final = 260
HUSH_MS_MAX: Final = 1_000
LOST_MS_MAX: Final = 60_000


def draw(path: Path, results: Results) -> None:
    """Paint how soon each policy is silent, and what it silences for nothing."""
    policies = list(next(iter(results.values())))
    block = ROW * len(policies) + GAP
    image = Image.new("RGB", (WIDTH, TOP + block * len(results) + 40), "#ffffff")
    pen = ImageDraw.Draw(image)
    middle = LEFT + (WIDTH - LEFT) * 3 // 5
    panels = (
        ("caller's onset to silence: p50 to p95, ms", LEFT, middle - 60, HUSH_MS_MAX, 200),
        (
            "model's speech lost to false alarms, ms a minute",
            middle,
            WIDTH - 110,
            LOST_MS_MAX,
            15_000,
        ),
    )
    _legend(pen, policies)
    for title, left, right, most, step in panels:
        _axis(pen, title, (left, right), (most, step), image.height - 30)
    for number, (condition, by_policy) in enumerate(results.items()):
        top = TOP + number * block
        pen.text((LEFT - 12, top + block // 2 - 14), condition, "#222222", _font(20), anchor="ra")
        for row, policy in enumerate(policies):
            y = top + row * ROW
            colour = COLOURS[row % len(COLOURS)]
            _draw_hush(pen, by_policy[policy], colour, y, panels[0][1:4])
            _draw_lost(pen, by_policy[policy], colour, y, panels[1][1:4])
    image.save(path, optimize=True)


def _font(size: int) -> Any:  # Pillow has two kinds
    return ImageFont.load_default(size)


def _legend(pen: ImageDraw.ImageDraw, policies: list[str]) -> None:
    for number, policy in enumerate(policies):
        x = LEFT + number * 200
        pen.rectangle((x, 22, x + 18, 40), COLOURS[number % len(COLOURS)])
        pen.text((x + 26, 20), policy, "#222222", _font(20))


def _axis(
    pen: ImageDraw.ImageDraw,
    title: str,
    span: tuple[int, int],
    scale: tuple[int, int],
    bottom: int,
) -> None:
    left, right = span
    most, step = scale
    pen.text((left, 56), title, "#222222", _font(22))
    for value in range(0, most + 1, step):
        x = left + (right - left) * value // most
        pen.line((x, TOP - 12, x, bottom), "#e3e6ea", 1)
        pen.text((x, TOP - 36), f"{value}", "#667788", _font(16), anchor="ma")


def _draw_hush(
    pen: ImageDraw.ImageDraw, figures: Figures, colour: str, y: int, panel: tuple[int, int, int]
) -> None:
    left, right, most = panel
    p50, p95 = percentile(figures.hushes_ms, 50), percentile(figures.hushes_ms, 95)
    x95 = float(left)
    if p50 is not None and p95 is not None:
        x50, x95 = (left + (right - left) * min(v, most) / most for v in (max(p50, 0), max(p95, 0)))
        pen.line((x50, y + ROW // 2, x95, y + ROW // 2), colour, 5)
        pen.ellipse((x50 - 6, y + 1, x50 + 6, y + 13), colour)
    notes = []
    if figures.hush_misses:
        notes.append(f"{figures.hush_misses * 100 / figures.interrupting:.0f}% missed")
    if figures.silent:
        notes.append(f"{figures.silent * 100 / figures.clips:.0f}% silent already")
    x = min(x95 + 10, right - 170)
    pen.text((x, y - 2), ", ".join(notes), colour, _font(14))


def _draw_lost(
    pen: ImageDraw.ImageDraw, figures: Figures, colour: str, y: int, panel: tuple[int, int, int]
) -> None:
    left, right, most = panel
    lost = figures.lost_ms / max(figures.alone_min, 0.01)
    x = left + (right - left) * min(lost, most) / most
    pen.rectangle((left, y + 3, x, y + ROW - 3), colour)
    if figures.false_takes:
        takes = f"{figures.false_takes / max(figures.alone_min, 0.01):.1f} takes"
        pen.text((x + 8, y - 2), takes, colour, _font(14))
