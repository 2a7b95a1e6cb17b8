"""What went wrong in a call, and what was done about it.

Rule 1: it is bounded.  What goes beyond is counted, not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

FAILURE: Final = "failure"
"""The note: ``what`` went wrong, in few words; ``detail``, without secrets; what was ``done``."""
FAILURES_MAX: Final = 100  # of one call; a call in which more fails is no better known by them
WORD_CHARS_MAX: Final = 64
DETAIL_CHARS_MAX: Final = 500


@attrs.frozen(kw_only=True)
class Failure:
    """Something that went wrong in a call."""

    at_ms: int
    """When, on the call's clock."""
    what: str
    """``model_lost``, ``rate_limited``, ``response_failed`` and the like."""
    detail: str = ""
    """What the other side, or the network, said."""
    done: str = ""
    """``reconnect``, ``retry``, ``explain``, ``fallback``, ``goodbye``, ``forward``, ``end``;
    empty: nothing was to be done."""


def failure_of(fields: Mapping[str, Any], t_ms: int) -> Failure:
    """Read the note, as it was told or as it is in a log."""
    return Failure(
        at_ms=t_ms,
        what=_clipped(fields.get("what"), WORD_CHARS_MAX) or "unknown",
        detail=_clipped(fields.get("detail"), DETAIL_CHARS_MAX),
        done=_clipped(fields.get("done"), WORD_CHARS_MAX),
    )


def _clipped(value: object, chars_max: int) -> str:
    return "" if value is None else str(value)[:chars_max].encode(errors="replace").decode()


@attrs.define
class Failures:
    """Those of one call."""

    kept: list[Failure] = attrs.field(factory=list)
    dropped: int = 0
    """Those that there was no room for."""

    def note(self, fields: Mapping[str, Any], t_ms: int) -> Failure:
        """Take in a note of a failure; return what it tells."""
        failure = failure_of(fields, t_ms)
        if len(self.kept) < FAILURES_MAX:
            self.kept.append(failure)
        else:
            self.dropped += 1
        return failure
