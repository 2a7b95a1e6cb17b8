from __future__ import annotations

import threading
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from trio_media.agent.application import (
    THREADS_MAX,
    _Work,
    agent_threads,
    is_async,
    limit_agent_threads,
    run_code,
)


def no_count(name: str) -> None:
    raise AssertionError(name)


class AsyncByCall:
    async def __call__(self, number: int) -> int:
        return number + 1


async def plus_one(number: int) -> int:
    await trio.lowlevel.checkpoint()
    return number + 1


def thread_of(number: int) -> tuple[int, int]:
    return number, threading.get_ident()


async def test_an_async_function_runs_here_and_any_other_in_a_thread() -> None:
    assert await run_code(plus_one, 1, count=no_count) == 2
    assert await run_code(partial(plus_one, 1), count=no_count) == 2
    assert await run_code(AsyncByCall(), 1, count=no_count) == 2
    number, ident = await run_code(thread_of, 1, count=no_count)
    assert number == 1
    assert ident != threading.get_ident()
    assert is_async(AsyncByCall())
    assert is_async(partial(AsyncByCall(), 1))  # as a tool with its arguments is
    assert not is_async(partial(thread_of, 1))
    assert not is_async(thread_of)


async def test_what_a_function_gives_to_be_awaited_is_awaited() -> None:
    assert await run_code(lambda: plus_one(1), count=no_count) == 2


async def test_a_thread_reaches_trio() -> None:
    def from_a_thread() -> int:
        return trio.from_thread.run(plus_one, 1)

    assert await run_code(from_a_thread, count=no_count) == 2


@pytest.mark.parametrize("is_async", [True, False])
async def test_what_it_raises_is_raised(is_async: bool) -> None:
    def fails() -> None:
        raise ValueError("wrong")

    async def fails_async() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await run_code(fails_async if is_async else fails, count=no_count)


async def test_a_thread_that_nobody_waits_for_is_abandoned_and_counted() -> None:
    counted: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def hangs() -> None:
        begun.set()
        go_on.wait(60)

    async def runs() -> None:
        await run_code(hangs, count=counted.append)

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runs)
            await trio.to_thread.run_sync(begun.wait)
            nursery.cancel_scope.cancel()
        assert counted == ["threads_abandoned"]
        assert agent_threads().borrowed_tokens == 1, "it keeps its place until it is over"
    finally:
        go_on.set()


def test_what_is_abandoned_before_it_begins_does_not_begin() -> None:
    ran: list[int] = []
    work = _Work(partial(ran.append, 1))
    work.is_abandoned = True
    work()
    assert not ran
    assert work.has_begun


async def test_a_thread_that_never_began_is_not_counted(autojump_clock: MockClock) -> None:
    limiter = agent_threads()
    assert limiter.total_tokens == THREADS_MAX
    limiter.total_tokens = 1
    async with limiter:
        with trio.move_on_after(5) as scope:
            await run_code(thread_of, 1, count=no_count)
    assert scope.cancelled_caught


async def test_all_calls_of_a_process_share_the_threads() -> None:
    assert agent_threads() is agent_threads()


async def test_a_run_may_bring_a_limiter_of_its_own() -> None:
    limiter = trio.CapacityLimiter(1)
    limit_agent_threads(limiter)
    assert agent_threads() is limiter
    assert await run_code(lambda: limiter.borrowed_tokens, count=no_count) == 1
