"""What is found in a record: the model's items and responses, and promises that were broken."""

from __future__ import annotations

import attrs

from trio_media.simulation.calls.record import Entry


@attrs.frozen
class Broken:
    """A promise that was broken."""

    promise: str
    at_ms: float
    detail: str

    def __str__(self) -> str:
        return f"{self.promise}: at {self.at_ms:.0f} ms: {self.detail}"


@attrs.define(eq=False)
class Item:
    """One item of the model's voice."""

    item_id: str
    response_id: str
    deltas: list[tuple[float, int]] = attrs.field(factory=list)
    """Audio that was received: when, and how much (ms)."""
    told: list[Entry] = attrs.field(factory=list)
    """What the model was told of it: truncations, deletions."""
    media: list[Entry] = attrs.field(factory=list)
    """What was sent of it to the carrier."""

    def received_ms(self, by_ms: float) -> int:
        """How much of it was received by then."""
        return sum(length_ms for at_ms, length_ms in self.deltas if at_ms <= by_ms)


@attrs.define(eq=False)
class Response:
    """One response of the model."""

    response_id: str
    created_ms: float
    session: int = 0
    done: list[Entry] = attrs.field(factory=list)
    cancels: list[Entry] = attrs.field(factory=list)
    last_ms: float = 0.0
    """When it was last heard of."""
    is_end_guessed: bool = False
    """Its end did not say whose it is, and may have been another's."""

    @property
    def over_ms(self) -> float | None:
        """When its end was first known."""
        return self.done[0].at_ms if self.done else None

    @property
    def is_completed(self) -> bool:
        """Whether all of it was generated."""
        return bool(self.done) and self.done[0].fields["status"] == "completed"
