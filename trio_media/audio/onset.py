"""From frames to edges: when speech began, was confirmed and ended.  Pure; shared by the detectors.

Rule 1: speech begins with the second speech frame out of three, so a click is no onset.
Rule 2: it ends when `END_GAP_MS` passed without a speech frame.  ``at_ms`` of ENDED is when that
was decided, as of every transition; speech itself stopped `END_GAP_MS` before.
Rule 3: it is a voice, once, when it lasted ``voice_ms``, and confirmed, once, when it lasted
``confirm_ms``: speech frames from the onset's first on, and the gaps of at most `BRIDGE_MS` between
them.
Rule 4: time never goes back.  A jump forward is silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeAlias

from trio_media.audio.detector import SpeechEdge, SpeechTransition
from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE
from trio_media.audio.levels import (
    FRAME_BYTES,
    FRAME_MS,
    NoiseFloor,
    amplitudes,
    is_keypad_tone,
    level_dbfs,
)

END_GAP_MS: Final = 120  # longer than the closure of a plosive, shorter than a pause
BRIDGE_MS: Final = 60  # a gap within a word
STEADY_AFTER_MS: Final = 20_000  # nobody speaks so long without a pause of END_GAP_MS
STEADY_SPREAD_DB: Final = 4.0  # standard deviation of frame levels; speech has 7 or more

_BLANK_FRAMES_MAX: Final = END_GAP_MS // FRAME_MS + 2  # of a gap; more would change nothing
_SILENCE: Final = bytes([MULAW_SILENCE])
assert END_GAP_MS % FRAME_MS == 0
assert END_GAP_MS > BRIDGE_MS

IsEcho: TypeAlias = Callable[[int], bool]
"""Says whether the frame that begins at a time (ms) is nothing but the model's echo."""
Frame: TypeAlias = tuple[bytes | None, int]
"""Mu-law of exactly one frame, or None where nothing was heard, and the ms at which it ends."""


class Reframer:
    """Cuts audio of any length into whole frames, and keeps what is left over.

    Audio that starts less than a frame later than expected, or earlier, is taken as following
    directly: carriers round their timestamps.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._next_sample: int | None = None  # where the next payload is expected

    def take(self, payload: bytes, at_ms: int) -> list[Frame]:
        """Return the frames that became whole."""
        at_sample = at_ms * BYTES_PER_MS
        if self._next_sample is None:
            self._next_sample = at_sample
        frames: list[Frame] = []
        if at_sample - self._next_sample >= FRAME_BYTES:
            frames = self._skip_to(at_sample)
        elif len(payload) == FRAME_BYTES and not self._rest:  # as carriers send it
            self._next_sample += FRAME_BYTES
            return [(payload, self._next_sample // BYTES_PER_MS)]
        start_sample = self._next_sample - len(self._rest)
        self._next_sample += len(payload)
        pending = self._rest + payload if self._rest else payload
        whole_bytes = len(pending) - len(pending) % FRAME_BYTES
        for offset in range(0, whole_bytes, FRAME_BYTES):
            end_sample = start_sample + offset + FRAME_BYTES
            frames.append((pending[offset : offset + FRAME_BYTES], end_sample // BYTES_PER_MS))
        self._rest = pending[whole_bytes:]
        return frames

    def _skip_to(self, at_sample: int) -> list[Frame]:
        """Fill a gap: what was left over is padded, then blank frames follow."""
        assert self._next_sample is not None
        frames: list[Frame] = []
        sample = self._next_sample
        if self._rest:
            sample += FRAME_BYTES - len(self._rest)
            frames.append((self._rest.ljust(FRAME_BYTES, _SILENCE), sample // BYTES_PER_MS))
        blanks = min((at_sample - sample) // FRAME_BYTES, _BLANK_FRAMES_MAX)
        for _ in range(blanks):
            sample += FRAME_BYTES
            frames.append((None, sample // BYTES_PER_MS))
        self._rest = b""
        self._next_sample = at_sample
        return frames


class EdgeTracker:
    """The rules above, over frames of ``frame_ms`` already judged."""

    def __init__(
        self, confirm_ms: int, *, voice_ms: int | None = None, frame_ms: int = FRAME_MS
    ) -> None:
        """``voice_ms`` None: nothing here can tell a voice."""
        assert confirm_ms > 0, f"confirm_ms must be above 0, not {confirm_ms}"
        self._frame_ms = frame_ms
        self._marks: list[tuple[int, SpeechEdge]] = [(confirm_ms, SpeechEdge.CONFIRMED)]
        if voice_ms is not None:
            self._marks.insert(0, (voice_ms, SpeechEdge.VOICED))
        self._recent = 0  # the last three verdicts, the newest in bit 0
        self._speech_ms = 0
        self._gap_ms = 0
        self.is_speaking = False
        """Between BEGAN and ENDED."""
        self._marks_passed = 0

    def hear(self, is_speech: bool, end_ms: int) -> list[SpeechTransition]:
        """Take in the verdict on the frame that ends at ``end_ms``."""
        if not self.is_speaking:
            return self._await_onset(is_speech, end_ms)
        if not is_speech:
            self._gap_ms += self._frame_ms
            return self.end(end_ms) if self._gap_ms >= END_GAP_MS else []
        if self._gap_ms <= BRIDGE_MS:
            self._speech_ms += self._gap_ms
        self._speech_ms += self._frame_ms
        self._gap_ms = 0
        return self._lasted(end_ms)

    def frames_until_edge(self) -> int:
        """Return how many more frames it takes, at least, until there is an edge."""
        if not self.is_speaking:
            return 1 if self._recent & 0b11 else 2
        missing_ms = END_GAP_MS - self._gap_ms
        if self._marks_passed < len(self._marks):
            bridged_ms = self._gap_ms if self._gap_ms <= BRIDGE_MS else 0
            lasted_ms = self._speech_ms + bridged_ms
            missing_ms = min(missing_ms, self._marks[self._marks_passed][0] - lasted_ms)
        return max(1, -(-missing_ms // self._frame_ms))

    def end(self, end_ms: int) -> list[SpeechTransition]:
        """End the speech now, if there is any, whatever the frames say."""
        self._recent = 0
        if not self.is_speaking:
            return []
        self.is_speaking = False
        return [SpeechTransition(SpeechEdge.ENDED, end_ms)]

    def _await_onset(self, is_speech: bool, end_ms: int) -> list[SpeechTransition]:
        self._recent = (self._recent << 1 | is_speech) & 0b111
        if self._recent.bit_count() < 2:
            return []
        self.is_speaking = True
        self._marks_passed = 0
        self._gap_ms = 0
        # From the onset's first speech frame on; a gap between the two is bridged.
        self._speech_ms = self._recent.bit_length() * self._frame_ms
        return [SpeechTransition(SpeechEdge.BEGAN, end_ms), *self._lasted(end_ms)]

    def _lasted(self, end_ms: int) -> list[SpeechTransition]:
        """Return the edges that this length of speech has reached by now."""
        out: list[SpeechTransition] = []
        for length_ms, edge in self._marks[self._marks_passed :]:
            if self._speech_ms < length_ms:
                break
            self._marks_passed += 1
            out.append(SpeechTransition(edge, end_ms))
        return out


class SteadyWatch:
    """Tells noise that passes for speech: on for `STEADY_AFTER_MS` and level all the time."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew; the speech ended."""
        self._frames = 0
        self._sum_db = 0.0
        self._squares_db = 0.0

    def hear(self, frame_dbfs: float) -> tuple[float, float] | None:
        """Take in a frame of the speech; return mean and deviation (dB) if it all was noise."""
        self._frames += 1
        self._sum_db += frame_dbfs
        self._squares_db += frame_dbfs * frame_dbfs
        if self._frames * FRAME_MS < STEADY_AFTER_MS:
            return None
        mean_dbfs = self._sum_db / self._frames
        spread_db = math.sqrt(max(0.0, self._squares_db / self._frames - mean_dbfs**2))
        self.forget()
        return (mean_dbfs, spread_db) if spread_db <= STEADY_SPREAD_DB else None


