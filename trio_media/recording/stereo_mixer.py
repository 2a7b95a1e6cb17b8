"""Two channels of mu-law on one time axis, in constant memory.  Pure.

Rule 1: the mixer holds a window.  What belongs before it is a patch of the file; what is too far
ahead finds no place until the window has moved on.
Rule 2: within the window the later write wins, also over what was taken for the file already: the
next span corrects it.
Rule 3: where nothing was written is silence.
"""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE

LAG_MS: Final = 3_000  # how far back either channel may be corrected
AHEAD_MS: Final = 5_000  # a flush interval, and a disk that stalls for a while


@attrs.frozen
class MixedSpan:
    """Audio for the file: both channels, equally long, in mu-law."""

    start_sample: int
    """Where it belongs; at most the length of what was taken before."""
    left: bytes
    right: bytes


@attrs.frozen
class Patch:
    """Audio of one channel that belongs where the file is already, in mu-law."""

    start_sample: int
    is_right: bool
    mulaw: bytes


class StereoMixer:
    """The window over both channels: ``lag_ms`` back and ``ahead_ms`` on.  The axis starts at 0."""

    def __init__(self, *, lag_ms: int = LAG_MS, ahead_ms: int = AHEAD_MS) -> None:
        assert lag_ms >= 0, f"lag_ms must not be negative, not {lag_ms}"
        assert ahead_ms > 0, f"ahead_ms must be above 0, not {ahead_ms}"
        self._ahead_ms = ahead_ms
        self._lag_samples = lag_ms * BYTES_PER_MS
        self._window_samples = (lag_ms + ahead_ms) * BYTES_PER_MS
        self._left = _silence(self._window_samples)
        self._right = _silence(self._window_samples)
        self._base = 0  # the sample at the start of the window; all before it is final
        self._taken = 0  # how many samples were taken in all: the length of the file
        self._changed_from = 0  # the first sample that differs from what was taken

    def has_room(self, at_ms: int, mulaw: bytes) -> bool:
        """Whether the window reaches far enough ahead."""
        end = at_ms * BYTES_PER_MS + len(mulaw)
        return end <= self._base + self._window_samples

    def make_room(self, at_ms: int, mulaw: bytes) -> MixedSpan | None:
        """Move the window on, for audio that it does not reach; return what leaves it.

        One call moves at most a window: call until there is room, or None.
        """
        end_ms = -(-(at_ms * BYTES_PER_MS + len(mulaw)) // BYTES_PER_MS)
        return self.take(end_ms - self._ahead_ms)

    def write_left(self, at_ms: int, mulaw: bytes) -> Patch | None:
        """Put the caller's audio in its place; return what belongs before the window."""
        return self._write(self._left, at_ms, mulaw)

    def write_right(self, at_ms: int, mulaw: bytes) -> Patch | None:
        """Put what is to be heard in its place; return what belongs before the window."""
        return self._write(self._right, at_ms, mulaw)

    def take(self, until_ms: int) -> MixedSpan | None:
        """Return what the file lacks or has wrong before ``until_ms``; None when it has that.

        One call returns at most a window.  After a longer stall there is more: call until None.
        """
        until = until_ms * BYTES_PER_MS
        end = min(max(until, self._taken), self._base + self._window_samples)
        start = min(self._changed_from, self._taken)
        if start >= end:
            return None
        span = slice(start - self._base, end - self._base)
        mixed = MixedSpan(start, bytes(self._left[span]), bytes(self._right[span]))
        self._taken = self._changed_from = end
        self._slide_to(end - self._lag_samples)
        return mixed

    def _write(self, channel: bytearray, at_ms: int, mulaw: bytes) -> Patch | None:
        assert self.has_room(at_ms, mulaw), "too far ahead"
        first = at_ms * BYTES_PER_MS - self._base
        late = min(max(-first, 0), len(mulaw))
        fitting = mulaw[late:]
        if fitting:
            at = first + late
            channel[at : at + len(fitting)] = fitting
            self._changed_from = min(self._changed_from, self._base + at)
        return Patch(self._base + first, channel is self._right, mulaw[:late]) if late else None

    def _slide_to(self, base: int) -> None:
        passed = base - self._base
        if passed > 0:
            for channel in (self._left, self._right):
                del channel[:passed]
                channel += _silence(passed)
            self._base = base


def _silence(samples: int) -> bytearray:
    return bytearray([MULAW_SILENCE]) * samples
