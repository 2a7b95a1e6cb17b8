"""Figures by the minute."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
import trio
from trio.testing import MockClock

from trio_media.console import overview
from trio_media.console.overview import MINUTES_MAX, Minute, Overview, percentiles


def at_noon() -> datetime:
    return datetime(2026, 1, 2, 11, 59, 30, tzinfo=UTC)


async def test_a_figure_belongs_to_the_minute_in_which_it_became_known(
    autojump_clock: MockClock,
) -> None:
    seen = Overview(now=at_noon)
    seen.current.counts["hushes"] += 1
    await trio.sleep(29)
    seen.current.counts["hushes"] += 1
    await trio.sleep(1)
    seen.current.counts["hushes"] += 5
    await trio.sleep(120)
    shown = [minute.shown() for minute in seen.merged(4)]
    assert [(one["at"], one["hushes"]) for one in shown] == [
        ("2026-01-02T11:59:00Z", 2),
        ("2026-01-02T12:00:00Z", 5),
        ("2026-01-02T12:01:00Z", 0),
        ("2026-01-02T12:02:00Z", 0),
    ]
    assert [one.counts["hushes"] for one in seen.merged(3)] == [5, 0, 0]


async def test_old_minutes_are_forgotten(autojump_clock: MockClock) -> None:
    seen = Overview(now=at_noon)
    for _ in range(MINUTES_MAX + 20):
        seen.current.counts["calls"] += 1
        await trio.sleep(60)
    assert len(seen._minutes) <= MINUTES_MAX


async def test_percentiles_of_several_workers_are_those_of_all_samples(
    autojump_clock: MockClock,
) -> None:
    here, there = Overview(now=at_noon), Overview(now=at_noon)
    for sample in range(1, 11):
        (here if sample <= 5 else there).current.took("hush_to_take_ms", sample)
    there.current.cancels["cancelled"] += 2
    there.current.truncates["rejected"] += 1
    sent = msgspec.json.decode(msgspec.json.encode(there.newest(5)))
    (merged,) = here.merged(1, [Minute.of_json(plain) for plain in sent])
    shown = merged.shown()
    assert shown["hush_to_take_ms"] == {"p50": 5, "p95": 10}
    assert shown["onset_to_hush_ms"] == {"p50": None, "p95": None}
    assert shown["cancels"] == {"cancelled": 2}
    assert shown["truncates"] == {"sent": 0, "rejected": 1}
    assert here.current.samples_ms["hush_to_take_ms"] == [1, 2, 3, 4, 5]  # not added to it


def test_samples_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "SAMPLES_MAX", 2)
    minute = Minute(0)
    for sample in (1, 2, 3):
        minute.took("x", sample)
    assert minute.samples_ms == {"x": [1, 2]}


@pytest.mark.parametrize(
    ("samples", "p50", "p95"), [([7], 7, 7), ([2, 1], 1, 2), (range(1, 101), 50, 96)]
)
def test_percentiles(samples: list[int], p50: int, p95: int) -> None:
    assert percentiles(samples) == {"p50": p50, "p95": p95}
