"""The ear as plainly as it can be written: an oracle for the quick one.

Every frame is worked out anew by whoever asks for it, and every stretch of a ring is looked up.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trio_media.audio.detector import SpeechTransition
from trio_media.audio.g711 import MULAW_SILENCE, SAMPLE_RATE_HZ, decode_mulaw
from trio_media.audio.levels import (
    FRAME_BYTES,
    FRAME_MS,
    NoiseFloor,
    amplitudes,
    amplitudes_dbfs,
    is_keypad_tone,
)
from trio_media.audio.onset import EdgeTracker, SteadyWatch

Levels: TypeAlias = NDArray[np.float64]

FLOOR_DBFS: Final = -65.0  # below it levels say nothing: the line's own noise
LAG_FRAMES_MIN: Final = 1  # no network and no ear is faster
LAG_FRAMES_MAX: Final = 30  # 600 ms; no telephone's echo is later
SPREAD_FRAMES: Final = 6  # how long a room holds on to a sound, as far as it matters
KEPT_FRAMES: Final = 40  # of what was played: the longest lag and its spread
AHEAD_FRAMES_MAX: Final = 3_100  # of what will be played: more than a carrier may hold
MEMORY_FRAMES: Final = 150  # 3 s of the model's speech say where the echo is
EVIDENCE_FRAMES: Final = 25  # a correlation of less than half a second means nothing
SILENCE_FRAMES: Final = 50  # a second of the model's speech without an echo: there is none
UNKNOWN_FRAMES: Final = 20  # 400 ms: nearly every echo has come and gone by then
LOOK_EVERY_FRAMES: Final = 5  # where the echo is changes slowly
MEASURE_EVERY_FRAMES: Final = 20  # how loud it is, too
CORRELATION_MIN: Final = 0.5  # an echo has 0.7 and more, two who talk at once less than 0.3
HEARD_SPREAD_DB: Final = 1.5  # standard deviation of what is heard; a noisy line has less
CORRELATION_LOST: Final = 0.1  # an echo that was there has gone
BANDS: Final = 12  # of equal width on a logarithmic scale, as ears have them
BAND_LOW_HZ: Final = 250
BAND_HIGH_HZ: Final = 3_600
LOUD_DB: Final = 30.0  # a band that is played so much below the loudest of late leaves no echo
FADE_DB: Final = 0.02  # a frame: the loudest of late is of the last minutes
RATIOS_MIN: Final = 12  # frames of echo that say how loud it is
RATIOS_MAX: Final = 400  # the newest 8 s; what was no echo among them is forgotten
COUPLING_PERCENT: Final = 90
EXCESS_PERCENT: Final = 98  # of the frames of echo, above their couplings in their loudest band
EXCESS_DB_MAX: Final = 12.0  # more comes from a caller who was not heard to speak yet
MARGIN_DB: Final = 3.0
SPREAD_DB_MIN: Final = 0.5  # what is so even goes together with anything
SPEECH_FRAMES_MIN: Final = 6  # fewer rise and fall with anything
SPEECH_FRAMES_MAX: Final = 100  # of speech that may turn out to be echo
assert KEPT_FRAMES > LAG_FRAMES_MAX + SPREAD_FRAMES

_LAGS: Final = np.arange(LAG_FRAMES_MIN, LAG_FRAMES_MAX + 1)
_FFT_SAMPLES: Final = 256
_SILENCE: Final = bytes([MULAW_SILENCE])


def _level_dbfs(frame: bytes) -> float:
    return amplitudes_dbfs(amplitudes(frame))


def _band_filter() -> NDArray[np.float32]:
    hz = np.fft.rfftfreq(_FFT_SAMPLES, 1 / SAMPLE_RATE_HZ)
    edges_hz = np.geomspace(BAND_LOW_HZ, BAND_HIGH_HZ, BANDS + 1)
    rows = [(hz >= low) & (hz < high) for low, high in itertools.pairwise(edges_hz)]
    return np.array(rows, dtype=np.float32)


_BAND_FILTER: Final = _band_filter()
_WINDOW: Final = np.hanning(FRAME_BYTES).astype(np.float32)
_BAND_FLOOR: Final = 1e-4  # energy of the line's own noise in a band


def band_levels(frame: bytes) -> Levels:
    """Return the levels of a frame's bands in dB, above their floor."""
    samples = amplitudes(frame.ljust(FRAME_BYTES, _SILENCE))
    spectrum = np.fft.rfft(samples * _WINDOW, _FFT_SAMPLES)
    energies = _BAND_FILTER @ (spectrum.real**2 + spectrum.imag**2)
    levels: Levels = 10 * np.log10(energies + _BAND_FLOOR)
    return levels


