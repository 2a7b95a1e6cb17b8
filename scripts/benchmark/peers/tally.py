"""What the model saw, until it is told to forget it."""

from __future__ import annotations

from array import array
from typing import Any


class Tally:
    """Counts, delays and happenings since the last reset.  Times are those of `stamps.now_us`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> bool:
        """Forget everything."""
        self.frames = 0
        self.unstamped_frames = 0
        self.audio_ms = 0.0
        self.out_of_order = 0
        self.missing = 0
        self.appends = 0
        self.deltas = 0
        self.creates = 0
        self.cancels = 0
        self.truncates = 0
        self.answers = 0
        self.frame_us = array("L")  # from a phone's send of a frame to here
        self.lateness_us = array("L")  # of our own deltas
        self.speech: list[tuple[int, int]] = []  # call, when speech_started was sent
        self.onsets: list[tuple[int, int]] = []  # call, when the first frame of speech came
        self.first_deltas: list[tuple[int, int]] = []  # call, when
        return True

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        arrays = {"frame_us": list(self.frame_us), "lateness_us": list(self.lateness_us)}
        return {**vars(self), **arrays}
