"""The figures as a picture: what a caller frame costs, and how late it is."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any, Final

from figures import Figures, middle
from PIL import Image, ImageDraw, ImageFont
from tables import Results

WIDTH: Final = 1_800
ROW: Final = 44
TOP: Final = 110
LEFT: Final = 330
GAP: Final = 90  # between two panels
OURS: Final = "#0b7a75"
THEIRS: Final = "#9aa5b1"
PANELS: Final = 3
FAR: Final = 4.0  # times the median


def draw(path: Path, results: Results) -> None:
    """Paint a row a bridge: cost, latency to the model, memory."""
    rows = {name: middle(rounds) for name, rounds in results.items()}
    image = Image.new("RGB", (WIDTH, TOP + ROW * len(rows) + 30), "#ffffff")
    pen = ImageDraw.Draw(image)
    wide = (WIDTH - LEFT - GAP * PANELS) // PANELS
    titles = (
        "CPU per caller frame, us",
        "caller frame to model, ms: p50 to p99",
        "memory per call, KiB",
    )
    for panel, title in enumerate(titles):
        left = LEFT + panel * (wide + GAP)
        most = scale([_spans(panel, figures)[1] for figures in rows.values()])
        pen.text((left, 24), title, "#222222", _font(22))
        _axis(pen, left, wide, most, image.height)
        for number, (name, figures) in enumerate(rows.items()):
            y = TOP + number * ROW
            colour = OURS if name.startswith("trio_media") else THEIRS
            _bar(pen, (left, y, wide), (panel, most), figures, colour)
    for number, name in enumerate(rows):
        pen.text((LEFT - 14, TOP + number * ROW + 6), name, "#222222", _font(20), anchor="ra")
    image.save(path, optimize=True)


def _spans(panel: int, figures: Figures) -> tuple[float, float]:
    """Return where a bar begins and ends."""
    if panel == 0:
        return 0.0, figures.us_per_frame
    if panel == 1:
        return figures.frame_ms.p50 or 0.0, figures.frame_ms.p99 or 0.0
    return 0.0, max(0.0, figures.kib_per_call)


def scale(ends: list[float]) -> float:
    """Return where an axis ends: one bar that is far longer than the others is cut there."""
    return max(1.0, min(max(ends), median(ends) * FAR)) * 1.1


def _axis(pen: ImageDraw.ImageDraw, left: int, wide: int, most: float, bottom: int) -> None:
    for part in range(5):
        x = left + wide * part // 4
        pen.line((x, TOP - 14, x, bottom - 20), "#e3e6ea", 1)
        pen.text((x, TOP - 38), f"{most * part / 4:.3g}", "#667788", _font(16), anchor="ma")


def _bar(
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int, int],
    what: tuple[int, float],
    figures: Figures,
    colour: str,
) -> None:
    left, y, wide = place
    panel, most = what
    begin, end = _spans(panel, figures)
    x0, x1 = (left + wide * min(value, most) / most for value in (begin, end))
    pen.rectangle((x0, y + 8, max(x1, x0 + 2), y + ROW - 10), colour)
    text = f"{begin:.3g} to {end:.3g}" if panel == 1 else f"{end:.0f}"
    inside = x1 > left + wide * 0.75
    anchor, x = ("ra", x1 - 6) if inside else ("la", x1 + 6)
    pen.text((x, y + 11), text, "#ffffff" if inside else "#222222", _font(16), anchor=anchor)


def _font(size: int) -> Any:  # Pillow has two kinds
    return ImageFont.load_default(size)
