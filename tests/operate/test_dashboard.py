"""The dashboard asks for what a server tells."""

from __future__ import annotations

import json
from typing import Any

from .exposed import OPERATE, exposed_by_a_server


def panels() -> list[dict[str, Any]]:
    dashboard = json.loads((OPERATE / "grafana.json").read_text(encoding="utf-8"))
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


async def test_every_metric_and_label_of_the_dashboard_is_told() -> None:
    exposed = await exposed_by_a_server()
    wrong = [
        f"{panel['title']}: {what}"
        for panel in panels()
        for target in panel["targets"]
        for what in exposed.wrong_with(target["expr"])
    ]
    assert not wrong


async def test_the_dashboard_shows_everything_that_is_told() -> None:
    exposed = await exposed_by_a_server()
    shown = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    told = {name for name in exposed.labels if not name.endswith(("_created", "_sum", "_count"))}
    # How much audio came says nothing that calls_active does not.
    assert {name for name in told if name not in shown} <= {"trio_media_caller_frames_total"}


def test_no_two_panels_cover_each_other() -> None:
    seen: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & seen, panel["title"]
        seen |= cells