class OnsetDetector:
    """A detector made of a level gate, a noise floor and an optional judge of voice.

    A frame is speech if it is louder than ``gate_dbfs``, louder than the noise floor by
    ``margin_db``, no keypad tone and no echo, and ``is_voice`` agrees.  ``is_voice`` is asked about
    every frame in order, for it may learn.
    """

    def __init__(
        self,
        confirm_ms: int,
        *,
        gate_dbfs: float,
        margin_db: float,
        is_voice: Callable[[bytes], bool] | None = None,
        is_echo: IsEcho | None = None,
    ) -> None:
        self._is_echo = is_echo
        self._gate_dbfs = gate_dbfs
        self._margin_db = margin_db
        self._is_voice = is_voice
        self._reframer = Reframer()
        self._edges = EdgeTracker(confirm_ms)
        self._floor = NoiseFloor()
        self._steady = SteadyWatch()
        self._was_tone = False

    def hear(self, payload: bytes, at_ms: int) -> list[SpeechTransition]:
        """Take in audio; see `trio_media.audio.detector.Detector`."""
        transitions: list[SpeechTransition] = []
        for frame, end_ms in self._reframer.take(payload, at_ms):
            if frame is None:
                transitions += self._edges.hear(False, end_ms)
            else:
                transitions += self._hear_frame(frame, end_ms)
        return transitions

    def _hear_frame(self, frame: bytes, end_ms: int) -> list[SpeechTransition]:
        frame_dbfs = level_dbfs(frame)
        is_voice = self._is_voice is None or self._is_voice(frame)
        self._floor.hear(frame_dbfs)
        is_speech = is_voice and frame_dbfs > self._gate_dbfs
        is_speech = is_speech and frame_dbfs > self._floor.dbfs + self._margin_db
        if is_speech and self._is_echo is not None:
            is_speech = not self._is_echo(end_ms - FRAME_MS)
        if is_speech:
            # The frame in which a tone stops is half a tone, and counts as one.
            is_tone = is_keypad_tone(amplitudes(frame))
            is_speech = not (is_tone or self._was_tone)
            self._was_tone = is_tone
        else:
            self._was_tone = False
        was_speaking = self._edges.is_speaking
        transitions = self._edges.hear(is_speech, end_ms)
        if not self._edges.is_speaking:
            if was_speaking:
                self._steady.forget()
        elif (noise := self._steady.hear(frame_dbfs)) is not None:
            self._floor.hold(*noise)
            transitions += self._edges.end(end_ms)
        return transitions
