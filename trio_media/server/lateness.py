"""How late the event loop is: the only sign of saturation that shows before calls suffer.

A loop that is too busy loses nothing; it answers later and later.  So it is measured, and a late
process takes no new call.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable
from typing import Final

import trio

PERIOD_S: Final = 0.1
WINDOW: Final = 20  # samples: 2 s, long enough to forgive one stall and short enough to recover
LATE_MS: Final = 100.0  # five frames; a caller notices hesitations not far above it


class LoopLateness:
    """The lateness of the last two seconds."""

    def __init__(self) -> None:
        self._samples_ms: collections.deque[float] = collections.deque(maxlen=WINDOW)

    def add(self, late_ms: float) -> None:
        """Add one sample."""
        self._samples_ms.append(late_ms)

    @property
    def p95_ms(self) -> float:
        """The 95th percentile of the window; 0 before the first sample."""
        if not self._samples_ms:
            return 0.0
        ordered = sorted(self._samples_ms)
        return ordered[max(0, math.ceil(len(ordered) * 0.95) - 1)]

    @property
    def is_late(self) -> bool:
        """Whether a new call would suffer, and make the others suffer."""
        # One stall (a slow disk, a collection of garbage) is no saturation, not even while the
        # window is short.
        return len(self._samples_ms) == WINDOW and self.p95_ms > LATE_MS


async def measure_lateness(lateness: LoopLateness, observe: Callable[[float], None]) -> None:
    """Sample the loop ten times a second, for ever; tell each sample (ms) to ``observe``."""
    while True:
        due = trio.current_time() + PERIOD_S
        await trio.sleep_until(due)
        late_ms = max(0.0, (trio.current_time() - due) * 1_000)
        lateness.add(late_ms)
        observe(late_ms)
