from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
import tracemalloc
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import numpy as np
import pytest
import trio
import trio.testing

from trio_media.audio.g711 import decode_mulaw
from trio_media.recording import wav_writer
from trio_media.recording.stereo_mixer import MixedSpan
from trio_media.recording.wav_writer import (
    QUEUED_BYTES_MAX,
    QUEUED_WRITES_MAX,
    DiskLimits,
    StereoRecorder,
    WavFile,
    record,
)

OFTEN = DiskLimits(flush_every_s=0.01)
NEVER = DiskLimits(flush_every_s=3_600)


def read(path: Path) -> tuple[list[int], list[int]]:
    """Return both channels of a WAV; fails if its header does not agree with its size."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8_000, 2, 2)
        pcm = file.readframes(file.getnframes())
        assert len(pcm) == 4 * file.getnframes()
    samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, 2)
    return samples[:, 0].tolist(), samples[:, 1].tolist()


def linear(code: int) -> int:
    return int(decode_mulaw(bytes([code]))[0])


@attrs.define
class Clock:
    """The call's time, moved by the test; tells each flush, which asks for it first."""

    ms: int = 0
    flushes: int = 0
    on_flush: Callable[[int], None] = lambda flushes: None

    def now_ms(self) -> int:
        self.flushes += 1
        self.on_flush(self.flushes)
        return self.ms


async def test_both_channels_are_aligned_on_the_calls_axis(tmp_path: Path) -> None:
    recorder, clock = StereoRecorder(), Clock(ms=1_000)
    recorder.write_right(500, b"\x90" * 800)
    recorder.write_left(20, b"\x10" * 160)
    recorder.close()
    with trio.fail_after(5):
        await record(recorder, tmp_path / "new" / "CA1.wav", now_ms=clock.now_ms)
    left, right = read(tmp_path / "new" / "CA1.wav")
    assert left == [0] * 160 + [linear(0x10)] * 160 + [0] * 7_680
    assert right == [0] * 4_000 + [linear(0x90)] * 800 + [0] * 3_200
    assert recorder.dropped_bytes == 0
    assert recorder.failure is None


async def test_the_file_can_be_read_while_the_call_goes_on(tmp_path: Path) -> None:
    recorder, path = StereoRecorder(), tmp_path / "CA1.wav"
    lengths: list[int] = []

    def go_on(flushes: int) -> None:
        clock.ms = 1_000 * flushes
        lengths.append(len(read(path)[0]))
        if flushes == 5:
            recorder.close()

    clock = Clock(on_flush=go_on)
    with trio.fail_after(5):
        await record(recorder, path, now_ms=clock.now_ms, limits=OFTEN)
    assert lengths[:5] == [0, 8_000, 16_000, 24_000, 32_000]


async def test_late_frames_correct_what_is_on_disk_however_late(tmp_path: Path) -> None:
    recorder, path = StereoRecorder(), tmp_path / "CA1.wav"
    recorder.write_right(0, b"\x90" * 8_000)

    def go_on(flushes: int) -> None:
        clock.ms = 1_000 * flushes
        if flushes == 2:
            assert read(path)[1] == [linear(0x90)] * 8_000
            recorder.write_left(100, b"\x10" * 160)
        if flushes == 30:  # long behind the window
            recorder.write_right(990, b"\xa0" * 160)
            recorder.write_left(200, b"\x20" * 160)
            recorder.close()

    clock = Clock(on_flush=go_on)
    with trio.fail_after(5):
        await record(recorder, path, now_ms=clock.now_ms, limits=OFTEN)
    left, right = read(path)
    assert len(left) >= 240_000
    assert left[:960] == [0] * 800 + [linear(0x10)] * 160
    assert left[960:] == [0] * 640 + [linear(0x20)] * 160 + [0] * (len(left) - 1_760)
    assert right[:8_080] == [linear(0x90)] * 7_920 + [linear(0xA0)] * 160
    assert right[8_080:] == [0] * (len(left) - 8_080)


