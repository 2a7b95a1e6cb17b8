"""The onset detector of choice: WebRTC's voice activity detector behind a level gate.

Rule: it is asked in its strictest mode, and what it calls speech must be loud enough.  By itself it
holds on for three frames after speech or a click, whatever is in them.

Source: https://github.com/daanzu/py-webrtcvad-wheels
"""

from __future__ import annotations

import logging
from typing import Final

from trio_media.audio.detector import Detector, SpeechTransition
from trio_media.audio.energy import EnergyDetector
from trio_media.audio.g711 import SAMPLE_RATE_HZ, mulaw_to_pcm
from trio_media.audio.onset import IsEcho, OnsetDetector

try:
    import webrtcvad
except ImportError:  # no wheel for this machine
    webrtcvad = None

_log = logging.getLogger(__name__)

MODE: Final = 3  # the strictest of 0 to 3
GATE_DBFS: Final = -52.0  # a quiet talker's vowels are above; the hiss of a line is below
MARGIN_DB: Final = 3.0  # over the floor; steady noise stays within 3 dB of its least frame


class WebRtcDetector:
    """Speech as WebRTC's detector hears it, where it is louder than the line's noise."""

    def __init__(self, confirm_ms: int, *, is_echo: IsEcho | None = None) -> None:
        """``confirm_ms``: how long speech must last to be confirmed.

        Raises ImportError if ``webrtcvad`` is not installed.
        """
        if webrtcvad is None:
            raise ImportError("webrtcvad is not installed: pip install webrtcvad-wheels")
        self._vad = webrtcvad.Vad(MODE)
        self._onsets = OnsetDetector(
            confirm_ms,
            gate_dbfs=GATE_DBFS,
            margin_db=MARGIN_DB,
            is_voice=self._is_voice,
            is_echo=is_echo,
        )

    def hear(self, payload: bytes, at_ms: int) -> list[SpeechTransition]:
        """Take in mu-law 8 kHz audio of any length whose first sample is at ``at_ms``."""
        return self._onsets.hear(payload, at_ms)

    def _is_voice(self, frame: bytes) -> bool:
        return bool(self._vad.is_speech(mulaw_to_pcm(frame), SAMPLE_RATE_HZ))


_energy_was_logged = False


def make_onset_detector(confirm_ms: int, *, is_echo: IsEcho | None = None) -> Detector:
    """Return a new caller's onset detector: WebRTC's if it is installed, else by energy.

    ``confirm_ms`` is how long speech must last to be confirmed by its length alone.  ``is_echo``
    says whether the frame that begins at a time is nothing but echo.
    The lack of WebRTC's is logged once in the life of the process.
    """
    global _energy_was_logged  # one line a process, not one a call
    if webrtcvad is not None:
        return WebRtcDetector(confirm_ms, is_echo=is_echo)
    if not _energy_was_logged:
        _energy_was_logged = True
        _log.warning("webrtcvad is not installed: speech onsets are detected by energy alone")
    return EnergyDetector(confirm_ms, is_echo=is_echo)
