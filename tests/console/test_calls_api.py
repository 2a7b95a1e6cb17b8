"""Calls that are over, and what was kept of them, over HTTP."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from tests.console.world import Console, open_console


async def one_over(console: Console) -> str:
    """Have one call, with an interruption, and its end."""
    call = await console.world.call()
    await console.until_live(call, floor="model")
    async with console.events(f"?call={call.call_sid}") as lines:
        while (await lines.next("line")).get("event") != "CarrierWrote":
            pass
    await console.post(f"/api/calls/{call.call_sid}/interrupt")
    async with console.events() as events:
        call.hang_up()
        await events.next("gone")
    await call.wait_over()
    return call.call_sid


async def test_a_call_that_is_over_is_shown_from_what_was_kept(tmp_path: Path) -> None:
    async with open_console(folder=tmp_path) as console:
        call_sid = await one_over(console)
        (listed,) = (await console.get("/api/calls?state=ended"))["calls"]
        assert (listed["call_sid"], listed["state"]) == (call_sid, "ended")
        assert (listed["has_log"], listed["has_recording"]) == (True, True)
        assert listed["end_reason"] == "caller_hung_up"
        assert listed["interruptions"] == 1
        assert (await console.get("/api/calls"))["calls"] == [listed]
        assert (await console.get("/api/calls?state=live"))["calls"] == []
        whole = await console.get(f"/api/calls/{call_sid}")
        assert {name: whole[name] for name in listed} == listed
        assert [one["reason"] for one in whole["barge_ins"]] == ["application"]
        assert whole["latencies_ms"]["interruption_settled"]


async def test_a_live_call_is_no_call_that_is_over(tmp_path: Path) -> None:
    async with open_console(folder=tmp_path) as console:
        over = await one_over(console)
        live = await console.world.call()
        await console.until_live(live, floor="model")
        while not (tmp_path / f"{live.call_sid}.json").exists():
            await console.get("/api/openapi.json")
        ended = (await console.get("/api/calls?state=ended"))["calls"]
        assert [one["call_sid"] for one in ended] == [over]
        both = (await console.get("/api/calls"))["calls"]
        assert [one["call_sid"] for one in both] == [live.call_sid, over]
        (first,) = (await console.get("/api/calls?limit=1"))["calls"]
        assert first["call_sid"] == live.call_sid
        recording = await console.ask("GET", f"/api/calls/{live.call_sid}/recording")
        assert recording.status_code == 404


async def test_the_log_and_the_recording_are_the_files(tmp_path: Path) -> None:
    async with open_console(folder=tmp_path) as console:
        call_sid = await one_over(console)
        log = await console.ask("GET", f"/api/calls/{call_sid}/log")
        assert log.headers["content-type"].startswith("application/x-ndjson")
        assert log.content == (tmp_path / f"{call_sid}.jsonl").read_bytes()
        sound = (tmp_path / f"{call_sid}.wav").read_bytes()
        whole = await console.ask("GET", f"/api/calls/{call_sid}/recording")
        assert whole.headers["content-type"] == "audio/wav"
        assert whole.content == sound
        part = await console.ask(
            "GET", f"/api/calls/{call_sid}/recording", headers={"Range": "bytes=40-59"}
        )
        assert (part.status_code, part.content) == (206, sound[40:60])


async def test_without_recording_the_log_of_a_live_call_is_in_memory() -> None:
    async with open_console() as console:
        call = await console.world.call()
        shown = await console.until_live(call, floor="model")
        assert shown["has_log"]
        log = await console.ask("GET", f"/api/calls/{call.call_sid}/log")
        lines = [json.loads(line) for line in log.content.splitlines()]
        assert lines[0]["header"] == "LogHeader"
        assert "token" not in lines[0]["parameters"]
        assert any("event" in line for line in lines)
        assert any("command" in line for line in lines)
        assert any("note" in line for line in lines)


NO_SIDS = ["CA0", "..", "%2e%2e", "..%2f..%2fetc", "CA1.json", "x" * 65, "%00", "a%20b"]


async def test_no_name_reaches_a_file_that_is_no_calls(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    folder = tmp_path / "calls"
    folder.mkdir()
    (folder / "x.json").write_text("[1]")
    async with open_console(folder=folder) as console:
        for sid in (*NO_SIDS, "x", "..%2fsecret"):
            for end in ("", "/log", "/recording"):
                answer = await console.ask("GET", f"/api/calls/{sid}{end}")
                assert answer.status_code == 404, sid
        assert (await console.get("/api/calls"))["calls"] == []


async def test_nothing_is_kept_and_nothing_is_there() -> None:
    async with open_console() as console:
        assert (await console.get("/api/calls"))["calls"] == []
        assert (await console.ask("GET", "/api/calls/CA1")).status_code == 404


async def test_a_call_can_be_forgotten_once_it_is_over_and_it_is_logged_who_did_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="trio_media.console")
    async with open_console(folder=tmp_path) as console:
        over = await one_over(console)
        live = await console.world.call()
        await console.until_live(live, floor="model")
        refused = await console.ask("DELETE", f"/api/calls/{live.call_sid}")
        assert refused.status_code == 409
        assert len(list(tmp_path.glob(f"{over}.*"))) == 3
        gone = await console.ask("DELETE", f"/api/calls/{over}")
        assert (gone.status_code, gone.content) == (204, b"")
        assert list(tmp_path.glob(f"{over}.*")) == []
        assert (await console.ask("GET", f"/api/calls/{over}")).status_code == 404
        assert (await console.ask("DELETE", f"/api/calls/{over}")).status_code == 404
        assert (await console.plain("DELETE", f"/api/calls/{over}")).status_code == 401
    (done,) = (
        record
        for record in caplog.records
        if record.message == "console: forget" and record.status == 204  # type: ignore[attr-defined]
    )
    assert (done.call_sid, done.signed_in_by) == (over, "token")  # type: ignore[attr-defined]


async def test_what_cannot_be_deleted_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_console(folder=tmp_path) as console:
        over = await one_over(console)

        def unlink(path: Path, missing_ok: bool = False) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "unlink", unlink)
        refused = await console.ask("DELETE", f"/api/calls/{over}")
        monkeypatch.undo()
        assert refused.status_code == 500
        assert "Permission denied" in refused.json()["detail"]
