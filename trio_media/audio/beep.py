"""Hear the end of an answering machine's beep: that is when one may speak.

Rule 1: a beep is one steady line of 350 to 2,500 Hz, 120 ms to 4 s long, and then 60 ms without a
tone.  Nearly all of the energy lies in the line; where it is but most of it (noise, harmonics), the
tone must last 200 ms and then fall silent, which neither vowels nor notes do.
Rule 2: a dropout of up to 40 ms is a part of the beep: packets are lost.
Rule 3: a tone that follows another of a different pitch without a pause is a melody or an
intercept's three tones, and no beep.
Rule 4: the single tone of other ring-backs (380 to 460 Hz for 0.7 to 1.7 s) is never a beep.  What
beeps again in the same way within 6 s (busy, congestion) is a beep the first time alone.

Not told apart: a fax's calling tone (1,100 Hz for 0.5 s) is the same sound as a beep, the first
time; so is a whistle of one steady pitch.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from trio_media.audio.g711 import SAMPLE_RATE_HZ
from trio_media.audio.levels import (
    FRAME_BYTES,
    FRAME_MS,
    Amplitudes,
    amplitudes,
    amplitudes_dbfs,
)

LOWEST_HZ: Final = 350.0
HIGHEST_HZ: Final = 2_500.0
GATE_DBFS: Final = -42.5  # a sine of -35 dBm0 is -41.2 dBFS; the rest is for a lossy line
SHARE_MIN: Final = 0.85  # of the energy, in the line; noise 10 dB below it leaves 0.91
PURE_SHARE_MIN: Final = 0.95  # noise 15 dB below it leaves 0.97; a vowel's fundamental has 0.91
IMPURE_FRAMES_MIN: Final = 200 // FRAME_MS  # no vowel keeps its pitch so long
IMPURE_FALL_DB: Final = 6.0  # from the line to what comes after it
PITCH_TOLERANCE: Final = 0.02  # of the pitch; a voice strays further within 60 ms
SPREAD_DB_MAX: Final = 6.0  # of the level; a beep is switched on and off, a voice swells
BEEP_FRAMES_MIN: Final = 5  # whole frames of a beep of 120 ms, wherever they are cut
BEEP_FRAMES_MAX: Final = 4_000 // FRAME_MS
END_FRAMES: Final = 3  # 60 ms without the tone end it; two lost packets do not
MELODY_FRAMES_MIN: Final = 2  # of another pitch within END_FRAMES: a next note, and no chance

RING_BACK_HZ: Final = (380.0, 460.0)
RING_BACK_FRAMES: Final = (700 // FRAME_MS, 1_700 // FRAME_MS)
REPEAT_FRAMES_MAX: Final = 6_000 // FRAME_MS  # the longest pause of a ring-back is 5 s
REPEAT_SLACK_FRAMES: Final = 2  # two beeps of one source are cut differently

_WINDOW: Final = 2 * FRAME_BYTES  # 40 ms: tones 40 Hz apart beat within it, and so are no line
_BINS: Final = 1_024  # 7.8 Hz apart, near enough for a parabola to find the pitch
_BIN_HZ: Final = SAMPLE_RATE_HZ / _BINS
_HANN: Final = np.hanning(_WINDOW + 1)[:_WINDOW].astype(np.float32)
_TIMES_S: Final = np.arange(_WINDOW) / SAMPLE_RATE_HZ
_FIRST_BIN: Final = int(LOWEST_HZ / _BIN_HZ) - 1
_LAST_BIN: Final = int(HIGHEST_HZ / _BIN_HZ) + 2


@attrs.frozen
class _Line:
    """A window whose energy lies in one pitch."""

    hz: float
    share: float
    """Of the energy, from `SHARE_MIN` to about 1."""


@attrs.define
class _Tone:
    """A line that is heard, or was just now."""

    hz: float
    first_frame: int
    last_frame: int
    lowest_dbfs: float
    highest_dbfs: float
    shares: list[float]
    """Of each window that was a line; as many as a beep may last."""
    is_melody: bool = False
    """It followed another tone without a pause."""
    others: int = 0
    """Lines of another pitch since its last frame."""

    @property
    def frames(self) -> int:
        """Its length so far, dropouts included."""
        return self.last_frame - self.first_frame + 1

    def hear(self, line: _Line | None, dbfs: float, frame: int) -> None:
        """Go on for a frame, which makes a line with the one before unless that was lost."""
        self.last_frame = frame
        self.others = 0
        self.lowest_dbfs = min(self.lowest_dbfs, dbfs)
        self.highest_dbfs = max(self.highest_dbfs, dbfs)
        if line is not None and len(self.shares) < BEEP_FRAMES_MAX:
            self.shares.append(line.share)


@attrs.frozen
class _Beep:
    """What a repeat is compared with."""

    hz: float
    frames: int
    last_frame: int


class BeepDetector:
    """Hears one call's beeps."""

    def __init__(self) -> None:
        self._rest = b""
        self._frame = -1  # the number of the frame being heard
        self._before: Amplitudes = np.zeros(FRAME_BYTES, dtype=np.float32)
        self._tone: _Tone | None = None
        self._last: _Beep | None = None

    def hear(self, payload: bytes) -> bool:
        """Take in mu-law 8 kHz audio of any length; say whether a beep has ended within it.

        True comes once a beep, 40 to 80 ms after its end.  A dropout of more than 40 ms is an end.
        """
        pending = self._rest + payload
        whole_bytes = len(pending) - len(pending) % FRAME_BYTES
        self._rest = pending[whole_bytes:]
        has_ended = False
        for start in range(0, whole_bytes, FRAME_BYTES):
            has_ended |= self._hear_frame(amplitudes(pending[start : start + FRAME_BYTES]))
        return has_ended

    def _hear_frame(self, samples: Amplitudes) -> bool:
        self._frame += 1
        window = np.concatenate([self._before, samples])
        self._before = samples
        dbfs = amplitudes_dbfs(samples)
        line = _line(window) if dbfs >= GATE_DBFS else None
        tone = self._tone
        if tone is None:
            self._tone = self._new_tone(line, dbfs)
            return False
        if dbfs >= GATE_DBFS and _goes_on(tone, line, samples):
            tone.hear(line, dbfs, self._frame)
            return False
        tone.others += line is not None
        may_be_melody = line is not None and tone.others < MELODY_FRAMES_MIN
        if self._frame - tone.last_frame < END_FRAMES or may_be_melody:
            return False
        self._tone = self._new_tone(line, dbfs)
        if self._tone is not None and tone.others >= MELODY_FRAMES_MIN:
            self._tone.is_melody = tone.is_melody or tone.frames >= BEEP_FRAMES_MIN
            return False
        return _is_beep(tone, dbfs) and not self._is_repeat(tone)

    def _new_tone(self, line: _Line | None, dbfs: float) -> _Tone | None:
        if line is None:
            return None
        # The line filled the frame before, too.
        return _Tone(line.hz, self._frame - 1, self._frame, dbfs, dbfs, [line.share])

    def _is_repeat(self, tone: _Tone) -> bool:
        last = self._last
        self._last = _Beep(tone.hz, tone.frames, tone.last_frame)
        return (
            last is not None
            and tone.first_frame - last.last_frame <= REPEAT_FRAMES_MAX
            and abs(tone.frames - last.frames) <= REPEAT_SLACK_FRAMES
            and _is_same_pitch(tone.hz, last.hz)
        )


