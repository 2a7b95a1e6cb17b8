from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from trio_media.server.lateness import (
    BUSY_MAX,
    LATE_MS,
    LOOK_S,
    PERIOD_S,
    RECOVERED,
    WINDOW,
    IdleClock,
    LoopLateness,
    measure_lateness,
)

PUNCTUAL = [1.0] * WINDOW


def lateness_of(*samples_ms: float, busy_share: float = 0.4) -> LoopLateness:
    lateness = LoopLateness()
    for sample_ms in samples_ms:
        lateness.add(sample_ms, busy_share)
    return lateness


def test_a_process_that_has_just_begun_is_not_late() -> None:
    assert LoopLateness().typical_ms == LoopLateness().busy_share == 0.0
    assert not lateness_of().is_late
    assert not lateness_of(*[500.0] * (WINDOW - 1), busy_share=1.0).is_late
    assert lateness_of(*[500.0] * WINDOW).is_late


def test_a_few_stalls_are_forgiven_and_a_quarter_of_the_time_is_not() -> None:
    assert not lateness_of(*PUNCTUAL, 60_000.0).is_late
    assert not lateness_of(*PUNCTUAL, *[500.0] * (WINDOW // 4)).is_late
    assert lateness_of(*PUNCTUAL, *[LATE_MS + 1] * (WINDOW // 4 + 1)).is_late


def test_a_loop_that_is_hardly_ever_idle_is_late_before_its_timers_are() -> None:
    assert not lateness_of(*PUNCTUAL, busy_share=BUSY_MAX).is_late
    lateness = lateness_of(*PUNCTUAL, busy_share=BUSY_MAX + 0.01)
    assert lateness.is_late
    assert lateness.typical_ms == 1.0


def test_a_stall_is_one_sample_of_busyness_too() -> None:
    lateness = lateness_of(*PUNCTUAL, busy_share=BUSY_MAX - 0.1)
    lateness.add(60_000.0, 1.0)
    assert not lateness.is_late


def test_a_limit_that_was_reached_is_not_exceeded() -> None:
    assert not lateness_of(*[LATE_MS] * WINDOW).is_late


@pytest.mark.parametrize(
    ("made_it_late", "hovers", "is_well_below"),
    [
        ((LATE_MS + 1, 0.4), (LATE_MS - 1, 0.4), (LATE_MS * RECOVERED, 0.4)),
        ((1.0, BUSY_MAX + 0.05), (1.0, BUSY_MAX - 0.05), (1.0, BUSY_MAX * RECOVERED - 0.01)),
        ((LATE_MS + 1, BUSY_MAX - 0.05), (1.0, BUSY_MAX - 0.05), (1.0, 0.4)),
    ],
)
def test_whoever_is_late_stays_so_until_it_is_well_below_what_made_it_late(
    made_it_late: tuple[float, float],
    hovers: tuple[float, float],
    is_well_below: tuple[float, float],
) -> None:
    lateness = LoopLateness()
    for _ in range(WINDOW):
        lateness.add(*hovers)
    assert not lateness.is_late
    for _ in range(WINDOW):
        lateness.add(*made_it_late)
    assert lateness.is_late
    for _ in range(10 * WINDOW):
        lateness.add(*hovers)
        assert lateness.is_late
    for _ in range(WINDOW):
        lateness.add(*is_well_below)
    assert not lateness.is_late


@given(st.lists(st.floats(0.0, BUSY_MAX), min_size=WINDOW, max_size=200))
def test_load_that_goes_up_and_down_below_the_limit_refuses_nobody(shares: list[float]) -> None:
    lateness = LoopLateness()
    for share in shares:
        lateness.add(0.0, share)
        assert not lateness.is_late


def test_the_limit_is_configured_and_zero_is_none() -> None:
    strict, never = LoopLateness(2.0), LoopLateness(0)
    for _ in range(WINDOW):
        strict.add(3.0, 0.1)
        never.add(10_000.0, 1.0)
    assert strict.is_late
    assert not never.is_late


async def test_the_loop_is_sampled_ten_times_a_second(autojump_clock: MockClock) -> None:
    lateness, seen = LoopLateness(), list[float]()
    with trio.move_on_after(1.05):
        await measure_lateness(lateness, seen.append)
    assert seen == [0.0] * 10
    assert lateness.typical_ms == 0.0


async def test_what_holds_the_loop_up_makes_it_late_wherever_it_comes(
    mock_clock: MockClock,
) -> None:
    """A clock that the test moves stands for code that does not let the loop go on."""
    for hold_up_s in (PERIOD_S - LOOK_S, PERIOD_S):
        seen = list[float]()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(measure_lateness, LoopLateness(), seen.append)
            for step_s in (PERIOD_S - LOOK_S, PERIOD_S):
                await trio.testing.wait_all_tasks_blocked()
                late_s = 0.03 if step_s == hold_up_s else 0.0
                mock_clock.jump((PERIOD_S - LOOK_S if step_s < PERIOD_S else LOOK_S) + late_s)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert seen == [pytest.approx(30.0)]


def test_idle_is_what_the_loop_waits_and_nothing_else() -> None:
    now_s = 100.0
    idle = IdleClock(lambda: now_s)
    assert idle.busy_share == 1.0  # no time has passed: it had none to wait in
    idle.after_io_wait(0)  # a wait that began before we looked
    for busy_s, idle_s in ((1.0, 3.0), (2.0, 0.0), (1.0, 1.0)):
        now_s += busy_s
        idle.before_io_wait(1)
        now_s += idle_s
        idle.after_io_wait(1)
    assert idle.busy_share == pytest.approx(0.5)
    now_s += 8.0
    assert idle.busy_share == pytest.approx(0.75)


async def test_the_loop_tells_how_busy_it_is(autojump_clock: MockClock) -> None:
    """The machine's clock goes on by a millisecond with every look at it: half of that is idle."""
    ticks = iter(range(10**9))
    lateness = LoopLateness()
    with trio.move_on_after(1.05):
        await measure_lateness(lateness, lambda _: None, lambda: next(ticks) / 1_000)
    assert 0.3 < lateness.busy_share < 0.9


async def test_nothing_watches_the_loop_when_the_measuring_has_ended(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = list[object]()
    add, remove = trio.lowlevel.add_instrument, trio.lowlevel.remove_instrument
    monkeypatch.setattr(
        trio.lowlevel, "add_instrument", lambda one: (watching.append(one), add(one))
    )
    monkeypatch.setattr(
        trio.lowlevel, "remove_instrument", lambda one: (watching.remove(one), remove(one))
    )
    with trio.move_on_after(PERIOD_S - LOOK_S / 2):
        await measure_lateness(LoopLateness(), lambda _: None)
    assert watching == []
