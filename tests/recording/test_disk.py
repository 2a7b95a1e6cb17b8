"""Steps of file work: their deadlines, and whose time counts."""

from __future__ import annotations

import threading

import pytest
import trio

from trio_media.recording.disk import FILE_THREADS_MAX, DiskLimits, run_last_step, run_step


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


def _wait(released: threading.Event) -> None:
    released.wait(10)