def _is_beep(tone: _Tone, after_dbfs: float) -> bool:
    if tone.is_melody or not BEEP_FRAMES_MIN <= tone.frames <= BEEP_FRAMES_MAX:
        return False
    if tone.highest_dbfs - tone.lowest_dbfs > SPREAD_DB_MAX or _is_ring_back(tone):
        return False
    # The median, for the windows at both ends may hold something else.
    if sorted(tone.shares)[len(tone.shares) // 2] >= PURE_SHARE_MIN:
        return True
    falls = after_dbfs <= tone.highest_dbfs - IMPURE_FALL_DB
    return falls and tone.frames >= IMPURE_FRAMES_MIN


def _is_ring_back(tone: _Tone) -> bool:
    low_hz, high_hz = RING_BACK_HZ
    shortest, longest = RING_BACK_FRAMES
    return low_hz <= tone.hz <= high_hz and shortest <= tone.frames <= longest


def _goes_on(tone: _Tone, line: _Line | None, samples: Amplitudes) -> bool:
    if line is not None:
        return _is_same_pitch(line.hz, tone.hz)
    # After a dropout the window of two frames is no line yet, but this frame is.
    return _share(samples, tone.hz) >= SHARE_MIN


def _is_same_pitch(hz: float, other_hz: float) -> bool:
    return abs(hz - other_hz) <= PITCH_TOLERANCE * other_hz


def _line(window: Amplitudes) -> _Line | None:
    """Return the one line that the window is, or None."""
    spectrum = np.abs(np.fft.rfft(window * _HANN, _BINS))
    peak = _FIRST_BIN + int(spectrum[_FIRST_BIN:_LAST_BIN].argmax())
    left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-9).tolist()
    bend = left - 2 * middle + right
    hz = (peak + (0.5 * (left - right) / bend if bend < 0 else 0.0)) * _BIN_HZ
    share = _share(window, hz)
    is_line = LOWEST_HZ <= hz <= HIGHEST_HZ and share >= SHARE_MIN
    return _Line(hz, share) if is_line else None


def _share(samples: Amplitudes, hz: float) -> float:
    """Return how much of the samples' energy lies in a line of this pitch, 0 to about 1."""
    probe = np.exp(2j * np.pi * hz * _TIMES_S[: samples.size])
    energy = float(samples.dot(samples))
    return float(2 * abs(probe.dot(samples)) ** 2 / (samples.size * max(energy, 1e-12)))
