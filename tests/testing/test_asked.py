from __future__ import annotations

from trio_media.testing.asked import ModelSession


def test_a_model_session_names_its_tools_and_servers() -> None:
    tools = (
        {"type": "function", "name": "weather"},
        {"type": "mcp", "server_label": "shop"},
        {"type": "unheard_of"},
    )
    assert ModelSession(tools=tools).tool_names == ["weather", "shop", ""]
    assert ModelSession().tool_names == []
