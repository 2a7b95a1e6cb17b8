"""Several workers behind one port: real processes, real calls."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
import trio

from tests.server.fleet import ACCESS, PhoneCall, open_fleet
from trio_media.config import Config, ServerConfig
from trio_media.errors import ConfigError
from trio_media.phone import CallEnd
from trio_media.phone.route import ask_webhook, parse_twiml
from trio_media.server.listening import bind_socket
from trio_media.server.serving import with_secrets
from trio_media.server.workers import supervise, usable_cores, with_workers

FIELD_OF_CALLS = "trio_media_calls_active "
STARTED = "trio_media_calls_started_total "


async def test_calls_over_the_limit_of_one_worker_get_in_with_the_sessions_made_for_them(
    tmp_path: Path,
) -> None:
    async with open_fleet(tmp_path, server_max_calls="2") as fleet:
        async with trio.open_nursery() as nursery:
            calls = [PhoneCall(f"CA{number}") for number in range(4)]
            for call in calls:
                nursery.start_soon(fleet.begin, call)
        # Each has the model session that its webhook had made, and no other.
        assert len(fleet.model.opened) == 4
        # Whichever worker is asked.
        for _ in range(4):
            await fleet.until_metric(FIELD_OF_CALLS, 4)
            assert await fleet.metric(STARTED) == 4
        # While they go on, and whoever is asked.
        await fleet.until_metric("trio_media_first_audio_seconds_count", 4)
        assert await fleet.metric("trio_media_model_connect_seconds_count") == 4
        assert await fleet.metric("trio_media_workers") == 2
        assert "all lines are busy" in await fleet.voice("CA9")
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


async def test_a_media_stream_is_taken_elsewhere_when_its_worker_is_gone(tmp_path: Path) -> None:
    async with open_fleet(tmp_path) as fleet:
        call = PhoneCall("CA1")
        route = await ask_webhook(fleet.url + "/twilio/voice", call.identity, ACCESS)
        worker = int(route.stream_url.rpartition("/")[2])
        os.kill(fleet.pid(worker), signal.SIGKILL)
        await fleet.line("worker ended")
        await fleet.begin(call, route)
        assert await fleet.worker_of("CA1") == 3 - worker
        call.hang_up.set()
        await call.over.wait()
        # It was that call's, and is used now.
        again = PhoneCall("CA1")
        await again.run(fleet.url, route)
        assert not again.heard.is_set()
        await fleet.until_metric('trio_media_calls_refused_total{reason="token_used"}', 1)


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


def test_as_many_workers_as_cores_unless_their_number_is_given() -> None:
    for given, count in ((0, usable_cores()), (1, 1), (3, 3)):
        config = with_workers(Config(server=ServerConfig(workers=given)))
        assert config.server.workers == count
    assert usable_cores() >= 1


def test_the_port_is_one_servers_alone() -> None:
    with contextlib.closing(bind_socket("127.0.0.1", 0)) as bound:
        bound.listen()
        port = bound.getsockname()[1]
        config = with_secrets(Config(server=ServerConfig(port=port, workers=2)))
        with pytest.raises(ConfigError, match=rf"server\.port = {port}"):
            supervise(config, [], program=["false"])


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
        await fleet.until_port_is_closed()
        assert not any(call.over.is_set() for call in calls)
        for call in calls:
            call.hang_up.set()
            await fleet.line("stopped")


async def test_a_client_with_too_many_connections_is_refused_for_all_workers(
    tmp_path: Path,
) -> None:
    async with open_fleet(tmp_path, server_max_connections_per_client="3") as fleet:
        port = int(fleet.url.rpartition(":")[2])
        forwarded = {"X-Forwarded-For": "203.0.113.9"}
        request = (
            b"POST /api/sign-in HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n"
            b"X-Forwarded-For: 203.0.113.9\r\n\r\n"
        )
        async with contextlib.AsyncExitStack() as held:
            for _ in range(3):
                stream = await trio.open_tcp_stream("127.0.0.1", port)
                await held.enter_async_context(stream)
                await stream.send_all(request)
            while (await fleet.ask("GET", "/healthz", headers=forwarded)).status_code == 200:
                pass
            refused = await fleet.ask("GET", "/healthz", headers=forwarded)
            assert refused.status_code == 429
            assert refused.headers["retry-after"]
            assert (await fleet.ask("GET", "/healthz")).status_code == 200
            name = 'trio_media_connections_refused_total{reason="too_many_of_client"}'
            assert await fleet.metric(name) >= 2
            await fleet.call("CA1")
        while (await fleet.ask("GET", "/healthz", headers=forwarded)).status_code != 200:
            pass


async def test_a_signal_to_every_process_drains_each_worker_once(tmp_path: Path) -> None:
    """As from a service manager that signals the whole control group, or a whole terminal."""
    async with open_fleet(tmp_path, server_max_calls="1") as fleet:
        calls = [await fleet.call(f"CA{number}") for number in range(2)]
        for number in (signal.SIGTERM, signal.SIGINT):
            for worker in (1, 2):
                os.kill(fleet.pid(worker), number)
        fleet.process.send_signal(signal.SIGTERM)
        await fleet.line("workers are told to end")
        for _ in calls:
            assert (await fleet.ask("GET", "/readyz")).json()["reason"] == "draining"
        assert await fleet.metric(FIELD_OF_CALLS) == 2
        for call in calls:
            call.hang_up.set()
            await call.over.wait()
            assert call.record is not None
            assert call.record.ended_by is CallEnd.HUNG_UP
        assert await fleet.process.wait() == 0


async def test_an_interrupt_from_the_terminal_drains_and_a_second_one_ends_the_calls(
    tmp_path: Path,
) -> None:
    async with open_fleet(tmp_path, server_max_calls="1") as fleet:
        calls = [await fleet.call(f"CA{number}") for number in range(2)]
        os.killpg(fleet.process.pid, signal.SIGINT)
        await fleet.line("workers are told to end")
        for _ in calls:
            assert (await fleet.ask("GET", "/readyz")).json()["reason"] == "draining"
        assert not any(call.over.is_set() for call in calls)
        os.killpg(fleet.process.pid, signal.SIGINT)
        for call in calls:
            await call.over.wait()
        assert await fleet.process.wait() == 130


async def test_workers_that_drain_go_on_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    async with open_fleet(tmp_path, server_max_calls="1") as fleet:
        calls = [await fleet.call(f"CA{number}") for number in range(2)]
        fleet.process.send_signal(signal.SIGTERM)
        for _ in calls:
            await fleet.line("draining")
        fleet.process.kill()
        await fleet.until_port_is_closed()
        for call in calls:
            call.hang_up.set()
            await call.over.wait()
            assert call.record is not None
            assert call.record.ended_by is CallEnd.HUNG_UP
            await fleet.line("stopped")


async def test_a_call_that_is_cut_comes_back_to_the_worker_that_keeps_it(tmp_path: Path) -> None:
    """Also when that worker has no other place, and whoever takes the webhook."""
    async with open_fleet(tmp_path, server_max_calls="1") as fleet:
        await fleet.call("CA2")
        async with trio.open_nursery() as nursery:
            cut = PhoneCall("CA1")
            nursery.start_soon(cut.run, fleet.url)
            await cut.heard.wait()
            worker = await fleet.worker_of("CA1")
            nursery.cancel_scope.cancel()
        form = {"CallSid": "CA1"}
        headers = fleet.signed("/twilio/after", form)
        answer = await fleet.ask("POST", "/twilio/after", data=form, headers=headers)
        route = parse_twiml(answer.content, webhook_url=fleet.url)
        assert route.stream_url.endswith(f"/twilio/media/{worker}")
        assert "all lines are busy" in await fleet.voice("CA9"), "the place is kept"
        again = PhoneCall("CA1")
        await fleet.begin(again, route)
        await fleet.until_metric("trio_media_calls_resumed_total ", 1)
        assert await fleet.metric(STARTED) == 2
        assert await fleet.metric("trio_media_calls_ended_total.*") == 0
        assert await fleet.end(signal.SIGTERM, signal.SIGTERM) == 0