@pytest.mark.parametrize("stall_s", [3, 8, 20, 60])
async def test_a_stalled_process_keeps_every_frame_in_its_place(
    tmp_path: Path, stall_s: int
) -> None:
    """The process stops, and then everything that the kernel has kept comes at once."""
    recorder, path, clock = StereoRecorder(), tmp_path / "CA1.wav", Clock()
    frames = stall_s * 50
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: record(recorder, path, now_ms=clock.now_ms, limits=NEVER))
            await trio.testing.wait_all_tasks_blocked(0.01)
            clock.ms = stall_s * 1_000
            recorder.write_right(stall_s * 1_000 - 500, b"\x90" * 4_000)  # the newest comes first
            for number in range(frames):
                recorder.write_left(20 * number, bytes([0x10 + number % 50]) * 160)
                if number % 64 == 0:
                    await trio.testing.wait_all_tasks_blocked(0.005)  # as the reader does, often
            recorder.close()
    left, right = read(path)
    assert recorder.dropped_bytes == 0
    assert left == [linear(0x10 + n % 50) for n in range(frames) for _ in range(160)]
    assert right == [0] * (len(left) - 4_000) + [linear(0x90)] * 4_000


async def test_a_cancelled_call_leaves_all_that_it_recorded(tmp_path: Path) -> None:
    recorder, clock = StereoRecorder(), Clock(ms=700)
    path = tmp_path / "CA1.wav"
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: record(recorder, path, now_ms=clock.now_ms, limits=NEVER))
            await trio.testing.wait_all_tasks_blocked(0.01)
            recorder.write_left(600, b"\x10" * 800)
            nursery.cancel_scope.cancel()
    assert read(path)[0] == [0] * 4_800 + [linear(0x10)] * 800


async def test_what_comes_after_the_end_goes_nowhere(tmp_path: Path) -> None:
    recorder, clock = StereoRecorder(), Clock(ms=100)
    recorder.close()
    recorder.write_left(0, b"\x10" * 160)
    with trio.fail_after(5):
        await record(recorder, tmp_path / "CA1.wav", now_ms=clock.now_ms)
    assert read(tmp_path / "CA1.wav") == ([0] * 800, [0] * 800)


# --- full queues -------------------------------------------------------------------------------


def right_of(recorder: StereoRecorder, until_ms: int) -> bytes:
    [span] = recorder.changes(until_ms)
    assert isinstance(span, MixedSpan)
    return span.right


def test_a_full_queue_drops_and_counts_and_never_waits() -> None:
    recorder = StereoRecorder()
    for _ in range(QUEUED_WRITES_MAX + 10):
        recorder.write_left(0, b"\x10" * 8)
    assert recorder.dropped_bytes == 80
    assert list(recorder.changes(0)) == []
    recorder.write_left(0, b"\x10" * 8)
    assert recorder.dropped_bytes == 80


