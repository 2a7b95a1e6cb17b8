"""The benchmark runs, and every frame is accounted for.  What it costs is nobody's test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from environments import LOAD, ROOT, NotInstalled, make

PROGRAM = Path(__file__).parents[2] / "scripts" / "benchmark"
ONLY = "trio_media both, relay trio-websocket, relay picows"
QUICK_S = 120  # it takes 30 s, where nobody else works


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    try:
        make(LOAD, ROOT)
    except NotInstalled as exc:
        pytest.skip(f"the load cannot be installed here: {exc}")
    folder = tmp_path_factory.mktemp("bench")
    path, picture = folder / "bench.json", folder / "bench.png"
    options = ["--quick", "--only", ONLY, "--json", str(path), "--picture", str(picture)]
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *options],
        capture_output=True,
        text=True,
        timeout=QUICK_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert picture.stat().st_size > 1_000
    found: dict[str, dict[str, object]] = json.loads(path.read_text())["bridges"]
    return found


@pytest.mark.parametrize("name", ["trio_media both", "relay, trio-websocket", "relay, picows"])
def test_every_bridge_delivers_what_was_said(
    name: str, content: dict[str, dict[str, dict[str, int]]]
) -> None:
    median = content[name]["median"]
    assert median["calls"] == 4
    assert median["frames_sent"] > 4 * 50 * 3
    assert median["frames_missing"] == median["frames_disordered"] == median["calls_lost"] == 0
    assert median["answers"] > 0
    assert median["answers_heard"] > 0
    assert median["interruptions"] > 0
    assert median["not_cleared"] == 0
