"""The answers that were taken from the model, read from the wires alone.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from trio_media.simulation.calls.record import Entry, Record
from trio_media.testing.words import words_heard


@attrs.frozen
class Interruption:
    """One answer that the model did not get to the end of."""

    at_ms: int
    """When the model was told first, or said so itself."""
    answer: str
    """All of its text."""
    heard: str
    """The words of it that the caller heard."""
    heard_ms: int
    was_cancelled: bool
    """It was still being generated, and the model was told to stop."""


def interruptions_in(record: Record) -> list[Interruption]:
    """Find them, in the order in which they began."""
    first: dict[str, float] = {}
    for response_id, entry in _signs(record):
        first.setdefault(response_id, entry.near_ms or 0.0)
    return [_of(record, response_id, at_ms) for response_id, at_ms in first.items()]


def _signs(record: Record) -> Iterator[tuple[str, Entry]]:
    """Yield what shows that a response was interrupted: its id, and the message."""
    items = {f"item_{number}": said.response_id for number, said in record.said.items()}
    for entry in record.near():
        response_id: str | None = None
        if entry.kind == "response.cancel":
            response_id = entry.fields.get("response_id")
        elif entry.kind == "response.done" and entry.fields["status"] == "cancelled":
            response_id = entry.fields["response_id"]
        elif entry.is_ours and "item_id" in entry.fields:
            response_id = items.get(entry.fields["item_id"])
        if response_id is not None:
            yield response_id, entry


def _of(record: Record, response_id: str, at_ms: float) -> Interruption:
    lines: list[str] = []
    heard_ms = 0
    items = {n: said for n, said in record.said.items() if said.response_id == response_id}
    for number, said in items.items():
        spans = [heard.span for heard in record.heard if heard.span.item == number]
        heard_ms += max((span.end_ms for span in spans), default=0)
        stretches = [(span.start_ms, span.end_ms) for span in spans]
        lines.append(words_heard(said.text, said.length_ms, stretches))
    cancels = [e for e in record.entries if e.kind == "response.cancel"]
    return Interruption(
        at_ms=round(at_ms),
        answer="\n".join(said.text for said in items.values()),
        heard="\n".join(line for line in lines if line),
        heard_ms=heard_ms,
        was_cancelled=any(e.fields.get("response_id") == response_id for e in cancels),
    )
