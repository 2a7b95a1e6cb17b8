from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import trio
from trio.testing import MockClock

from trio_media.server.admission import Admission
from trio_media.server.draining import drain_on_signal
from trio_media.server.lateness import LoopLateness

DRAIN_S = 30.0


async def drain(*signals: tuple[float, int], call_s: float | None) -> tuple[int, float]:
    """Give the exit code and how long the end took from the first signal."""
    send, receive = trio.open_memory_channel[int](4)
    admission = Admission(max_calls=1, lateness=LoopLateness())

    async def one_call() -> None:
        with admission.slot():
            assert call_s is not None
            await trio.sleep(call_s)

    async def send_signals() -> None:
        begun_at = trio.current_time()
        for at_s, number in signals:
            await trio.sleep_until(begun_at + at_s)
            await send.send(number)

    with trio.fail_after(1_000):
        async with trio.open_nursery() as nursery:
            if call_s is not None:
                nursery.start_soon(one_call)
                await trio.testing.wait_all_tasks_blocked()
            begun_at = trio.current_time()
            nursery.start_soon(send_signals)
            exit_code = await drain_on_signal(receive, admission, drain_s=DRAIN_S)
            took_s = trio.current_time() - begun_at
            nursery.cancel_scope.cancel()
    assert admission.is_draining
    return exit_code, took_s


async def test_an_idle_server_ends_at_once(autojump_clock: MockClock) -> None:
    assert await drain((0, signal.SIGTERM), call_s=None) == (0, 0.0)


async def test_a_live_call_is_waited_for(autojump_clock: MockClock) -> None:
    assert await drain((0, signal.SIGTERM), call_s=12) == (0, 12.0)


async def test_but_not_longer_than_the_drain(autojump_clock: MockClock) -> None:
    assert await drain((0, signal.SIGTERM), call_s=900) == (0, DRAIN_S)


async def test_a_second_signal_ends_the_wait(autojump_clock: MockClock) -> None:
    assert await drain((0, signal.SIGTERM), (3, signal.SIGTERM), call_s=900) == (0, 3.0)


async def test_an_interrupt_is_told_by_the_exit_code(autojump_clock: MockClock) -> None:
    assert await drain((0, signal.SIGINT), call_s=1) == (130, 1.0)
    assert await drain((0, signal.SIGTERM), (2, signal.SIGINT), call_s=900) == (130, 2.0)


@pytest.mark.parametrize("exit_code", [0, 130])
def test_a_process_that_is_stuck_is_ended(exit_code: int) -> None:
    script = (
        "import threading; from trio_media.server.draining import exit_if_stuck\n"
        f"exit_if_stuck({exit_code}, after_s=0.05); threading.Event().wait()"
    )
    ended = subprocess.run([sys.executable, "-c", script], timeout=20, check=False)
    assert ended.returncode == exit_code
