"""Signals."""

from __future__ import annotations

import os
import signal

import trio
import trio.testing

from trio_media.phone.interrupt import hang_up_on_signals


async def test_the_first_signal_hangs_up_and_the_second_cancels() -> None:
    hang_up, scope = trio.Event(), trio.CancelScope()

    async def signal_twice() -> None:
        await trio.testing.wait_all_tasks_blocked()
        os.kill(os.getpid(), signal.SIGTERM)
        await hang_up.wait()
        assert not scope.cancel_called
        os.kill(os.getpid(), signal.SIGINT)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(signal_twice)
            with scope:
                await hang_up_on_signals(hang_up, scope)
    assert scope.cancelled_caught


async def test_another_thread_gets_no_signals() -> None:
    def run() -> None:
        trio.run(hang_up_on_signals, trio.Event(), trio.CancelScope())

    with trio.fail_after(5):
        await trio.to_thread.run_sync(run)
