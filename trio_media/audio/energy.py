"""The onset detector that needs nothing: level over an adaptive noise floor."""

from __future__ import annotations

from typing import Final

from trio_media.audio.detector import SpeechTransition
from trio_media.audio.onset import IsEcho, OnsetDetector

GATE_DBFS: Final = -48.0  # a quiet talker's vowels are above; the hiss of a line is below
MARGIN_DB: Final = 6.0  # over the floor; steady noise stays within 3 dB of its least frame


class EnergyDetector:
    """Anything that stands out of the noise is an onset: speech, but also breath and music.

    Steady noise does not trigger it; noise that steps up does, for at most two seconds.
    """

    def __init__(self, confirm_ms: int, *, is_echo: IsEcho | None = None) -> None:
        """``confirm_ms``: how long speech must last to be confirmed."""
        self._onsets = OnsetDetector(
            confirm_ms, gate_dbfs=GATE_DBFS, margin_db=MARGIN_DB, is_echo=is_echo
        )

    def hear(self, payload: bytes, at_ms: int) -> list[SpeechTransition]:
        """Take in mu-law 8 kHz audio of any length whose first sample is at ``at_ms``."""
        return self._onsets.hear(payload, at_ms)
