"""A process is killed in the middle of calls: what is left of them, and what of the others."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import wave
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.fleet import ADMIN_TOKEN, Fleet, PhoneCall, open_fleet
from trio_media.embedded import ModelBehaviour
from trio_media.errors import LogCutOff, LogUnreadable
from trio_media.phone import CallEnd
from trio_media.recording.log_format import read_log
from trio_media.replay import replay_log

FIELD_OF_CALLS = "trio_media_calls_active "
LOSS_MS_MAX = 2_500  # a second between two flushes, and what a busy machine is late
FRAME_BYTES = 4
HEAD_BYTES = 44
TALKATIVE = ModelBehaviour()
"""A model that counts for a minute, so that there is always something to hear and interrupt."""


def recorded_ms(path: Path) -> int:
    """How long a recording is, by its own head."""
    with wave.open(str(path)) as recording:
        assert (recording.getnchannels(), recording.getframerate()) == (2, 8_000)
        frames = recording.getnframes()
        assert len(recording.readframes(frames)) == frames * FRAME_BYTES
    return frames // 8


async def until_recorded(fleet: Fleet, path: Path, length_ms: int) -> None:
    """Wait until so much of a call is in its file."""
    wanted_bytes = HEAD_BYTES + length_ms * 8 * FRAME_BYTES
    while not path.exists() or path.stat().st_size < wanted_bytes:
        assert await fleet.metric(FIELD_OF_CALLS) > 0


def check_kept(folder: Path, lost: PhoneCall, *, at_least_ms: int) -> None:
    """Check that a call that was lost is there up to its last second."""
    assert lost.record is not None
    until_ms = lost.record.duration_ms - LOSS_MS_MAX
    length_ms = recorded_ms(folder / f"{lost.call_sid}.wav")
    assert length_ms >= max(at_least_ms, until_ms)
    log = folder / f"{lost.call_sid}.jsonl"
    bad: list[LogUnreadable] = []
    lines = list(read_log(log, on_bad_line=bad.append))
    assert lines[-1].t_ms >= until_ms
    assert len(bad) <= 1
    assert all(isinstance(one, LogCutOff) for one in bad)
    replay = replay_log(log)
    assert replay.events > 0
    assert replay.ends_early is not None
    assert replay.problems() == []


async def shown_calls(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """The console's list, by call."""
    answer = await fleet.api("/calls")
    assert answer.status_code == 200, answer.text
    return {call["call_sid"]: call for call in answer.json()["calls"]}


async def check_shown_as_cut(fleet: Fleet, call_sid: str) -> None:
    """Check that the console tells of a call that it is over, and lets everybody look."""
    shown = (await shown_calls(fleet))[call_sid]
    assert (shown["state"], shown["end_reason"]) == ("ended", "cut")
    assert shown["duration_ms"] > 0
    assert (shown["has_log"], shown["has_recording"]) == (True, True)
    assert (await fleet.api(f"/calls/{call_sid}")).json()["end_reason"] == "cut"
    for part in ("log", "recording"):
        answer = await fleet.api(f"/calls/{call_sid}/{part}")
        assert answer.status_code == 200
        assert len(answer.content) > HEAD_BYTES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def keys(folder: Path) -> dict[str, str]:
    return {
        "recording_dir": str(folder),
        "recording_audio": "true",
        "recording_events": "true",
        "server_max_calls": "2",
    }


