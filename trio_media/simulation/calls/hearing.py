"""How the simulated service hears the caller: its turns, out of what it was given.  Pure.

It counts the audio that it gets and looks at no clock, as servers do.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final

import attrs

from trio_media.simulation.calls.scenario import Hearing
from trio_media.simulation.calls.sounds import CallerPiece, Sound

GAP_MS: Final = 120  # a pause so short ends no word


class Turn(enum.Enum):
    """What becomes of the caller's turn."""

    STARTED = "started"
    STOPPED = "stopped"


@attrs.define
class ServerEar:
    """One caller before the service's detector."""

    hearing: Hearing
    _loud_ms: int = 0
    _quiet_ms: int = 0
    _is_speaking: bool = False

    def hear(self, pieces: list[CallerPiece]) -> Iterator[Turn]:
        """Take in audio; yield what it led to."""
        for piece in pieces:
            if self._is_loud(piece.sound):
                yield from self._heard_speech(piece.length_ms)
            else:
                yield from self._heard_nothing(piece.length_ms)

    def _is_loud(self, sound: Sound) -> bool:
        return sound is Sound.VOICE or (sound is Sound.COUGH and self.hearing.hears_coughs)

    def _heard_speech(self, length_ms: int) -> Iterator[Turn]:
        self._loud_ms += length_ms
        self._quiet_ms = 0
        if not self._is_speaking and self._loud_ms >= self.hearing.onset_ms:
            self._is_speaking = True
            yield Turn.STARTED

    def _heard_nothing(self, length_ms: int) -> Iterator[Turn]:
        self._quiet_ms += length_ms
        if self._quiet_ms > GAP_MS:
            self._loud_ms = 0
        if self._is_speaking and self._quiet_ms >= self.hearing.silence_ms:
            self._is_speaking = False
            yield Turn.STOPPED
