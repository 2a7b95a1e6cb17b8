from __future__ import annotations

from pathlib import Path

import pytest

import trio_media.__main__ as program
from trio_media import Agent, Config
from trio_media.cli.check import describe
from trio_media.config import PricesConfig, RealtimeConfig, RecordingConfig
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


@pytest.mark.parametrize("busy", ["say", "reject"])
def test_what_a_balancer_sees_of_a_full_server_is_said(
    busy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRIO_MEDIA_SERVER_BUSY", busy)
    assert program.run(["check"]) == 0
    assert ("note: server.busy is say" in capsys.readouterr().out) == (busy == "say")


def test_a_fallback_is_described_and_tried_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIO_MEDIA_FALLBACK_PROVIDER", "embedded")
    assert program.run(["check"]) == 0
    said = capsys.readouterr().out
    assert "fallback: provider embedded, key not set" in said
    assert "fallback endpoint: ok" in said
    monkeypatch.setenv("TRIO_MEDIA_FALLBACK_API_KEY", "sk-secret")
    monkeypatch.setenv("TRIO_MEDIA_FALLBACK_PROVIDER", "openai")
    monkeypatch.setenv("TRIO_MEDIA_FALLBACK_URL", "ws://127.0.0.1:9/v1")
    assert program.run(["check"]) == 1
    said = capsys.readouterr().out
    assert "fallback: provider openai, key set" in said
    assert "fallback endpoint: 127.0.0.1:9 refused the connection" in said
    assert "sk-secret" not in said


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


def test_what_is_kept_and_what_models_cost_is_said() -> None:
    said = "\n".join(describe(Config()))
    assert "recording: nothing is kept" in said
    assert "prices" not in said
    config = Config(
        recording=RecordingConfig(dir="kept", consent="announce", keep_days=30, mask_keys=True),
        prices=PricesConfig(models={"gpt-realtime": {"audio_in": 32}}),
        realtime=RealtimeConfig(api_key="k"),
    )
    said = "\n".join(describe(config))
    assert "recording: in kept, announced first, kept for 30 days, without keys" in said
    assert "prices: gpt-realtime, in USD" in said
    assert "note: gpt-4o-mini-transcribe has no price" in said
    plain = RecordingConfig(dir="kept")
    said = "\n".join(describe(Config(recording=plain, prices=config.prices)))
    assert "recording: in kept, not announced, kept for ever" in said
    assert "note: gpt" not in said, "the built-in model has no price"


def test_a_recording_that_cannot_be_read_is_found_before_any_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRIO_MEDIA_AGENT_LOST_LINE", "/nowhere.wav")
    for command in ("check", "serve"):
        assert program.run([command]) == 2
        assert "agent.lost_line: /nowhere.wav: cannot be read" in capsys.readouterr().err