async def test_the_calls_of_a_killed_worker_are_kept_and_the_others_go_on(
    tmp_path: Path, folder: Path
) -> None:
    async with open_fleet(tmp_path, behaviour=TALKATIVE, **keys(folder)) as fleet:
        calls = {}
        for call_sid in ("CA1", "CA2"):
            call = await fleet.call(call_sid)
            calls[await fleet.worker_of(call_sid)] = call
        lost, kept = calls[1], calls[2]
        await until_recorded(fleet, folder / f"{lost.call_sid}.wav", 2_000)
        os.kill(fleet.pid(1), signal.SIGKILL)
        await lost.over.wait()
        await fleet.line("worker ended and is started again")
        # At once, where there is room: nobody waits for the one that is started again.
        new = await fleet.call("CA3")
        assert await fleet.worker_of("CA3") == 2
        await fleet.until_metric(FIELD_OF_CALLS, 2)
        check_kept(folder, lost, at_least_ms=2_000)
        await check_shown_as_cut(fleet, lost.call_sid)
        shown = await shown_calls(fleet)
        assert [shown[call.call_sid]["state"] for call in (kept, new)] == ["live", "live"]
        await kept.hear_more()
        answer = await fleet.api(f"/calls/{kept.call_sid}/interrupt", "POST")
        assert answer.json()["outcome"] in ("cancelled", "already_over")
        assert answer.json()["heard_ms"] > 0
        await fleet.line("serving")
        again = await fleet.call("CA4")  # there was no room for it
        assert await fleet.worker_of("CA4") == 1
        await fleet.until_metric(FIELD_OF_CALLS, 3)
        assert await fleet.metric("trio_media_calls_started_total ") == 4
        assert await fleet.metric("trio_media_workers ") == 2
        for call in (kept, new, again):
            call.hang_up.set()
            await call.over.wait()
            assert call.record is not None
            assert call.record.ended_by is CallEnd.HUNG_UP
        assert kept.record is not None
        assert kept.record.clears_ms
        await fleet.until_metric(FIELD_OF_CALLS, 0)
        assert await fleet.metric("trio_media_calls_ended_total") == 3  # nobody ended the lost one


async def test_the_calls_of_a_killed_server_are_there_when_it_is_started_again(
    tmp_path: Path, folder: Path
) -> None:
    given: dict[str, Any] = {"workers": 1, "behaviour": TALKATIVE, **keys(folder)}
    async with open_fleet(tmp_path, **given) as fleet:
        lost = await fleet.call("CA1")
        await until_recorded(fleet, folder / "CA1.wav", 2_000)
        assert (await shown_calls(fleet))["CA1"]["state"] == "live"
        fleet.process.kill()
        await lost.over.wait()
    kept = {path.name: path.read_bytes() for path in folder.glob("CA1.*")}
    async with open_fleet(tmp_path, **given) as fleet:
        assert await fleet.metric(FIELD_OF_CALLS) == 0
        check_kept(folder, lost, at_least_ms=2_000)
        await check_shown_as_cut(fleet, "CA1")
        again = await fleet.call("CA1")
        assert (await shown_calls(fleet))["CA1"]["state"] == "live"
        again.hang_up.set()
        await again.over.wait()
        await fleet.until_metric(FIELD_OF_CALLS, 0)
        shown = await shown_calls(fleet)
        assert shown["CA1"]["end_reason"] == "caller_hung_up"
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert (folder / "CA1-2.json").exists()


async def watch(fleet: Fleet, told: list[str]) -> None:
    """Be a page that is told what happens, until that ends: here, with its worker."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with httpx.AsyncClient(trust_env=False, timeout=None) as client:
        with contextlib.suppress(httpx.HTTPError):
            async with client.stream("GET", fleet.url + "/api/events", headers=headers) as events:
                event = ""
                async for line in events.aiter_lines():
                    if line.startswith("data: ") and event in ("call", "gone"):
                        told.append(f"{event} {json.loads(line[6:])['call_sid']}")
                    event = line.removeprefix("event: ")


async def test_a_page_that_is_open_is_told_that_the_calls_of_a_killed_worker_are_gone(
    tmp_path: Path,
) -> None:
    async with open_fleet(tmp_path, behaviour=TALKATIVE, server_max_calls="1") as fleet:
        lost, kept = await fleet.call("CA1"), await fleet.call("CA2")
        if await fleet.worker_of("CA1") != 1:
            lost, kept = kept, lost
        # So many that some are with the worker that stays, whoever else asks in between.
        pages: list[list[str]] = [[] for _ in range(8)]
        for told in pages:
            fleet.nursery.start_soon(watch, fleet, told)
        for told in pages:
            while not {"call CA1", "call CA2"} <= set(told):
                assert await fleet.metric(FIELD_OF_CALLS) == 2
        os.kill(fleet.pid(1), signal.SIGKILL)
        await lost.over.wait()
        while not any(f"gone {lost.call_sid}" in told for told in pages):
            assert await fleet.metric("trio_media_calls_started_total ") == 2
        assert not any(f"gone {kept.call_sid}" in told for told in pages)
