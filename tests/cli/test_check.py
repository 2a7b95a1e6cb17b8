from __future__ import annotations

from pathlib import Path

import pytest

import trio_media.__main__ as program
from trio_media import Agent, Config
from trio_media.errors import AgentError

AGENTS = """
from trio_media import Agent
agent = Agent()
number = 7
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "check_agents.py").write_text(AGENTS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def test_the_configuration_is_described_and_the_endpoint_tried(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert program.run(["check"]) == 0
    said = capsys.readouterr().out
    assert "configuration: ok" in said
    assert "agent" not in said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "tried again 6 times, then the call is ended with words"),
        ("[realtime]\nreconnect_max = 0", "never tried again: the call is ended with words"),
        (
            '[agent]\nlost = "forward"\nlost_forward = "+15551234567"',
            "tried again 6 times, then the call is forwarded to +15551234567",
        ),
    ],
)
def test_what_becomes_of_a_call_without_its_model_is_said(
    table: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trio-media.toml"
    path.write_text(table, encoding="utf-8")
    assert program.run(["check"]) == 0
    assert f"lost model: {said}\n" in capsys.readouterr().out


def test_an_agent_that_can_be_served_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["check", "check_agents:agent"]) == 0
    assert "agent: check_agents:agent can be served" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("named", "part"),
    [
        ("check_agents", "module:attribute"),
        ("check_agents:nobody", "has no nobody"),
        ("check_agents:number", "not a trio_media.Agent"),
        ("nowhere:agent", "there is no module nowhere"),
    ],
)
def test_an_agent_that_cannot_is_one_line(
    named: str, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["check", named]) == 2
    said = capsys.readouterr().err
    assert part in said
    assert len(said.strip().splitlines()) == 1


def test_an_agent_that_the_service_cannot_serve_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: Agent, config: Config) -> None:
        raise AgentError("mcp_server tools: the service has no MCP")

    monkeypatch.setattr(Agent, "check", refuse)
    assert program.run(["check", "check_agents:agent"]) == 2
    assert "the service has no MCP" in capsys.readouterr().err
