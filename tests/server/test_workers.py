"""Several workers behind one port: real processes, real calls."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import trio

from tests.server.fleet import open_fleet
from trio_media.phone import CallEnd

FIELD_OF_CALLS = "trio_media_calls_active "
STARTED = "trio_media_calls_started_total "


async def test_calls_over_the_limit_of_one_worker_get_in_with_the_sessions_made_for_them(
    tmp_path: Path,
) -> None:
    async with open_fleet(tmp_path, server_max_calls="2") as fleet:
        calls = [await fleet.call(f"CA{number}") for number in range(4)]
        # Each has the model session that its webhook had made, and no other.
        assert len(fleet.model.opened) == 4
        # Whichever worker is asked.
        for _ in range(4):
            await fleet.until_metric(FIELD_OF_CALLS, 4)
            assert await fleet.metric(STARTED) == 4
        assert (await fleet.offer_stream()).text.startswith("full")
        assert (await fleet.offer_stream("/twilio/media/1")).status_code == 503
        assert (await fleet.ask("GET", "/readyz")).json()["reason"] == "full"
        assert (await fleet.offer_stream("/twilio/media/x")).status_code == 404
        assert (await fleet.ask("GET", "/twilio/media/1")).status_code == 426
        for call in calls:
            call.hang_up.set()
            await call.over.wait()
            assert call.record is not None
            assert call.record.ended_by is CallEnd.HUNG_UP
        await fleet.until_metric("trio_media_calls_ended_total.*", 4)
        assert len(fleet.model.opened) == 4
        assert await fleet.end(signal.SIGTERM) == 0


async def test_a_worker_that_is_killed_takes_its_calls_along_and_nothing_else(
    tmp_path: Path,
) -> None:
    async with open_fleet(tmp_path, server_max_calls="1") as fleet:
        calls = {}
        for call_sid in ("CA1", "CA2"):
            call = await fleet.call(call_sid)
            calls[await fleet.worker_of(call_sid)] = call
        lost, kept = calls[1], calls[2]
        os.kill(fleet.pid(1), signal.SIGKILL)
        await lost.over.wait()
        assert lost.record is not None
        assert lost.record.ended_by is not CallEnd.HUNG_UP
        await fleet.line("worker ended and is started again")
        # What it counted stays; what it had is gone.
        await fleet.until_metric(FIELD_OF_CALLS, 1)
        assert await fleet.metric(STARTED) == 2
        await fleet.line("serving")
        again = await fleet.call("CA3")
        await fleet.until_metric(STARTED, 3)
        assert not kept.over.is_set()
        for call in (kept, again):
            call.hang_up.set()
            await call.over.wait()
            assert call.record is not None
            assert call.record.ended_by is CallEnd.HUNG_UP


async def test_draining_workers_go_on_answering_until_the_last_call_is_over(
    tmp_path: Path,
) -> None:
    async with open_fleet(tmp_path) as fleet:
        call = await fleet.call("CA1")
        fleet.process.send_signal(signal.SIGTERM)
        await fleet.line("stopped")  # the worker without a call
        assert (await fleet.ask("GET", "/healthz")).status_code == 200
        ready = await fleet.ask("GET", "/readyz")
        assert (ready.status_code, ready.json()["reason"]) == (503, "draining")
        assert "<Say>We are sorry" in await fleet.voice("CA2")
        assert (await fleet.offer_stream()).text.startswith("draining")
        assert await fleet.metric("trio_media_draining ") == 1
        assert not call.over.is_set()
        call.hang_up.set()
        assert await fleet.process.wait() == 0
        await call.over.wait()
        assert call.record is not None
        assert call.record.ended_by is CallEnd.HUNG_UP


async def test_a_second_signal_ends_the_calls_of_all_workers(tmp_path: Path) -> None:
    async with open_fleet(tmp_path, server_max_calls="1") as fleet:
        calls = [await fleet.call(f"CA{number}") for number in range(2)]
        assert await fleet.end(signal.SIGTERM, signal.SIGTERM) == 0
        for call in calls:
            await call.over.wait()


async def test_a_worker_that_drains_alone_is_given_no_call(tmp_path: Path) -> None:
    async with open_fleet(tmp_path) as fleet:
        call = await fleet.call("CA1")
        worker = await fleet.worker_of("CA1")
        os.kill(fleet.pid(worker), signal.SIGTERM)
        await fleet.line("draining")
        # Its own call goes on; what is new goes elsewhere, though its webhook came here.
        while (await fleet.ask("GET", "/readyz")).status_code != 200:
            await trio.lowlevel.checkpoint()
        others = [await fleet.call(f"CA{number}") for number in (2, 3)]
        assert {await fleet.worker_of(other.call_sid) for other in others} == {3 - worker}
        call.hang_up.set()
        await fleet.line("worker ended and is started again")


async def test_a_worker_that_is_stuck_is_given_nothing(tmp_path: Path) -> None:
    async with open_fleet(tmp_path) as fleet:
        kept = await fleet.call("CA1")
        worker = await fleet.worker_of("CA1")
        stuck = fleet.pid(3 - worker)  # it has more room
        os.kill(stuck, signal.SIGSTOP)
        try:
            answered = 0
            while answered < 10:
                with trio.move_on_after(2) as scope:
                    await fleet.ask("GET", "/healthz")
                answered = 0 if scope.cancelled_caught else answered + 1
            call = await fleet.call("CA2")
            assert await fleet.worker_of("CA2") == worker
            for one in (kept, call):
                one.hang_up.set()
                await one.over.wait()
        finally:
            os.kill(stuck, signal.SIGCONT)


async def test_workers_drain_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    async with open_fleet(tmp_path, server_max_calls="1") as fleet:
        calls = [await fleet.call(f"CA{number}") for number in range(2)]
        fleet.process.kill()
        for _ in calls:
            await fleet.line("draining")
        with pytest.raises(OSError, match="connect"):
            await trio.open_tcp_stream("127.0.0.1", int(fleet.url.rpartition(":")[2]))
        assert not any(call.over.is_set() for call in calls)
        for call in calls:
            call.hang_up.set()
            await fleet.line("stopped")
