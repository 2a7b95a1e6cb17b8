"""What the carrier plays, frame by frame: how loud it was, and in which bands.  Pure.

Rule 1: a ring keeps the newest `KEPT_FRAMES`.  Arrays hold it twice, end to end, so that any
stretch of it is a slice, and whole numbers hold a bit for each frame, the newest in bit 0.
Rule 2: while nothing was played lately, time passes for next to nothing.
Rule 3: bands cost most, so they are worked out when they are asked for, once, and many at a time;
levels are worked out for as many frames as come at once.
"""

from __future__ import annotations

import itertools
from array import array
from typing import Final, TypeAlias

import attrs
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from trio_media.audio.g711 import MULAW_SILENCE, SAMPLE_RATE_HZ
from trio_media.audio.levels import FRAME_BYTES, FRAME_MS, Amplitudes, amplitudes, levels_dbfs

Levels: TypeAlias = NDArray[np.floating]

FLOOR_DBFS: Final = -65.0  # below it levels say nothing: the line's own noise
LAG_FRAMES_MIN: Final = 1  # no network and no ear is faster
LAG_FRAMES_MAX: Final = 30  # 600 ms; no telephone's echo is later
LAGS: Final = LAG_FRAMES_MAX - LAG_FRAMES_MIN + 1
SPREAD_FRAMES: Final = 6  # how long a room holds on to a sound, as far as it matters
KEPT_FRAMES: Final = 40  # of what was played: the longest lag and its spread
AHEAD_FRAMES_MAX: Final = 3_100  # of what will be played: more than a carrier may hold
BANDS: Final = 12  # of equal width on a logarithmic scale, as ears have them
BAND_LOW_HZ: Final = 250
BAND_HIGH_HZ: Final = 3_600
ROWS_MAX: Final = KEPT_FRAMES - LAGS  # frames in a row of which all lags are kept
assert KEPT_FRAMES > LAG_FRAMES_MAX + SPREAD_FRAMES

_OLDEST: Final = KEPT_FRAMES - 1
_ALL: Final = (1 << KEPT_FRAMES) - 1
_FFT_SAMPLES: Final = 256
_SILENCE: Final = bytes([MULAW_SILENCE])
_NO_RISES: Final = array("d", bytes(8 * 2 * KEPT_FRAMES))


def _band_probes() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return cosines and sines for half a windowed frame each, and which band takes their squares.

    What is even about the middle of a frame is a sum of cosines, what is odd of sines, and half a
    frame has all of either: so these are small enough to be at hand when they are wanted.
    """
    hz = np.fft.rfftfreq(_FFT_SAMPLES, 1 / SAMPLE_RATE_HZ)
    edges_hz = np.geomspace(BAND_LOW_HZ, BAND_HIGH_HZ, BANDS + 1)
    hz = hz[(hz >= edges_hz[0]) & (hz < edges_hz[-1])]
    rows = [(hz >= low) & (hz < high) for low, high in itertools.pairwise(edges_hz)]
    from_middle_s = (np.arange(_HALF) - (FRAME_BYTES - 1) / 2) / SAMPLE_RATE_HZ
    phases = 2 * np.pi * np.outer(from_middle_s, hz)
    window = np.hanning(FRAME_BYTES)[:_HALF, np.newaxis]
    return (
        np.ascontiguousarray((np.cos(phases) * window).astype(np.float32)),
        np.ascontiguousarray((np.sin(phases) * window).astype(np.float32)),
        np.ascontiguousarray(np.array(rows, dtype=np.float32).T),
    )


_HALF: Final = FRAME_BYTES // 2
_COSINES, _SINES, _BAND_FILTER = _band_probes()
_BAND_FLOOR: Final = np.float32(1e-4)  # energy of the line's own noise in a band


def band_levels(frame: bytes) -> Levels:
    """Return the levels of a frame's bands in dB, above their floor."""
    return _bands(amplitudes(frame.ljust(FRAME_BYTES, _SILENCE)))


