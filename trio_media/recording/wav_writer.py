"""The stereo recording of a call: left the caller, right what the caller heard, aligned.

Rule 1: recording never delays, blocks or ends the call.  What finds no place is dropped and
counted; a disk that is full, read-only or too slow costs the recording and nothing else.
Rule 2: the file is right up to the last flush, once a second, however the process ends.
Rule 3: audio that comes late is put in its place, however late, also where the file is already.
Rule 4: memory is constant: a window of mu-law, a bounded queue in front of it, and as many changes
of the file as are made at once.
"""

from __future__ import annotations

import errno
import io
import logging
import threading
import wave
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
import trio

from trio_media.audio.g711 import BYTES_PER_MS, SAMPLE_RATE_HZ, decode_mulaw
from trio_media.recording.disk import (
    DEFAULT_LIMITS,
    DiskLimits,
    run_last_step,
    run_step,
    until_flush,
)
from trio_media.recording.stereo_mixer import AHEAD_MS, LAG_MS, MixedSpan, Patch, StereoMixer

_log = logging.getLogger(__name__)

QUEUED_WRITES_MAX: Final = 1_024  # ten seconds of 20 ms frames both ways
QUEUED_BYTES_MAX: Final = 2 * 10_000 * BYTES_PER_MS  # ten seconds both ways
CHANGES_AT_ONCE: Final = 16  # of the file, in one thread: two megabytes at most

_CHANNELS: Final = 2
_BYTES_PER_FRAME: Final = 2 * _CHANNELS  # 16 bit
_WAV_HEADER_BYTES: Final = 44
_WAV_AUDIO_BYTES_MAX: Final = 2**32 - 1 - _WAV_HEADER_BYTES  # RIFF counts in 32 bits: 37 hours

Side: TypeAlias = Literal["left", "right"]
_Write: TypeAlias = tuple[Side, int, bytes]
"""Where the audio belongs, when it begins, and the audio in mu-law."""


class StereoRecorder:
    """The call's end of the recording: never blocks and never fails.

    All times are ms since the call began, the axis of the ``now_ms`` given to `record`.
    """

    def __init__(self, *, lag_ms: int = LAG_MS, ahead_ms: int = AHEAD_MS) -> None:
        self.mixer = StereoMixer(lag_ms=lag_ms, ahead_ms=ahead_ms)
        self.dropped_bytes = 0
        """Mu-law bytes that found no place in the queue."""
        self.failure: str | None = None
        """Why there is no recording, or none any more; None while all is well."""
        self.is_closed = False
        self._ends_ms: int | None = None
        self._has_news = trio.Event()
        self._queue: deque[_Write] = deque()
        self._queued_bytes = 0

    def write_left(self, at_ms: int, mulaw: bytes) -> None:
        """Record the caller's audio whose first sample was spoken at ``at_ms``."""
        self._add("left", at_ms, mulaw)

    def write_right(self, at_ms: int, mulaw: bytes) -> None:
        """Record audio that the caller heard from ``at_ms`` on."""
        self._add("right", at_ms, mulaw)

    def close(self, at_ms: int | None = None) -> None:
        """End the recording; `record` writes what there is and returns.  May be repeated.

        ``at_ms``: when the call ended; None: with the last write.
        """
        if not self.is_closed:
            self.is_closed, self._ends_ms = True, at_ms
        self._has_news.set()

    @property
    def has_news(self) -> trio.Event:
        """The queue must be emptied, or the recording is over."""
        return self._has_news

    def changes(self, until_ms: int) -> Iterator[MixedSpan | Patch]:
        """Mix everything that is queued; tell what that changes of the file, in order.

        To go away early loses nothing: the next time tells the rest.
        """
        if not self.is_closed:
            self._has_news = trio.Event()
        while self._queue:
            yield from self._mix()
        if self._ends_ms is not None:
            until_ms = min(until_ms, self._ends_ms)
        while (span := self.mixer.take(until_ms)) is not None:
            yield span

    def fail(self, reason: str) -> None:
        """Give the recording up; everything that is still to come goes nowhere."""
        self.failure = reason

    def _add(self, side: Side, at_ms: int, mulaw: bytes) -> None:
        if self.failure is not None or self.is_closed:
            return
        queued_bytes = self._queued_bytes + len(mulaw)
        if queued_bytes > QUEUED_BYTES_MAX or len(self._queue) >= QUEUED_WRITES_MAX:
            self.dropped_bytes += len(mulaw)
            return
        self._queue.append((side, at_ms, mulaw))
        self._queued_bytes = queued_bytes
        # After a stall everything comes at once, faster than the next flush.
        if queued_bytes > QUEUED_BYTES_MAX // 2 or len(self._queue) > QUEUED_WRITES_MAX // 2:
            self._has_news.set()

    def _mix(self) -> Iterator[MixedSpan | Patch]:
        """Mix the oldest write; it stays in the queue while whoever asks may still go away."""
        side, at_ms, mulaw = self._queue[0]
        while not self.mixer.has_room(at_ms, mulaw):
            span = self.mixer.make_room(at_ms, mulaw)
            if span is None:  # one message longer than the window
                self._pass_oldest()
                self.dropped_bytes += len(mulaw)
                return
            yield span
        self._pass_oldest()
        write = self.mixer.write_left if side == "left" else self.mixer.write_right
        patch = write(at_ms, mulaw)
        if patch is not None:
            yield patch

    def _pass_oldest(self) -> None:
        _side, _at_ms, mulaw = self._queue.popleft()
        self._queued_bytes -= len(mulaw)


