"""The picture of a call: what was said, generated and heard, and who stopped whom, by its log."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from trio_media.errors import LogUnreadable
from trio_media.recording import timeline_paint as paint
from trio_media.recording.log_format import read_log
from trio_media.recording.timeline_facts import Fact, Lane, Look
from trio_media.recording.timeline_layout import (
    AXIS_PX,
    IMAGE_PX,
    LANE_PAD_PX,
    RIGHT_PX,
    ROW_PX,
    STRIP_GAP_PX,
    TEXT_PX,
    LaneLayout,
    Placed,
    Strip,
    lay_out,
)
from trio_media.recording.timeline_reader import CallFacts

LINES_MAX: Final = 1_000_000  # some hours; reading them takes seconds
TITLE_PX: Final = 24
HEAD_PX: Final = 132  # title, what the call was, and the legend
MARGIN_PX: Final = 24

_BARS: Final = frozenset({Look.ONSET, Look.TURN, Look.RESPONSE, Look.HEARD, Look.HUSH})


def draw_timeline(log_path: Path, out: Path) -> None:
    """Draw the call whose event log is at ``log_path`` as a PNG at ``out``.

    A log that is cut off, holed or very long is drawn as far as it goes, and the picture says so.
    Blocks, for seconds with a log of hours: call it in a thread.

    Raises `LogUnreadable` when the file is no event log, or one of a newer format, and OSError.
    """
    call, warnings = _read(log_path)
    strips = lay_out(call.facts.facts, call.end_ms)
    warnings_px = len(warnings) * ROW_PX
    height_px = HEAD_PX + warnings_px + MARGIN_PX
    height_px += sum(strip.height_px + STRIP_GAP_PX for strip in strips)
    image = Image.new("RGB", (IMAGE_PX, height_px), paint.PAPER)
    draw = ImageDraw.Draw(image)
    _draw_head(draw, call)
    top_px = HEAD_PX
    for warning in warnings:
        text = paint.fit(warning, IMAGE_PX - 2 * MARGIN_PX, TEXT_PX)
        _text(draw, MARGIN_PX, top_px - 6, text, TEXT_PX, paint.ALARM)
        top_px += ROW_PX
    for strip in strips:
        _draw_strip(draw, strip, top_px, call.end_ms)
        top_px += strip.height_px + STRIP_GAP_PX
    out.parent.mkdir(parents=True, exist_ok=True)
    image.save(out, format="PNG")


def _read(log_path: Path) -> tuple[CallFacts, list[str]]:
    bad: list[LogUnreadable] = []
    call = CallFacts()
    lines = read_log(log_path, on_bad_line=lambda error: bad.append(error) if not bad else None)
    for line in itertools.islice(lines, LINES_MAX):
        call.read(line)
    call.finish()
    warnings = []
    if bad:
        warnings.append(f"Not everything could be read. {bad[0]}")
    if next(lines, None) is not None:
        warnings.append(f"The log is longer than {LINES_MAX} lines; this is its beginning.")
    if call.facts.dropped:
        warnings.append(f"{call.facts.dropped} later things are not shown.")
    return call, warnings


# --- the head --------------------------------------------------------------------------------


def _draw_head(draw: ImageDraw.ImageDraw, call: CallFacts) -> None:
    header = call.header
    assert header is not None, "a log without a header is refused when it is read"
    looks = [fact.look for fact in call.facts.facts]
    _text(draw, MARGIN_PX, 18, paint.fit(f"Call {header.call_sid}", 1_000, TITLE_PX), TITLE_PX)
    facts = [
        header.started_at,
        f"{call.end_ms / 1_000:.1f} s",
        call.ended,
        f"responses: {looks.count(Look.RESPONSE)}",
        f"interruptions: {looks.count(Look.TAKE)}",
        f"hushes: {looks.count(Look.HUSH)}, resumed {looks.count(Look.RESUME)}",
        f"authority: {header.policy.authority.value}, detector: {header.policy.ear.value}",
    ]
    line = paint.fit("   |   ".join(facts), IMAGE_PX - 2 * MARGIN_PX, TEXT_PX + 1)
    _text(draw, MARGIN_PX, 52, line, TEXT_PX + 1, paint.FAINT)
    _draw_legend(draw, 82)


def _draw_legend(draw: ImageDraw.ImageDraw, top_px: int) -> None:
    left_px: float = MARGIN_PX
    for look in Look:
        if look is Look.OTHER:
            continue
        colours = [paint.COLOURS[look]]
        if look in (Look.RECEIVED, Look.HEARD):
            colours = list(paint.RESPONSE_COLOURS)
        text_px = left_px + max(14, 6 * len(colours)) + 6
        if text_px + paint.width(look.value, TEXT_PX) > RIGHT_PX:
            left_px, top_px = MARGIN_PX, top_px + 20
            text_px = left_px + max(14, 6 * len(colours)) + 6
        each_px = max(14, 6 * len(colours)) / len(colours)
        for index, colour in enumerate(colours):
            x = left_px + index * each_px
            draw.rectangle((x, top_px + 2, x + each_px - 1, top_px + 14), fill=colour)
        _text(draw, text_px, top_px, look.value, TEXT_PX, paint.FAINT)
        left_px = text_px + paint.width(look.value, TEXT_PX) + 18


# --- a strip ---------------------------------------------------------------------------------


def _draw_strip(draw: ImageDraw.ImageDraw, strip: Strip, top_px: int, end_ms: int) -> None:
    bottom_px = top_px + strip.height_px
    lane_px = top_px + AXIS_PX
    for index, lane in enumerate(strip.lanes):
        if index % 2 == 0:
            box = (0, lane_px, IMAGE_PX, lane_px + lane.height_px - 1)
            draw.rectangle(box, fill=paint.STRIPE)
        lane_px += lane.height_px
    _draw_axis(draw, strip, top_px, bottom_px)
    if end_ms < strip.begins_ms + strip.length_ms:
        # Where the call is over there is nothing, not even lanes.
        draw.rectangle((strip.x(end_ms), top_px + AXIS_PX, IMAGE_PX, bottom_px), fill=paint.PAPER)
    _draw_shades(draw, strip, top_px + AXIS_PX, bottom_px)
    lane_px = top_px + AXIS_PX
    for lane in strip.lanes:
        _draw_lane(draw, lane, lane_px)
        lane_px += lane.height_px


def _draw_axis(draw: ImageDraw.ImageDraw, strip: Strip, top_px: int, bottom_px: int) -> None:
    for tenth in range(11):
        t_ms = strip.begins_ms + strip.length_ms * tenth / 10
        x = strip.x(t_ms)
        draw.line((x, top_px + AXIS_PX - 5, x, bottom_px), fill=paint.GRID)
        label = f"{t_ms / 1_000:g} s"
        x -= paint.width(label, TEXT_PX) / 2
        _text(draw, x, top_px + 3, label, TEXT_PX, paint.FAINT)


def _draw_shades(draw: ImageDraw.ImageDraw, strip: Strip, top_px: int, bottom_px: int) -> None:
    """Show over all lanes when the model was hushed, went on, or was taken from."""
    floor = [p for lane in strip.lanes if lane.lane is Lane.FLOOR for p in lane.placed]
    for placed in floor:
        colour = paint.COLOURS[placed.fact.look]
        if placed.fact.look is Look.HUSH:
            box = (placed.left_px, top_px, placed.right_px, bottom_px - 1)
            draw.rectangle(box, fill=_light(colour, 0.3))
    for placed in floor:
        if placed.fact.look in (Look.TAKE, Look.RESUME):
            x = placed.left_px
            draw.line((x, top_px, x, bottom_px), fill=paint.COLOURS[placed.fact.look])


def _draw_lane(draw: ImageDraw.ImageDraw, lane: LaneLayout, top_px: int) -> None:
    name_px = top_px + LANE_PAD_PX // 2 + 2
    _text(draw, MARGIN_PX, name_px, lane.lane.value, TEXT_PX, paint.FAINT)
    if lane.hidden:
        more = f"+ {lane.hidden} more"
        _text(draw, MARGIN_PX, name_px + ROW_PX - 6, more, TEXT_PX - 1, paint.ALARM)
    for placed in lane.placed:
        row_px = top_px + LANE_PAD_PX // 2 + placed.row * ROW_PX
        _draw_fact(draw, placed, row_px, top_px + lane.height_px)


def _draw_fact(draw: ImageDraw.ImageDraw, placed: Placed, top_px: int, bottom_px: int) -> None:
    fact = placed.fact
    colour = _colour(fact)
    left_px, right_px = placed.left_px, placed.right_px
    if fact.look in (Look.MARK, Look.ECHO):
        height_px = 7 if fact.look is Look.MARK else 4
        draw.line((left_px, bottom_px - height_px, left_px, bottom_px - 1), fill=colour)
    elif fact.look is Look.RECEIVED:
        # Below its response's label, which must stay legible.
        draw.rectangle((left_px, top_px + ROW_PX - 5, right_px, top_px + ROW_PX - 2), fill=colour)
    elif fact.look is Look.CONFIRMED:
        draw.rectangle((left_px, top_px + 1, right_px, top_px + ROW_PX - 4), fill=colour)
    elif fact.look in _BARS:
        box = (left_px, top_px + 1, right_px, top_px + ROW_PX - 4)
        draw.rounded_rectangle(box, radius=3, fill=colour)
    else:
        end_px = max(placed.text_px + paint.width(placed.text, TEXT_PX) + 4, left_px)
        box = (min(left_px, placed.text_px - 4), top_px + 1, end_px, top_px + ROW_PX - 4)
        draw.rectangle(box, fill=_light(colour, 0.22))
        draw.rectangle((left_px, top_px, left_px + 2, top_px + ROW_PX - 3), fill=colour)
    _text(draw, placed.text_px, top_px + 1, placed.text)


def _colour(fact: Fact) -> paint.Colour:
    if fact.look in (Look.RECEIVED, Look.HEARD):
        return paint.response_colour(fact.number)
    return paint.COLOURS[fact.look]


def _light(colour: paint.Colour, strength: float) -> paint.Colour:
    """Mix a colour with white."""
    red, green, blue = (round(255 - (255 - part) * strength) for part in colour)
    return red, green, blue


def _text(
    draw: ImageDraw.ImageDraw,
    left_px: float,
    top_px: float,
    text: str,
    size: int = TEXT_PX,
    colour: paint.Colour = paint.INK,
) -> None:
    draw.text((left_px, top_px), text, fill=colour, font=paint.font(size))
