"""The page's modules that need no browser, run by node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from trio_media.recording.log_format import read_log
from trio_media.recording.timeline_facts import Look
from trio_media.recording.timeline_reader import CallFacts

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "trio_media" / "console" / "static"
RECORDED = HERE / "recorded" / "demo.jsonl"
NODE = shutil.which("node")
LOOKS = {
    Look.CONFIRMED: "speech",
    Look.RESPONSE: "response",
    Look.RECEIVED: "received",
    Look.HEARD: "heard",
    Look.HUSH: "hush",
    Look.RESUME: "resume",
    Look.TAKE: "take",
    Look.CLEAR: "clear",
    Look.MARK: "mark",
    Look.ECHO: "echo",
    Look.CREATE: "create",
    Look.CANCEL: "cancel",
    Look.TELL: "tell",
}
"""What the picture and the page call the same things."""


def run_node(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run node beside the page's modules."""
    if NODE is None:
        pytest.skip("there is no node to run the page's modules with (Debian: nodejs)")
    shutil.copytree(STATIC, folder / "static")
    # Without it, older nodes take the modules for scripts.
    (folder / "package.json").write_text('{"type": "module"}')
    for path in (RECORDED, HERE / "logic.test.mjs", HERE / "facts.mjs"):
        shutil.copy(path, folder)
    return subprocess.run(
        [NODE, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_modules_do_what_their_own_tests_say(tmp_path: Path) -> None:
    """Lanes, episodes, viewport, audio, wire and figures."""
    ran = run_node(tmp_path, "--test", "logic.test.mjs")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_lanes_show_what_the_picture_of_the_call_shows(tmp_path: Path) -> None:
    """Two readers of one log, written apart, agree to the millisecond."""
    ran = run_node(tmp_path, "facts.mjs", "demo.jsonl")
    assert ran.returncode == 0, ran.stderr
    shown = sorted(tuple(fact) for fact in json.loads(ran.stdout) if fact[0] in LOOKS.values())
    call = CallFacts()
    for line in read_log(RECORDED):
        call.read(line)
    call.finish()
    painted = sorted(
        (LOOKS[fact.look], fact.begins_ms, fact.ends_ms, fact.number)
        for fact in call.facts.facts
        if fact.look in LOOKS
    )
    assert shown == painted


def test_no_module_reaches_for_another_host() -> None:
    """What the page loads is its own."""
    for path in STATIC.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        text = text.replace("https://www.twilio.com/docs/", "")
        assert "http://" not in text, path.name
        assert "https://" not in text, path.name


def test_no_module_is_longer_than_a_module_may_be() -> None:
    """The house's limit holds for the page too."""
    for path in STATIC.glob("*.js"):
        assert len(path.read_text().splitlines()) <= 300, path.name
