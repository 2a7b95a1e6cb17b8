"""The summary of a call: who, when, how it ended, what was said, and how fast it all was.

Rule 1: it is built from what the event log holds and from nothing else, so a log that was left
behind gives the same summary.
Rule 2: it is bounded.  What goes beyond is counted, not kept.
Rule 3: all times are ms on the call's clock, except ``started_at``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.recording.heard_spans import Ear, HeardSpan
from trio_media.recording.log_format import (
    CALL_ENDED,
    CALLER_TEXT,
    MODEL_TEXT,
    MODEL_TEXT_DELTA,
    LogHeader,
    LogLine,
    Note,
)
from trio_media.recording.summary_records import (
    BargeIn,
    Hush,
    Item,
    Kept,
    Latencies,
    Speech,
    Turn,
    clip,
)

SUMMARY_VERSION: Final = 1


class SummaryBuilder:
    """Takes in what the log takes in.  Never raises for what a call did."""

    def __init__(self, header: LogHeader) -> None:
        self._header = header
        self._now_ms = 0
        self._ended: dict[str, str] | None = None
        self._turns: Kept[str, Turn] = Kept()
        self._speech: Kept[int, Speech] = Kept()
        self._items: Kept[str, Item] = Kept()
        self._barge_ins: Kept[int, BargeIn] = Kept()
        self._hushes: Kept[int, Hush] = Kept()
        self._counts: Counter[str] = Counter()
        self._latencies = Latencies()
        self._ear = Ear()
        self.changes = 0
        """Grows with everything taken in."""
