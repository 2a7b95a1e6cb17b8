"""What the speech model of a test was asked, as records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Create:
    """The model was asked for an answer."""

    at_ms: int
    instructions: str | None
    """For this answer alone; None: those of the session."""
    may_call_tools: bool = True


@attrs.frozen(kw_only=True)
class ModelSession:
    """What the model was asked to be, once and for the whole call."""

    instructions: str = ""
    voice: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()
    """As the service is told of them."""
    asked: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """All of it."""

    @property
    def tool_names(self) -> list[str]:
        """What it can call; servers of other protocols by their labels."""
        return [tool.get("name", tool.get("server_label", "")) for tool in self.tools]


@attrs.frozen
class ToolOutput:
    """What the model was told of a tool that it called."""

    name: str
    arguments: dict[str, Any]
    output: str
