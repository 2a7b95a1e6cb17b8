"""What the person at the phone notices of the far end: speaking or not, and for how long."""

from __future__ import annotations

from typing import Final

import numpy as np

from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE, decode_mulaw

FRAME_MS: Final = 20  # the carrier's frame
FRAME_BYTES: Final = FRAME_MS * BYTES_PER_MS
AUDIBLE_RMS: Final = 150.0  # of 32,768: 47 dB below full scale, above a line's own noise
PAUSE_MS: Final = 300  # a pause this long within speech is still speech
SILENT_FRAME: Final = bytes([MULAW_SILENCE]) * FRAME_BYTES


class Hearing:
    """Listens to the frames in order, as the caller hears them."""

    def __init__(self) -> None:
        self.audible_ms = 0
        """How long the far end has been speaking, short pauses included; 0 while it is silent."""
        self.silent_ms = 0
        """How long nothing was heard."""
        self.first_audible_at_ms: int | None = None
        """Beginning of the first frame in which something was heard."""
        self._heard_ms = 0

    @property
    def is_audible(self) -> bool:
        """Whether the last frame could be heard."""
        return self.audible_ms > 0 and self.silent_ms == 0

    def hear(self, frame: bytes) -> None:
        """Take in the next `FRAME_MS`."""
        if is_loud(frame):
            if self.first_audible_at_ms is None:
                self.first_audible_at_ms = self._heard_ms
            # The pause within speech counts as speech, now that it turned out to be one.
            pause_ms = self.silent_ms if self.audible_ms else 0
            self.audible_ms += pause_ms + FRAME_MS
            self.silent_ms = 0
        else:
            self.silent_ms += FRAME_MS
            if self.silent_ms > PAUSE_MS:
                self.audible_ms = 0
        self._heard_ms += FRAME_MS


def is_loud(frame: bytes) -> bool:
    """Return whether mu-law audio is loud enough to be noticed."""
    if frame == SILENT_FRAME or not frame:
        return False  # most frames of a call: not worth any arithmetic
    samples = decode_mulaw(frame).astype(np.float32)
    return bool(np.sqrt(np.mean(samples * samples)) > AUDIBLE_RMS)
