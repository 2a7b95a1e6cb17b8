"""Old recordings are deleted: when the server starts, and once an hour.

Rule 1: of several workers one does it.
Rule 2: whatever the disk does, calls go on.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio
from trio import sleep

from trio_media.config import RecordingConfig
from trio_media.recording.retention import DAY_S, Deleted, delete_old
from trio_media.server.tokens import unix_now_s

SWEEP_EVERY_S: Final = 3_600.0
SWEEP_S: Final = 600.0  # a folder in which it takes longer is looked at again the next time
FAILURES_SHOWN: Final = 3

log = logging.getLogger("trio_media.server")


async def delete_old_calls(
    config: RecordingConfig,
    is_live: Callable[[str], bool],
    *,
    now_unix_s: Callable[[], float] = unix_now_s,
) -> None:
    """Delete what is older than ``keep_days``, at once and every hour, until cancelled.

    Returns at once where everything is kept for ever.  **Cancellation:** what a thread has begun
    goes on alone.
    """
    if not config.dir or not config.keep_days:
        return
    while True:
        before_s = now_unix_s() - config.keep_days * DAY_S
        sweep = functools.partial(
            delete_old, Path(config.dir), before_unix_s=before_s, is_live=is_live
        )
        try:
            with trio.move_on_after(SWEEP_S) as scope:
                tell(await trio.to_thread.run_sync(sweep, abandon_on_cancel=True), config)
            if scope.cancelled_caught:
                log.warning("old recordings: the disk took more than %g s", SWEEP_S)
        except OSError as wrong:
            log.warning("old recordings could not be looked for: %s", wrong)
        await sleep(SWEEP_EVERY_S)


def tell(deleted: Deleted, config: RecordingConfig) -> None:
    """Log what was deleted, and what could not be."""
    if deleted.files:
        fields = {"calls": deleted.calls, "files": deleted.files, "keep_days": config.keep_days}
        log.info("old recordings were deleted", extra=fields)
    if deleted.failures:
        shown = "; ".join(deleted.failures[:FAILURES_SHOWN])
        log.warning("%d old files could not be deleted: %s", len(deleted.failures), shown)
