"""Keeping a call: what is left behind, and what must not be in it."""

from __future__ import annotations

import errno
import json
import math
import threading
import wave
from pathlib import Path

import attrs
import numpy as np
import pytest
import trio

from trio_media.config import RecordingConfig
from trio_media.core.commands import DigitsCollected, DigitsOutcome, EndCall, SendKeys
from trio_media.core.events import KeyPressed, LocalSpeechBegan
from trio_media.core.policy import Policy
from trio_media.recording import event_log
from trio_media.recording.disk import DEFAULT_LIMITS, FILE_THREADS_MAX, DiskLimits
from trio_media.recording.keeping import Keeper, keep_call
from trio_media.recording.summary import NOTES_MAX
from trio_media.telephony.events import MediaStreamStarted

LOUD = b"\x00" * 160
LIMITS = attrs.evolve(DEFAULT_LIMITS, write_deadline_s=math.inf)
STARTED = MediaStreamStarted(
    stream_sid="MZ1",
    call_sid="CA1",
    account_sid="AC1",
    custom_parameters={"token": "s3cret", "caller": "+15550100"},
)


async def keep(config: RecordingConfig) -> None:
    async with trio.open_nursery() as nursery:
        keepers = keep_call(
            config, STARTED, Policy(), now_ms=lambda: 2_000, nursery=nursery, limits=LIMITS
        )
        for keeper in keepers:
            speak(keeper)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


def speak(keeper: Keeper) -> None:
    keeper.event(LocalSpeechBegan(), 100)
    keeper.commands([EndCall("hung_up")], 100)
    keeper.note("caller_text", 120, item_id="T1", text="hello")
    keeper.caller_audio(0, b"\x00" * 160)
    keeper.heard_audio(20, b"\x00" * 160)


async def test_a_call_leaves_its_log_its_recording_and_its_summary(tmp_path: Path) -> None:
    with trio.fail_after(10):
        await keep(RecordingConfig(dir=str(tmp_path)))
    assert {path.name for path in tmp_path.iterdir()} == {"CA1.jsonl", "CA1.wav", "CA1.json"}
    summary = json.loads((tmp_path / "CA1.json").read_text())
    assert summary["ended"] == {"by": "us", "reason": "hung_up"}


async def test_the_token_that_opened_the_call_is_nowhere(tmp_path: Path) -> None:
    with trio.fail_after(10):
        await keep(RecordingConfig(dir=str(tmp_path)))
    for name in ("CA1.jsonl", "CA1.json"):
        text = (tmp_path / name).read_text()
        assert "s3cret" not in text
        assert "+15550100" in text


async def test_what_is_not_asked_for_is_not_kept(tmp_path: Path) -> None:
    with trio.fail_after(10):
        await keep(RecordingConfig(dir=str(tmp_path), audio=False, events=False))
    assert {path.name for path in tmp_path.iterdir()} == {"CA1.json"}


async def test_nothing_is_kept_without_a_directory() -> None:
    with trio.fail_after(10):
        await keep(RecordingConfig())


async def test_a_second_stream_of_a_call_overwrites_nothing(tmp_path: Path) -> None:
    with trio.fail_after(10):
        await keep(RecordingConfig(dir=str(tmp_path)))
        await keep(RecordingConfig(dir=str(tmp_path)))
    assert {path.name for path in tmp_path.glob("*.jsonl")} == {"CA1.jsonl", "CA1-2.jsonl"}


async def test_a_recording_that_is_lost_is_in_the_log_and_in_the_summary(tmp_path: Path) -> None:
    (tmp_path / "CA1.wav").mkdir()  # no file can be made there
    with trio.fail_after(10):
        await keep(RecordingConfig(dir=str(tmp_path)))
    summary = json.loads((tmp_path / "CA1.json").read_text())
    [note] = [note for note in summary["notes"] if note["note"] == "recording_lost"]
    assert "directory" in note["reason"]
    assert '"recording_lost"' in (tmp_path / "CA1.jsonl").read_text()
    assert summary["ended"] == {"by": "us", "reason": "hung_up"}


async def test_an_event_log_that_is_lost_is_in_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(event_log._LogFile, "write", full)
    with trio.fail_after(10):
        await keep(RecordingConfig(dir=str(tmp_path)))
    summary = json.loads((tmp_path / "CA1.json").read_text())
    [note] = [note for note in summary["notes"] if note["note"] == "event_log_lost"]
    assert "No space left" in note["reason"]