class SlowEchoGate:
    """One caller's echo: told what is played and heard, asked which frames are echo."""

    def __init__(self) -> None:
        self._ahead: deque[tuple[int, bytes]] = deque()
        """Frames that will be played, by number."""
        self._frames: list[bytes] = [b""] * KEPT_FRAMES
        """Frames that were played, round and round; empty: nothing was."""
        self._levels = np.full(KEPT_FRAMES, FLOOR_DBFS)
        self._bands: list[Levels | None] = [None] * KEPT_FRAMES
        """Theirs, where they were asked for."""
        self._now = 0
        """The frame that is heard."""
        self._path = SlowEchoPath()
        self._speech: list[tuple[Levels, Levels]] = []
        """Bands, heard and played, of the speech that goes on."""
        self._echoes: deque[int] = deque(maxlen=SPEECH_FRAMES_MAX)
        """The newest frames that are echo."""

    # --- what is played ---------------------------------------------------------------------

    def played(self, at_ms: int, payload: bytes) -> None:
        """The carrier plays this from ``at_ms`` on, behind everything that it plays before."""
        for number, start in enumerate(range(0, len(payload), FRAME_BYTES), at_ms // FRAME_MS):
            if number > self._now and len(self._ahead) < AHEAD_FRAMES_MAX:
                self._ahead.append((number, payload[start : start + FRAME_BYTES]))

    def cut(self, at_ms: int) -> None:
        """The carrier plays nothing of it from ``at_ms`` on."""
        first = -(-at_ms // FRAME_MS)
        while self._ahead and self._ahead[-1][0] >= first:
            self._ahead.pop()

    def _advance(self, number: int) -> None:
        """Let time pass up to a frame."""
        for passed in range(max(self._now + 1, number - KEPT_FRAMES), number + 1):
            frame = b""
            while self._ahead and self._ahead[0][0] <= passed:
                frame = self._ahead.popleft()[1]
            self._frames[passed % KEPT_FRAMES] = frame
            self._bands[passed % KEPT_FRAMES] = None
            level = _level_dbfs(frame) if frame else FLOOR_DBFS
            self._levels[passed % KEPT_FRAMES] = max(FLOOR_DBFS, level)
        self._now = max(self._now, number)

    # --- what is heard ----------------------------------------------------------------------

    def hear(self, payload: bytes, at_ms: int, *, is_speaking: bool) -> bytes:
        """Take in the caller's audio whose first sample is at ``at_ms``.

        ``is_speaking``: what came before was taken for speech, and it goes on.  Returns the audio
        with silence where there is nothing but echo.
        """
        heard = bytearray(payload)
        for number, start in enumerate(range(0, len(payload), FRAME_BYTES), at_ms // FRAME_MS):
            frame = payload[start : start + FRAME_BYTES]
            self._hear_frame(number, frame, is_speaking)
            if self._echoes and self._echoes[-1] == number:
                heard[start : start + len(frame)] = _SILENCE * len(frame)
        return bytes(heard)

    def is_echo(self, at_ms: int) -> bool:
        """Say whether the frame that begins at ``at_ms``, and was heard, is nothing but echo."""
        return at_ms // FRAME_MS in self._echoes

    def may_be_echo(self, at_ms: int) -> bool:
        """Say whether a voice at ``at_ms`` may be the model's, because nothing is known yet.

        So it is when a call begins, and only while the model is heard or was a moment ago.
        """
        if self._path.is_known:
            return False
        recent = self._levels.take(at_ms // FRAME_MS - np.arange(UNKNOWN_FRAMES), mode="wrap")
        return bool(recent.max() > FLOOR_DBFS)

    def _hear_frame(self, number: int, frame: bytes, is_speaking: bool) -> None:
        self._advance(number)
        if not is_speaking and self._speech:
            self._path.learn_from_speech(self._speech)
            self._speech = []
        played = self._levels.take(number - _LAGS, mode="wrap")
        if played.max() <= FLOOR_DBFS:
            return
        if self._path.first_lag is None or not is_speaking:
            self._path.correlate(max(FLOOR_DBFS, _level_dbfs(frame)), played)
        if self._path.first_lag is None:
            return
        source = self._source(number - self._path.first_lag)
        if source is None:
            return
        heard = band_levels(frame)
        if self._path.is_echo(heard, source):
            self._echoes.append(number)
        if not is_speaking:
            self._path.learn(heard, source)
        elif len(self._speech) < SPEECH_FRAMES_MAX:
            self._speech.append((heard, source))

    def _source(self, newest: int) -> Levels | None:
        """The bands of what an echo would be of: the loudest of some frames, newest first."""
        numbers = range(newest - SPREAD_FRAMES + 1, newest + 1)
        bands = [self._played_bands(number % KEPT_FRAMES) for number in numbers]
        known = [levels for levels in bands if levels is not None]
        if not known:
            return None
        source: Levels = np.max(known, axis=0)
        return source

    def _played_bands(self, place: int) -> Levels | None:
        """The bands of a frame that was played; None where nothing was."""
        if self._bands[place] is None and self._frames[place]:
            self._bands[place] = band_levels(self._frames[place])
        return self._bands[place]


class SlowEchoPath:
    """How late and how loud the echo is."""

    def __init__(self) -> None:
        self.first_lag: int | None = None
        """The shortest lag, in frames, at which there is an echo; None: there is none."""
        self._frames = 0.0
        self._heard = self._heard_squares = 0.0
        self._sums = np.zeros((3, _LAGS.size))
        """For each lag: played, its squares, its products with what was heard; fading."""
        self._until_look = EVIDENCE_FRAMES
        self._ratios: NDArray[np.float32] = np.zeros((0, BANDS), np.float32)
        """What was heard above what was played, in each band: as many frames, round and round."""
        self._learned = 0
        self._coupling: Levels | None = None
        self._excess_db = 0.0
        self._loudest = np.full(BANDS, -np.inf)
        self._until_measure = RATIOS_MIN

    @property
    def is_known(self) -> bool:
        """Whether it is known how loud the echo is, or that there is none."""
        if self.first_lag is None:
            return self._frames >= SILENCE_FRAMES
        return self._coupling is not None

    def correlate(self, heard_dbfs: float, played_dbfs: Levels) -> None:
        """Take in a frame's level, and those played before it, by their lags."""
        keep = 1 - 1 / MEMORY_FRAMES
        heard, played = heard_dbfs - FLOOR_DBFS, played_dbfs - FLOOR_DBFS
        self._frames = self._frames * keep + 1
        self._heard = self._heard * keep + heard
        self._heard_squares = self._heard_squares * keep + heard * heard
        self._sums *= keep
        self._sums += (played, played * played, played * heard)
        self._until_look -= 1
        if self._until_look <= 0:
            self._until_look = LOOK_EVERY_FRAMES
            self._look()

    def _look(self) -> None:
        """Find the lag at which the levels go together, if there is one."""
        played, squares, products = self._sums
        heard_spread = self._frames * self._heard_squares - self._heard**2
        played_spread = self._frames * squares - played**2
        together = self._frames * products - played * self._heard
        correlation = together / (np.sqrt(np.maximum(heard_spread * played_spread, 0.0)) + 1e-9)
        best = int(correlation.argmax())
        # What hardly varies goes together with anything.
        is_varied = heard_spread >= (HEARD_SPREAD_DB * self._frames) ** 2
        if is_varied and correlation[best] >= CORRELATION_MIN:
            self.first_lag = max(LAG_FRAMES_MIN, int(_LAGS[best]) - 1)
        elif correlation[best] < CORRELATION_LOST:
            self.first_lag = None

    def is_echo(self, heard: Levels, source: Levels) -> bool:
        """Say whether a frame is in no band louder than the echo of what was played."""
        if self._coupling is None:
            return False
        excess_db = (self._ratio(heard, source) - self._coupling).max()
        return bool(excess_db <= self._excess_db + MARGIN_DB)

    def _ratio(self, heard: Levels, source: Levels) -> Levels:
        """What is heard above what was played; of a band that was not, above nearly nothing."""
        return heard - np.maximum(source, self._loudest - LOUD_DB)

    def learn(self, heard: Levels, source: Levels) -> None:
        """Take in the bands of a frame that is no speech."""
        self._loudest = np.maximum(self._loudest - FADE_DB, source)
        if not self._ratios.size:  # most calls have no echo, and need no room for one
            self._ratios = np.zeros((RATIOS_MAX, BANDS), np.float32)
        self._ratios[self._learned % RATIOS_MAX] = self._ratio(heard, source)
        self._learned += 1
        self._until_measure -= 1
        if self._until_measure <= 0:
            self._until_measure = MEASURE_EVERY_FRAMES
            ratios = self._ratios[: self._learned]
            self._coupling = np.percentile(ratios, COUPLING_PERCENT, axis=0)
            excesses = (ratios - self._coupling).max(axis=1)
            self._excess_db = min(EXCESS_DB_MAX, float(np.percentile(excesses, EXCESS_PERCENT)))

    def learn_from_speech(self, frames: list[tuple[Levels, Levels]]) -> None:
        """Take in what was taken for speech, if it rose and fell with what was played."""
        if len(frames) < SPEECH_FRAMES_MIN:
            return
        heard = np.array([heard.max() for heard, _ in frames])
        source = np.array([source.max() for _, source in frames])
        is_varied = min(heard.std(), source.std()) >= SPREAD_DB_MIN
        if is_varied and np.corrcoef(heard, source)[0, 1] >= CORRELATION_MIN:
            for frame in frames:
                self.learn(*frame)


class SlowWebRtcDetector:
    """One whole frame at a time."""

    def __init__(self, confirm_ms: int, is_echo: Callable[[int], bool]) -> None:
        import webrtcvad  # not on every machine

        self._vad = webrtcvad.Vad(3)
        self._is_echo = is_echo
        self._edges = EdgeTracker(confirm_ms)
        self._floor = NoiseFloor()
        self._steady = SteadyWatch()
        self._was_tone = False

    def hear(self, frame: bytes, at_ms: int) -> list[SpeechTransition]:
        samples = amplitudes(frame)
        frame_dbfs = amplitudes_dbfs(samples)
        is_voice = self._vad.is_speech(decode_mulaw(frame).tobytes(), SAMPLE_RATE_HZ)
        self._floor.hear(frame_dbfs)
        is_speech = is_voice and frame_dbfs > max(-52.0, self._floor.dbfs + 3.0)
        is_speech = is_speech and not self._is_echo(at_ms)
        is_tone = is_speech and is_keypad_tone(samples)
        is_speech = is_speech and not (is_tone or self._was_tone)
        self._was_tone = is_tone
        transitions = self._edges.hear(is_speech, at_ms + FRAME_MS)
        if not self._edges.is_speaking:
            self._steady.forget()
        elif (noise := self._steady.hear(frame_dbfs)) is not None:
            self._floor.hold(*noise)
            transitions += self._edges.end(at_ms + FRAME_MS)
        return transitions
