"""Where the caller's audio stands on the call's clock, by the carrier's timestamps.  Pure.

Rule 1: timestamps say when audio was spoken; the clock only says when it came, which after a stall
is far too late.
Rule 2: timestamps that cannot be true begin a new count: of audio that is not spoken yet, that jump
back, or that stay behind the clock as no backlog does.
"""

from __future__ import annotations

from typing import Final

import attrs

GAP_MS_MIN: Final = 20  # a jump by less is jitter of the timestamps
GAP_MS_MAX: Final = 5_000  # longer silence says nothing more to any detector
QUIET_LINE_MS: Final = 400  # no audio for so long: silence is filled in by the clock
CLOCK_MS_MAX: Final = 10_000  # timestamps this close to the clock are believed
JUMP_BACK_MS_MAX: Final = 1_000  # frames that overtook each other; more is another count
BACKLOG_READ_MS_MAX: Final = 10_000  # a backlog is read at once; what stays behind is none


@attrs.define
class CallerTimeline:
    """Where the caller's audio stands, on the carrier's timestamps."""

    position_ms: int | None = None
    """Timestamp up to which audio was forwarded; None before the first."""
    offset_ms: int = 0
    """Call clock minus timestamp, as the first audio had it: a recording must not jump."""
    last_ms: int = 0
    """Call clock at which audio last came."""
    filled_ms: int = 0
    """Silence filled in by the clock since audio last came."""
    behind_since_ms: int | None = None
    """Call clock at which a backlog began to come; None while there is none."""

    def gap_ms(self, timestamp_ms: int, length_ms: int, now_ms: int) -> int:
        """Take in audio; return how much silence belongs in front of it."""
        if self.position_ms is None or self._is_another_count(
            self.position_ms, timestamp_ms, now_ms
        ):
            self.position_ms = timestamp_ms
            self.offset_ms = now_ms - timestamp_ms
            self.filled_ms = 0
            self.behind_since_ms = None
        gap_ms = timestamp_ms - self.position_ms - self.filled_ms
        missing_ms = min(gap_ms, GAP_MS_MAX) if gap_ms >= GAP_MS_MIN else 0
        self.position_ms = max(self.position_ms, timestamp_ms) + length_ms
        self.last_ms = now_ms
        self.filled_ms = 0
        return missing_ms

    def _is_another_count(self, position_ms: int, timestamp_ms: int, now_ms: int) -> bool:
        """Return whether a timestamp cannot belong to the count so far."""
        behind_ms = now_ms - (timestamp_ms + self.offset_ms)
        if abs(behind_ms) <= CLOCK_MS_MAX:
            self.behind_since_ms = None
            return False
        if behind_ms < 0 or position_ms - timestamp_ms > JUMP_BACK_MS_MAX:
            return True
        # However long the process stood still: what follows in order was spoken in order.
        if self.behind_since_ms is None:
            self.behind_since_ms = now_ms
        return now_ms - self.behind_since_ms > BACKLOG_READ_MS_MAX

    def at_ms(self, timestamp_ms: int) -> int:
        """Return when audio with this timestamp was spoken, on the call's clock."""
        return max(0, timestamp_ms + self.offset_ms)

    def fill_ms(self, now_ms: int) -> int:
        """Return how much silence stands in for audio that does not come."""
        if self.position_ms is None or now_ms - self.last_ms < QUIET_LINE_MS - self.filled_ms:
            return 0
        quiet_ms = now_ms - self.last_ms
        fill_ms = min(quiet_ms, GAP_MS_MAX) - self.filled_ms
        self.filled_ms += max(0, fill_ms)
        return max(0, fill_ms)
