"""A call, told to whoever reads a failed test: what was broken, and a time line.  Pure.

Audio that goes on is one line however many messages carry it; marks are left out, and what only
accompanies an answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from trio_media.simulation.calls.record import Entry, Record
from trio_media.simulation.calls.seen import Broken
from trio_media.testing.words import words_heard

AROUND_MS: Final = 2_000  # of what was broken is told
LINES_MAX: Final = 200
TEXT_CHARS_MAX: Final = 100
HIDDEN: Final = (
    *("mark", "response.output_item.added", "response.output_audio.done"),
    *("response.output_audio_transcript.delta", "response.output_audio_transcript.done"),
)
HIDDEN_FIELDS: Final = ("event_id", "metadata")
AUDIO: Final = ("media", "response.output_audio.delta")
TAIL: Final = "... and more"


@attrs.define
class Row:
    """One line of the time line."""

    at_ms: float
    text: str

    def __str__(self) -> str:
        return f"{self.at_ms:8.0f} ms  {self.text}"


def report_of(record: Record, broken: Sequence[Broken]) -> str:
    """Tell the call: all of it, or what happened around the promises that were broken."""
    rows = sorted(time_line(record), key=lambda row: row.at_ms)
    lines = [str(one) for one in broken]
    if broken:
        rows = [row for row in rows if any(abs(row.at_ms - b.at_ms) <= AROUND_MS for b in broken)]
        lines.append("")
    lines += map(str, rows[:LINES_MAX])
    return "\n".join([*lines, TAIL] if len(rows) > LINES_MAX else lines)


def time_line(record: Record) -> Iterator[Row]:
    """Yield what happened.  Messages stand where the system under test sent or learned them."""
    yield from _messages(record)
    for number, said in record.said.items():
        spans = [heard for heard in record.heard if heard.span.item == number]
        if spans:
            stretches = [(heard.span.start_ms, heard.span.end_ms) for heard in spans]
            words = words_heard(said.text, said.length_ms, stretches)
            heard_ms = max(end_ms for _, end_ms in stretches)
            text = f"the caller begins to hear item {number}: in all {heard_ms} ms, {words!r}"
            yield Row(spans[0].at_ms, text)
    for from_ms, until_ms in record.voiced_ms:
        yield Row(from_ms, f"the caller is loud for {until_ms - from_ms:.0f} ms")
    for at_ms, fault in record.faults:
        yield Row(at_ms, fault if fault.startswith("caller") else f"trouble: {fault}")
    for asked in record.asked:
        yield Row(asked.asked_ms, f"the application asks: {asked.wish.value}: {asked.outcome}")
    if record.ended_ms is not None:
        yield Row(record.ended_ms, f"the call is over: {record.crash or record.end_reason}")


def _messages(record: Record) -> Iterator[Row]:
    open_rows: dict[str, list[Entry]] = {}
    groups: list[list[Entry]] = []
    for entry in record.near():
        if entry.kind in HIDDEN:
            continue
        group = open_rows.get(entry.wire, [])
        if group and _goes_on(group[-1], entry):
            group.append(entry)
        else:
            open_rows[entry.wire] = [entry]
            groups.append(open_rows[entry.wire])
    for group in groups:
        first = group[0]
        about = _audio(group) if first.kind in AUDIO else _about(first)
        yield Row(first.near_ms or 0.0, _line(first, about))


def _goes_on(before: Entry, entry: Entry) -> bool:
    """Whether audio just goes on, of the same item."""
    if entry.kind not in AUDIO or before.kind != entry.kind:
        return False
    items = {span.item for e in (before, entry) for span in e.spans}
    return len(items) <= 1


def _line(entry: Entry, about: str) -> str:
    arrow = "->" if entry.is_ours else "<-"
    return f"{arrow} {entry.wire:7} {entry.kind} {about}".rstrip()


def _audio(entries: Sequence[Entry]) -> str:
    spans = [span for entry in entries for span in entry.spans]
    bounds: dict[int, tuple[int, int]] = {}
    for span in spans:
        start_ms, end_ms = bounds.get(span.item, (span.start_ms, span.end_ms))
        bounds[span.item] = min(start_ms, span.start_ms), max(end_ms, span.end_ms)
    pieces = [f"item {item}, {a} to {b} ms" for item, (a, b) in bounds.items()]
    last_ms = entries[-1].near_ms or 0.0
    until = f", until {last_ms:.0f} ms" if len(entries) > 1 else ""
    return f"({'; '.join(pieces) or 'silence'}{until})"


def _about(entry: Entry) -> str:
    fields = {n: v for n, v in entry.fields.items() if n not in HIDDEN_FIELDS and v is not None}
    text = json.dumps(fields, ensure_ascii=False) if fields else ""
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[:TEXT_CHARS_MAX]}..."
