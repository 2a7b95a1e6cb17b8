"""Tools of MCP servers, which the model service calls by itself.

Source: https://platform.openai.com/docs/guides/tools-connectors-mcp
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from trio_media.config import RealtimeConfig
from trio_media.errors import AgentError
from trio_media.realtime import SERVICES

LABEL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")


@attrs.frozen(kw_only=True)
class McpServer:
    """One MCP server."""

    label: str
    """By which the model knows it."""
    url: str = attrs.field(repr=False)
    """May hold a secret."""
    authorization: str | None = attrs.field(default=None, repr=False)
    headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    allowed_tools: Sequence[str] | None = None
    """None: all that it has."""

    def __attrs_post_init__(self) -> None:
        if LABEL.fullmatch(self.label) is None:
            raise AgentError(f"mcp_server {self.label!r}: a letter, then a-z, A-Z, 0-9, _ and -")
        parts = urlsplit(self.url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise AgentError(f"mcp_server {self.label!r}: url must be like https://host/path")

    def in_session(self) -> dict[str, Any]:
        """How a model session is told of it."""
        told: dict[str, Any] = {
            "type": "mcp",
            "server_label": self.label,
            "server_url": self.url,
            "require_approval": "never",
        }
        if self.authorization is not None:
            told["authorization"] = self.authorization
        if self.headers is not None:
            told["headers"] = dict(self.headers)
        if self.allowed_tools is not None:
            told["allowed_tools"] = list(self.allowed_tools)
        return told


def check_mcp(servers: Sequence[McpServer], realtime: RealtimeConfig) -> None:
    """Raise `AgentError` when the model service does not know MCP."""
    if not servers:
        return
    provider = realtime.effective_provider
    codec = SERVICES[provider](realtime.dialect, realtime.model)
    if not codec.capabilities.has_mcp:
        labels = ", ".join(server.label for server in servers)
        raise AgentError(f"mcp_server {labels}: {provider} has no MCP; use tools of your own")
