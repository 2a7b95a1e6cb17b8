"""The softphone in a real browser, with a real server and its own model on the other side."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from stand_in import call, until

from trio_media.audio.g711 import decode_mulaw
from trio_media.audio.wav import write_wav
from trio_media.phone.voices import load_voice

RATE_HZ = 8_000
QUIET_S = 4
SILENCE = b"\xff"
WRITTEN_TRIES = 300


@attrs.frozen
class Served:
    """A server, and where it keeps its calls."""

    url: str
    kept: Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """Serve the built-in model on a port of its own."""
    kept = tmp_path / "kept"
    kept.mkdir()
    config = tmp_path / "trio-media.toml"
    config.write_text(
        f'[agent]\ngreeting = "Hello"\n\n[recording]\ndir = "{kept}"\n\n[server]\ndrain_s = 2\n'
    )
    secret = re.compile("OPENAI|TWILIO|TRIO_MEDIA")
    environment = {name: worth for name, worth in os.environ.items() if not secret.match(name)}
    command = [sys.executable, "-m", "trio_media", "serve", "--config", str(config), "--port", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"serving at http://([\d.:]+)", line):
                yield Served(f"ws://{found[1]}", kept)
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def microphone(path: Path) -> Path:
    """Make what the caller says: nothing, then something over the model's words, then nothing."""
    quiet = SILENCE * (QUIET_S * RATE_HZ)
    speech = quiet + load_voice("hold_on") + quiet * 6
    write_wav(path, decode_mulaw(speech), RATE_HZ)
    return path


def line_to(served: Any, server: Served) -> str:
    """Have the stand-in give out a line to a real server; returns the call's sid."""
    sid = "CA" + secrets.token_hex(16)
    served.connect_to = server.url
    served.softphone = {
        "url": f"{server.url}/twilio/media",
        "parameters": {"caller": "console"},
        "call_sid": sid,
        "stream_sid": "MZ" + secrets.token_hex(16),
        "account_sid": "AC" + secrets.token_hex(16),
    }
    served.calls[sid] = call(sid)
    served.logs[sid] = []
    return sid


def log_of(server: Served, sid: str) -> list[dict[str, Any]]:
    """Read what the server has written of a call so far."""
    path = server.kept / f"{sid}.jsonl"
    whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
    return [json.loads(line) for line in whole.splitlines()]


def wait_for_line(page: Any, server: Served, sid: str, name: str) -> dict[str, Any]:
    """Wait until the server has written an event or a command of that name."""
    for _ in range(WRITTEN_TRIES):
        for line in log_of(server, sid):
            if name in (line.get("event"), line.get("command"), line.get("note")):
                return line
        page.wait_for_timeout(50)
    raise AssertionError(f"no {name} in time")


def test_a_call_from_the_page_is_interrupted_by_voice_and_what_it_played_is_what_the_log_says(
    open_page: Callable[..., Any], served: Any, server: Served, tmp_path: Path
) -> None:
    """Real audio both ways: frames in time, marks echoed, silence at once, and keys."""
    sid = line_to(served, server)
    voice = microphone(tmp_path / "microphone.wav")
    page = open_page(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={voice}",
    ).go("/phone")
    page.get_by_role("button", name="Call", exact=True).click()
    page.get_by_text("On the line").wait_for()
    until(page, "document.querySelector('.figures').dataset.cleared > 0")
    played_ms = int(page.locator(".figures").get_attribute("data-played"))
    heard = wait_for_line(page, server, sid, "ItemHeard")
    assert wait_for_line(page, server, sid, "Taken")["reason"] == "local_speech"
    # Nothing is played after the clear, so the figure stays; the slack is for a busy machine.
    assert abs(played_ms - heard["heard_ms"]) <= 300
    page.get_by_role("button", name="5", exact=True).click()
    assert wait_for_line(page, server, sid, "KeyPressed")["digit"] == "5"
    page.get_by_role("button", name="Hang up").click()
    page.get_by_text("The call is over").wait_for()
    ended = wait_for_line(page, server, sid, "call_ended")
    assert ended["reason"] == "caller_hung_up"
    lines = log_of(server, sid)
    first_epoch = [line for line in lines if line.get("epoch") == 1]
    sent = {line["number"] for line in first_epoch if line.get("command") == "SendMark"}
    echoed = {line["number"] for line in first_epoch if line.get("event") == "MarkEchoed"}
    assert sent == echoed
    summary = json.loads((server.kept / f"{sid}.json").read_text())
    assert abs(summary["duration_ms"] - lines[-1]["t_ms"]) < 100


def test_the_call_goes_on_while_other_views_are_shown(
    open_page: Callable[..., Any], served: Any, server: Served
) -> None:
    """And the page says that it does."""
    line_to(served, server)
    page = open_page("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream").go(
        "/phone"
    )
    page.get_by_role("button", name="Call", exact=True).click()
    page.get_by_text("On the line").wait_for()
    page.get_by_role("link", name="Overview").click()
    page.get_by_text("on a call").wait_for()
    page.get_by_role("link", name="Softphone").click()
    page.get_by_role("button", name="Mute").click()
    page.get_by_role("button", name="Muted").wait_for()
    page.get_by_role("button", name="Hang up").click()
    page.get_by_text("on a call").wait_for(state="hidden")


def test_without_a_microphone_the_page_says_so_and_a_silent_call_works(
    open_page: Callable[..., Any], served: Any, server: Served
) -> None:
    """Keys interrupt, too."""
    sid = line_to(served, server)
    page = open_page().go("/phone")
    page.get_by_role("button", name="Call", exact=True).click()
    page.get_by_role("alert").get_by_text("microphone").wait_for()
    page.get_by_role("button", name="Call without a microphone").click()
    page.get_by_text("On the line").wait_for()
    until(page, "document.querySelector('.figures').dataset.played > 600")
    page.keyboard.press("7")
    assert wait_for_line(page, server, sid, "Taken")["reason"] == "dtmf"
    until(page, "document.querySelector('.figures').dataset.cleared > 0")
    page.get_by_role("button", name="Hang up").click()
    page.get_by_text("The call is over").wait_for()


def test_a_permission_that_is_denied_is_said_plainly(open_page: Callable[..., Any]) -> None:
    """There is a microphone, and the page may not use it."""
    page = open_page("--use-fake-device-for-media-stream", "--deny-permission-prompts").go("/phone")
    page.get_by_role("button", name="Call", exact=True).click()
    page.get_by_text("The browser may not use the microphone").wait_for()


def test_a_server_that_is_full_is_told_in_its_words(open_page: Callable[..., Any]) -> None:
    """No call begins."""
    watched = open_page("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    page = watched.go("/phone")
    page.get_by_role("button", name="Call", exact=True).click()
    page.get_by_role("alert").get_by_text("the server is full").wait_for()
    page.get_by_text("The call is over").wait_for()
    assert [text for text in watched.troubles if "503" not in text] == []
    watched.troubles.clear()
