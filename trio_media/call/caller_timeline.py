"""Where the caller's audio stands on the call's clock, by the carrier's timestamps.  Pure."""

from __future__ import annotations

from typing import Final

import attrs

GAP_MS_MIN: Final = 20  # a jump by less is jitter of the timestamps
GAP_MS_MAX: Final = 5_000  # longer silence says nothing more to any detector
QUIET_LINE_MS: Final = 400  # no audio for so long: silence is filled in by the clock
CLOCK_MS_MAX: Final = 10_000  # a timestamp farther from the clock than this begins a new count


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

    def gap_ms(self, timestamp_ms: int, length_ms: int, now_ms: int) -> int:
        """Take in audio; return how much silence belongs in front of it."""
        from_clock_ms = timestamp_ms + self.offset_ms - now_ms
        if self.position_ms is None or abs(from_clock_ms) > CLOCK_MS_MAX:
            self.position_ms = timestamp_ms
            self.offset_ms = now_ms - timestamp_ms
            self.filled_ms = 0
        gap_ms = timestamp_ms - self.position_ms - self.filled_ms
        missing_ms = min(gap_ms, GAP_MS_MAX) if gap_ms >= GAP_MS_MIN else 0
        self.position_ms = max(self.position_ms, timestamp_ms) + length_ms
        self.last_ms = now_ms
        self.filled_ms = 0
        return missing_ms

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
