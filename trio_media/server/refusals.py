"""Connections that were not served: counted each, and told of now and then.

Rule 1: whoever sends many of them does not fill the log: a reason is one line in `LOG_EVERY_S`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import attrs
import trio

Reason: TypeAlias = Literal[
    "too_many", "too_many_of_client", "busy", "late_head", "bad_head", "signature", "no_worker"
]
REASONS: Final[dict[Reason, str]] = {
    "too_many": "there are as many connections as there may be",
    "too_many_of_client": "the client has as many connections as it may have",
    "busy": "there are as many requests as there may be",
    "late_head": "the request head did not come in time, or made room for a newer one",
    "bad_head": "the request head cannot be served",
    "signature": "the signature is missing or wrong",
    "no_worker": "no worker takes a connection",
}
QUIET: Final = frozenset({"late_head", "bad_head"})
"""Browsers connect and say nothing, and everybody's ports are looked at all day."""
LOG_EVERY_S: Final = 10.0  # often enough to be seen, and rarely enough to be read

log = logging.getLogger("trio_media.server")


@attrs.define
class _Told:
    at_s: float
    untold: int = 0


@attrs.define(eq=False)
class Refusals:
    """What was refused in this process.  ``count``: adds one to a counter, by its reason."""

    _count: Callable[[Reason], None]
    _now_s: Callable[[], float] = trio.current_time
    _told: dict[Reason, _Told] = attrs.field(factory=dict)

    def note(self, reason: Reason, client: str, **more: object) -> None:
        """A connection of a client was refused, or cut before it was served."""
        self._count(reason)
        now_s = self._now_s()
        told = self._told.get(reason)
        if told is not None and now_s < told.at_s + LOG_EVERY_S:
            told.untold += 1
            return
        times = 1 if told is None else told.untold + 1
        self._told[reason] = _Told(now_s)
        log.log(
            logging.INFO if reason in QUIET else logging.WARNING,
            "connection refused: %s",
            REASONS[reason],
            extra={"reason": reason, "client": client, "times": times, **more},
        )
