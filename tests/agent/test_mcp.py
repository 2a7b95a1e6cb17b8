from __future__ import annotations

import attrs
import pytest

from trio_media.agent import mcp
from trio_media.agent.agent import Agent
from trio_media.agent.info import CallInfo
from trio_media.agent.mcp import McpServer
from trio_media.config import Config, RealtimeConfig
from trio_media.errors import AgentError, CallRefused
from trio_media.realtime import SERVICES
from trio_media.realtime.openai import OPENAI_CAPABILITIES
from trio_media.telephony.events import MediaStreamStarted

INFO = CallInfo(call_sid="CA1")
SECRET = "sk-secret"


class OldCodec:
    """A service that does not know MCP."""

    capabilities = attrs.evolve(OPENAI_CAPABILITIES, has_mcp=False)

    def __init__(self, dialect: str, model: str) -> None: ...


async def test_the_model_service_is_told_of_the_server() -> None:
    agent = Agent()
    agent.mcp_server("plain", "https://mcp.example/a")
    agent.mcp_server(
        "full",
        "https://mcp.example/b",
        authorization=SECRET,
        headers={"X-Key": SECRET},
        allowed_tools=("find",),
    )
    attendance = await agent.settle(INFO, Config())
    plain, full = attendance.config.realtime.session["tools"]
    assert plain == {
        "type": "mcp",
        "server_label": "plain",
        "server_url": "https://mcp.example/a",
        "require_approval": "never",
    }
    assert full["authorization"] == SECRET
    assert full["headers"] == {"X-Key": SECRET}
    assert full["allowed_tools"] == ["find"]
    for shown in (agent, agent._mcp, attendance, attendance.config):
        assert SECRET not in repr(shown)


async def test_a_service_without_mcp_is_found_before_any_call(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mcp, "SERVICES", {"embedded": OldCodec})
    agent = Agent()
    agent.check(Config())
    agent.mcp_server("plain", "https://mcp.example/a")
    with pytest.raises(AgentError, match="mcp_server plain: embedded has no MCP"):
        agent.check(Config())
    monkeypatch.setattr(mcp, "SERVICES", {**SERVICES, "embedded": OldCodec})
    agent.check(Config(realtime=RealtimeConfig(provider="openai")))
    with pytest.raises(AgentError, match="mcp_server plain: embedded has no MCP"):
        agent.check(
            Config(
                realtime=RealtimeConfig(provider="openai"),
                fallback=RealtimeConfig(provider="embedded"),
            )
        )
    monkeypatch.setattr(mcp, "SERVICES", {"embedded": OldCodec})
    with pytest.raises(AgentError):
        await agent.settle(INFO, Config())
    started = MediaStreamStarted(stream_sid="MZ1", call_sid="CA1", account_sid="AC1")
    with pytest.raises(CallRefused) as refused:
        await agent.attend(Config())(started)
    assert refused.value.say
    assert "has no MCP" in caplog.text


@pytest.mark.parametrize(
    ("label", "url"),
    [
        ("", "https://a"),
        ("a b", "https://a"),
        ("a", "mcp.example"),
        ("a", "ftp://a"),
        ("a", "https://"),
    ],
)
def test_wrong_use_says_what_is_allowed(label: str, url: str) -> None:
    with pytest.raises(AgentError, match=f"mcp_server {label!r}"):
        Agent().mcp_server(label, url)
    with pytest.raises(AgentError):
        McpServer(label=label, url=url)


def test_a_label_is_used_once() -> None:
    agent = Agent()
    agent.mcp_server("a", "https://a")
    with pytest.raises(AgentError, match="there is one of this label"):
        agent.mcp_server("a", "https://b")
