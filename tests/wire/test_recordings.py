"""The recording of a server that is stopped for a while, or killed, in the middle of a call."""

from __future__ import annotations

import base64
import json
import signal
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
import numpy as np
import pytest
import trio

from trio_media.audio.g711 import BYTES_PER_MS, Samples, decode_mulaw
from trio_media.core.units import CHUNK_MS
from trio_media.replay import replay_log

from .stamps import FRAME_BYTES, FRAME_MS, MS_BYTES, speech_of
from .test_processes import ServerProcess, server_process
from .wire_log import until
from .world import LiveCall, hang_up

SAYS_MS: Final = 40_000
FLUSH_MS: Final = 1_000
LATE_MS: Final = 80  # two processes on a busy machine
CALL: Final = 1


def numbered(number: int) -> bytes:
    """A frame far below any detector whose lowest bits spell a number."""
    bits = (0xFD if number >> bit & 1 else 0xFE for bit in range(16))
    return bytes(bits) * (FRAME_BYTES // 16)


@attrs.define
class Recording:
    """Both channels, and where the caller's first frame is."""

    left: Samples
    right: Samples
    began: int = 0

    @classmethod
    def read(cls, path: Path) -> Recording:
        with wave.open(str(path), "rb") as file:
            assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8_000, 2, 2)
            pcm = file.readframes(file.getnframes())
            assert len(pcm) == 4 * file.getnframes(), "the header promises more than there is"
        samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, 2)
        return cls(samples[:, 0].copy(), samples[:, 1].copy())

    def find(self, timestamp_ms: int, payload: bytes) -> None:
        """Find the caller's time by a frame that is like no other."""
        frame = decode_mulaw(payload)
        windows = np.lib.stride_tricks.sliding_window_view(self.left, FRAME_BYTES)
        [at] = np.flatnonzero((windows == frame).all(axis=1))
        self.began = int(at) - timestamp_ms * BYTES_PER_MS

    def misplaced(self, frames: list[tuple[int, bytes]]) -> list[int]:
        """Timestamps of the caller's frames that are not in their place."""
        out: list[int] = []
        for timestamp_ms, payload in frames:
            start = self.began + timestamp_ms * BYTES_PER_MS
            expected = decode_mulaw(payload)[: max(0, len(self.left) - start)]
            if not np.array_equal(self.left[start : start + len(expected)], expected):
                out.append(timestamp_ms)
        return out

    def heard(self, response: int) -> dict[int, list[float]]:
        """When, on the caller's time, each millisecond of a response is on the right."""
        said = decode_mulaw(speech_of(CALL, response, 1, SAYS_MS)).reshape(-1, MS_BYTES)
        names = {piece.tobytes(): at_ms for at_ms, piece in enumerate(said)}
        found: dict[int, list[float]] = {}
        raw = self.right.tobytes()
        step = 2 * MS_BYTES
        for phase in range(0, step, 2):
            for start in range(phase, len(raw) - step + 1, step):
                at_ms = names.get(raw[start : start + step])
                if at_ms is not None:
                    found.setdefault(at_ms, []).append((start / 2 - self.began) / BYTES_PER_MS)
        return found


def frames_of(call: LiveCall) -> Iterator[tuple[int, bytes]]:
    for entry in call.log.got("in"):
        media = entry.message["media"]
        yield int(media["timestamp"]), base64.b64decode(media["payload"])


def truly_heard(call: LiveCall, began_s: float, until_s: float) -> dict[int, float]:
    """When, on the caller's time, the phone played each millisecond first."""
    found: dict[int, float] = {}
    for played in call.phone.played:
        for index, stamp in enumerate(played.heard(until_s)):
            if stamp is not None:
                at_ms = (played.begins_s - began_s) * 1_000 + index
                found.setdefault(stamp.at_ms, at_ms)
    return found


async def recorded_call(server: ServerProcess) -> LiveCall:
    call = await server.served.open_call(CALL)
    call.phone._voice.extend(numbered(n) for n in range(3_000))
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, SAYS_MS)
    await call.model.done(answer)
    await call.phone.until_heard(answer.number, 700)
    return call


