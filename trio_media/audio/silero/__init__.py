"""Silero's voice activity detector at 8 kHz: how likely a stretch of audio is a human voice.

Rule 1: one model a process, shared by all calls; what a call was heard to say before is in its own
`VoiceTrack`.
Rule 2: a chunk is 256 new samples (32 ms) behind the 32 samples before them.
Rule 3: audio waits as the bytes it came in, and is worked out for all callers of a run at once.

The model file is Silero's own, under its licence: ``LICENSE.txt`` beside it.

Source: https://github.com/snakers4/silero-vad
"""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE, SAMPLE_RATE_HZ
from trio_media.audio.levels import amplitudes, amplitudes_dbfs
from trio_media.errors import JudgeLost

# It would tell its makers of itself otherwise: a phone-call server speaks to nobody unasked.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
try:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors
except ImportError:  # no wheel for this machine
    onnxruntime = None

Floats: TypeAlias = NDArray[np.float32]

CHUNK_SAMPLES: Final = 256  # what the model was made for at 8 kHz
CHUNK_MS: Final = CHUNK_SAMPLES // BYTES_PER_MS
CONTEXT_SAMPLES: Final = 32  # of the chunk before, in front of each
STATE_SHAPE: Final = (2, 1, 128)  # of one caller; callers are in the middle
BATCH_MAX: Final = 16  # callers in one run: a third of a millisecond; more saves nothing a caller
_ERROR_ONLY: Final = 3  # onnxruntime's severity; below it tells of the model's making

MODEL_FILE: Final = "silero_vad.onnx"


@attrs.frozen(eq=False)
class Chunk:
    """A stretch of one caller's audio, ready for the model."""

    end_ms: int
    """When its last sample was spoken, on the axis of what was fed."""
    heard: bytes
    """Mu-law, behind that of the context: ``CONTEXT_SAMPLES + CHUNK_SAMPLES`` bytes."""
    state: Floats
    """What the model remembers of the caller."""
    beginning: int
    """Which beginning of the track it follows."""

    def judged(self, probability: float) -> Judged:
        """Give the verdict on it."""
        dbfs = amplitudes_dbfs(amplitudes(self.heard)[CONTEXT_SAMPLES:])
        return Judged(self.end_ms, probability, dbfs)


@attrs.frozen
class Judged:
    """The verdict on one chunk."""

    end_ms: int
    probability: float
    """That there is a voice in it: 0 to 1."""
    dbfs: float
    """How loud it is."""


