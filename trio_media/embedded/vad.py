"""The server's turn detection: energy over a floor that adapts to the line's noise.

Rule 1: positions count the milliseconds of audio heard since the model session began.
Rule 2: frames are 20 ms; how the audio was cut into appends makes no difference.
Rule 3: speech begins after three loud frames of the last four, and is over after
``silence_duration_ms`` without any.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from trio_media.audio.g711 import decode_alaw, decode_mulaw
from trio_media.embedded.voice_clips import AudioFormat

FRAME_MS: Final = 20  # what a telephone sends
WINDOW_FRAMES: Final = 4  # 80 ms, the shortest syllable
ONSET_FRAMES: Final = 3  # a click fills one or two
FLOOR_DBFS_MIN: Final = -65.0  # an empty digital line is quieter than any threshold should follow
FLOOR_DBFS_MAX: Final = -30.0  # speech is no noise, however long it lasts
MARGIN_DB: Final = 6.0  # over the floor, at threshold 0
MARGIN_THRESHOLD_DB: Final = 12.0  # more at threshold 1: 12 dB over the floor at the default
LEVEL_DBFS_MIN: Final = -55.0  # never speech below this, at threshold 0
LEVEL_THRESHOLD_DB: Final = 20.0  # more at threshold 1: -45 dBFS at the default
BUCKET_FRAMES: Final = 25  # 500 ms
BUCKETS: Final = 5  # the floor is the quietest frame of 2.5 s: any speaker pauses in that time
SILENCE_MS_BY_EAGERNESS: Final[Mapping[str, int]] = {
    "low": 1_000,
    "medium": 600,
    "auto": 600,
    "high": 300,
}
SEMANTIC_THRESHOLD: Final = 0.5
SEMANTIC_PADDING_MS: Final = 300

Levels: TypeAlias = NDArray[np.float64]


@attrs.frozen(kw_only=True)
class VadTuning:
    """What of the turn detection settings concerns the detector."""

    threshold: float
    prefix_padding_ms: int
    silence_duration_ms: int

    @classmethod
    def of(cls, turn_detection: Mapping[str, Any]) -> VadTuning:
        """Read the tuning from a whole ``turn_detection`` object of either type."""
        if turn_detection["type"] == "semantic_vad":
            return cls(
                threshold=SEMANTIC_THRESHOLD,
                prefix_padding_ms=SEMANTIC_PADDING_MS,
                silence_duration_ms=SILENCE_MS_BY_EAGERNESS[turn_detection["eagerness"]],
            )
        return cls(
            threshold=turn_detection["threshold"],
            prefix_padding_ms=turn_detection["prefix_padding_ms"],
            silence_duration_ms=turn_detection["silence_duration_ms"],
        )


@attrs.frozen
class SpeechBegan:
    """The caller began to speak."""

    at_ms: int
    """With the padding, so before the first loud frame."""
    onset_ms: int
    """Without it."""


@attrs.frozen
class SpeechEnded:
    """The caller has stopped."""

    at_ms: int
    """End of the audio heard, so the silence that decided it is included."""


class SpeechDetector:
    """One model session's ear.  It goes on hearing while turn detection is off."""

    def __init__(self) -> None:
        self._heard_ms = 0
        self._turn_from_ms = 0
        self._is_speaking = False
        self._quiet_frames = 0
        self._recent: collections.deque[bool] = collections.deque(maxlen=WINDOW_FRAMES)
        self._buckets: collections.deque[float] = collections.deque(
            [FLOOR_DBFS_MIN], maxlen=BUCKETS
        )
        self._bucket_frames = 0

    @property
    def heard_ms(self) -> int:
        """How much audio was heard since the model session began."""
        return self._heard_ms

    def forget_speech(self) -> None:
        """Act as if nobody were speaking, and never pad into what was heard so far."""
        self._is_speaking = False
        self._recent.clear()
        self._turn_from_ms = self._heard_ms

    def hear(self, levels: Levels, tuning: VadTuning | None) -> list[SpeechBegan | SpeechEnded]:
        """Take in the levels of whole frames in dBFS; return what they mean, in order.

        ``tuning`` None: turn detection is off, and only the position and the floor move on.
        """
        edges: list[SpeechBegan | SpeechEnded] = []
        for level in levels.tolist():
            self._heard_ms += FRAME_MS
            if tuning is not None:
                edge = self._judge(level, tuning)
                if edge is not None:
                    edges.append(edge)
            self._follow_floor(level)
        return edges

    def _judge(self, level: float, tuning: VadTuning) -> SpeechBegan | SpeechEnded | None:
        margin_db = MARGIN_DB + MARGIN_THRESHOLD_DB * tuning.threshold
        level_min = LEVEL_DBFS_MIN + LEVEL_THRESHOLD_DB * tuning.threshold
        is_loud = level >= max(min(self._buckets) + margin_db, level_min)
        self._recent.append(is_loud)
        if not self._is_speaking:
            return self._began(tuning) if sum(self._recent) >= ONSET_FRAMES else None
        self._quiet_frames = 0 if is_loud else self._quiet_frames + 1
        if self._quiet_frames * FRAME_MS >= max(FRAME_MS, tuning.silence_duration_ms):
            self.forget_speech()
            return SpeechEnded(self._heard_ms)
        return None

    def _began(self, tuning: VadTuning) -> SpeechBegan:
        self._is_speaking = True
        self._quiet_frames = 0
        onset_ms = self._heard_ms - len(self._recent) * FRAME_MS
        at_ms = max(self._turn_from_ms, onset_ms - tuning.prefix_padding_ms)
        return SpeechBegan(at_ms, onset_ms)

    def _follow_floor(self, level: float) -> None:
        bounded = min(max(level, FLOOR_DBFS_MIN), FLOOR_DBFS_MAX)
        if self._bucket_frames == BUCKET_FRAMES:
            self._buckets.append(bounded)
            self._bucket_frames = 0
        elif bounded < self._buckets[-1]:
            self._buckets[-1] = bounded
        self._bucket_frames += 1


class Framer:
    """Cuts audio of any length into frames and says how loud each is."""

    def __init__(self) -> None:
        self._rest = b""

    def levels(self, payload: bytes, audio_format: AudioFormat) -> Levels:
        """Return the level in dBFS of every frame that is now whole; the rest is kept."""
        whole = self._rest + payload
        frame_bytes = FRAME_MS * audio_format.bytes_per_ms
        end = len(whole) // frame_bytes * frame_bytes
        self._rest = whole[end:]
        if end == 0:
            return np.zeros(0)
        frames = _decode(whole[:end], audio_format).reshape(-1, _frame_samples(audio_format))
        power = np.mean(np.square(frames, dtype=np.float64), axis=1)
        # The 1 stands for digital silence: its logarithm is the lowest level there is.
        levels: Levels = 10.0 * np.log10(np.maximum(power, 1.0) / 32_768.0**2)
        return levels

    def reset(self) -> None:
        """Forget the incomplete frame: what follows is in another format."""
        self._rest = b""


def _frame_samples(audio_format: AudioFormat) -> int:
    return FRAME_MS * (24 if audio_format is AudioFormat.PCM else 8)


def _decode(payload: bytes, audio_format: AudioFormat) -> NDArray[np.int16]:
    if audio_format is AudioFormat.PCMU:
        return decode_mulaw(payload)
    if audio_format is AudioFormat.PCMA:
        return decode_alaw(payload)
    return np.frombuffer(payload, dtype="<i2")
