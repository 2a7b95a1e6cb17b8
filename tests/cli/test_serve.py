from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import trio_media.__main__ as program
from trio_media.cli.serve import _show_sign_in
from trio_media.config import ServerConfig
from trio_media.server.sign_in_link import SignInLinks

AGENTS = """
import os
from trio_media import Agent
with open(os.environ["SEEN"], "a") as seen:
    seen.write(f"{os.getpid()}\\n")
agent = Agent()
number = 7
"""
WORKERS = 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    (tmp_path / "serve_agents.py").write_text(AGENTS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("workers", [[], ["--workers", "2"]])
@pytest.mark.parametrize(
    ("named", "part"),
    [
        ("serve_agents", "module:attribute"),
        ("serve_agents:nobody", "has no nobody"),
        ("serve_agents:number", "not a trio_media.Agent"),
        ("nowhere:agent", "there is no module nowhere"),
    ],
)
def test_a_wrong_agent_is_one_line(
    named: str, part: str, workers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["serve", named, "--port", "0", *workers]) == 2
    said = capsys.readouterr().err
    assert part in said
    assert len(said.strip().splitlines()) == 1


def test_each_worker_has_the_agent(folder: Path) -> None:
    command = [sys.executable, "-m", "trio_media", "serve", "serve_agents:agent", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--workers", str(WORKERS)],
        cwd=folder,
        env={**os.environ, "SEEN": str(folder / "seen")},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        url, serving = "", 0
        while serving < WORKERS:
            line = process.stderr.readline()
            assert line, "the server ended"
            if "serving at" in line:
                serving += 1
                url = next(word.strip('",') for word in line.split() if "http://" in word)
        form = {"CallSid": "CA1", "From": "+1", "To": "+2"}
        assert "<Stream" in httpx.post(f"{url}/twilio/voice", data=form, trust_env=False).text
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
    pids = (folder / "seen").read_text(encoding="utf-8").split()
    assert len(set(pids)) == 1 + WORKERS, "the parent, and each worker"


@pytest.mark.parametrize("is_made", [True, False])
def test_a_link_that_signs_in_once_is_printed_and_the_token_only_if_nobody_could_know_it(
    is_made: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    server = ServerConfig(admin_token="t0k", token_secret="s")
    _show_sign_in(server, "http://127.0.0.1:1", is_made=is_made)
    link, _, *token = capsys.readouterr().err.splitlines()
    beginning, _, code = link.partition("?token=")
    assert beginning == "console, signed in: http://127.0.0.1:1/"
    assert "t0k" not in code
    assert SignInLinks(server).take_code(code)
    assert token == (["admin token, made for this run: t0k"] if is_made else [])
