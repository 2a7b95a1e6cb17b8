"""The interface of a speech detector.

A detector hears the caller's frames in order and says when speech began, was confirmed and ended.
It knows nothing of the call: whether anything is to be interrupted is the floor's question.
"""

from __future__ import annotations

import enum
from typing import Protocol

import attrs


class SpeechEdge(enum.Enum):
    """A transition of the caller's speech."""

    BEGAN = "began"
    """Weak evidence: an onset."""
    VOICED = "voiced"
    """Better evidence: this is a human voice.  At most once between BEGAN and ENDED."""
    CONFIRMED = "confirmed"
    """Strong evidence: this is speech, and no mere "mhm".  At most once between them."""
    ENDED = "ended"


@attrs.frozen
class SpeechTransition:
    """One edge, with the time of the frame in which it happened."""

    edge: SpeechEdge
    at_ms: int
    """End of the frame that decided it, on the time axis of the ``at_ms`` given to ``hear``."""


class Detector(Protocol):
    """One caller's detector.  Not shared between calls."""

    def hear(self, payload: bytes, at_ms: int) -> list[SpeechTransition]:
        """Take in mu-law 8 kHz audio of any length whose first sample is at ``at_ms``.

        Returns the transitions it caused, in order, usually none.
        """
        ...
