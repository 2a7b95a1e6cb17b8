"""The server as a process: what it holds after its calls, and how it ends while there are some."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import httpx
import pytest
import trio

from .observer import Observer, Terms
from .wire_log import until
from .world import Lateness, LiveCall, ModelHost, Script, Served, hang_up

CALLS: Final = 20
START_S: Final = 15.0
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="counts file descriptors in /proc"
)


@attrs.define(eq=False)
class ServerProcess:
    """A server that was started by its command line."""

    process: trio.Process
    served: Served

    @property
    def held(self) -> tuple[int, int]:
        """How many file descriptors and threads it has."""
        root = Path(f"/proc/{self.process.pid}")
        return len(os.listdir(root / "fd")), len(os.listdir(root / "task"))

    async def status(self, path: str) -> int:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(self.served.url + path)).status_code

    async def metric(self, name: str) -> float:
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(self.served.url + "/metrics")).text
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        assert found is not None, f"no metric {name}"
        return float(found[1])


@asynccontextmanager
async def server_process(**environ: str) -> AsyncIterator[ServerProcess]:
    """Start one, with a model for it; kill it at the end, if it is still there."""
    lateness = Lateness()
    with trio.fail_after(START_S * 2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lateness.run)
            host = await ModelHost.start(nursery)
            process = await nursery.start(functools.partial(_process, host, environ))
            url = await _url_of(process, nursery)
            async with trio.open_nursery() as phones:
                yield ServerProcess(process, Served(url, host, phones, lateness))
                phones.cancel_scope.cancel()
            nursery.cancel_scope.cancel()


async def _process(
    host: ModelHost,
    environ: dict[str, str],
    task_status: trio.TaskStatus[trio.Process] = trio.TASK_STATUS_IGNORED,
) -> None:
    settings = {
        "TRIO_MEDIA_REALTIME_PROVIDER": "openai",
        "TRIO_MEDIA_REALTIME_URL": host.url,
        "TRIO_MEDIA_REALTIME_API_KEY": "sk-test",
        "TRIO_MEDIA_LOG_FORMAT": "json",
        **environ,
    }
    await trio.run_process(
        [sys.executable, "-m", "trio_media", "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        stdin=b"",
        check=False,
        env={**os.environ, **settings},
        deliver_cancel=_kill,
        task_status=task_status,
    )


async def _kill(process: trio.Process) -> None:
    process.kill()


async def _url_of(process: trio.Process, nursery: trio.Nursery) -> str:
    assert process.stderr is not None
    said = b""
    with trio.fail_after(START_S):
        async for piece in process.stderr:
            said += piece
            found = re.search(rb"at (http://[\d.:]+)", said)
            if found:
                nursery.start_soon(_drain, process)
                return found[1].decode()
    raise AssertionError(f"it does not serve: {said.decode()}")


async def _drain(process: trio.Process) -> None:
    assert process.stderr is not None
    async for _ in process.stderr:
        pass


async def speaking(call: LiveCall) -> None:
    """The caller has asked, and hears the answer."""
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 5_000)
    await call.phone.until_heard(answer.number, 200)


async def _stop(call: LiveCall) -> None:
    await call.phone.stop()


async def _close(call: LiveCall) -> None:
    await call.phone.close()


async def _reset(call: LiveCall) -> None:
    await call.phone.reset()


async def _reset_in_a_hush(call: LiveCall) -> None:
    call.phone.talk()
    await until(lambda: call.count("clear") == 1, "the hush")
    await call.phone.reset()


async def _model_resets(call: LiveCall) -> None:
    await call.model.reset()
    await call.phone.press("1")


async def _model_closes(call: LiveCall) -> None:
    await call.model.close()
    await call.phone.press("1")


async def _carrier_freezes(call: LiveCall) -> None:
    call.phone.is_reading = call.phone.is_sending = False
    await call.model.reset()
    await call.phone.press("1")


async def _model_freezes(call: LiveCall) -> None:
    call.model.is_reading = False
    await trio.sleep(0.3)
    await call.phone.stop()


ENDINGS: Final[tuple[Script, ...]] = (
    *(_stop, _close, _reset, _reset_in_a_hush),
    *(_model_resets, _model_closes, _carrier_freezes, _model_freezes),
)


@needs_proc
async def test_nothing_is_left_of_twenty_calls_however_they_end() -> None:
    settings = {"TRIO_MEDIA_SERVER_MAX_CALLS": str(CALLS), "TRIO_MEDIA_REALTIME_RECONNECT_MAX": "0"}
    async with server_process(**settings) as server:
        first = await server.served.open_call(1)  # what is loaded with the first call stays
        await speaking(first)
        await hang_up(first)
        await _settled(server)
        await trio.sleep(0.3)  # for the connection that just asked
        before = server.held

        calls = [await server.served.open_call(n) for n in range(2, CALLS + 2)]
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(speaking, call)
        assert await server.metric("trio_media_calls_active") == CALLS
        assert await server.status("/readyz") == 503
        assert await server.served.upgrade_status() == 503

        async with trio.open_nursery() as nursery:
            for number, call in enumerate(calls):
                nursery.start_soon(ENDINGS[number % len(ENDINGS)], call)
        await until(lambda: all(c.model.closed_s for c in calls if c.model.is_reading), "an end")
        await _settled(server)
        for call in calls:
            call.phone.is_reading = call.model.is_reading = True
        await until(
            lambda: all(now <= then for now, then in zip(server.held, before, strict=True)),
            f"at most {before} file descriptors and threads",
        )
        assert await server.status("/readyz") == 200
        await speaking(await server.served.open_call(101))


async def _settled(server: ServerProcess) -> None:
    """Wait until no call is live: last words take five seconds, a silent carrier has eight."""
    with trio.fail_after(30):
        while True:
            if await server.metric("trio_media_calls_active") == 0:
                return
            await trio.sleep(0.05)


async def test_a_signal_lets_a_live_call_finish_and_no_other_begin() -> None:
    async with server_process() as server:
        call = await server.served.open_call(1)
        await speaking(call)
        server.process.send_signal(signal.SIGTERM)
        await _until_not_ready(server)
        assert await server.served.upgrade_status() == 503
        await call.phone.press("1")
        second = await call.model.answer(400)
        await call.phone.until_heard(second.number, 400)
        assert server.process.returncode is None
        await hang_up(call)
        assert await server.process.wait() == 0
        terms = Terms(late_ms=server.served.lateness.worst_ms(0))
        assert Observer(call.log, call.phone, call.model, terms).broken() == []


async def test_a_second_signal_ends_a_live_call_at_once() -> None:
    async with server_process() as server:
        call = await server.served.open_call(1)
        await speaking(call)
        server.process.send_signal(signal.SIGTERM)
        await _until_not_ready(server)
        server.process.send_signal(signal.SIGTERM)
        with trio.fail_after(4):
            assert await server.process.wait() == 0
        await until(lambda: bool(call.phone.closed_s and call.model.closed_s), "both ends", 1)


async def test_a_drain_ends_by_force_when_its_time_is_over() -> None:
    async with server_process(TRIO_MEDIA_SERVER_DRAIN_S="0.5") as server:
        call = await server.served.open_call(1)
        await speaking(call)
        call.phone.is_reading = call.phone.is_sending = False  # the line froze half open
        server.process.send_signal(signal.SIGTERM)
        with trio.fail_after(5):
            assert await server.process.wait() == 0
        await until(lambda: bool(call.model.closed_s), "the model's end", 1)


async def _until_not_ready(server: ServerProcess) -> None:
    with trio.fail_after(3):
        while True:
            if await server.status("/readyz") == 503:
                return
            await trio.sleep(0.05)