async def test_a_recording_with_holes_says_so(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            config = RecordingConfig(dir=str(tmp_path))
            [keeper] = keep_call(
                config, STARTED, Policy(), now_ms=lambda: 2_000, nursery=nursery, limits=LIMITS
            )
            for _ in range(100):
                keeper.caller_audio(0, bytes(8_000))
            await trio.testing.wait_all_tasks_blocked()
            await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
    assert '"recording_holes"' in (tmp_path / "CA1.jsonl").read_text()


async def test_a_chatty_call_still_says_what_it_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(event_log._LogFile, "write", full)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            config = RecordingConfig(dir=str(tmp_path))
            [keeper] = keep_call(
                config, STARTED, Policy(), now_ms=lambda: 2_000, nursery=nursery, limits=LIMITS
            )
            for t_ms in range(2 * NOTES_MAX):
                keeper.note("tick", t_ms)
            for _ in range(100):
                keeper.caller_audio(0, bytes(8_000))
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    kinds = [note["note"] for note in json.loads((tmp_path / "CA1.json").read_text())["notes"]]
    assert set(kinds) == {"tick", "event_log_lost", "recording_holes"}


async def test_a_folder_that_no_file_can_be_in_costs_no_call(tmp_path: Path) -> None:
    with trio.fail_after(10):
        await keep(RecordingConfig(dir=str(tmp_path / ("long" * 100))))


async def test_a_disk_that_hangs_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not the task that starts the call, not other threads, and the call's end for a moment."""
    released = threading.Event()

    def hang(path: Path) -> bool:
        released.wait(10)
        return False

    monkeypatch.setattr(Path, "exists", hang)
    monkeypatch.setattr(Path, "mkdir", lambda path, **how: hang(path))
    limits = DiskLimits(flush_every_s=0.01, write_deadline_s=0.1)
    config = RecordingConfig(dir=str(tmp_path))
    try:
        with trio.fail_after(8):
            began_s = trio.current_time()
            async with trio.open_nursery() as nursery:
                for _ in range(FILE_THREADS_MAX):
                    [keeper] = keep_call(
                        config, STARTED, Policy(), now_ms=lambda: 0, nursery=nursery, limits=limits
                    )
                    speak(keeper)
                assert trio.current_time() - began_s < 1
                await trio.sleep(1.5)
                assert keeper.recorder is not None
                assert "disk took more" in str(keeper.recorder.failure)
                assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
                cancelled_s = trio.current_time()
                nursery.cancel_scope.cancel()
            assert trio.current_time() - cancelled_s < 3
    finally:
        released.set()
    of_audio = [r for r in caplog.records if r.name == "trio_media.recording.wav_writer"]
    assert len(of_audio) == FILE_THREADS_MAX  # one line a call


async def test_a_recording_ends_when_its_call_does(tmp_path: Path) -> None:
    """The goodbyes after it are no part of it, however long they take."""
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            config = RecordingConfig(dir=str(tmp_path))
            [keeper] = keep_call(
                config, STARTED, Policy(), now_ms=lambda: 2_000, nursery=nursery, limits=LIMITS
            )
            keeper.caller_audio(1_400, bytes(1_600))
            keeper.note("call_ended", 1_507, by="carrier", reason="caller_hung_up")
            await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
    with wave.open(str(tmp_path / "CA1.wav"), "rb") as file:
        assert file.getnframes() == 1_507 * 8
    assert json.loads((tmp_path / "CA1.json").read_text())["duration_ms"] == 1_507


async def test_a_pause_is_silent_on_both_sides_and_its_texts_and_keys_are_not_told(
    tmp_path: Path,
) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            config = RecordingConfig(dir=str(tmp_path))
            [keeper] = keep_call(
                config, STARTED, Policy(), now_ms=lambda: 2_000, nursery=nursery, limits=LIMITS
            )
            keeper.event(KeyPressed("7"), 10)
            keeper.note("recording_paused", 50, why="application")
            keeper.event(KeyPressed("8"), 60)
            keeper.commands([SendKeys(1, "89")], 60)
            for at_ms in range(0, 200, 20):
                keeper.caller_audio(at_ms, LOUD)
            keeper.note("recording_resumed", 110, why="application")
            # Told when it was heard: after the pause, in which it changes from one side of
            # silence to the other.
            keeper.heard_audio(0, b"\x00" * 880 + b"\x80" * 720)
            keeper.event(KeyPressed("9"), 190)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    log = [json.loads(line) for line in (tmp_path / "CA1.jsonl").read_text().splitlines()]
    assert [line["digit"] for line in log if line.get("event") == "KeyPressed"] == ["7", "0", "9"]
    assert [line["digits"] for line in log if line.get("command") == "SendKeys"] == ["00"]
    assert "recording_paused" in {line.get("note") for line in log}
    with wave.open(str(tmp_path / "CA1.wav")) as recording:
        pcm = np.frombuffer(recording.readframes(200 * 8), dtype="<i2").reshape(-1, 2)
    is_loud = np.abs(pcm.reshape(200, 8, 2)).max(axis=1) > 1_000
    # The caller's frames from 60 ms on came in the pause; all of what was heard came behind it.
    assert [ms for ms in range(200) if not is_loud[ms, 0]] == list(range(50, 200))
    assert [ms for ms in range(200) if not is_loud[ms, 1]] == list(range(50, 110))
    assert (pcm[110 * 8 :, 1] > 0).all()


async def test_keys_are_not_told_where_they_are_to_be_masked(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            config = RecordingConfig(dir=str(tmp_path), mask_keys=True)
            [keeper] = keep_call(
                config, STARTED, Policy(), now_ms=lambda: 2_000, nursery=nursery, limits=LIMITS
            )
            keeper.event(KeyPressed("7"), 10)
            keeper.commands([DigitsCollected(1, "47#", DigitsOutcome.COMPLETE)], 10)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    log = (tmp_path / "CA1.jsonl").read_text()
    assert '"digit":"0"' in log
    assert '"digits":"00#"' in log
