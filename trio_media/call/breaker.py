"""A circuit breaker: whether a model service is worth a try, for all calls of a process.  Pure.

Closed, calls try.  Open, nobody does until the time has come; then one does, and what comes of it
closes the breaker or leaves the service alone for twice as long.

Rule 1: one refusal that only people can mend opens it; other failures do when several come in a
        row, of whatever calls, without a success between.
Rule 2: failures that come while it is open are of attempts that began before, and make it no worse.
Rule 3: a service that fails again sooner than it was left alone is left alone for twice as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import attrs

State: TypeAlias = Literal["closed", "open", "half_open"]
IN_A_ROW: Final = 5  # failures: one call alone has reason to try again twice
TRANSIENT_WAITS_S: Final = (1.0, 30.0)  # the first, and the longest
FATAL_WAITS_S: Final = (30.0, 300.0)  # nobody mends a key sooner
TRY_S: Final = 60.0  # the longest that an attempt may take; one that nobody told us of is over then
JITTER_SHARE: Final = 0.25  # of a wait: workers that failed together do not try together


def nobody(_breaker: Breaker) -> None:
    """Nobody wants to know."""


@attrs.define(eq=False, kw_only=True)
class Breaker:
    """Counts what comes of the attempts at one service, and says whether there may be another."""

    name: str = "realtime"
    """Of the section in which the service is configured."""
    is_probed: bool = False
    """Somebody tries for the calls when it is open, so that none of them has to."""
    on_change: Callable[[Breaker], None] = nobody
    """Told when it has opened, has closed, or is open for a graver reason."""
    state: State = attrs.field(default="closed", init=False)
    why: str = attrs.field(default="", init=False)
    """What opened it, in words for an operator, without secrets; empty while it is closed."""
    is_fatal: bool = attrs.field(default=False, init=False)
    """Whether somebody has to mend something."""
    retry_at_s: float = attrs.field(default=-math.inf, init=False)
    """When there may be a try, while it is not closed."""
    _failures: int = attrs.field(default=0, init=False)
    """In a row."""
    _wait_s: float = attrs.field(default=0.0, init=False)
    """For how long the service was last left alone, before any jitter."""
    _waited_fatally: bool = attrs.field(default=False, init=False)
    _closed_at_s: float = attrs.field(default=-math.inf, init=False)

    @property
    def is_closed(self) -> bool:
        """Whether calls try."""
        return self.state == "closed"

    def may_try(self, now_s: float, *, is_probe: bool = False) -> bool:
        """Say whether the service may be tried now; while it is not closed, True is for one.

        Whoever is told True says what came of it by `succeeded` or `failed`.
        """
        if self.state == "closed":
            return True
        if now_s < self.retry_at_s or (self.is_probed and not is_probe):
            return False
        self.state, self.retry_at_s = "half_open", now_s + TRY_S
        return True

    def succeeded(self, now_s: float) -> None:
        """The service gave somebody a session."""
        self._failures = 0
        if self.state == "closed":
            return
        self.state, self.why, self.is_fatal = "closed", "", False
        self._closed_at_s = now_s
        self.on_change(self)

    def failed(self, now_s: float, *, is_fatal: bool, detail: str, jitter: float = 0.0) -> None:
        """The service gave somebody no session.

        ``is_fatal``: another attempt would get the same.  ``detail``: for `why`, without secrets.
        ``jitter``: from 0 to 1, at random, where several may have failed together.
        """
        assert 0 <= jitter <= 1, jitter
        self._failures += 1
        was_closed, was_fatal = self.state == "closed", self.is_fatal
        if was_closed and not is_fatal and self._failures < IN_A_ROW:
            return
        if self.state == "open" and (was_fatal or not is_fatal):
            return
        self._wait_s = self._next_wait_s(now_s, is_fatal=is_fatal)
        self._waited_fatally = is_fatal
        self.state, self.why, self.is_fatal = "open", detail, is_fatal
        self.retry_at_s = now_s + self._wait_s * (1 + JITTER_SHARE * jitter)
        if was_closed or (is_fatal and not was_fatal):
            self.on_change(self)

    def _next_wait_s(self, now_s: float, *, is_fatal: bool) -> float:
        first_s, longest_s = FATAL_WAITS_S if is_fatal else TRANSIENT_WAITS_S
        closed_for_s = 0.0 if self.state != "closed" else now_s - self._closed_at_s
        if is_fatal is not self._waited_fatally or closed_for_s >= self._wait_s:
            return first_s
        return min(2 * self._wait_s, longest_s)