@attrs.define(eq=False)
class VoiceTrack:
    """One caller before the model: the chunks that wait, and what the model remembers.

    Audio that does not follow directly begins anew: the model forgets, and half a chunk is dropped.
    """

    _rest: bytes = b""
    """Audio that is no whole chunk yet."""
    _end_sample: int | None = None
    """Where the next audio is expected."""
    _waiting: list[tuple[int, bytes]] = attrs.field(factory=list)
    _context: bytes = attrs.field(factory=lambda: _CONTEXT_AT_FIRST)
    _state: Floats = attrs.field(factory=lambda: _STATE_AT_FIRST)
    _beginning: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether there is a whole chunk to judge."""
        return bool(self._waiting)

    @property
    def waiting(self) -> int:
        """How many chunks wait."""
        return len(self._waiting)

    @property
    def newest_ms(self) -> int:
        """When the last of the chunks that wait ends."""
        return self._waiting[-1][0]

    def forget(self) -> None:
        """Drop what waits; what comes next begins anew."""
        self._waiting.clear()
        self._end_sample = None

    def feed(self, payload: bytes, at_ms: int) -> None:
        """Take in mu-law 8 kHz audio whose first sample is at ``at_ms``."""
        at_sample = at_ms * BYTES_PER_MS
        # Carriers round their timestamps: less than a chunk apart is following directly.
        if self._end_sample is None or abs(at_sample - self._end_sample) >= CHUNK_SAMPLES:
            self._begin(at_sample)
        assert self._end_sample is not None
        self._end_sample += len(payload)
        pending = self._rest + payload if self._rest else payload
        end_sample = self._end_sample - len(pending)
        whole_bytes = len(pending) - len(pending) % CHUNK_SAMPLES
        for start in range(0, whole_bytes, CHUNK_SAMPLES):
            end_sample += CHUNK_SAMPLES
            chunk = pending[start : start + CHUNK_SAMPLES]
            self._waiting.append((end_sample // BYTES_PER_MS, chunk))
        self._rest = pending[whole_bytes:]

    def _begin(self, at_sample: int) -> None:
        self._end_sample = at_sample
        self._rest = b""
        self._waiting.clear()
        self._context, self._state = _CONTEXT_AT_FIRST, _STATE_AT_FIRST
        self._beginning += 1

    def take(self) -> Chunk:
        """Hand over the next chunk; the verdict on it comes before the next `take`."""
        end_ms, mulaw = self._waiting.pop(0)
        heard = self._context + mulaw
        self._context = mulaw[-CONTEXT_SAMPLES:]
        return Chunk(end_ms, heard, self._state, self._beginning)

    def remember(self, chunk: Chunk, state: Floats) -> None:
        """Keep what the model made of a chunk, unless the track has begun anew meanwhile."""
        if chunk.beginning == self._beginning:
            self._state = state


_CONTEXT_AT_FIRST: Final[bytes] = bytes([MULAW_SILENCE]) * CONTEXT_SAMPLES
_STATE_AT_FIRST: Final[Floats] = np.zeros(STATE_SHAPE, np.float32)


class SileroModel:
    """The model, loaded."""

    def __init__(self) -> None:
        """Load the model: some 50 ms and 5 MB.

        Raises `JudgeLost` in words for an operator, also where ``onnxruntime`` is not installed.
        """
        if onnxruntime is None:
            raise JudgeLost("onnxruntime is not installed: pip install onnxruntime")
        options = onnxruntime.SessionOptions()
        # A batch is small; more threads would only take the cores from the calls.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _ERROR_ONLY
        file = importlib.resources.files(__package__).joinpath(MODEL_FILE)
        try:
            self._session: Any = onnxruntime.InferenceSession(
                file.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except _model_errors() as error:
            raise JudgeLost(f"the voice model cannot be loaded: {error}") from error
        self._rate_hz = np.array(SAMPLE_RATE_HZ, np.int64)

    def run(self, chunks: Sequence[Chunk]) -> list[tuple[float, Floats]]:
        """Return for each chunk the probability of a voice, and what to remember of its caller.

        At most `BATCH_MAX` chunks, each of another caller.  Blocks for as long as it takes.

        Raises `JudgeLost`.
        """
        assert 0 < len(chunks) <= BATCH_MAX, f"{len(chunks)} chunks at once"
        heard = amplitudes(b"".join([chunk.heard for chunk in chunks]))
        states = np.concatenate([chunk.state for chunk in chunks], axis=1)
        fed = {"input": heard.reshape(len(chunks), -1), "state": states, "sr": self._rate_hz}
        try:
            probabilities, states = self._session.run(None, fed)
        except _model_errors() as error:
            raise JudgeLost(f"the voice model failed: {error}") from error
        likely: list[float] = probabilities[:, 0].tolist()
        # A view would keep the whole batch, of as many callers, for each of them.
        return [(p, states[:, n : n + 1].copy()) for n, p in enumerate(likely)]


def _model_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: classes without a common one of their own."""
    return (
        onnx_errors.Fail,
        onnx_errors.RuntimeException,
        onnx_errors.EPFail,
        onnx_errors.InvalidArgument,
        onnx_errors.InvalidGraph,
        onnx_errors.InvalidProtobuf,
        onnx_errors.NotImplemented,
    )


def judge(model: SileroModel, tracks: Sequence[VoiceTrack]) -> list[Judged]:
    """Judge the next chunk of each of some tracks, here and now."""
    chunks = [track.take() for track in tracks]
    return settle(tracks, chunks, model.run(chunks))


def settle(
    tracks: Sequence[VoiceTrack], chunks: Sequence[Chunk], verdicts: Sequence[tuple[float, Floats]]
) -> list[Judged]:
    """Note in the tracks what the model said of their chunks."""
    judged: list[Judged] = []
    for track, chunk, (probability, state) in zip(tracks, chunks, verdicts, strict=True):
        track.remember(chunk, state)
        judged.append(chunk.judged(probability))
    return judged
