"""The end of the server: politely at the first signal, at once at the second.

Rule 1: the end takes at most ``drain_s`` and two seconds, whatever a call does.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import AsyncIterator
from typing import Final

import trio

from trio_media.server.admission import Admission

FORCED_END_S: Final = 2.0  # for calls that were cut to close their sockets
EXIT_INTERRUPTED: Final = 130  # what a shell expects of a process ended by SIGINT

log = logging.getLogger("trio_media.server")


async def drain_on_signal(
    signals: AsyncIterator[int], admission: Admission, *, drain_s: float
) -> int:
    """Wait for a signal, then for the calls to end; give the exit code.

    Returns when nothing is worth waiting for any more: no call is left, ``drain_s`` are over, or a
    second signal came.  The caller cancels what is left.  130 if one of the signals was SIGINT,
    else 0.

    Cancellation: safe; the admission stays closed once a signal came.
    """
    first = await anext(signals)
    admission.drain()
    log.info(
        "draining", extra={"signal": _name(first), "calls": admission.active, "drain_s": drain_s}
    )
    received = [first]
    with trio.move_on_after(drain_s):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when_drained, admission, nursery.cancel_scope)
            received.append(await anext(signals))
            nursery.cancel_scope.cancel()
    if admission.active:
        log.warning("ending calls by force", extra={"calls": admission.active})
    return EXIT_INTERRUPTED if signal.SIGINT in received else 0


def exit_if_stuck(exit_code: int, *, after_s: float = FORCED_END_S) -> threading.Timer:
    """End the process after a while, unless it has ended by then (or the timer is cancelled).

    Only for a process of our own, when everything in it was cancelled: what does not end then is
    stuck where no cancellation comes, and an operator waits.
    """
    timer = threading.Timer(after_s, os._exit, [exit_code])
    timer.daemon = True
    timer.start()
    return timer


async def _cancel_when_drained(admission: Admission, scope: trio.CancelScope) -> None:
    await admission.wait_drained()
    scope.cancel()


def _name(number: int) -> str:
    return signal.Signals(number).name
