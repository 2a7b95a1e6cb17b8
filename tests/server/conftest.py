"""A server on a real socket, with a stand-in for the call itself."""

from __future__ import annotations

import contextlib
import functools
import json
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import httpx
import pytest
import trio
from trio_websocket import ConnectionClosed, wrap_server_stream

from trio_media.call.listening import VoiceJudge
from trio_media.call.options import CallOptions
from trio_media.config import Config, RealtimeConfig, ServerConfig
from trio_media.errors import CallRefused
from trio_media.logs import CallLogger
from trio_media.server.listening import bind_socket
from trio_media.server.serving import serve
from trio_media.telephony.events import MediaStreamStarted


@attrs.frozen(kw_only=True)
class StandInEnd:
    call_sid: str
    reason: str = "hung_up"
    duration_ms: int = 1_500
    counters: Mapping[str, int] = attrs.field(
        factory=lambda: {"interruptions_cancelled": 2, "frames_dropped": 3}
    )
    latencies_ms: Mapping[str, Sequence[int]] = attrs.field(
        factory=lambda: {"first_audio": [120, 480]}
    )


@attrs.define
class StandInCall:
    """Does what a call does at its beginning and its end, and nothing between."""

    configs: list[Config] = attrs.field(factory=list)
    started: list[MediaStreamStarted] = attrs.field(factory=list)
    was_cut: bool = False
    crashes: bool = False

    async def __call__(
        self,
        carrier_stream: trio.abc.Stream,
        *,
        config: Config,
        admit: Callable[[MediaStreamStarted], None],
        log: CallLogger,
        judge: VoiceJudge | None,
        options: CallOptions | None = None,
    ) -> StandInEnd:
        self.configs.append(config)
        if self.crashes:
            raise RuntimeError("a bug in the call")
        self.was_cut = True
        end = await self._talk(carrier_stream, admit)
        self.was_cut = False
        return end

    async def _talk(
        self, stream: trio.abc.Stream, admit: Callable[[MediaStreamStarted], None]
    ) -> StandInEnd:
        reason, call_sid = "hung_up", ""
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            websocket = await request.accept()
            with contextlib.suppress(ConnectionClosed):
                start = json.loads(await websocket.get_message())["start"]
                call_sid = start["callSid"]
                started = MediaStreamStarted(
                    stream_sid="MZ1",
                    call_sid=call_sid,
                    account_sid=start.get("accountSid", ""),
                    custom_parameters=start.get("customParameters", {}),
                )
                try:
                    admit(started)
                except CallRefused as refused:
                    reason = "refused"
                    await websocket.aclose(1008, refused.reason)
                else:
                    self.started.append(started)
                    await websocket.send_message("admitted")
                    while True:
                        await websocket.get_message()
            nursery.cancel_scope.cancel()
        return StandInEnd(call_sid=call_sid, reason=reason)


@attrs.define
class Served:
    """A running server."""

    url: str
    call: StandInCall
    send_signal: Callable[[int], None]
    exit_codes: list[int]
    ended: trio.Event
    config: Config

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws") + "/twilio/media"

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.request(method, self.url + path, **options)

    async def raw(self, request: bytes) -> bytes:
        """Send bytes and give everything that comes back until the server closes."""
        async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
            await stream.send_all(request)
            answer = b""
            async for piece in stream:
                answer += piece
            return answer


def make_config(**server: Any) -> Config:
    # How busy the machine is that runs the tests decides nothing.
    given = {"port": 0, "drain_s": 5, "late_ms": 0, "token_secret": "t" * 32, **server}
    return Config(
        server=ServerConfig(**given),
        realtime=RealtimeConfig(provider="openai", api_key="sk-unused", url="ws://127.0.0.1:9"),
    )


@asynccontextmanager
async def run_serving(config: Config, call: StandInCall | None = None) -> AsyncIterator[Served]:
    call = call or StandInCall()
    send, receive = trio.open_memory_channel[int](4)
    bound = bind_socket(config.server.host, config.server.port)
    exit_codes: list[int] = []
    ended = trio.Event()

    async def run(task_status: trio.TaskStatus[str]) -> None:
        exit_codes.append(
            await serve(
                config, bound=bound, run_call=call, signals=receive, task_status=task_status
            )
        )
        ended.set()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            url = await nursery.start(run)
            yield Served(url, call, send.send_nowait, exit_codes, ended, config)
            if not ended.is_set():
                with contextlib.suppress(trio.WouldBlock):
                    send.send_nowait(signal.SIGTERM)
                    send.send_nowait(signal.SIGTERM)
            await ended.wait()
    bound.close()


Serving = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def serving() -> Serving:
    """``async with serving(config, call) as served``."""
    return functools.partial(run_serving)


@pytest.fixture
def config() -> Config:
    return make_config()
