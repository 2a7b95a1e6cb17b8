"""When the carrier plays what: for those who keep what was heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from trio_media.audio.g711 import BYTES_PER_MS

QUEUED_MAX: Final = 4_096  # messages of audio between the owner and the wire; far above any lead


@attrs.define
class HeardTape:
    """Places written audio on the call's clock, as a carrier plays it: one after the other."""

    play: Callable[[int, bytes], None]
    """Told when audio begins to be heard, and what."""
    stop: Callable[[int], None]
    """Told when nothing more of it is heard."""
    _queued: dict[int, bytes] = attrs.field(factory=dict)
    _plays_until_ms: int = 0

    def queued(self, seq: int, payload: bytes) -> None:
        """Audio is on its way to the wire."""
        if len(self._queued) < QUEUED_MAX:
            self._queued[seq] = payload

    def wrote(self, seq: int, at_ms: int) -> None:
        """The carrier has everything up to ``seq``."""
        for number in [n for n in self._queued if n <= seq]:
            payload = self._queued.pop(number)
            begins_ms = max(at_ms, self._plays_until_ms)
            self.play(begins_ms, payload)
            self._plays_until_ms = begins_ms + len(payload) // BYTES_PER_MS

    def cut(self, at_ms: int) -> None:
        """A clear: the carrier stops, and what was not written never comes."""
        self._queued.clear()
        if self._plays_until_ms > at_ms:
            self._plays_until_ms = at_ms
            self.stop(at_ms)
