"""No secret of the configuration leaves a server that is busy and in trouble, by any way out.

A process of its own, with recordings, traces and logs at their most talkative; an agent that fails
with secrets in its mouth; a model service and a carrier's API that quote them back.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs
import httpx
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, wrap_server_stream

from tests.server.world import LIMIT_S
from trio_media.embedded import ModelBehaviour, serve_model_connection
from trio_media.phone import (
    Access,
    CallerScript,
    CallIdentity,
    CallOptions,
    CallRecord,
    HangUp,
    Say,
    Wait,
    WaitForSilence,
    WaitForSpeech,
    call_server,
)
from trio_media.phone.signature import HEADER
from trio_media.telephony.twilio_signature import compute_signature

API_KEY: Final = "sk-proj-planted-model-key-0123456789-abcdefghijklmnopqrstuvwxyz"
URL_KEY: Final = "planted-key-in-the-url-4711"
AUTH_TOKEN: Final = "planted0auth0token0of0the0carrier"
ADMIN: Final = "planted-admin-token-for-the-console"
TOKEN_SECRET: Final = "planted-secret-under-all-tokens"
ACCOUNT: Final = "AC" + "1" * 32
SECRETS: Final = (API_KEY, URL_KEY, AUTH_TOKEN, ADMIN, TOKEN_SECRET)
CUT_CHARS: Final = 16  # of a secret that is cut off; less tells nobody anything
AGENT: Final = """
import os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from trio_media import Agent, Call
provider = TracerProvider()
out = open("spans.txt", "a", buffering=1)
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=out)))
trace.set_tracer_provider(provider)
agent = Agent(greeting="Hello.")
SECRETS = [value for name, value in os.environ.items() if "planted" in value]
@agent.tool
async def look_up(call: Call) -> str:
    "Look something up."
    raise RuntimeError(f"the tool was refused: {SECRETS}")
@agent.on_start
async def begin(call: Call) -> None:
    raise RuntimeError(f"the beginning failed: {os.environ!r}")
@agent.on_end
async def end(call: Call, end: object) -> None:
    assert not SECRETS, SECRETS
