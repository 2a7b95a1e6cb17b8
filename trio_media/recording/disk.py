"""Steps of file work in a thread, for records that must never hold up a call.

Rule 1: a step has a deadline; a disk that is slower counts as failed.
Rule 2: a cancelled call does not wait for its step.  The thread is left alone, so a step must be
safe beside a later step of the same file: it takes the file's lock, and its work from the file.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable
from typing import Final

import trio

from trio_media.recording.wav_writer import DEFAULT_LIMITS, DiskLimits

LAST_STEP_DEADLINE_S: Final = 0.5  # what the end of a call may wait for its record

__all__ = ["DEFAULT_LIMITS", "LAST_STEP_DEADLINE_S", "DiskLimits", "run_last_step", "run_step"]


async def run_step(step: Callable[[], None], limits: DiskLimits) -> None:
    """Run one step of a file.

    Raises OSError, also when the step takes longer than the limits allow.

    Cancellation: leaves the thread alone; the step may or may not have been begun.
    """
    await _run(step, limits, limits.write_deadline_s)


async def run_last_step(step: Callable[[], None], limits: DiskLimits) -> None:
    """Run the step that ends a file, also in a call that is cancelled, for 500 ms at most.

    Raises OSError, also when the step takes longer.
    """
    deadline_s = LAST_STEP_DEADLINE_S
    if math.isinf(limits.write_deadline_s):
        deadline_s = math.inf  # a virtual clock waits for no thread
    with trio.CancelScope(shield=True):
        await _run(step, limits, deadline_s)


async def _run(step: Callable[[], None], limits: DiskLimits, deadline_s: float) -> None:
    with trio.move_on_after(deadline_s) as scope:
        await trio.to_thread.run_sync(step, abandon_on_cancel=True, limiter=limits.threads)
    if scope.cancelled_caught:
        raise OSError(errno.ETIMEDOUT, f"the disk took more than {deadline_s:g} s")
