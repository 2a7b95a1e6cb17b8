"""What a search says: how much it saw, and the broken promise it found."""

from __future__ import annotations

import attrs


@attrs.frozen
class Found:
    """A broken promise and the shortest way to it."""

    promise: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        steps = "\n".join(f"  {step}" for step in self.trace)
        return f"{self.promise}\n{steps}"


@attrs.frozen
class Report:
    """What a search saw."""

    states: int
    transitions: int
    depth: int
    is_complete: bool
    """Every state within the budgets was seen."""
    found: Found | None

    def __str__(self) -> str:
        extent = "complete" if self.is_complete else "cut off"
        seen = f"{self.states} states, {self.transitions} transitions, depth {self.depth}, {extent}"
        return seen if self.found is None else f"{seen}\n{self.found}"
