"""Old recordings are deleted at the start and every hour."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest
import trio

from trio_media.config import RecordingConfig
from trio_media.recording.retention import DAY_S, Deleted
from trio_media.server import retaining
from trio_media.server.retaining import FAILURES_SHOWN, SWEEP_EVERY_S, delete_old_calls, tell

NOW_S = 1_000 * DAY_S


def keep(folder: Path, call_sid: str, days_old: float) -> Path:
    path = folder / f"{call_sid}.json"
    path.write_text(json.dumps({"summary_version": 1, "call_sid": call_sid}))
    changed_s = NOW_S - days_old * DAY_S
    os.utime(path, (changed_s, changed_s))
    return path


async def test_what_is_older_than_so_many_days_goes_at_once_and_every_hour(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    config = RecordingConfig(dir=str(tmp_path), keep_days=7)
    old, new, live = (keep(tmp_path, f"CA{n}", days) for n, days in ((1, 8), (2, 6), (3, 9)))
    slept_s: list[float] = []
    passed_s = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal passed_s
        slept_s.append(seconds)
        if len(slept_s) == 1:
            assert (old.exists(), new.exists(), live.exists()) == (False, True, True)
            passed_s = 2 * DAY_S
        else:
            assert (new.exists(), live.exists()) == (False, True)
            scope.cancel()
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(retaining, "sleep", sleep)
    with trio.CancelScope() as scope:
        await delete_old_calls(config, {"CA3"}.__contains__, now_unix_s=lambda: NOW_S + passed_s)
    assert slept_s == [SWEEP_EVERY_S, SWEEP_EVERY_S]
    assert [record.calls for record in caplog.records] == [1, 1]  # type: ignore[attr-defined]


async def test_a_folder_that_cannot_be_read_is_told_of_and_tried_again(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    config = RecordingConfig(dir=str(tmp_path / "file"), keep_days=7)
    scope = trio.CancelScope()

    async def sleep(seconds: float) -> None:
        scope.cancel()
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(retaining, "sleep", sleep)
    with scope:
        await delete_old_calls(config, lambda call_sid: False)
    assert "could not be looked for" in caplog.text


async def test_where_everything_is_kept_for_ever_nothing_is_looked_for() -> None:
    for config in (RecordingConfig(), RecordingConfig(dir="nowhere")):
        await delete_old_calls(config, lambda call_sid: False)


def test_a_disk_that_refuses_is_told_of_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    failures = [f"CA{number}.wav: Permission denied" for number in range(9)]
    tell(Deleted(failures=failures), RecordingConfig())
    (record,) = caplog.records
    assert record.message.count("Permission denied") == FAILURES_SHOWN
    assert record.message.startswith("9 old files")