"""
BEHAVIOUR: Final = ModelBehaviour(
    numbers_per_response=1, caller_says=("call tool look_up {}",), words_ms_min=0
)


@attrs.define(eq=False)
class Quoting:
    """A model service and a carrier's API that quote back what they are told."""

    mode: str = "good"
    model_port: int = 0
    rest_port: int = 0
    seen: list[str] = attrs.field(factory=list)

    async def serve(self, task_status: trio.TaskStatus[None]) -> None:
        (model,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        (rest,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.model_port = model.socket.getsockname()[1]
        self.rest_port = rest.socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, self._serve_model, [model])
            nursery.start_soon(trio.serve_listeners, self._serve_rest, [rest])
            task_status.started()

    async def _serve_model(self, stream: trio.SocketStream) -> None:
        self.seen.append(self.mode)
        if self.mode == "refuse":
            await _answer(stream, 401, f"Incorrect API key provided: {API_KEY}, {URL_KEY}")
        elif self.mode == "error":
            self.mode = "refuse"  # as the second service does, which is asked next
            await _quote_in_an_event(stream)
        else:
            await serve_model_connection(stream, BEHAVIOUR, name=f"c{len(self.seen)}")

    async def _serve_rest(self, stream: trio.SocketStream) -> None:
        self.seen.append("rest")
        told = {"code": 20003, "message": f"Authenticate: {AUTH_TOKEN}", "status": 401}
        await _answer(stream, 401, json.dumps(told))


async def _answer(stream: trio.SocketStream, status: int, body: str) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = await stream.receive_some()
        if not piece:
            return
        head += bytes(piece)
    answer = (
        f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    )
    await stream.send_all(answer.encode())
    await stream.aclose()


async def _quote_in_an_event(stream: trio.SocketStream) -> None:
    async with trio.open_nursery() as nursery:
        request: WebSocketRequest = await wrap_server_stream(nursery, stream)
        connection = await request.accept()
        created = {"type": "session.created", "session": {"id": "s"}}
        await connection.send_message(json.dumps(created))
        asked = json.loads(await connection.get_message())
        updated = {"type": "session.updated", "session": asked["session"]}
        await connection.send_message(json.dumps(updated))
        await connection.get_message()  # the greeting is asked for: the call has the session
        for code in (API_KEY, "invalid_api_key"):
            message = f"{'x' * 150} Incorrect API key provided: {API_KEY}"
            error = {"type": "invalid_request_error", "code": code, "message": message}
            await connection.send_message(json.dumps({"type": "error", "error": error}))
        with suppress(ConnectionClosed):
            while True:
                await connection.get_message()
        nursery.cancel_scope.cancel()


@attrs.define(eq=False)
class Served:
    """A server that says all it can, and all that it has said."""

    process: trio.Process
    quoting: Quoting
    url: str = ""
    told: list[str] = attrs.field(factory=list)
    _said: bytes = b""
    _news: trio.Event = attrs.field(factory=trio.Event)

    @property
    def said(self) -> str:
        return self._said.decode()

    async def listen(self) -> None:
        assert self.process.stderr is not None
        async with self.process.stderr:
            async for piece in self.process.stderr:
                self._said += bytes(piece)
                news, self._news = self._news, trio.Event()
                news.set()

    async def until_said(self, part: str, times: int = 1) -> None:
        while self.said.count(part) < times:
            await self._news.wait()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            answer = await client.request(method, self.url + path, **options)
        headers = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
        self.told.append(f"{method} {path.partition('?')[0]} {headers}{answer.text}")
        return answer

    async def call(self, number: int, mode: str, *actions: Any) -> CallRecord:
        self.quoting.mode = mode
        return await call_server(
            self.url + "/twilio/voice",
            script=CallerScript(actions),
            access=Access(account_sid=ACCOUNT, auth_token=AUTH_TOKEN),
            options=CallOptions(
                identity=CallIdentity(
                    call_sid=f"CA{number:032}", account_sid=ACCOUNT, stream_sid=f"MZ{number}"
                ),
                hang_up_after_s=20,
            ),
        )


def environment(quoting: Quoting, folder: Path, form: str) -> dict[str, str]:
    keys = {
        "SERVER_ADMIN_TOKEN": ADMIN,
        "SERVER_TOKEN_SECRET": TOKEN_SECRET,
        "SERVER_LATE_MS": "0",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM_NUMBER": "+15557654321",
        "TWILIO_REST_URL": f"http://127.0.0.1:{quoting.rest_port}",
        "REALTIME_PROVIDER": "openai",
        "REALTIME_API_KEY": API_KEY,
        "REALTIME_URL": f"ws://127.0.0.1:{quoting.model_port}/v1/realtime?api-key={URL_KEY}",
        "FALLBACK_PROVIDER": "openai",
        "FALLBACK_API_KEY": API_KEY,
        "FALLBACK_URL": f"ws://127.0.0.1:{quoting.model_port}/v1/realtime?api-key={URL_KEY}",
        "RECORDING_DIR": str(folder / "kept"),
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": form,
    }
    own = {f"TRIO_MEDIA_{name}": value for name, value in keys.items()}
    captured = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    return {**os.environ, **own, **captured}


@asynccontextmanager
async def open_served(folder: Path, form: str, workers: int) -> AsyncIterator[Served]:
    (folder / "telling_agent.py").write_text(AGENT, encoding="utf-8")
    (folder / "kept").mkdir()
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            quoting = Quoting()
            await nursery.start(quoting.serve)
            process = await trio.lowlevel.open_process(
                [
                    *(sys.executable, "-m", "trio_media", "serve", "telling_agent:agent"),
                    *("--port", "0", "--workers", str(workers)),
                ],
                cwd=folder,
                stderr=subprocess.PIPE,
                env=environment(quoting, folder, form),
            )
            served = Served(process, quoting)
            try:
                nursery.start_soon(served.listen)
                await served.until_said("serving at", workers)
                served.url = (
                    "http://"
                    + served.said.partition("serving at http://")[2].split('"')[0].split()[0]
                )
                served.url = served.url.rstrip("/")
                yield served
            finally:
                process.kill()
                with trio.CancelScope(shield=True):
                    await process.wait()
            nursery.cancel_scope.cancel()


async def look_at_everything(served: Served) -> None:
    """Ask for all that can be asked for, as somebody who may and as somebody who may not."""
    signed_in = {"Authorization": f"Bearer {ADMIN}"}
    call_sid = f"CA{1:032}"
    paths = ("/", "/healthz", "/readyz", "/metrics", "/nothing", "/api/config", "/api/calls")
    paths += ("/api/openapi.json", "/api/overview", f"/api/calls/{call_sid}", "/docs")
    paths += (f"/api/calls/{call_sid}/log", f"/api/calls/{call_sid}/recording")
    # Who may first: too many wrong tokens keep everybody of an address out for a while.
    for headers in (signed_in, {}, {"Authorization": f"Basic {ADMIN}"}):
        for path in paths:
            query = "" if headers else f"?token={AUTH_TOKEN}"
            answer = await served.ask("GET", path + query, headers=headers)
            assert headers is not signed_in or answer.status_code != 429
        dialled = {"to": "+15551234567"}
        await served.ask("POST", "/api/calls", json=dialled, headers=headers)
        said = {"text": API_KEY}
        await served.ask("POST", f"/api/calls/{call_sid}/say", json=said, headers=headers)
        await served.ask("POST", "/api/softphone", json={}, headers=headers)
    for token in (ADMIN, ADMIN + "x"):
        await served.ask("POST", "/api/sign-in", json={"token": token})
        await served.ask("GET", f"/?token={token}")
    await served.ask("POST", "/twilio/voice?key=" + AUTH_TOKEN, data={"CallSid": "CA1"})
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    for extra in ({}, {HEADER: "wrong"}):
        await served.ask("GET", f"/twilio/media?token={TOKEN_SECRET}", headers=upgrade | extra)
    port = int(served.url.rpartition(":")[2])
    for garbage in (
        f"GET /{ADMIN} \x00\r\n\r\n",
        f"{API_KEY}\r\n\r\n",
        f"GET / HTTP/1.1\r\n{ADMIN}",
    ):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(garbage.encode())
            await stream.send_eof()
            served.told.append(b"".join([bytes(piece) async for piece in stream]).decode())


def assert_nothing_is_told(where: str, text: str) -> None:
    for secret in SECRETS:
        at = text.find(secret[:CUT_CHARS])
        assert at < 0, f"{where}: ...{text[max(0, at - 300) : at + 80]}"
    basic = base64.b64encode(f"{ACCOUNT}:{AUTH_TOKEN}".encode()).decode()
    assert basic[-CUT_CHARS:] not in text, where


@pytest.mark.parametrize(("form", "workers"), [("json", 2), ("human", 1)])
async def test_no_secret_leaves_a_server_in_trouble(
    tmp_path: Path, form: str, workers: int
) -> None:
    async with open_served(tmp_path, form, workers) as served:
        talk = (WaitForSpeech(), WaitForSilence(), Say("hold_on"), Wait(2_000), HangUp())
        good = await served.call(1, "good", *talk)
        assert good.first_audible_ms is not None
        await served.call(2, "good", WaitForSpeech(), HangUp())
        await look_at_everything(served)
        # Last: a service that refuses us is left alone, and no call has a model any more.
        await served.call(3, "error", Wait(5_000), HangUp())
        await served.ask("GET", "/readyz")
        await served.ask("GET", "/metrics")
        posted = {"CallSid": f"CA{9:032}", "CallStatus": "in-progress"}
        url = served.url + "/twilio/status"
        signed = {HEADER: compute_signature(AUTH_TOKEN, url, posted.items())}
        assert (await served.ask("POST", "/twilio/status", data=posted, headers=signed)).is_success
        served.process.send_signal(signal.SIGTERM)
        await served.process.wait()
        await served.until_said("stopped", workers)
    assert {"good", "refuse", "error", "rest"} <= set(served.quoting.seen)
    # All of it went wrong as it was meant to, else there was nothing to see.
    for part in (
        "the beginning failed",
        "look_up",
        "AssertionError",
        "http_401",
        "invalid_api_key",
    ):
        assert part in served.said + spans_and_files(tmp_path)["all"], part
    assert_nothing_is_told("log", served.said)
    for answer in served.told:
        assert_nothing_is_told(answer[:60], answer)
    for name, text in spans_and_files(tmp_path).items():
        assert_nothing_is_told(name, text)


def spans_and_files(folder: Path) -> Mapping[str, str]:
    paths = [folder / "spans.txt", *sorted((folder / "kept").iterdir())]
    assert {path.suffix for path in paths} == {".txt", ".json", ".jsonl", ".wav"}
    found = {path.name: path.read_bytes().decode("latin-1") for path in paths}
    return {**found, "all": "".join(found.values())}


@pytest.mark.parametrize("mode", ["good", "refuse"])
async def test_a_check_tells_no_secret(tmp_path: Path, mode: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            quoting = Quoting(mode)
            await nursery.start(quoting.serve)
            done = await trio.run_process(
                [sys.executable, "-m", "trio_media", "check"],
                cwd=tmp_path,
                env=environment(quoting, tmp_path, "human"),
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
            nursery.cancel_scope.cancel()
    assert done.returncode == (0 if mode == "good" else 1)
    said = (done.stdout + done.stderr).decode()
    assert "endpoint:" in said
    assert_nothing_is_told("check", said)


async def test_an_agent_that_cannot_be_imported_tells_no_secret(tmp_path: Path) -> None:
    crash = 'import os\nraise ValueError(f"cannot use {os.environ!r}")\n'
    (tmp_path / "crashing_agent.py").write_text(crash, encoding="utf-8")
    for command in ("serve", "check"):
        done = await trio.run_process(
            [sys.executable, "-m", "trio_media", command, "crashing_agent:agent"],
            cwd=tmp_path,
            env=environment(Quoting(), tmp_path, "human"),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        assert done.returncode == 2
        assert b"cannot use" in done.stderr
        assert_nothing_is_told(command, done.stderr.decode())
