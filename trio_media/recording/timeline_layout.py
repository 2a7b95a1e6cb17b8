"""Where everything goes in a picture of a call: strips of time, lanes in them, rows in those.

Rule 1: the time axis is cut into strips, one below the other, so that a short call has room for
every label and a long one still fits.
Rule 2: nothing that is labelled lies on anything else; what finds no place is counted in its lane.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from trio_media.recording.timeline_facts import Fact, Lane, Look
from trio_media.recording.timeline_paint import Rows, fit, width

IMAGE_PX: Final = 1_800
LEFT_PX: Final = 160  # the names of the lanes
RIGHT_PX: Final = IMAGE_PX - 24
PLOT_PX: Final = RIGHT_PX - LEFT_PX
ROW_PX: Final = 22
ROWS_MAX: Final = 5  # of one lane
LANE_PAD_PX: Final = 8
AXIS_PX: Final = 26
STRIP_GAP_PX: Final = 22
TEXT_PX: Final = 13
LABEL_PX_MAX: Final = 460  # of what stands beside its mark
BAR_PX_MIN: Final = 2  # shorter spans are still seen

_STRIPS_WANTED: Final = 4
_STRIPS_MAX: Final = 10
_FINE_MS: Final = (5_000, 10_000, 15_000)  # every label finds room
_COARSE_MS: Final = (20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000)

_CLIPPED: Final = frozenset({Look.HEARD})
_BEHIND: Final = {Look.CONFIRMED: Look.ONSET, Look.RECEIVED: Look.RESPONSE}
_UNPLACED: Final = frozenset({Look.MARK, Look.ECHO})


@attrs.frozen
class Placed:
    """A fact with its place: pixels from the left of the image, and a row of its lane."""

    fact: Fact
    row: int
    left_px: float
    right_px: float
    text: str
    text_px: float
    """Where the text begins."""


@attrs.define
class LaneLayout:
    """One lane of a strip."""

    lane: Lane
    placed: list[Placed]
    rows: int
    hidden: int

    @property
    def height_px(self) -> int:
        """How high it is."""
        return max(1, self.rows) * ROW_PX + LANE_PAD_PX


@attrs.define
class Strip:
    """One stretch of time."""

    begins_ms: int
    length_ms: int
    lanes: list[LaneLayout]

    @property
    def ends_ms(self) -> int:
        """When the next one begins."""
        return self.begins_ms + self.length_ms

    @property
    def height_px(self) -> int:
        """How high it is, its axis included."""
        return AXIS_PX + sum(lane.height_px for lane in self.lanes)

    def x(self, t_ms: float) -> float:
        """Give the place of a time, within the plot."""
        share = (t_ms - self.begins_ms) / self.length_ms
        return LEFT_PX + min(1.0, max(0.0, share)) * PLOT_PX


def strip_length_ms(duration_ms: int) -> int:
    """Choose how much time one strip shows."""
    for length_ms in _FINE_MS:
        if duration_ms <= length_ms * _STRIPS_WANTED:
            return length_ms
    for length_ms in _COARSE_MS:
        if duration_ms <= length_ms * _STRIPS_MAX:
            return length_ms
    return -(-duration_ms // _STRIPS_MAX)


def lay_out(facts: Iterable[Fact], end_ms: int) -> list[Strip]:
    """Give every fact its place.  Lanes on which nothing ever happens are left out."""
    length_ms = strip_length_ms(end_ms)
    count = max(1, -(-end_ms // length_ms))
    cells: list[dict[Lane, list[Fact]]] = [{} for _ in range(count)]
    seen: set[Lane] = set()
    for fact in sorted(facts, key=lambda fact: fact.begins_ms):
        seen.add(fact.lane)
        first = min(max(fact.begins_ms, 0) // length_ms, count - 1)
        last = min(max(fact.ends_ms - 1, fact.begins_ms, 0) // length_ms, count - 1)
        for index in range(first, last + 1):
            cells[index].setdefault(fact.lane, []).append(fact)
    strips: list[Strip] = []
    for index, cell in enumerate(cells):
        strip = Strip(index * length_ms, length_ms, [])
        lanes = [lane for lane in Lane if lane in seen]
        strip.lanes = [_lay_out_lane(strip, lane, cell.get(lane, [])) for lane in lanes]
        strips.append(strip)
    return strips


def _lay_out_lane(strip: Strip, lane: Lane, facts: Sequence[Fact]) -> LaneLayout:
    # What is heard follows without a gap, and its labels stay inside.
    rows = Rows(ROWS_MAX, gap_px=-1 if lane is Lane.HEARD else 4)
    placed: list[Placed] = []
    rows_of: dict[tuple[Look, int], int] = {}
    for fact in facts:
        left_px = strip.x(fact.begins_ms)
        right_px = max(strip.x(fact.ends_ms), left_px + BAR_PX_MIN)
        if fact.look in _UNPLACED:
            placed.append(Placed(fact, 0, left_px, right_px, "", left_px))
            continue
        if fact.look in _BEHIND:
            # It lies on what it is part of; when that found no row, it finds none either.
            row = rows_of.get((_BEHIND[fact.look], fact.number))
            if row is not None:
                placed.append(Placed(fact, row, left_px, right_px, "", left_px))
            continue
        text, text_px = _label(fact, strip, left_px, right_px)
        text_end_px = text_px + width(text, TEXT_PX) + 4 if text else right_px
        row = rows.place(min(left_px, text_px), max(right_px, text_end_px))
        if row is not None:
            rows_of[fact.look, fact.number] = row
            placed.append(Placed(fact, row, left_px, right_px, text, text_px))
        else:
            rows_of.pop((fact.look, fact.number), None)
    return LaneLayout(lane, placed, rows.used, rows.hidden)


def _label(fact: Fact, strip: Strip, left_px: float, right_px: float) -> tuple[str, float]:
    """Give the text of a fact and where it begins."""
    text_px = left_px + 5
    if fact.look in _CLIPPED:
        return fit(fact.label, right_px - text_px - 4, TEXT_PX), text_px
    later_ms = fact.ends_ms - strip.ends_ms
    if not fact.label or later_ms > strip.ends_ms - fact.begins_ms:
        return "", left_px  # most of it, and its label, are on the next strip
    text = fit(fact.label, LABEL_PX_MAX, TEXT_PX)
    text_end_px = text_px + width(text, TEXT_PX) + 4
    if text_end_px <= RIGHT_PX:
        return text, text_px
    if fact.begins_ms == fact.ends_ms:
        return text, left_px - width(text, TEXT_PX) - 5  # left of its mark
    return text, text_px - (text_end_px - RIGHT_PX)