def test_large_writes_are_bounded_by_their_bytes() -> None:
    recorder = StereoRecorder()
    for _ in range(5):
        recorder.write_right(0, b"\x90" * (QUEUED_BYTES_MAX // 4))
    assert recorder.dropped_bytes == QUEUED_BYTES_MAX // 4
    assert right_of(recorder, 1_000) == b"\x90" * 8_000


# --- bad disks ---------------------------------------------------------------------------------


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: a write fails half-way, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def lost(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "trio_media.recording.wav_writer"]


async def test_a_disk_that_fills_up_costs_the_recording_and_leaves_its_beginning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, path = StereoRecorder(), tmp_path / "CA1.wav"

    def go_on(flushes: int) -> None:
        clock.ms = 1_000 * flushes

    clock = Clock(on_flush=go_on)
    with trio.fail_after(5), room_for(100_000):
        await record(recorder, path, now_ms=clock.now_ms, limits=OFTEN)
    assert recorder.failure is not None
    assert len(lost(caplog)) == 1
    assert str(path) in lost(caplog)[0]
    with wave.open(str(path), "rb") as file:
        assert file.getnframes() == 24_000  # three seconds were whole
    # The call goes on and notices nothing.
    recorder.write_left(5_000, b"\x10" * 160)
    recorder.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
async def test_a_disk_that_is_full_from_the_start_costs_only_the_recording(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "CA1.wav").symlink_to("/dev/full")
    recorder = StereoRecorder()
    with trio.fail_after(5):
        await record(recorder, tmp_path / "CA1.wav", now_ms=Clock().now_ms)
    assert recorder.failure is not None
    assert "No space left" in recorder.failure
    assert len(lost(caplog)) == 1


async def test_a_directory_that_cannot_be_made_costs_only_the_recording(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    recorder = StereoRecorder()
    with trio.fail_after(5):
        await record(recorder, tmp_path / "file" / "CA1.wav", now_ms=Clock().now_ms)
    assert recorder.failure is not None
    assert len(lost(caplog)) == 1


async def test_a_recording_as_long_as_a_wav_can_be_ends_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wav_writer, "_WAV_AUDIO_BYTES_MAX", 40_000)
    recorder, clock = StereoRecorder(), Clock()

    def go_on(flushes: int) -> None:
        clock.ms = 1_000 * flushes

    clock.on_flush = go_on
    with trio.fail_after(5):
        await record(recorder, tmp_path / "CA1.wav", now_ms=clock.now_ms, limits=OFTEN)
    assert "holds no more" in str(recorder.failure)
    assert len(read(tmp_path / "CA1.wav")[0]) == 8_000


@contextmanager
def hanging_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let every write of audio hang until the end; then the file is to be closed, and says so."""
    released, closed = threading.Event(), threading.Event()
    real_close = WavFile._close

    def hang(file: WavFile, span: object) -> None:
        released.wait(10)

    def close(file: WavFile) -> None:
        real_close(file)
        closed.set()

    monkeypatch.setattr(WavFile, "_append", hang)
    monkeypatch.setattr(WavFile, "_close", close)
    try:
        yield closed
    finally:
        released.set()


async def test_a_disk_that_hangs_is_left_alone_and_its_file_closed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, clock = StereoRecorder(), Clock(ms=1_000)
    limits = DiskLimits(flush_every_s=0.01, write_deadline_s=0.05)
    with hanging_disk(monkeypatch) as closed:
        with trio.fail_after(5):
            await record(recorder, tmp_path / "CA1.wav", now_ms=clock.now_ms, limits=limits)
        assert recorder.failure is not None
        assert "0.05 s" in recorder.failure
        assert len(lost(caplog)) == 1
        assert not closed.is_set(), "two threads had the same file"
    with trio.fail_after(5):
        assert await trio.to_thread.run_sync(closed.wait, 5)


async def test_a_call_that_is_dropped_does_not_wait_for_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, clock = StereoRecorder(), Clock(ms=1_000)
    limits = DiskLimits(flush_every_s=0.01, write_deadline_s=30)
    with hanging_disk(monkeypatch) as closed, trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            path = tmp_path / "CA1.wav"
            nursery.start_soon(lambda: record(recorder, path, now_ms=clock.now_ms, limits=limits))
            await trio.sleep(0.2)
            nursery.cancel_scope.cancel()
        assert not closed.is_set()
        assert "0.5 s" in str(recorder.failure)
    with trio.fail_after(5):
        assert await trio.to_thread.run_sync(closed.wait, 5)


async def test_a_disk_that_fails_when_nobody_waits_any_more_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows would leave a hole in the file, so nothing follows."""
    real_append = WavFile._append
    appended: list[int] = []

    def fail_at_the_end(file: WavFile, span: MixedSpan) -> None:
        appended.append(span.start_sample)
        if len(appended) > 1:
            real_append(file, span)
            return
        for _ in range(2_000):
            if file.is_over:
                raise OSError(errno.EIO, "it is broken")
            released.wait(0.005)

    released = threading.Event()
    monkeypatch.setattr(WavFile, "_append", fail_at_the_end)
    recorder, clock = StereoRecorder(), Clock(ms=1_000)
    limits = DiskLimits(flush_every_s=0.01, write_deadline_s=30)
    with trio.fail_after(15):
        async with trio.open_nursery() as nursery:
            path = tmp_path / "CA1.wav"
            nursery.start_soon(lambda: record(recorder, path, now_ms=clock.now_ms, limits=limits))
            while not appended:  # noqa: ASYNC110 - a thread says it, and has no event
                await trio.sleep(0.005)
            clock.ms = 2_000
            nursery.cancel_scope.cancel()
    assert "it is broken" in str(recorder.failure)
    assert read(path) == ([], [])


async def test_a_call_that_is_dropped_in_the_middle_of_a_write_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads have work in the file then, and whoever closes it, nobody makes it again."""
    began, go_on = threading.Event(), threading.Event()
    real_append = WavFile._append

    def slow(file: WavFile, span: MixedSpan) -> None:
        real_append(file, span)
        began.set()
        go_on.wait(10)

    monkeypatch.setattr(WavFile, "_append", slow)
    recorder, path, clock = StereoRecorder(), tmp_path / "CA1.wav", Clock(ms=1_000)
    recorder.write_left(0, b"\x10" * 16_000)
    limits = DiskLimits(flush_every_s=0.01)
    with trio.fail_after(5):
        async with trio.open_nursery() as outer, trio.open_nursery() as nursery:
            nursery.start_soon(lambda: record(recorder, path, now_ms=clock.now_ms, limits=limits))
            await trio.to_thread.run_sync(began.wait, 5)
            clock.ms = 1_500
            nursery.cancel_scope.cancel()
            outer.start_soon(_set_later, go_on)
    assert recorder.failure is None
    assert read(path)[0] == [linear(0x10)] * 12_000


@pytest.mark.parametrize("apart_ms", [3_000, 20_000])  # each within the window, and beyond it
async def test_a_call_that_is_dropped_while_much_is_collected_loses_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart_ms: int
) -> None:
    """As after a stall, when the caller's audio comes in a burst and the connection is cut."""
    began, go_on = threading.Event(), threading.Event()
    real_append = WavFile._append

    def slow(file: WavFile, span: MixedSpan) -> None:
        real_append(file, span)
        began.set()
        go_on.wait(10)

    monkeypatch.setattr(WavFile, "_append", slow)
    recorder, path = StereoRecorder(), tmp_path / "CA1.wav"
    starts_ms = [number * apart_ms for number in range(40)]
    for at_ms in starts_ms:
        recorder.write_left(at_ms, b"\x10" * 800)
    clock = Clock(ms=starts_ms[-1] + 100)
    with trio.fail_after(5):
        async with trio.open_nursery() as outer, trio.open_nursery() as nursery:
            nursery.start_soon(lambda: record(recorder, path, now_ms=clock.now_ms, limits=OFTEN))
            await trio.to_thread.run_sync(began.wait, 5)
            nursery.cancel_scope.cancel()
            outer.start_soon(_set_later, go_on)
    assert (recorder.failure, recorder.dropped_bytes) == (None, 0)
    left = np.array(read(path)[0])
    assert len(left) == clock.ms * 8
    expected = np.zeros(len(left), dtype=int)
    for at_ms in starts_ms:
        expected[at_ms * 8 : at_ms * 8 + 800] = linear(0x10)
    assert np.array_equal(left, expected)


async def _set_later(event: threading.Event) -> None:
    await trio.sleep(0.1)
    event.set()


async def test_a_file_that_somebody_cuts_short_costs_only_the_recording(tmp_path: Path) -> None:
    recorder, path = StereoRecorder(), tmp_path / "CA1.wav"

    def go_on(flushes: int) -> None:
        clock.ms = 5_000 * flushes
        if flushes == 3:
            os.truncate(path, 44)
            recorder.write_left(100, b"\x10" * 160)

    clock = Clock(on_flush=go_on)
    with trio.fail_after(5):
        await record(recorder, path, now_ms=clock.now_ms, limits=OFTEN)
    assert "cut the file short" in str(recorder.failure)


# --- the end -----------------------------------------------------------------------------------


async def test_a_recording_is_as_long_as_its_call(tmp_path: Path) -> None:
    """Also when the last write is a while later."""
    recorder, clock = StereoRecorder(), Clock(ms=1_700)
    recorder.write_left(900, b"\x10" * 1_600)
    recorder.close(1_005)
    with trio.fail_after(5):
        await record(recorder, tmp_path / "CA1.wav", now_ms=clock.now_ms)
    assert read(tmp_path / "CA1.wav")[0] == [0] * 7_200 + [linear(0x10)] * 840


def test_hours_of_a_call_take_no_more_memory_than_minutes() -> None:
    """Five hours, with a process that stands still for one of them."""
    recorder, peaks, at_ms, samples = StereoRecorder(), [], 0, 0
    tracemalloc.start()
    try:
        for second in range(4 * 3_600):
            recorder.write_left(at_ms, b"\x10" * 8_000)
            recorder.write_right(at_ms, b"\x90" * 8_000)
            at_ms += 3_600_000 if second == 7_200 else 1_000
            for change in recorder.changes(at_ms):
                assert isinstance(change, MixedSpan)
                samples = change.start_sample + len(change.left)
            if second % 600 == 599:
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert samples == at_ms * 8
    assert recorder.dropped_bytes == 0
    assert max(peaks) - peaks[0] < 500_000, peaks


async def test_a_process_that_stood_still_for_long_does_not_fill_memory(tmp_path: Path) -> None:
    recorder, path = StereoRecorder(), tmp_path / "CA1.wav"

    def go_on(flushes: int) -> None:
        clock.ms += 1_000_000 if flushes == 2 else 1_000
        recorder.write_left(clock.ms - 1_000, b"\x10" * 8_000)
        if flushes == 4:
            recorder.close()

    clock = Clock(on_flush=go_on)
    tracemalloc.start()
    try:
        with trio.fail_after(30):
            await record(recorder, path, now_ms=clock.now_ms, limits=OFTEN)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 1_000 * 32_000
    path.unlink()  # so much is not to be kept
    assert peak_bytes < 8_000_000


KILLED = """
import sys, trio
from pathlib import Path
from trio_media.recording.wav_writer import DiskLimits, StereoRecorder, record

recorder = StereoRecorder()
seconds = 0

def now_ms():
    # Each flush finds one more second of a call: the caller's side of it, and what is heard.
    global seconds
    if seconds == 5:
        print("recorded", flush=True)  # five are on disk
        sys.stdin.read()
    recorder.write_left(1_000 * seconds, bytes([0x10 + seconds]) * 8_000)
    recorder.write_right(1_000 * seconds + 500, bytes([0x90 + seconds]) * 8_000)
    seconds += 1
    return 1_000 * seconds

trio.run(lambda: record(
    recorder, Path(sys.argv[1]), now_ms=now_ms, limits=DiskLimits(flush_every_s=0.01)))
"""


def test_a_killed_process_leaves_a_right_file(tmp_path: Path) -> None:
    path = tmp_path / "CA1.wav"
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"recorded\n"
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(10) == -signal.SIGKILL
    left, right = read(path)
    assert left == [linear(0x10 + s) for s in range(5) for _ in range(8_000)]
    assert right[:4_000] == [0] * 4_000
    assert right[4_000:] == [linear(0x90 + s) for s in range(5) for _ in range(8_000)][:36_000]
