"""The ears of the system under test in a simulated call: they read what the frames say.

The rules of the real onset detector (`audio.onset.EdgeTracker`) and the track of the real voice
model are used; only the signal processing is not.
"""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.audio.detector import SpeechTransition
from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.audio.levels import amplitudes
from trio_media.audio.onset import EdgeTracker
from trio_media.audio.silero import Judged
from trio_media.call.listening import Asker
from trio_media.core.units import FRAME_MS
from trio_media.simulation.calls.sounds import FRAME_BYTES, Sound, sound_of

VOICE_DBFS: Final = -20.0
VOICE_MEAN: Final = -0.5  # frames of voice are the most negative sample there is, of coughs not


@attrs.define(eq=False)
class LabelDetector:
    """An onset detector that cannot be fooled by levels, but takes coughs for speech."""

    confirm_ms: int
    _tracker: EdgeTracker = attrs.field(
        default=attrs.Factory(lambda self: EdgeTracker(self.confirm_ms), takes_self=True)
    )

    def hear(self, payload: bytes, at_ms: int) -> list[SpeechTransition]:
        """See `audio.detector.Detector.hear`."""
        out: list[SpeechTransition] = []
        for start in range(0, len(payload), FRAME_BYTES):
            is_speech = sound_of(payload[start : start + 1]) is not Sound.QUIET
            end_ms = at_ms + start // BYTES_PER_MS + FRAME_MS
            out += self._tracker.hear(is_speech, end_ms)
        return out


class LabelJudge:
    """A voice model that is always right.  Implements `call.listening.VoiceJudge`."""

    def ask(self, asker: Asker) -> None:
        """Judge all chunks that wait."""
        self.settle(asker)

    def settle(self, asker: Asker) -> None:
        """Judge all chunks that wait."""
        while asker.track.is_waiting:
            chunk = asker.track.take()
            is_voice = float(amplitudes(chunk.heard).mean()) < VOICE_MEAN
            asker.judged(Judged(chunk.end_ms, 0.95 if is_voice else 0.02, VOICE_DBFS))
