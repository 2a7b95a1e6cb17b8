"""What a frame tells without knowing speech: its level, the noise floor under it, a keypad tone.

Rule 1: levels are RMS over full scale (32,768) in dBFS; a sine at full scale reads -3.
Rule 2: all of this runs inline for every frame of every call, so it works by table and never on
more than one frame.
Rule 3: the ears of a call ask for the level of a frame one after the other, so the newest are kept.
"""

from __future__ import annotations

import functools
import math
from typing import Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from trio_media.audio.g711 import SAMPLE_RATE_HZ, decode_mulaw

Amplitudes: TypeAlias = NDArray[np.float32]

FRAME_MS: Final = 20  # what carriers send, and what detectors judge
FRAME_BYTES: Final = FRAME_MS * SAMPLE_RATE_HZ // 1_000
SILENCE_DBFS: Final = -100.0  # stands for digital silence; mu-law's smallest step is -72 dBFS

_SILENT_POWER: Final = 10 ** (SILENCE_DBFS / 10)
_AMPLITUDE_OF_CODE: Final[Amplitudes] = decode_mulaw(bytes(range(256))).astype(
    np.float32
) / np.float32(32_768)

_LEVELS_KEPT: Final = 64  # of all calls: each asks for one frame a few times in a row

_BUCKET_FRAMES: Final = 10  # 200 ms; the window moves in steps of this
_BUCKETS_MAX: Final = 8  # 1.6 s: longer than any vowel, and a step of the noise is learned in 2 s
_HOLD_RELEASE_DB: Final = 6.0  # a held noise that fell by this much has gone

# Source: https://www.itu.int/rec/T-REC-Q.23
_DTMF_LOW_HZ: Final = (697, 770, 852, 941)
_DTMF_HIGH_HZ: Final = (1_209, 1_336, 1_477, 1_633)
_DTMF_SHARE_MIN: Final = 0.85  # of the frame's energy, in one low and one high tone
_DTMF_EACH_MIN: Final = 0.08  # of the frame's energy; a twist of more than 10 dB is no key


def amplitudes(payload: bytes) -> Amplitudes:
    """Return the samples of mu-law bytes with full scale as 1.0."""
    return _AMPLITUDE_OF_CODE.take(np.frombuffer(payload, dtype=np.uint8))


def amplitudes_dbfs(samples: Amplitudes) -> float:
    """Return the level of samples with full scale as 1.0.  No samples at all are silence."""
    if not samples.size:
        return SILENCE_DBFS
    power = float(samples.dot(samples)) / samples.size
    return 10 * math.log10(max(power, _SILENT_POWER))


@functools.lru_cache(maxsize=_LEVELS_KEPT)
def level_dbfs(payload: bytes) -> float:
    """Return the level of mu-law bytes, from ``SILENCE_DBFS`` to about -0.2."""
    return amplitudes_dbfs(amplitudes(payload))


def levels_dbfs(payload: bytes) -> list[float]:
    """Return the level of each frame of mu-law bytes; the last may be shorter than a frame."""
    whole = len(payload) // FRAME_BYTES
    samples = amplitudes(payload)
    frames = samples[: whole * FRAME_BYTES].reshape(whole, FRAME_BYTES)
    levels = [amplitudes_dbfs(frame) for frame in frames]
    if len(payload) % FRAME_BYTES:
        levels.append(amplitudes_dbfs(samples[whole * FRAME_BYTES :]))
    return levels


def _tone_probes() -> Amplitudes:
    """Return a cosine for each tone of the keypad, the low ones first, and then a sine for each."""
    time_s = np.arange(FRAME_BYTES) / SAMPLE_RATE_HZ
    hz = np.array(_DTMF_LOW_HZ + _DTMF_HIGH_HZ)
    # Scaled so that the squared magnitude of a pure tone's sum is the tone's energy.
    scale = math.sqrt(2 / FRAME_BYTES)
    phases = 2 * np.pi * np.outer(hz, time_s)
    probes: Amplitudes = (np.concatenate([np.cos(phases), np.sin(phases)]) * scale).astype("f4")
    return probes


_TONE_PROBES: Final = _tone_probes()


def is_keypad_tone(samples: Amplitudes) -> bool:
    """Say whether a whole frame is one DTMF key: two tones and next to nothing else."""
    energy = float(samples.dot(samples))
    sums: list[float] = _TONE_PROBES.dot(samples).tolist()
    tones = [cosine * cosine + sine * sine for cosine, sine in zip(sums[:8], sums[8:], strict=True)]
    low, high = max(tones[:4]), max(tones[4:])
    if min(low, high) < _DTMF_EACH_MIN * energy:
        return False
    return bool(low + high > _DTMF_SHARE_MIN * energy)


@attrs.define
class _Bucket:
    """The extremes of some frames' levels."""

    lowest_dbfs: float = math.inf
    highest_dbfs: float = -math.inf
    frames: int = 0


class NoiseFloor:
    """The level that the line does not fall below: the least of the last 1.6 to 1.8 s.

    Speech has dips within that time, so it does not lift the floor; steady noise has none, so a
    step of it becomes the floor within two seconds.
    """

    def __init__(self) -> None:
        self._open = _Bucket()
        self._full: list[_Bucket] = []
        self._full_lowest_dbfs = math.inf
        self._held_dbfs = -math.inf
        self._release_dbfs = -math.inf

    @property
    def dbfs(self) -> float:
        """The floor now, never above the last frame but while held.

        From the first frame on, so that a call which opens in noise does not open with an onset.
        """
        lowest_dbfs = self._open.lowest_dbfs
        if self._full_lowest_dbfs < lowest_dbfs:
            lowest_dbfs = self._full_lowest_dbfs
        if lowest_dbfs == math.inf:  # nothing heard at all
            lowest_dbfs = SILENCE_DBFS
        return max(lowest_dbfs, self._held_dbfs)

    def hear(self, frame_dbfs: float) -> None:
        """Take in the level of the next frame."""
        bucket = self._open
        if frame_dbfs < bucket.lowest_dbfs:
            bucket.lowest_dbfs = frame_dbfs
        if frame_dbfs > bucket.highest_dbfs:
            bucket.highest_dbfs = frame_dbfs
        bucket.frames += 1
        if bucket.frames == _BUCKET_FRAMES:
            self._turn_bucket()

    def hold(self, mean_dbfs: float, spread_db: float) -> None:
        """Take a level for noise whatever its dips, until it has gone for a whole window.

        ``spread_db`` is its standard deviation; the floor is held two of them above the mean.
        """
        self._held_dbfs = mean_dbfs + 2 * spread_db
        self._release_dbfs = mean_dbfs - _HOLD_RELEASE_DB

    def _turn_bucket(self) -> None:
        self._full.append(self._open)
        del self._full[:-_BUCKETS_MAX]
        self._open = _Bucket()
        self._full_lowest_dbfs = min(bucket.lowest_dbfs for bucket in self._full)
        if max(bucket.highest_dbfs for bucket in self._full) < self._release_dbfs:
            self._held_dbfs = self._release_dbfs = -math.inf
