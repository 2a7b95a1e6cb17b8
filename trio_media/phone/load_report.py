"""What a load of calls measured: figures, a table and JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import attrs
from rich.table import Table

from trio_media.phone.record import CallEnd, CallRecord

STUTTER_MS_MAX: Final = 400  # a longer gap is a pause between two things that were said
EARLY_MS: Final = 500  # an end this long before its time is no rounding


@attrs.frozen
class Percentiles:
    """Nearest-rank percentiles of measurements in milliseconds."""

    count: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None


def percentiles(values: Iterable[float]) -> Percentiles:
    """Return the percentiles; all None if nothing was measured."""
    ordered = sorted(values)
    if not ordered:
        return Percentiles(0)

    def rank(percent: int) -> float:
        return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 2)

    return Percentiles(len(ordered), rank(50), rank(95), rank(99), round(ordered[-1], 2))


@attrs.frozen(kw_only=True, eq=False)
class LoadReport:
    """The outcome of `trio_media.phone.load.run_load`."""

    calls_wanted: int
    seconds: float
    was_interrupted: bool
    records: tuple[CallRecord, ...]
    """One a call that was begun, in order of their ends."""

    def failure(self, record: CallRecord) -> str | None:
        """Return why a call counts as failed, or None."""
        if record.has_failed:
            return record.violations[0] if record.violations else record.ended_by.value
        wanted_ms = self.seconds * 1_000 - EARLY_MS
        if record.ended_by is CallEnd.FAR_END_CLOSED and record.duration_ms < wanted_ms:
            return "the far end closed too early"
        if record.first_audible_ms is None and not self.was_interrupted:
            return "nothing was heard"
        return None

    @property
    def failures(self) -> dict[str, int]:
        """How many calls failed for which reason."""
        reasons = (self.failure(record) for record in self.records)
        return dict(Counter(reason for reason in reasons if reason is not None))

    @property
    def exit_code(self) -> int:
        """130 interrupted, 1 a call failed, 0 otherwise."""
        if self.was_interrupted:
            return 130
        return 1 if self.failures else 0

    def latencies(self) -> dict[str, Percentiles]:
        """Return every latency that was measured, by name."""
        records = self.records
        return {
            "connect": percentiles(r.connect_ms for r in records if r.frames_sent),
            "first audio": percentiles(
                r.first_audible_ms for r in records if r.first_audible_ms is not None
            ),
            "onset to clear": percentiles(
                reaction for r in records for reaction in r.reactions_ms() if reaction is not None
            ),
            "mark to echo": percentiles(
                m.echoed_ms - m.arrived_ms for r in records for m in r.marks if not m.was_cleared
            ),
            "our own lateness": percentiles(late for r in records for late in r.lateness_ms),
            "stutter": percentiles(
                gap.length_ms for r in records for gap in r.gaps if gap.length_ms <= STUTTER_MS_MAX
            ),
        }

    def counts(self) -> dict[str, int]:
        """Return everything that was counted, by name."""
        records = self.records
        reactions = [reaction for r in records for reaction in r.reactions_ms()]
        return {
            "calls begun": len(records),
            "calls failed": sum(self.failures.values()),
            "calls refused": sum(r.ended_by is CallEnd.REFUSED for r in records),
            "calls lost": sum(r.ended_by in (CallEnd.LOST, CallEnd.STALLED) for r in records),
            "frames sent": sum(r.frames_sent for r in records),
            "media received": sum(r.media_received for r in records),
            "seconds received": sum(r.media_received_bytes for r in records) // 8_000,
            "interruptions": len(reactions),
            "interruptions without a clear": sum(reaction is None for reaction in reactions),
            "clears": sum(len(r.clears_ms) for r in records),
            "marks echoed": sum(len(r.marks) for r in records),
        }

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values; latencies in milliseconds."""
        return {
            "calls": self.calls_wanted,
            "seconds": self.seconds,
            "was_interrupted": self.was_interrupted,
            "counts": self.counts(),
            "latencies_ms": {name: attrs.asdict(p) for name, p in self.latencies().items()},
            "failures": self.failures,
        }

    def tables(self) -> tuple[Table, Table]:
        """Return the latencies and the counts for a person to read."""
        latencies = Table("ms", *(attrs.fields_dict(Percentiles)))
        for name, measured in self.latencies().items():
            cells = ["-" if value is None else f"{value:g}" for value in attrs.astuple(measured)]
            latencies.add_row(name, *cells)
        counts = Table(show_header=False, box=None)
        for name, count in self.counts().items():
            counts.add_row(name, str(count))
        for reason, count in self.failures.items():
            counts.add_row(f"[red]failed: {reason}", f"[red]{count}")
        return latencies, counts
