"""The model's own voice in the caller's audio: which frames are nothing but its echo.  Pure.

The gate keeps what the carrier plays for a moment.  The correlation of its levels with the caller's
says whether there is an echo and how late it comes; frames without speech say how loud it is, in
each of some bands.  A frame that is in no band louder than the echo may be is echo.  Bands see more
than the level does: two voices are seldom loud in the same ones.

Rule 1: without a correlation there is no echo, and nothing is held back.
Rule 2: what the caller says is no measure of the echo: frames that were taken for speech are
learned from only when they rose and fell with what was played.
Rule 3: the correlation takes in some frames at a time: it is looked at now and then.
Rule 4: all times are on the call's clock; a frame is 20 ms; levels are in dB.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trio_media.audio.g711 import MULAW_SILENCE
from trio_media.audio.levels import FRAME_BYTES, FRAME_MS, level_dbfs
from trio_media.audio.played import (
    BANDS,
    FLOOR_DBFS,
    LAG_FRAMES_MIN,
    LAGS,
    ROWS_MAX,
    Levels,
    Played,
    band_levels,
)

MEMORY_FRAMES: Final = 150  # 3 s of the model's speech say where the echo is
EVIDENCE_FRAMES: Final = 25  # a correlation of less than half a second means nothing
SILENCE_FRAMES: Final = 50  # a second of the model's speech without an echo: there is none
UNKNOWN_FRAMES: Final = 20  # 400 ms: nearly every echo has come and gone by then
LOOK_EVERY_FRAMES: Final = 5  # where the echo is changes slowly
MEASURE_EVERY_FRAMES: Final = 20  # how loud it is, too
CORRELATION_MIN: Final = 0.5  # an echo has 0.7 and more, two who talk at once less than 0.3
HEARD_SPREAD_DB: Final = 1.5  # standard deviation of what is heard; a noisy line has less
CORRELATION_LOST: Final = 0.1  # an echo that was there has gone
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

_KEEP: Final = 1 - 1 / MEMORY_FRAMES  # of the correlation, from frame to frame
_FRAMES_AT_ONCE: Final = ROWS_MAX - 1  # time has passed by one more when they are taken in
_WEIGHTS: Final = _KEEP ** np.arange(_FRAMES_AT_ONCE)  # of so many frames, the newest first
_SILENCE: Final = bytes([MULAW_SILENCE])
_SILENT_FRAME: Final = _SILENCE * FRAME_BYTES


def percentiles(values: Levels, percent: int) -> Levels:
    """Return what so many percent of the values are below, along the last axis.

    As `np.percentile` has it, to the last bit, without what that must ask first.
    """
    count = values.shape[-1]
    place = (count - 1) * (percent / 100)
    below = int(place)
    above = min(below + 1, count - 1)
    share = place - below
    ordered = np.partition(values, (below, above), axis=-1)
    low, high = ordered[..., below], ordered[..., above]
    # From the nearer end, so that both ends are exact.
    between: Levels = (
        high - (high - low) * (1 - share) if share >= 0.5 else low + (high - low) * share
    )
    return between


class EchoGate:
    """One caller's echo: told what is played and heard, asked which frames are echo."""

    def __init__(self) -> None:
        self._playing = Played()
        self._path = EchoPath()
        self._speech: list[tuple[Levels, Levels]] = []
        """Bands, heard and played, of the speech that goes on."""
        self._echoes: deque[int] = deque(maxlen=SPEECH_FRAMES_MAX)
        """The newest frames that are echo."""
        self._newest_echo = -1

    # --- what is played ---------------------------------------------------------------------

    def played(self, at_ms: int, payload: bytes) -> None:
        """The carrier plays this from ``at_ms`` on, behind everything that it plays before."""
        self._playing.add(at_ms, payload)

    def cut(self, at_ms: int) -> None:
        """The carrier plays nothing of it from ``at_ms`` on."""
        self._playing.cut(at_ms)

    # --- what is heard ----------------------------------------------------------------------

    def hear(self, payload: bytes, at_ms: int, *, is_speaking: bool) -> bytes:
        """Take in the caller's audio whose first sample is at ``at_ms``.

        ``is_speaking``: what came before was taken for speech, and it goes on.  Returns the audio
        with silence where there is nothing but echo.
        """
        number = at_ms // FRAME_MS
        if len(payload) == FRAME_BYTES:  # as carriers send it: nothing is cut or copied
            return _SILENT_FRAME if self._hear_frame(number, payload, is_speaking) else payload
        pieces: list[bytes] = []
        for start in range(0, len(payload), FRAME_BYTES):
            frame = payload[start : start + FRAME_BYTES]
            is_echo = self._hear_frame(number, frame, is_speaking)
            pieces.append(_SILENCE * len(frame) if is_echo else frame)
            number += 1
        return b"".join(pieces)

    def is_echo(self, at_ms: int) -> bool:
        """Say whether the frame that begins at ``at_ms``, and was heard, is nothing but echo."""
        number = at_ms // FRAME_MS
        # Most are asked for as soon as they were heard, and are newer than the last echo.
        return number <= self._newest_echo and number in self._echoes

    def may_be_echo(self, at_ms: int) -> bool:
        """Say whether a voice at ``at_ms`` may be the model's, because nothing is known yet.

        So it is when a call begins, and only while the model is heard or was a moment ago.
        """
        if self._path.is_known:
            return False
        return self._playing.is_loud(at_ms // FRAME_MS, UNKNOWN_FRAMES)

    def _hear_frame(self, number: int, frame: bytes, is_speaking: bool) -> bool:
        """Say whether the frame is nothing but echo."""
        playing, path = self._playing, self._path
        if path.newest != number - 1:
            path.take_in(playing)  # before what it rests on is forgotten
        playing.advance(number)
        if not is_speaking and self._speech:
            path.learn_from_speech(self._speech)
            self._speech = []
        if not playing.is_loud(number - LAG_FRAMES_MIN, LAGS):
            return self._was_echo(number)
        if path.first_lag is None or not is_speaking:
            heard_db = max(FLOOR_DBFS, level_dbfs(frame)) - FLOOR_DBFS
            path.correlate(heard_db, number, playing)
        if path.first_lag is None:
            return self._was_echo(number)
        source = playing.source(number - path.first_lag)
        if source is None:
            return self._was_echo(number)
        heard = band_levels(frame)
        if path.is_echo(heard, source):
            self._echoes.append(number)
            self._newest_echo = max(self._newest_echo, number)
        if not is_speaking:
            path.learn(heard, source)
        elif len(self._speech) < SPEECH_FRAMES_MAX:
            self._speech.append((heard, source))
        return self._was_echo(number)

    def _was_echo(self, number: int) -> bool:
        """Say whether the newest echo is this frame, now or in audio that came before it."""
        return bool(self._echoes) and self._echoes[-1] == number


class EchoPath:
    """How late and how loud the echo is."""

    def __init__(self) -> None:
        self.first_lag: int | None = None
        """The shortest lag, in frames, at which there is an echo; None: there is none."""
        self.newest = -1
        """The newest frame that was correlated."""
        self._newly_heard: list[float] = []
        """Levels over the floor, up to the newest, whose products are still to be taken in."""
        self._frames = 0.0
        self._heard = self._heard_squares = 0.0
        self._sums = np.zeros((3, LAGS))
        """For each lag: played, its products with what was heard, its squares; fading."""
        self._until_look = EVIDENCE_FRAMES
        self._ratios: NDArray[np.float32] = np.zeros((BANDS, 0), np.float32)
        """What was heard above what was played, in each band: as many frames, round and round."""
        self._learned = 0
        self._coupling: Levels | None = None
        self._excess_db = 0.0
        self._least = np.full(BANDS, -np.inf, np.float32)
        """What a band must be played at to leave an echo: `LOUD_DB` below the loudest of late."""
        self._until_measure = RATIOS_MIN

    @property
    def is_known(self) -> bool:
        """Whether it is known how loud the echo is, or that there is none."""
        if self.first_lag is None:
            return self._frames >= SILENCE_FRAMES
        return self._coupling is not None

    def correlate(self, heard_db: float, number: int, playing: Played) -> None:
        """Take in a frame's level over the floor; frames follow each other, or `take_in` is first.

        ``playing``: what was played up to the frame.
        """
        self.newest = number
        self._newly_heard.append(heard_db)
        self._frames = self._frames * _KEEP + 1
        self._heard = self._heard * _KEEP + heard_db
        self._heard_squares = self._heard_squares * _KEEP + heard_db * heard_db
        self._until_look -= 1
        if self._until_look <= 0:
            self._until_look = LOOK_EVERY_FRAMES
            spread = self._frames * self._heard_squares - self._heard**2
            # What hardly varies goes together with anything.
            is_varied = spread >= (HEARD_SPREAD_DB * self._frames) ** 2
            if is_varied or self.first_lag is not None:
                self.take_in(playing)
                self._look(spread, is_varied=is_varied)
        if len(self._newly_heard) == _FRAMES_AT_ONCE:
            self.take_in(playing)

    def take_in(self, playing: Played) -> None:
        """Take in the levels that were heard of late, before a frame passes without one."""
        count = len(self._newly_heard)
        if not count:
            return
        rises = playing.rises(self.newest, count)
        weights = _WEIGHTS[:count]
        heard = weights * self._newly_heard[::-1]
        self._sums *= _KEEP**count
        played, products, squares = self._sums
        played += weights.dot(rises)
        products += heard.dot(rises)
        squares += weights.dot(rises * rises)
        self._newly_heard.clear()

    def _look(self, heard_spread: float, *, is_varied: bool) -> None:
        """Find the lag at which the levels go together, if there is one."""
        played, products, squares = self._sums
        played_spread = self._frames * squares - played * played
        together = self._frames * products - self._heard * played
        np.maximum(played_spread, 0.0, out=played_spread)
        played_spread *= max(heard_spread, 0.0)
        correlation = together / (np.sqrt(played_spread) + 1e-9)
        best = int(correlation.argmax())
        if is_varied and correlation[best] >= CORRELATION_MIN:
            self.first_lag = max(LAG_FRAMES_MIN, LAG_FRAMES_MIN + best - 1)
        elif correlation[best] < CORRELATION_LOST:
            self.first_lag = None

    def is_echo(self, heard: Levels, source: Levels) -> bool:
        """Say whether a frame is in no band louder than the echo of what was played."""
        if self._coupling is None:
            return False
        excesses_db: list[float] = (self._ratio(heard, source) - self._coupling).tolist()
        return max(excesses_db) <= self._excess_db + MARGIN_DB

    def _ratio(self, heard: Levels, source: Levels) -> Levels:
        """What is heard above what was played; of a band that was not, above nearly nothing."""
        return heard - np.maximum(source, self._least)

    def learn(self, heard: Levels, source: Levels) -> None:
        """Take in the bands of a frame that is no speech."""
        self._least -= FADE_DB
        np.maximum(self._least, source - LOUD_DB, out=self._least)
        if not self._ratios.size:  # most calls have no echo, and need no room for one
            self._ratios = np.zeros((BANDS, RATIOS_MAX), np.float32)
        self._ratios[:, self._learned % RATIOS_MAX] = self._ratio(heard, source)
        self._learned += 1
        self._until_measure -= 1
        if self._until_measure <= 0:
            self._until_measure = MEASURE_EVERY_FRAMES
            ratios = self._ratios[:, : self._learned]
            self._coupling = percentiles(ratios, COUPLING_PERCENT)
            excesses = (ratios - self._coupling[:, np.newaxis]).max(axis=0)
            self._excess_db = min(EXCESS_DB_MAX, float(percentiles(excesses, EXCESS_PERCENT)))

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
