"""How near the event loop is to the end of its strength, told before calls suffer.

A loop that has too much to do loses nothing; it answers later and later, while what it was sent
waits in the kernel.  So it is measured, and a process that is late takes no new call.

Two signs are watched, for they come one after the other.  **Busy** is the share of time in which
the loop does not wait for anything: it rises with every call, and near 1 a backlog grows that
nothing takes down again.  **Late** is how long after its deadline a timer is served: one round of
the loop, short until the loop is never idle.  Measured on two cores with as many busy neighbours,
adding a call a second: with 26 calls the loop was busy for 0.42, a quarter of its timers was 0.9 ms
late or more, and 99 % of frames were there within 3 ms (19 ms in the worst two seconds up to then);
with 28 it was busy for 0.74 and more, a quarter of its timers was 16 ms late, and half of all
frames took 86 ms.  CPU time tells nothing of it: it was 0.39 of a core before and 0.32 after, for
the neighbours took the rest.

Rule 1: one stall (a slow disk, a collection of garbage) is one sample, however long: no refusal.
Rule 2: whoever is late stays so until both signs are well below what made it late.
"""

from __future__ import annotations

import collections
import math
import time
from collections.abc import Callable
from statistics import fmean
from typing import Final

import trio

PERIOD_S: Final = 0.1
LOOK_S: Final = 0.04  # two frames; watching the loop costs 0.9 us a round, so not all the time
WINDOW: Final = 20  # samples: 2 s, long enough to forgive one stall and short enough to recover
LATE_MS: Final = 10.0  # half a frame: the other half of the 20 ms that we may add is the call's own
LATE_SHARE: Final = 0.25  # of the samples that are later; five stalls in two seconds
BUSY_MAX: Final = 0.7  # ten calls more, which two seconds of a rush bring, and it is at 0.85
RECOVERED: Final = 0.85  # of a limit: busy for 0.6, which is some eight calls fewer


class LoopLateness:
    """The lateness of the last two seconds.

    ``late_ms``: by how much a quarter of the timers may be late; 0: nothing is ever late.
    """

    def __init__(self, late_ms: float = LATE_MS) -> None:
        self._late_ms = late_ms
        self._samples_ms: collections.deque[float] = collections.deque(maxlen=WINDOW)
        self._busy_shares: collections.deque[float] = collections.deque(maxlen=WINDOW)
        self._is_late = False

    def add(self, late_ms: float, busy_share: float = 0.0) -> None:
        """Add one sample: how late a timer was, and how busy the loop was before it, 0 to 1."""
        self._samples_ms.append(late_ms)
        self._busy_shares.append(busy_share)
        if self._late_ms > 0 and len(self._samples_ms) == WINDOW:
            allowed = RECOVERED if self._is_late else 1.0
            self._is_late = (
                self.typical_ms > self._late_ms * allowed or self.busy_share > BUSY_MAX * allowed
            )

    @property
    def typical_ms(self) -> float:
        """What a quarter of the samples of the window exceeds; 0 before the first one."""
        if not self._samples_ms:
            return 0.0
        ordered = sorted(self._samples_ms)
        return ordered[math.ceil(len(ordered) * (1 - LATE_SHARE)) - 1]

    @property
    def busy_share(self) -> float:
        """How busy the loop was in the window, 0 to 1; every sample counts the same."""
        return fmean(self._busy_shares) if self._busy_shares else 0.0

    @property
    def is_late(self) -> bool:
        """Whether a new call would suffer, and make the others suffer."""
        return self._is_late


class IdleClock(trio.abc.Instrument):
    """Measures how long the loop waits for something to do, from now on."""

    def __init__(self, now_s: Callable[[], float] = time.perf_counter) -> None:
        self._now_s = now_s
        self._began_s = now_s()
        self._waiting_since_s: float | None = None
        self._idle_s = 0.0

    def before_io_wait(self, timeout: float) -> None:
        """See `trio.abc.Instrument`."""
        self._waiting_since_s = self._now_s()

    def after_io_wait(self, timeout: float) -> None:
        """See `trio.abc.Instrument`."""
        if self._waiting_since_s is not None:
            self._idle_s += self._now_s() - self._waiting_since_s

    @property
    def busy_share(self) -> float:
        """The share of the time up to now in which the loop did not wait, 0 to 1."""
        passed_s = self._now_s() - self._began_s
        return min(1.0, max(0.0, 1 - self._idle_s / passed_s)) if passed_s > 0 else 1.0


async def measure_lateness(
    lateness: LoopLateness,
    observe: Callable[[float], None],
    now_s: Callable[[], float] = time.perf_counter,
) -> None:
    """Sample the loop ten times a second, for ever; tell each sample (ms) to ``observe``.

    ``now_s``: the clock of the machine, in which the loop waits.
    """
    while True:
        late_ms = await _late_ms(PERIOD_S - LOOK_S)
        idle = IdleClock(now_s)
        trio.lowlevel.add_instrument(idle)
        try:
            late_ms = max(late_ms, await _late_ms(LOOK_S))
        finally:
            trio.lowlevel.remove_instrument(idle)
        lateness.add(late_ms, idle.busy_share)
        observe(late_ms)


async def _late_ms(after_s: float) -> float:
    due_s = trio.current_time() + after_s
    await trio.sleep_until(due_s)
    return max(0.0, (trio.current_time() - due_s) * 1_000)
