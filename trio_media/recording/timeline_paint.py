"""Pen and ruler for a picture of a call: colours, fonts, text that fits, and rows for labels."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final, TypeAlias

import attrs
from PIL import ImageFont

from trio_media.recording.timeline_facts import Look

Colour: TypeAlias = tuple[int, int, int]
Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

PAPER: Final = (252, 252, 250)
INK: Final = (38, 42, 48)
FAINT: Final = (122, 128, 136)
GRID: Final = (228, 230, 232)
STRIPE: Final = (244, 245, 246)
ALARM: Final = (190, 40, 40)

COLOURS: Final[dict[Look, Colour]] = {
    Look.ONSET: (158, 216, 208),
    Look.CONFIRMED: (46, 150, 138),
    Look.TURN: (196, 226, 240),
    Look.KEY: (120, 94, 160),
    Look.RESPONSE: (226, 229, 234),
    Look.RECEIVED: (120, 130, 200),
    Look.HEARD: (120, 130, 200),
    Look.HUSH: (250, 208, 120),
    Look.RESUME: (70, 160, 80),
    Look.TAKE: (210, 60, 60),
    Look.CLEAR: (230, 120, 30),
    Look.MARK: (150, 156, 164),
    Look.ECHO: (206, 210, 214),
    Look.CREATE: (60, 110, 190),
    Look.CANCEL: (210, 60, 60),
    Look.TELL: (160, 90, 30),
    Look.OTHER: (122, 128, 136),
}

# One response's audio has one colour wherever it is seen; neighbours differ.
RESPONSE_COLOURS: Final[Sequence[Colour]] = (
    (150, 172, 232),
    (190, 164, 226),
    (240, 170, 190),
    (244, 190, 140),
    (170, 208, 140),
)


def response_colour(number: int) -> Colour:
    """Give the colour of a response; 0 is none."""
    return RESPONSE_COLOURS[(number - 1) % len(RESPONSE_COLOURS)] if number else GRID


@cache
def font(size: int) -> Font:
    """Give Pillow's own font: the same picture on every machine."""
    return ImageFont.load_default(size=size)


def drawable(text: str) -> str:
    """Give text in the letters that the font has: accents go, others become question marks."""
    plain = unicodedata.normalize("NFKD", text.translate(_TYPOGRAPHY))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    spaced = " ".join(plain.split())
    return "".join(char if " " <= char <= "~" else "?" for char in spaced)


# Quotes and dashes that transcripts are full of; NFKD knows no letters for them.
_TYPOGRAPHY: Final = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\"--")


def fit(text: str, width_px: float, size: int) -> str:
    """Shorten text to a width; nothing when not even three letters fit."""
    text = drawable(text)
    if width(text, size) <= width_px:
        return text
    short, long = 0, len(text)
    while long - short > 1:
        middle = (short + long) // 2
        if width(text[:middle] + "...", size) <= width_px:
            short = middle
        else:
            long = middle
    return text[:short].rstrip() + "..." if short >= 3 else ""


def width(text: str, size: int) -> float:
    """Give the width of text in pixels."""
    return font(size).getlength(text)


@attrs.define
class Rows:
    """Rows of a lane: what would touch its neighbour goes one row down."""

    rows_max: int
    gap_px: float
    _ends_px: list[float] = attrs.field(factory=list)
    hidden: int = 0
    """What found no row."""

    def place(self, left_px: float, right_px: float) -> int | None:
        """Take a place in the first row that has it free; None when none has."""
        for row, end_px in enumerate(self._ends_px):
            if end_px + self.gap_px <= left_px:
                self._ends_px[row] = right_px
                return row
        if len(self._ends_px) < self.rows_max:
            self._ends_px.append(right_px)
            return len(self._ends_px) - 1
        self.hidden += 1
        return None

    @property
    def used(self) -> int:
        """How many rows there are."""
        return len(self._ends_px)