def judge(recording: Recording, call: LiveCall, until_s: float, *, slack_ms: int = 0) -> None:
    frames = list(frames_of(call))
    known = next(f for f in frames if f[1] == numbered(9))
    recording.find(*known)
    length_ms = (len(recording.left) - recording.began) / BYTES_PER_MS
    kept = [f for f in frames if f[0] + FRAME_MS <= length_ms]
    lost = recording.misplaced(kept)
    assert not lost, f"{len(lost)} of {len(kept)} frames, {lost[:5]} to {lost[-1]}"
    first = next(e for e in call.log.got("in"))
    began_s = call.log.began_s + first.at_s - int(first.message["media"]["timestamp"]) / 1_000
    truth = truly_heard(call, began_s, until_s)
    found = recording.heard(1)
    assert all(len(times) == 1 for times in found.values()), "something is there twice"
    missing = [ms for ms in truth if ms not in found and truth[ms] < length_ms - slack_ms]
    assert len(missing) <= FRAME_MS, f"heard but not kept: {missing[0]} to {missing[-1]}"
    false = [ms for ms in found if ms not in truth]
    assert len(false) <= LATE_MS, f"kept but not heard: {false[0]} to {false[-1]}"
    off = {ms: found[ms][0] - truth[ms] for ms in found if ms in truth}
    worst = max(off, key=lambda ms: abs(off[ms]))
    assert abs(off[worst]) <= LATE_MS, f"{worst} is {off[worst]} ms off"


@pytest.mark.parametrize("stop_s", [1.5, 20.0])
async def test_a_stopped_server_leaves_everything_in_its_place(
    stop_s: float, tmp_path: Path
) -> None:
    async with server_process(TRIO_MEDIA_RECORDING_DIR=str(tmp_path)) as server:
        call = await recorded_call(server)
        server.process.send_signal(signal.SIGSTOP)
        await trio.sleep(stop_s)
        server.process.send_signal(signal.SIGCONT)
        await trio.sleep(2.5)
        ended_s = trio.current_time()
        await hang_up(call)
        await trio.sleep(1)
    recording = Recording.read(tmp_path / "CA1.wav")
    judge(recording, call, ended_s)
    summary = json.loads((tmp_path / "CA1.json").read_text())
    assert abs(len(recording.left) / BYTES_PER_MS - summary["duration_ms"]) <= FRAME_MS
    [failure] = summary["failures"]
    assert (failure["what"], failure["done"]) == ("stalled", "resume")
    assert summary["ended"] == {"by": "carrier", "reason": "caller_hung_up"}
    replay = replay_log(tmp_path / "CA1.jsonl")
    assert replay.problems() == []
    assert replay.ends_early is None


async def test_a_killed_server_leaves_all_but_the_last_second(tmp_path: Path) -> None:
    async with server_process(TRIO_MEDIA_RECORDING_DIR=str(tmp_path)) as server:
        call = await recorded_call(server)
        await trio.sleep(2.5)
        server.process.kill()
        ended_s = trio.current_time()
        await server.process.wait()
        recording = Recording.read(tmp_path / "CA1.wav")
        # A piece that was heard is told of when it was heard to its end.
        judge(recording, call, ended_s, slack_ms=CHUNK_MS + LATE_MS)
        sent_ms = max(timestamp_ms for timestamp_ms, _ in frames_of(call))
        length_ms = (len(recording.left) - recording.began) / BYTES_PER_MS
        assert sent_ms - length_ms <= FLUSH_MS + LATE_MS
        replay = replay_log(tmp_path / "CA1.jsonl")
        assert replay.problems() == []
        assert replay.ends_early is not None
        await until(lambda: bool(call.phone.closed_s), "the end of the line")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
async def test_a_full_disk_costs_a_live_call_nothing_but_its_recording(tmp_path: Path) -> None:
    (tmp_path / "CA1.wav").symlink_to("/dev/full")
    async with server_process(TRIO_MEDIA_RECORDING_DIR=str(tmp_path)) as server:
        call = await recorded_call(server)
        await call.phone.until_heard(1, 2_500)
        await hang_up(call)
        await trio.sleep(1)
        assert server.process.returncode is None
    summary = json.loads((tmp_path / "CA1.json").read_text())
    [note] = [note for note in summary["notes"] if note["note"] == "recording_lost"]
    assert "No space left" in note["reason"]
    assert summary["ended"] == {"by": "carrier", "reason": "caller_hung_up"}


async def test_a_place_where_nothing_can_be_kept_costs_a_live_call_nothing(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.touch()
    async with server_process(TRIO_MEDIA_RECORDING_DIR=str(place)) as server:
        call = await recorded_call(server)
        await call.phone.until_heard(1, 2_500)
        await hang_up(call)
        assert call.phone.close_code == 1000
        assert server.process.returncode is None
