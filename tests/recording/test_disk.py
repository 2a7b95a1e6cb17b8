"""Steps of file work: their deadlines, and whose time counts."""

from __future__ import annotations

import threading
from functools import partial

import pytest
import trio
import trio.testing

from trio_media.recording.disk import (
    FILE_THREADS_MAX,
    DiskLimits,
    run_last_step,
    run_step,
    until_flush,
)

PATIENT = DiskLimits(write_deadline_s=60)


async def test_a_step_that_fails_says_so() -> None:
    def fail() -> None:
        raise OSError("full")

    with trio.fail_after(5), pytest.raises(OSError, match="full"):
        await run_step(fail, DiskLimits())


async def test_a_step_that_takes_too_long_has_failed() -> None:
    released = threading.Event()
    try:
        with trio.fail_after(5), pytest.raises(OSError, match=r"more than 0\.05 s"):
            await run_step(lambda: _wait(released), DiskLimits(write_deadline_s=0.05))
    finally:
        released.set()


async def test_a_process_that_stood_still_does_not_blame_the_disk() -> None:
    """Every deadline has passed when it goes on, and its threads had no time either."""
    released = threading.Event()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_step, lambda: _wait(released), DiskLimits(write_deadline_s=0.8))
            await trio.testing.wait_all_tasks_blocked()
            _stand_still(1.2)
            await trio.sleep(0.05)
            released.set()


def _stand_still(length_s: float) -> None:
    threading.Event().wait(length_s)


async def test_a_cancelled_call_waits_for_its_last_step_but_not_for_others() -> None:
    done: list[str] = []
    released = threading.Event()
    try:
        with trio.fail_after(5):
            with trio.CancelScope() as scope:
                scope.cancel()
                await run_last_step(lambda: done.append("last"), DiskLimits())
            with trio.CancelScope() as scope:
                scope.cancel()
                await run_step(lambda: _wait(released), DiskLimits())
        assert done == ["last"]
    finally:
        released.set()


async def test_files_take_no_threads_from_others() -> None:
    released = threading.Event()
    limits = DiskLimits(write_deadline_s=0.1)
    failures: list[OSError] = []

    async def hang() -> None:
        try:
            await run_step(lambda: _wait(released), limits)
        except OSError as error:
            failures.append(error)

    try:
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                for _ in range(FILE_THREADS_MAX + 5):
                    nursery.start_soon(hang)
        assert len(failures) == FILE_THREADS_MAX + 5
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    finally:
        released.set()


async def test_steps_that_are_asked_for_meanwhile_share_a_thread_and_keep_their_order() -> None:
    released = threading.Event()
    ran: list[tuple[int, int]] = []

    def step(number: int) -> None:
        released.wait(10)
        ran.append((number, threading.get_ident()))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(run_step, partial(step, number), PATIENT)
                await trio.testing.wait_all_tasks_blocked()
            released.set()
    assert [number for number, _ in ran] == list(range(10))
    assert len({thread for _, thread in ran}) == 1


async def test_a_step_behind_one_that_hangs_gets_a_thread_of_its_own() -> None:
    released = threading.Event()
    try:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run_step, lambda: _wait(released), PATIENT)
                await trio.testing.wait_all_tasks_blocked()
                await run_step(lambda: None, DiskLimits(write_deadline_s=8))
                assert not released.is_set()
                released.set()
    finally:
        released.set()


async def test_a_step_that_nobody_waits_for_any_more_is_still_run() -> None:
    released, done = threading.Event(), threading.Event()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_step, lambda: _wait(released), PATIENT)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(run_step, done.set, PATIENT)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert not done.is_set()
        released.set()
        await trio.to_thread.run_sync(done.wait, 10)
    assert done.is_set()


def test_a_step_that_outlives_its_run_of_trio_troubles_nobody() -> None:
    released, done = threading.Event(), threading.Event()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_step, lambda: _wait(released), PATIENT)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(run_step, done.set, PATIENT)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    trio.run(main)
    released.set()
    assert done.wait(10)  # the thread has been through the end of the first step


async def test_an_error_that_is_not_the_disks_reaches_whoever_asked() -> None:
    with trio.fail_after(10), pytest.raises(ZeroDivisionError):
        await run_step(lambda: divmod(1, 0), PATIENT)  # type: ignore[arg-type]


async def test_files_are_flushed_at_the_same_moments_and_none_later_than_it_should(
    autojump_clock: trio.testing.MockClock,
) -> None:
    flushed_s: list[float] = []

    async def keep(begins_s: float) -> None:
        await trio.sleep(begins_s)
        for _ in range(3):
            asked_s = trio.current_time()
            await until_flush(DiskLimits(flush_every_s=1), trio.Event())
            assert asked_s + 0.7 < trio.current_time() <= asked_s + 1
            flushed_s.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        for begins_s in (0.03, 0.11, 0.19, 0.24):
            nursery.start_soon(keep, begins_s)
    assert flushed_s == [1] * 4 + [2] * 4 + [3] * 4


async def test_news_are_not_kept_until_the_next_flush(
    autojump_clock: trio.testing.MockClock,
) -> None:
    news = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(until_flush, DiskLimits(), news)
        await trio.sleep(0.1)
        news.set()
    assert trio.current_time() == pytest.approx(0.1)


def _wait(released: threading.Event) -> None:
    released.wait(10)
