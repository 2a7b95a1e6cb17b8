"""What a live call's notes tell the console: tools and failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from trio_media.console.views import ToolView
from trio_media.facts.failures import FAILURE, Failures
from trio_media.facts.usage import USAGE

TOOLS_MAX: Final = 500  # of one call; the oldest go first
SHOWN_NOTES: Final = frozenset(
    {"caller_text", "model_text", "call_ended", "tool_called", "tool_ended", USAGE, FAILURE}
)
"""Notes that change what is shown of a call."""


@attrs.define
class LiveFacts:
    """Those of one call."""

    failures: Failures = attrs.field(factory=Failures)
    _tools: dict[str, ToolView] = attrs.field(factory=dict)

    @property
    def tools(self) -> list[ToolView]:
        """The newest calls of tools, in order."""
        return list(self._tools.values())

    @property
    def failures_count(self) -> int:
        """How much went wrong."""
        return len(self.failures.kept) + self.failures.dropped

    def note(self, kind: str, t_ms: int, fields: Mapping[str, Any]) -> None:
        """Take in a note."""
        match kind, fields:
            case "failure", _:
                self.failures.note(fields, t_ms)
            case "tool_called", {"call_id": str(call_id), "name": str(name)}:
                self._tools[call_id] = ToolView(at_ms=t_ms, name=name, outcome=None, took_ms=None)
                if len(self._tools) > TOOLS_MAX:
                    del self._tools[next(iter(self._tools))]
            case "tool_ended", {"call_id": str(call_id), "outcome": outcome, "took_ms": took_ms}:
                tool = self._tools.get(call_id)
                if tool is not None:
                    self._tools[call_id] = attrs.evolve(tool, outcome=outcome, took_ms=took_ms)
            case _:
                return
