from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from trio_media.core import events as ev
from trio_media.errors import LogUnreadable
from trio_media.recording.log_format import encode_line
from trio_media.recording.timeline import draw_timeline
from trio_media.recording.timeline_facts import Look
from trio_media.recording.timeline_paint import ALARM, COLOURS, RESPONSE_COLOURS


def colours_of(path: Path) -> dict[tuple[int, ...], int]:
    with Image.open(path) as image:
        colours = image.getcolors(maxcolors=2**24)
    assert colours is not None
    return {colour: count for count, colour in colours if isinstance(colour, tuple)}


def test_a_call_becomes_a_picture_with_everything_in_it(lively_log: Path, tmp_path: Path) -> None:
    out = tmp_path / "not" / "there" / "call.png"
    draw_timeline(lively_log, out)
    with Image.open(out) as image:
        assert image.format == "PNG"
        assert image.width == 1_800
        assert 600 < image.height < 2_000
    colours = colours_of(out)
    legend_px = 400  # every colour is in the legend; on the lanes there is more of it
    for look in (Look.ONSET, Look.CONFIRMED, Look.TURN, Look.RESPONSE, Look.HUSH):
        assert colours[COLOURS[look]] > 4 * legend_px, look
    for colour in RESPONSE_COLOURS:
        assert colours[colour] > 4 * legend_px
    assert ALARM not in colours


def test_a_log_that_is_cut_off_is_drawn_as_far_as_it_goes(lively_log: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.png", tmp_path / "cut.png"
    draw_timeline(lively_log, whole)
    content = lively_log.read_bytes()
    lively_log.write_bytes(content[: len(content) // 2])
    draw_timeline(lively_log, cut)
    colours = colours_of(cut)
    assert 0 < colours[COLOURS[Look.ONSET]] < colours_of(whole)[COLOURS[Look.CONFIRMED]]
    assert colours[ALARM] > 20  # and says so


def test_a_log_of_nothing_but_its_header_is_a_picture(lively: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(encode_line(lively.header, 0))
    draw_timeline(log, tmp_path / "out.png")
    assert (tmp_path / "out.png").exists()


def test_a_log_with_impossible_times_is_a_picture(lively: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    lines = [encode_line(lively.header, 0)]
    lines += [encode_line(ev.LocalSpeechBegan(), t_ms) for t_ms in (-5_000, 2**62, 7)]
    log.write_bytes(b"".join(lines))
    draw_timeline(log, tmp_path / "out.png")
    assert (tmp_path / "out.png").exists()


@pytest.mark.parametrize("seed", range(5))
def test_a_log_in_any_disorder_is_a_picture(lively: Any, tmp_path: Path, seed: int) -> None:
    """Whatever a call did, and whatever became of its log, drawing it must not fail."""
    log = tmp_path / "log"
    lines = [encode_line(line.record, line.t_ms) for line in lively.lines]
    random.Random(seed).shuffle(lines)
    log.write_bytes(encode_line(lively.header, 0) + b"".join(lines))
    draw_timeline(log, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert image.height < 6_000


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(LogUnreadable, match="line 1"):
        draw_timeline(log, tmp_path / "out.png")
    with pytest.raises(FileNotFoundError):
        draw_timeline(tmp_path / "none", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()
