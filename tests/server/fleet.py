"""A supervisor and its workers as processes of their own, with a model and phones on this side."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
import trio

from tests.server.world import BRIEF, ModelPlace
from trio_media.embedded import ModelBehaviour
from trio_media.phone import (
    Access,
    CallerScript,
    CallIdentity,
    CallOptions,
    CallRecord,
    call_server,
    place_call,
)
from trio_media.phone.route import Route
from trio_media.phone.signature import HEADER
from trio_media.telephony.twilio_signature import compute_signature

LIMIT_S = 90.0
ADMIN_TOKEN = "operator"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
ACCESS = Access(auth_token=AUTH_TOKEN)


@attrs.define(eq=False)
class PhoneCall:
    """A call that goes on until it is hung up."""

    call_sid: str
    hang_up: trio.Event = attrs.field(factory=trio.Event)
    heard: trio.Event = attrs.field(factory=trio.Event)
    """Set with the first sound."""
    over: trio.Event = attrs.field(factory=trio.Event)
    record: CallRecord | None = None
    _next_sound: trio.Event = attrs.field(factory=trio.Event)

    def hear(self, frame: bytes) -> None:
        if frame.strip(b"\xff"):
            self.heard.set()
            news, self._next_sound = self._next_sound, trio.Event()
            news.set()

    async def hear_more(self, frames: int = 10) -> None:
        """Go on when so many more frames with sound in them were heard."""
        for _ in range(frames):
            await self._next_sound.wait()

    @property
    def identity(self) -> CallIdentity:
        return CallIdentity(
            call_sid=self.call_sid, account_sid="AC1", stream_sid=f"MZ{self.call_sid}"
        )

    async def run(self, url: str, route: Route | None = None) -> None:
        """Call the server at a URL, or the stream that its webhook has named."""
        options = CallOptions(
            identity=self.identity,
            auth_token=AUTH_TOKEN,
            listener=self.hear,
            records_wire=False,
        )
        try:
            if route is None:
                self.record = await call_server(
                    url + "/twilio/voice",
                    script=CallerScript(()),
                    access=ACCESS,
                    options=options,
                    hang_up=self.hang_up,
                )
            else:
                self.record = await place_call(
                    route.stream_url,
                    script=CallerScript(()),
                    options=attrs.evolve(options, custom_parameters=route.parameters),
                    hang_up=self.hang_up,
                )
        finally:
            self.over.set()


@attrs.define(eq=False)
class Fleet:
    process: trio.Process
    model: ModelPlace
    nursery: trio.Nursery
    workers: int
    url: str = ""
    lines: list[dict[str, Any]] = attrs.field(factory=list)
    _news: trio.Event = attrs.field(factory=trio.Event)
    _looked: int = 0

    async def read_lines(self) -> None:
        assert self.process.stderr is not None
        buffer = b""
        async with self.process.stderr:
            async for piece in self.process.stderr:
                *whole, buffer = (buffer + bytes(piece)).split(b"\n")
                self.lines += [json.loads(line) for line in whole if line.startswith(b"{")]
                news, self._news = self._news, trio.Event()
                news.set()

    async def line(self, beginning: str) -> dict[str, Any]:
        """Give the next line with this message; those before it are passed over."""
        while True:
            while self._looked < len(self.lines):
                line = self.lines[self._looked]
                self._looked += 1
                if line["message"].startswith(beginning):
                    return line
            await self._news.wait()

    def pid(self, worker: int) -> int:
        """The process that has this number now."""
        started = [one for one in self.lines if one["message"] == "worker started"]
        return next(int(one["worker_pid"]) for one in reversed(started) if one["worker"] == worker)

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            return await client.request(method, self.url + path, **options)

    async def voice(self, call_sid: str) -> str:
        """The TwiML of a call."""
        form = {"CallSid": call_sid}
        headers = self.signed("/twilio/voice", form)
        return (await self.ask("POST", "/twilio/voice", data=form, headers=headers)).text

    def signed(self, path: str, form: dict[str, str]) -> dict[str, str]:
        """The header of whoever knows the carrier's token."""
        return {HEADER: compute_signature(AUTH_TOKEN, self.url + path, form.items())}

    async def worker_of(self, call_sid: str) -> int:
        """The worker that a call belongs to: its webhook, repeated, is answered by that."""
        found = re.search(r"/twilio/media/(\d+)", await self.voice(call_sid))
        assert found is not None
        return int(found[1])

    async def offer_stream(self, path: str = "/twilio/media") -> httpx.Response:
        """Ask for a media stream, which is expected to be refused."""
        return await self.ask(
            "GET",
            path,
            headers={
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                **self.signed(path, {}),
            },
        )

    async def api(self, path: str, method: str = "GET") -> httpx.Response:
        """Ask the console's API."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        body = {} if method == "GET" else {"json": {}}
        return await self.ask(method, f"/api{path}", headers=headers, **body)

    async def metric(self, name: str) -> float:
        text = (await self.ask("GET", "/metrics")).text
        return sum(float(line.split()[-1]) for line in text.splitlines() if re.match(name, line))

    async def until_metric(self, name: str, value: float) -> None:
        while await self.metric(name) != value:
            await trio.lowlevel.checkpoint()

    async def until_port_is_closed(self) -> None:
        """The kernel closes the files of a process that was killed in its own time."""
        with contextlib.suppress(OSError):
            while True:
                port = int(self.url.rpartition(":")[2])
                await trio.aclose_forcefully(await trio.open_tcp_stream("127.0.0.1", port))

    async def call(self, call_sid: str) -> PhoneCall:
        """Call, and go on as soon as something is heard."""
        call = PhoneCall(call_sid)
        await self.begin(call)
        return call

    async def begin(self, call: PhoneCall, route: Route | None = None) -> None:
        """Begin a call, and go on as soon as something is heard."""
        self.nursery.start_soon(call.run, self.url, route)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when, call.over, nursery.cancel_scope)
            await call.heard.wait()
            nursery.cancel_scope.cancel()
        assert call.heard.is_set(), call.record

    async def end(self, *signals: int) -> int:
        """Send signals, each when all workers have heeded the one before; give the exit code."""
        self.process.send_signal(signals[0])
        for number in signals[1:]:
            for _ in range(self.workers):
                await self.line("draining")  # two signals at once are one
            self.process.send_signal(number)
        return await self.process.wait()


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


@asynccontextmanager
async def open_fleet(
    folder: Path, *, workers: int = 2, behaviour: ModelBehaviour = BRIEF, **keys: str
) -> AsyncIterator[Fleet]:
    """Run one for the block; it is killed then, if it has not ended.  One worker has no supervisor.

    ``keys``: of the configuration, as ``server_max_calls``.
    """
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            model = ModelPlace(behaviour)
            await nursery.start(model.serve)
            keys = {
                "server_admin_token": ADMIN_TOKEN,
                "server_drain_s": "60",
                "server_late_ms": "0",  # whatever else this machine does meanwhile
                "twilio_auth_token": AUTH_TOKEN,
                "realtime_provider": "openai",
                "realtime_api_key": "sk-unused",
                "realtime_url": f"ws://127.0.0.1:{model.port}/v1/realtime",
                "agent_greeting": "Hello.",
                "agent_silence_s": "0",
                **keys,
            }
            process = await trio.lowlevel.open_process(
                [
                    *(sys.executable, "-m", "trio_media", "serve", "--port", "0"),
                    *("--workers", str(workers)),
                ],
                cwd=folder,
                stderr=subprocess.PIPE,
                start_new_session=True,  # as in a terminal: a process group of its own
                env={
                    **os.environ,
                    **{f"TRIO_MEDIA_{name.upper()}": value for name, value in keys.items()},
                },
            )
            fleet = Fleet(process, model, nursery, workers)
            try:
                nursery.start_soon(fleet.read_lines)
                first = "starting" if workers > 1 else "serving"
                fleet.url = (await fleet.line(first))["message"].rpartition(" ")[2]
                for _ in range(workers if workers > 1 else 0):
                    await fleet.line("serving")
                yield fleet
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGKILL)
                with trio.CancelScope(shield=True):
                    await process.wait()
            nursery.cancel_scope.cancel()
