"""How long a model session lasts, and when it is to be renewed."""

from __future__ import annotations

import time
from typing import Final

import trio

from trio_media.call.line import Line
from trio_media.core import events as ev

WINDOW_S: Final = 300.0  # so long before its end a quiet moment is looked for
IN_TIME_S: Final = 30.0  # ... and then it is renewed whatever goes on
SHORTEST_S: Final = 5.0  # less is no session for a call, but a clock that is wrong, here or there
SHARE: Final = 0.2  # of a session that is short: the window, and a tenth of that in time


def ends_at_s(session_max_s: float, expires_at_s: int | None) -> float | None:
    """When a session that begins now ends, on Trio's clock; None: nobody knows of an end.

    ``expires_at_s``: in Unix seconds, as the service says.  The wall clock is asked here and
    nowhere else: how far away that is.  An end that is past or near is not believed: by a clock
    that goes wrong, one session after the other would be renewed at once.
    """
    lasts_s = [session_max_s] if session_max_s else []
    if expires_at_s is not None:
        told_s = expires_at_s - time.time()  # noqa: TID251
        lasts_s += [told_s] if told_s >= SHORTEST_S else []
    return trio.current_time() + min(lasts_s) if lasts_s else None


async def tell_age(ends_s: float | None, line: Line) -> None:
    """Tell the owner when the session is about to be too old.  **Cancellation:** it is not told."""
    if ends_s is None:
        return
    lasts_s = ends_s - trio.current_time()
    window_s = min(WINDOW_S, lasts_s * SHARE)
    await trio.sleep_until(ends_s - window_s)
    by_s = ends_s - min(IN_TIME_S, window_s / 10)
    renew_by_ms = int((by_s - line.began_s) * 1_000)
    await line.send_inbox.send(ev.SessionAging(renew_by_ms))
