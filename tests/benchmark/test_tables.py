"""What is shown of the figures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import attrs
import pytest
from figures import Figures, figures
from made_rounds import measured
from picture import draw, scale
from PIL import Image
from rich.console import Console
from tables import ratios, tell, write_json

Results = dict[str, list[Figures]]


@pytest.fixture
def results() -> Results:
    found = figures(measured({"frame_us": [1_000, 2_000]}))
    dear = [attrs.evolve(found, us_per_frame=us) for us in (400.0, 900.0)]
    cheap = [attrs.evolve(found, us_per_frame=us) for us in (100.0, 300.0)]
    return {"dear": dear, "cheap": cheap}


def told(results: Results) -> str:
    console = Console(file=io.StringIO(), width=150)
    tell(console, results, "cheap")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_ratio_is_of_rounds_that_were_played_together(results: Results) -> None:
    assert ratios(results, "cheap") == {"dear": 3.5, "cheap": 1.0}


def test_the_table_has_each_bridge_with_its_cost_and_latency(results: Results) -> None:
    text = told(results)
    assert "650" in text  # the median of two
    assert "3.50" in text
    assert "1/2/2" in text
    assert "FAULT" not in text


def test_faults_and_doubts_are_told(results: Results) -> None:
    bad = attrs.evolve(results["dear"][0], calls_lost=1, phones_share=0.9)
    text = told({**results, "dear": [bad]})
    assert "FAULT dear: 1 calls lost" in text
    assert "doubt dear: a peer was the bottleneck: phones: 90% of a core" in text


def test_the_json_holds_every_round(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    write_json(path, results, "cheap", "scripts/bench")
    content = json.loads(path.read_text())
    dear = content["bridges"]["dear"]
    assert (content["base"], dear["times_base"], dear["median"]["us_per_frame"]) == (
        "cheap",
        3.5,
        650,
    )
    assert [found["us_per_frame"] for found in dear["rounds"]] == [400, 900]


def test_the_picture_has_a_row_for_each_bridge(results: Results, tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    draw(one, {"dear": results["dear"]})
    draw(two, results)
    with Image.open(one) as first, Image.open(two) as second:
        assert second.height > first.height
        assert second.width == first.width


def test_one_long_bar_does_not_make_the_others_invisible() -> None:
    assert scale([10.0, 12.0, 11.0, 8_000.0]) < 60
    assert scale([10.0, 12.0]) == pytest.approx(13.2)
