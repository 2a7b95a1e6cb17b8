from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import trio_media.__main__ as program
from trio_media.server import dial_process

NUMBER = "+15551234567"
TOML = """
[twilio]
account_sid = "AC1"
auth_token = "secret-token"
from_number = "+15557654321"
[server]
public_url = "https://calls.example"
port = 0
"""
AGENT = "from trio_media import Agent\nagent = Agent()\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dial_agent.py").write_text(AGENT, encoding="utf-8")
    (tmp_path / "trio-media.toml").write_text(TOML, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []

    def run_dial(config: Any, call: Any, **how: Any) -> int:
        calls.append((config, call, how))
        how["tell"]("told")
        return 1

    monkeypatch.setattr(dial_process, "run_dial", run_dial)
    return calls


def test_the_command_line_says_what_is_placed(
    placed: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--from", "+15550009999", "--ring", "12", "--parameter", "a=b=c", "--port", "0"]
    assert program.run(["dial", NUMBER, "dial_agent:agent", *options]) == 1
    ((config, call, how),) = placed
    assert (call.to, call.from_, call.ring_s, call.parameters) == (
        NUMBER,
        "+15550009999",
        12,
        {"a": "b=c"},
    )
    assert how["agent"] is not None
    assert config.server.token_secret
    assert capsys.readouterr().out == "told\n"


def test_without_an_agent_the_configured_one_talks(placed: list[Any]) -> None:
    program.run(["dial", NUMBER])
    ((_, call, how),) = placed
    assert how["agent"] is None
    assert (call.from_, call.parameters) == ("", {})


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "NUMBER"),
        (["5551234567"], "8 to 15 digits"),
        ([NUMBER, "nowhere:agent"], "there is no module nowhere"),
        ([NUMBER, "--parameter", "x"], "must be NAME=VALUE"),
        ([NUMBER, "--parameter", "=x"], "must be NAME=VALUE"),
        ([NUMBER, "--parameter", "token=x"], "token"),
        ([NUMBER, "--ring", "0"], "--ring"),
        ([NUMBER, "--from", "Ada"], "From"),
    ],
)
def test_wrong_use_is_one_line(
    arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["dial", *arguments]) == 2
    said = capsys.readouterr().err
    assert part in said
    assert len(said.strip().splitlines()) == 1
    assert "secret-token" not in said


@pytest.mark.parametrize("key", ["account_sid", "auth_token", "from_number", "public_url"])
def test_what_is_not_configured_is_named(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for line in TOML.splitlines() if not line.startswith(key)]
    (tmp_path / "trio-media.toml").write_text("\n".join(lines), encoding="utf-8")
    assert program.run(["dial", NUMBER]) == 2
    said = capsys.readouterr().err
    assert key in said
    assert len(said.strip().splitlines()) == 1
