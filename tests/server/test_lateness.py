from __future__ import annotations

import trio

from trio_media.server.lateness import LATE_MS, WINDOW, LoopLateness, measure_lateness


def lateness_of(*samples_ms: float) -> LoopLateness:
    lateness = LoopLateness()
    for sample_ms in samples_ms:
        lateness.add(sample_ms)
    return lateness


def test_a_process_that_has_just_begun_is_not_late() -> None:
    assert not lateness_of().is_late
    assert not lateness_of(*[500.0] * (WINDOW - 1)).is_late


def test_one_stall_is_forgiven_and_two_are_not() -> None:
    punctual = [1.0] * WINDOW
    assert not lateness_of(*punctual, 5_000.0).is_late
    assert lateness_of(*punctual, 101.0, 5_000.0).is_late


def test_lateness_at_the_limit_is_not_late_and_passes_with_its_samples() -> None:
    assert not lateness_of(*[LATE_MS] * WINDOW).is_late
    lateness = lateness_of(*[LATE_MS + 1] * WINDOW)
    assert lateness.is_late
    for _ in range(WINDOW - 1):
        lateness.add(0.0)
    assert not lateness.is_late


async def test_the_loop_is_sampled_ten_times_a_second(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lateness, seen = LoopLateness(), list[float]()
    with trio.move_on_after(1.05):
        await measure_lateness(lateness, seen.append)
    assert seen == [0.0] * 10
    assert lateness.p95_ms == 0.0
