"""Ctrl-C hangs up; a second one cuts the connection."""

from __future__ import annotations

import signal
import threading

import trio


async def hang_up_on_signals(hang_up: trio.Event, scope: trio.CancelScope) -> None:
    """Set ``hang_up`` at the first SIGINT or SIGTERM and cancel ``scope`` at the second.

    Does nothing outside the main thread, where Python delivers no signals.  Runs until cancelled.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            if hang_up.is_set():
                scope.cancel()
            hang_up.set()
