"""Figures of a load."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rich.console import Console

from trio_media.phone.load_report import LoadReport, percentiles
from trio_media.phone.record import CallEnd, CallRecord, GapHeard, MarkEcho, Onset
from trio_media.phone.wire import new_identity


def a_record(**changes: Any) -> CallRecord:
    fields: dict[str, Any] = {
        "identity": new_identity(),
        "ended_by": CallEnd.HUNG_UP,
        "duration_ms": 5_000.0,
        "first_audible_ms": 400.0,
        "frames_sent": 250,
        **changes,
    }
    return CallRecord(**fields)


def a_report(*records: CallRecord, was_interrupted: bool = False) -> LoadReport:
    return LoadReport(
        calls_wanted=len(records), seconds=5, was_interrupted=was_interrupted, records=records
    )


def test_percentiles_are_values_that_were_measured() -> None:
    measured = percentiles(range(1, 101))
    assert (measured.count, measured.p50, measured.p95, measured.p99) == (100, 50, 95, 99)
    assert measured.max == 100
    single = percentiles([7.0])
    assert (single.p50, single.p99) == (7.0, 7.0)
    assert percentiles([]).p50 is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"ended_by": CallEnd.FAR_END_CLOSED}, None),
        ({"ended_by": CallEnd.FAR_END_CLOSED, "duration_ms": 4_000}, "closed too early"),
        ({"first_audible_ms": None}, "nothing was heard"),
        ({"ended_by": CallEnd.REFUSED}, "refused"),
        ({"violations": ("bad thing",)}, "bad thing"),
    ],
)
def test_a_call_that_went_wrong_fails_the_load(changes: dict[str, Any], reason: str | None) -> None:
    report = a_report(a_record(), a_record(**changes))
    assert report.exit_code == (0 if reason is None else 1)
    assert len(report.failures) == (0 if reason is None else 1)
    assert all(reason in failure for failure in report.failures if reason)


def test_an_interrupted_load_says_so() -> None:
    assert a_report(a_record(first_audible_ms=None), was_interrupted=True).exit_code == 130


def test_everything_is_in_the_json_and_in_the_tables() -> None:
    record = a_record(
        onsets=(Onset(1_000, True), Onset(3_000, True)),
        clears_ms=(1_090.0,),
        marks=(MarkEcho("a", 100, 350, False), MarkEcho("b", 100, 120, True)),
        gaps=(GapHeard(10, 30), GapHeard(2_000, 900)),
        lateness_ms=(1.0, 2.0),
        media_received_bytes=16_000,
    )
    report = a_report(record, a_record(ended_by=CallEnd.LOST))
    plain = json.loads(json.dumps(report.to_json()))
    assert plain["latencies_ms"]["onset to clear"]["p50"] == 90.0
    assert plain["latencies_ms"]["mark to echo"] == {
        "count": 1, "p50": 250, "p95": 250, "p99": 250, "max": 250,
    }  # fmt: skip
    assert plain["latencies_ms"]["stutter"]["count"] == 1
    assert plain["counts"]["interruptions without a clear"] == 1
    assert plain["counts"]["seconds received"] == 2
    assert plain["counts"]["calls lost"] == 1
    assert plain["failures"] == {"the connection was lost": 1}
    console = Console(width=120, record=True, quiet=True)
    for table in report.tables():
        console.print(table)