class WavFile:
    """The file.  `write` blocks: it is for threads, one after the other by a lock."""

    def __init__(self, path: Path) -> None:
        self.pending: deque[MixedSpan | Patch] = deque()
        """What is to be changed.  Whichever thread comes first takes it, in order and once."""
        self.is_lost = False
        """Nothing more is written."""
        self.is_over = False
        """Nobody waits for a thread any more; the last one closes the file."""
        self._path = path
        self._file: io.BufferedRandom | None = None
        self._wave: wave.Wave_write | None = None
        self._frames = 0
        self._error: OSError | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    def write(self) -> None:
        """Make the changes that are pending; the first time, make the file.

        Raises OSError, also when a thread failed before for which nobody waited any more.
        """
        with self._lock:
            try:
                # A thread that comes back late would make the file again, and empty it.
                if not self.is_lost and not self._is_closed:
                    self._write_pending()
            except OSError as exc:
                self.is_lost, self._error = True, exc
            finally:
                is_last = self.is_over and (self.is_lost or not self.pending)
                if is_last and not self._is_closed:
                    self._is_closed = True
                    self._close()
            if self._error is not None:
                raise self._error

    def _write_pending(self) -> None:
        if self._file is None:
            self._open()
        while self.pending and not self.is_lost:
            change = self.pending.popleft()
            if isinstance(change, Patch):
                self._patch(change)
            else:
                self._append(change)

    def _open(self) -> None:
        """Make the directory and the file, with a header."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("w+b")
        self._wave = wave.Wave_write(self._file)
        self._wave.setnchannels(_CHANNELS)
        self._wave.setsampwidth(2)
        self._wave.setframerate(SAMPLE_RATE_HZ)
        self._wave.writeframes(b"")
        assert self._file.tell() == _WAV_HEADER_BYTES
        self._file.flush()

    def _patch(self, patch: Patch) -> None:
        """Put audio of one channel where the file has something else already."""
        assert self._file is not None
        first = max(0, patch.start_sample)
        mulaw = patch.mulaw[first - patch.start_sample :]
        at_bytes = _WAV_HEADER_BYTES + first * _BYTES_PER_FRAME
        self._file.seek(at_bytes)
        known = self._file.read(len(mulaw) * _BYTES_PER_FRAME)
        if len(known) != len(mulaw) * _BYTES_PER_FRAME:
            raise OSError(errno.EIO, "somebody cut the file short", str(self._path))
        pcm = np.frombuffer(known, dtype="<i2").reshape(-1, _CHANNELS).copy()
        pcm[:, int(patch.is_right)] = decode_mulaw(mulaw)
        self._file.seek(at_bytes)
        self._file.write(pcm.tobytes())
        self._file.seek(0, io.SEEK_END)
        self._file.flush()

    def _append(self, span: MixedSpan) -> None:
        """Correct what the file has, append what it lacks, and set its header."""
        assert self._file is not None
        assert self._wave is not None
        assert span.start_sample <= self._frames, "a span would leave a hole"
        pcm = _interleave(span)
        size_bytes = span.start_sample * _BYTES_PER_FRAME + len(pcm)
        if size_bytes > _WAV_AUDIO_BYTES_MAX:
            raise OSError(errno.EFBIG, "a WAV file holds no more", str(self._path))
        # A span reaches the end of the file at least, so the position is right for appending.
        known_bytes = (self._frames - span.start_sample) * _BYTES_PER_FRAME
        if known_bytes:
            self._file.seek(_WAV_HEADER_BYTES + span.start_sample * _BYTES_PER_FRAME)
            self._file.write(pcm[:known_bytes])
        self._wave.writeframes(pcm[known_bytes:])
        self._frames = max(self._frames, span.start_sample + len(span.left))
        # What stays in the process dies with it; what the kernel has does not.
        self._file.flush()

    def _close(self) -> None:
        """Close the file if it is open, also after an error."""
        wav, self._wave = self._wave, None
        file, self._file = self._file, None
        try:
            if wav is not None:
                wav.close()
        finally:
            if file is not None:
                file.close()


def _interleave(span: MixedSpan) -> bytes:
    pcm = np.empty((len(span.left), _CHANNELS), dtype="<i2")
    pcm[:, 0] = decode_mulaw(span.left)
    pcm[:, 1] = decode_mulaw(span.right)
    return pcm.tobytes()


async def record(
    recorder: StereoRecorder,
    path: Path,
    *,
    now_ms: Callable[[], int],
    limits: DiskLimits = DEFAULT_LIMITS,
) -> None:
    """Write the call to ``path`` until ``recorder`` is closed or fails.  Never raises for a disk.

    ``now_ms`` gives ms since the call began.

    Cancellation: what is queued is written first, for 500 ms at most; a thread that does not come
    back is left alone and closes the file when it does.
    """
    file = WavFile(path)
    try:
        await run_step(file.write, limits)  # a place where nothing can be kept shows at once
        while not recorder.is_closed:
            await until_flush(limits, recorder.has_news)
            await _gather(recorder, file, now_ms(), run_step, limits)
            await run_step(file.write, limits)
    except OSError as exc:
        _fail(recorder, file, path, exc)
    finally:
        await _finish(recorder, file, path, now_ms(), limits)


RunStep: TypeAlias = Callable[[Callable[[], None], DiskLimits], Awaitable[None]]


async def _gather(
    recorder: StereoRecorder, file: WavFile, until_ms: int, run: RunStep, limits: DiskLimits
) -> None:
    """Collect what is to be changed of the file; write when it is too much for memory.

    Cancellation: what was collected is pending; the rest is still the recorder's.
    """
    for change in recorder.changes(until_ms):
        file.pending.append(change)  # before anything is awaited: nobody else has it
        if len(file.pending) >= CHANGES_AT_ONCE:
            await run(file.write, limits)


async def _finish(
    recorder: StereoRecorder, file: WavFile, path: Path, now_ms: int, limits: DiskLimits
) -> None:
    """Write the rest, unless the disk failed, and close the file.  Raises nothing."""
    recorder.close()
    try:
        if recorder.failure is None:
            await _gather(recorder, file, now_ms, run_last_step, limits)
    except OSError as exc:
        _fail(recorder, file, path, exc)
    file.is_over = True
    try:
        await run_last_step(file.write, limits)
    except OSError as exc:
        _fail(recorder, file, path, exc)


def _fail(recorder: StereoRecorder, file: WavFile, path: Path, error: OSError) -> None:
    file.is_lost = True
    if recorder.failure is None:
        recorder.fail(str(error))
        _log.warning("the recording %s is lost: %s", path, error)