def bands_of(frames: list[bytes]) -> Levels:
    """Return `band_levels` of some frames, a row for each: many cost little more than one."""
    samples = amplitudes(b"".join([frame.ljust(FRAME_BYTES, _SILENCE) for frame in frames]))
    return _bands(samples.reshape(-1, FRAME_BYTES))


def _bands(samples: Amplitudes) -> Levels:
    first, last = samples[..., :_HALF], samples[..., : -_HALF - 1 : -1]
    even = (first + last).dot(_COSINES)
    odd = (first - last).dot(_SINES)
    even *= even
    odd *= odd
    even += odd
    energies = even.dot(_BAND_FILTER)
    energies += _BAND_FLOOR
    levels: Levels = np.log10(energies, out=energies)
    levels *= 10
    return levels


@attrs.define
class _Ahead:
    """Audio that will be played: that of others, cut into frames only when its time comes."""

    number: int
    """That of the first frame in it."""
    payload: bytes
    rises_db: list[float]
    """The levels of its frames above the floor."""
    first: int
    """The first frame in it that is not played yet, counted from 0."""
    end: int
    """The first behind it that is not played at all."""


class Played:
    """The newest frames that the carrier played, and those that it will play.

    Frames are told by number: `FRAME_MS` of the call's clock each.  Those asked for must not be
    newer than ``now``.
    """

    def __init__(self) -> None:
        self.now = 0
        """The newest frame that was played."""
        self._ahead: list[_Ahead] = []
        """What will be played, in order."""
        self._ahead_frames = 0
        self._frames: list[bytes] = [b""] * KEPT_FRAMES
        """Frames that were played, round and round; empty: nothing was."""
        self._spoken = self._loud = self._worked_out = 0
        """For each frame a bit: something was played; above the floor; its bands are known."""
        self._rises = array("d", bytes(8 * 2 * KEPT_FRAMES))
        """Levels above the floor in dB; newer frames are to the left."""
        # A view of the same memory: a row for each place at which the newest frame may be.
        self._windows: Levels = sliding_window_view(np.frombuffer(self._rises), LAGS)
        self._bands: Levels | None = None
        """Of a frame that nothing was played in, or that was not asked for: below everything.
        Made when they are first asked for: most calls have no echo."""

    def add(self, at_ms: int, payload: bytes) -> None:
        """The carrier plays this from ``at_ms`` on, behind everything that it plays before."""
        number = at_ms // FRAME_MS
        first = max(0, self.now + 1 - number)
        end = min(-(-len(payload) // FRAME_BYTES), first + AHEAD_FRAMES_MAX - self._ahead_frames)
        if first < end:
            rises_db = [max(0.0, dbfs - FLOOR_DBFS) for dbfs in levels_dbfs(payload)]
            self._ahead.append(_Ahead(number, payload, rises_db, first, end))
            self._ahead_frames += end - first

    def cut(self, at_ms: int) -> None:
        """The carrier plays nothing of it from ``at_ms`` on."""
        first = -(-at_ms // FRAME_MS)
        while self._ahead and self._ahead[-1].number + self._ahead[-1].end > first:
            ahead = self._ahead[-1]
            end = max(ahead.first, first - ahead.number)
            self._ahead_frames -= ahead.end - end
            ahead.end = end
            if ahead.first == end:
                self._ahead.pop()

    def advance(self, number: int) -> None:
        """Let time pass up to a frame.  It never goes back."""
        if not self._ahead and not self._spoken:
            self.now = max(self.now, number)
            return
        first = self.now + 1
        if number - self.now > KEPT_FRAMES:  # a long gap costs no more than a short one
            self._forget()
            first = number - KEPT_FRAMES
        for passed in range(first, number + 1):
            self._keep(passed % KEPT_FRAMES, *self._take(passed))
        self.now = max(self.now, number)

    def _take(self, number: int) -> tuple[bytes, float]:
        """Take what is played up to a frame; return the newest of it, empty if there is none, and
        its level above the floor in dB."""
        frame, rise_db = b"", 0.0
        while self._ahead and self._ahead[0].number + self._ahead[0].first <= number:
            ahead = self._ahead[0]
            start = ahead.first * FRAME_BYTES
            frame = ahead.payload[start : start + FRAME_BYTES]
            rise_db = ahead.rises_db[ahead.first]
            ahead.first += 1
            self._ahead_frames -= 1
            if ahead.first == ahead.end:
                del self._ahead[0]
        return frame, rise_db

    def _forget(self) -> None:
        """Keep nothing of what was played."""
        self._spoken = self._loud = self._worked_out = 0
        self._rises[:] = _NO_RISES
        if self._bands is not None:
            self._bands.fill(-np.inf)

    def _keep(self, place: int, frame: bytes, rise_db: float) -> None:
        """Keep a frame in place of the oldest."""
        if rise_db or self._loud >> _OLDEST:
            left = _OLDEST - place
            self._rises[left] = self._rises[left + KEPT_FRAMES] = rise_db
        if self._bands is not None and self._worked_out >> _OLDEST:
            self._bands[place::KEPT_FRAMES] = -np.inf
        self._frames[place] = frame
        self._spoken = self._spoken << 1 & _ALL | bool(frame)
        self._loud = self._loud << 1 & _ALL | bool(rise_db)
        self._worked_out = self._worked_out << 1 & _ALL

    def _window(self, bits: int, newest: int, frames: int) -> int:
        """Return the bits of some frames up to the newest of them, which is in bit 0."""
        back = (self.now - newest) % KEPT_FRAMES
        return (bits >> back | bits << KEPT_FRAMES - back) & (1 << frames) - 1

    def is_loud(self, newest: int, frames: int) -> bool:
        """Say whether any of so many frames, up to the newest of them, is above the floor."""
        return self._loud != 0 and self._window(self._loud, newest, frames) != 0

    def rises(self, heard: int, frames: int = 1) -> Levels:
        """Return what was played before some frames are heard: levels over the floor.

        A row for each frame up to ``heard``, the newest first, at most `ROWS_MAX`; a column for
        each lag, the shortest first.  A view: it changes when time passes.
        """
        left = _OLDEST - (heard - LAG_FRAMES_MIN) % KEPT_FRAMES
        return self._windows[left : left + frames]

    def source(self, newest: int) -> Levels | None:
        """Return the bands of what an echo would be of: the loudest of `SPREAD_FRAMES`.

        None where nothing was played at all.
        """
        if not self._window(self._spoken, newest, SPREAD_FRAMES):
            return None
        missing = self._spoken & ~self._worked_out
        if self._window(missing, newest, SPREAD_FRAMES):
            self._work_out(missing, min(self.now - newest + SPREAD_FRAMES, KEPT_FRAMES))
        assert self._bands is not None, "what is not missing was worked out"
        first = (newest - SPREAD_FRAMES + 1) % KEPT_FRAMES
        loudest: Levels = self._bands[first : first + SPREAD_FRAMES].max(axis=0)
        return loudest

    def _work_out(self, missing: int, newest_frames: int) -> None:
        """Work out the missing bands among the newest frames: the later ones are asked for next."""
        missing &= (1 << newest_frames) - 1
        ages = [age for age in range(newest_frames) if missing >> age & 1]
        places = [(self.now - age) % KEPT_FRAMES for age in ages]
        if self._bands is None:
            self._bands = np.full((2 * KEPT_FRAMES, BANDS), -np.inf, dtype=_BAND_FILTER.dtype)
        bands = bands_of([self._frames[place] for place in places])
        for place, levels in zip(places, bands, strict=True):
            self._bands[place] = self._bands[place + KEPT_FRAMES] = levels
        self._worked_out |= missing
