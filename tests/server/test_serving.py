"""The whole server on a real socket, with a stand-in for the call."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import attrs
import httpx
import pytest
import trio
import trio.testing
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    wrap_client_stream,
)

from trio_media.config import Config, ServerConfig, TwilioConfig
from trio_media.errors import ConfigError
from trio_media.server.forms import FORM_TYPE
from trio_media.server.lateness import LoopLateness
from trio_media.server.passing import ChannelEnd, inherited_channel, open_channel
from trio_media.server.receiving import Receiving
from trio_media.server.roster import Report
from trio_media.server.serving import ServeOptions, check_exposure, serve, with_secrets

from .conftest import StandInCall

AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
FORM = {"CallSid": "CA1", "AccountSid": "AC1", "From": "+15550001", "To": "+15550002"}
START = {"callSid": "CA1", "streamSid": "MZ1", "accountSid": "AC1"}


def sign(url: str, form: dict[str, str] | None = None) -> dict[str, str]:
    text = url + "".join(name + value for name, value in sorted((form or {}).items()))
    digest = hmac.new(AUTH_TOKEN.encode(), text.encode(), hashlib.sha1).digest()
    return {"X-Twilio-Signature": base64.b64encode(digest).decode()}


def signing(config: Config) -> Config:
    return attrs.evolve(config, twilio=TwilioConfig(auth_token=AUTH_TOKEN, account_sid="AC1"))


@asynccontextmanager
async def open_stream(
    url: str, headers: dict[str, str] | None = None, *, path: str = "/twilio/media"
) -> AsyncIterator[WebSocketConnection]:
    extra = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    host, port = url.removeprefix("ws://").partition("/")[0].split(":")
    # The websocket library forgets to close the socket when the server was first.
    stream = await trio.open_tcp_stream(host, int(port))
    try:
        async with trio.open_nursery() as nursery:
            websocket = await wrap_client_stream(
                nursery, stream, f"{host}:{port}", path, extra_headers=extra
            )
            yield websocket
            with trio.move_on_after(1):
                await websocket.aclose()
            nursery.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(stream)


async def refusal(
    served: Any, headers: dict[str, str] | None = None, *, path: str = "/twilio/media"
) -> httpx.Response:
    """Ask for the websocket by plain HTTP, which shows the whole answer."""
    answer: httpx.Response = await served.request(
        "GET",
        path,
        headers={
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            **(headers or {}),
        },
    )
    assert answer.status_code != 101
    return answer


async def start(websocket: WebSocketConnection, **changes: Any) -> str:
    await websocket.send_message(json.dumps({"event": "start", "start": {**START, **changes}}))
    return str(await websocket.get_message())


async def test_a_call_comes_in_and_ends_and_is_counted(serving: Any, config: Config) -> None:
    async with serving(config) as served:
        async with open_stream(served.ws_url) as websocket:
            assert await start(websocket) == "admitted"
            metrics = (await served.request("GET", "/metrics")).text
            assert "trio_media_calls_active 1.0" in metrics
        while "trio_media_calls_active 0.0" not in metrics:
            metrics = (await served.request("GET", "/metrics")).text
        assert 'trio_media_calls_ended_total{reason="hung_up"} 1.0' in metrics
        assert 'trio_media_interruptions_total{outcome="cancelled",reason="unknown"} 2.0' in metrics


async def test_a_call_over_the_limit_gets_503_and_says_when_to_come_back(
    serving: Any, config: Config
) -> None:
    config = attrs.evolve(config, server=attrs.evolve(config.server, max_calls=1))
    async with serving(config) as served:
        async with open_stream(served.ws_url) as websocket:
            await start(websocket)
            rejected = await refusal(served)
            assert rejected.status_code == 503
            assert rejected.headers["retry-after"] == "5"
            assert rejected.text.startswith("full")
            ready = await served.request("GET", "/readyz")
            assert (ready.status_code, ready.json()["reason"]) == (503, "full")
            assert (await served.request("GET", "/healthz")).status_code == 200
        while (await served.request("GET", "/readyz")).status_code != 200:
            pass
        async with open_stream(served.ws_url) as websocket:
            assert await start(websocket) == "admitted"


async def test_a_place_is_kept_from_the_webhook_to_the_stream_of_the_same_call(
    serving: Any, config: Config
) -> None:
    config = attrs.evolve(config, server=attrs.evolve(config.server, max_calls=1))
    async with serving(config) as served:
        answers = [
            await served.request("POST", "/twilio/voice", data={**FORM, "CallSid": call_sid})
            for call_sid in ("CA1", "CA2", "CA1")
        ]
        assert ["<Stream" in answer.text for answer in answers] == [True, False, True]
        ready = await served.request("GET", "/readyz")
        assert (ready.status_code, ready.json()["reason"]) == (503, "full")
        async with open_stream(served.ws_url) as stranger:
            with pytest.raises(ConnectionClosed, match="full"):
                await start(stranger, callSid="CA9")
        async with open_stream(served.ws_url) as websocket:
            assert await start(websocket) == "admitted"
            metrics = (await served.request("GET", "/metrics")).text
            assert "trio_media_calls_reserved 0.0" in metrics
            assert 'trio_media_calls_refused_total{reason="full"} 2.0' in metrics


@pytest.mark.parametrize("busy", ["say", "reject", "forward"])
async def test_the_webhook_of_a_full_server_answers_as_configured(
    serving: Any, config: Config, busy: Any
) -> None:
    changes = {"max_calls": 1, "busy": busy, "busy_forward": "+15550004444"}
    config = attrs.evolve(config, server=attrs.evolve(config.server, **changes))
    async with serving(config) as served, open_stream(served.ws_url) as websocket:
        await start(websocket)
        answer = await served.request("POST", "/twilio/voice", data={**FORM, "CallSid": "CA2"})
        assert answer.status_code == (503 if busy == "reject" else 200)
        first = {"say": "<Say>", "reject": "full", "forward": "<Dial action="}[busy]
        assert first in answer.text
        assert (await refusal(served)).status_code == 503


async def test_a_late_server_takes_the_only_call_and_no_other(
    serving: Any, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoopLateness, "is_late", property(lambda self: True))
    async with serving(config) as served:
        assert (await served.request("GET", "/readyz")).status_code == 200
        async with open_stream(served.ws_url) as websocket:
            assert await start(websocket) == "admitted"
            ready = await served.request("GET", "/readyz")
            assert (ready.status_code, ready.json()["reason"]) == (503, "late")
            rejected = await refusal(served)
            assert (rejected.status_code, rejected.text[:4]) == (503, "late")
            form = {**FORM, "CallSid": "CA2"}
            answer = await served.request("POST", "/twilio/voice", data=form)
            assert "<Say>" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/nothing", 404),
        ("GET", "/twilio/voice", 405),
        ("GET", "/twilio/status", 405),
        ("POST", "/healthz", 405),
        ("GET", "/twilio/media", 426),
        ("POST", "/twilio/media", 426),
        ("HEAD", "/twilio/media", 426),
    ],
)
async def test_pages(serving: Any, config: Config, method: str, path: str, status: int) -> None:
    async with serving(config) as served:
        answer = await served.request(method, path)
        assert answer.status_code == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
        assert ("upgrade" in answer.headers) == (status == 426)


async def test_the_webhook_connects_the_call_to_us(serving: Any, config: Config) -> None:
    async with serving(config) as served:
        answer = await served.request("POST", "/twilio/voice", data=FORM)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/xml")
        response = ElementTree.fromstring(answer.text)
        assert [verb.tag for verb in response] == ["Connect", "Redirect"]
        assert response.findtext("Redirect") == f"{served.url}/twilio/after"
        stream = response.find("Connect/Stream")
        assert stream is not None
        assert stream.get("url") == served.ws_url
        parameters = {one.get("name"): one.get("value") for one in stream}
        assert parameters["caller"] == "+15550001"
        assert parameters["called"] == "+15550002"
        assert parameters["token"]


async def test_the_webhook_believes_the_scheme_of_a_proxy_on_this_machine(
    serving: Any, config: Config
) -> None:
    async with serving(config) as served:
        headers = {"Host": "calls.example", "X-Forwarded-Proto": "https"}
        answer = await served.request("POST", "/twilio/voice", data=FORM, headers=headers)
        assert 'url="wss://calls.example/twilio/media"' in answer.text


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": {"From": "+1"}}, 400),
        ({"data": {"CallSid": "C" * 65}}, 400),
        ({"json": {"CallSid": "CA1"}}, 415),
        ({"data": {"CallSid": "CA1", "x": "y" * 70_000}}, 413),
        ({"data": FORM, "headers": {"Host": "a/b"}}, 400),
        ({"content": b"CallSid=%FF", "headers": {"Content-Type": FORM_TYPE}}, 400),
        ({"headers": {"Transfer-Encoding": "chunked"}}, 411),
    ],
)
async def test_a_webhook_that_cannot_be_taken_says_why(
    serving: Any, config: Config, options: dict[str, Any], status: int
) -> None:
    async with serving(config) as served:
        answer = await served.request("POST", "/twilio/voice", **options)
        assert answer.status_code == status
        assert answer.text.strip()


async def test_the_status_callback_is_taken(serving: Any, config: Config) -> None:
    async with serving(config) as served:
        answer = await served.request(
            "POST", "/twilio/status", data={"CallSid": "CA1", "CallStatus": "completed"}
        )
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/status"])
async def test_webhooks_must_be_signed(serving: Any, config: Config, path: str) -> None:
    async with serving(signing(config)) as served:
        good = sign(served.url + path, FORM)
        assert (await served.request("POST", path, data=FORM, headers=good)).is_success
        for bad in ({}, sign(served.url + path), sign(served.url + path + "x", FORM)):
            answer = await served.request("POST", path, data=FORM, headers=bad)
            assert answer.status_code == 403
        forged = {**FORM, "From": "+19"}
        assert (await served.request("POST", path, data=forged, headers=good)).status_code == 403


async def token_of(served: Any) -> str:
    answer = await served.request(
        "POST", "/twilio/voice", data=FORM, headers=sign(served.url + "/twilio/voice", FORM)
    )
    found = ElementTree.fromstring(answer.text).find("Connect/Stream/Parameter[@name='token']")
    assert found is not None
    return found.get("value", "")


async def test_a_media_stream_must_be_signed(serving: Any, config: Config) -> None:
    async with serving(signing(config)) as served:
        for bad in ({}, {"X-Twilio-Signature": "x"}, sign("wss://other.example/twilio/media")):
            assert (await refusal(served, bad)).status_code == 403
        assert not served.call.configs


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("scheme", ["wss", "https"])
async def test_a_signed_media_stream_with_its_token_comes_in_once(
    serving: Any, config: Config, scheme: str, slash: str
) -> None:
    server = attrs.evolve(config.server, public_url="https://calls.example")
    async with serving(signing(attrs.evolve(config, server=server))) as served:
        voice = sign("https://calls.example/twilio/voice", FORM)
        answer = await served.request("POST", "/twilio/voice", data=FORM, headers=voice)
        assert 'url="wss://calls.example/twilio/media"' in answer.text
        token = answer.text.partition('name="token" value="')[2].partition('"')[0]
        headers = sign(f"{scheme}://calls.example/twilio/media{slash}")
        async with open_stream(served.ws_url, headers) as websocket:
            assert await start(websocket, customParameters={"token": token}) == "admitted"
        async with open_stream(served.ws_url, headers) as websocket:
            with pytest.raises(ConnectionClosed, match="token used"):
                await start(websocket, customParameters={"token": token})
        metrics = (await served.request("GET", "/metrics")).text
        assert 'trio_media_calls_refused_total{reason="token_used"} 1.0' in metrics


async def test_a_media_stream_that_names_a_worker_is_signed_for_that_path(
    serving: Any, config: Config
) -> None:
    async with serving(signing(config)) as served:
        origin = served.ws_url.removesuffix("/twilio/media").replace("ws", "wss")
        plain, named = (sign(f"{origin}/twilio/media{end}") for end in ("", "/7"))
        token = await token_of(served)
        async with open_stream(served.ws_url, named, path="/twilio/media/7") as websocket:
            assert await start(websocket, customParameters={"token": token}) == "admitted"
        assert (await refusal(served, plain, path="/twilio/media/7")).status_code == 403


async def test_a_worker_serves_what_it_is_given_and_has_what_is_its_own_come_back(
    config: Config, tmp_path: Path
) -> None:
    ours, theirs = open_channel()
    send, signals = trio.open_memory_channel[int](4)
    placing: list[Any] = []
    options = ServeOptions(used_tokens_dir=tmp_path, on_ready=placing.append)
    receiving = Receiving(7, "http://127.0.0.1:1", inherited_channel(theirs.detach()))
    signed = signing(attrs.evolve(config, server=attrs.evolve(config.server, max_calls=1)))
    run = functools.partial(
        serve, signed, bound=receiving, run_call=StandInCall(), signals=signals, options=options
    )
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            assert await nursery.start(run) == "http://127.0.0.1:1"
            assert await ours.next_report() == Report()
            form = b"CallSid=CA1"
            request = (
                b"POST /twilio/voice HTTP/1.1\r\nHost: h\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n"
                b"X-Twilio-Signature: "
                + sign("http://h/twilio/voice", {"CallSid": "CA1"})["X-Twilio-Signature"].encode()
                + b"\r\nContent-Length: 11\r\n\r\n"
            )
            answer = await pass_on(ours, 1, request + form)
            assert b'url="ws://h/twilio/media/7"' in answer
            while (report := await ours.next_report()) is not None and not report.over:
                pass
            # Its only place is promised: to that call, and to nobody else.
            assert report == Report(refusal="full", over=(1,), expected_calls=1)
            assert placing[0].id_prefix == "7."
            send.send_nowait(signal.SIGTERM)
        ours.close()
        receiving._channel.close()


async def pass_on(channel: ChannelEnd, ticket: int, request: bytes) -> bytes:
    """Give a worker a connection on which a request came; give the answer."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listeners[0] as listener:
        client = await trio.testing.open_stream_to_socket_listener(listener)
        async with client, await listener.accept() as accepted:
            assert channel.pass_on(ticket, request, accepted.socket.fileno())
            await accepted.aclose()
            return b"".join([bytes(piece) async for piece in client])


async def test_the_token_of_another_call_is_refused(serving: Any, config: Config) -> None:
    async with serving(signing(config)) as served:
        token = await token_of(served)
        headers = sign(served.ws_url.replace("ws", "wss"))
        async with open_stream(served.ws_url, headers) as websocket:
            with pytest.raises(ConnectionClosed, match="token invalid"):
                await start(websocket, callSid="CA2", customParameters={"token": token})


async def test_a_call_that_crashes_leaves_the_others_alone(
    serving: Any, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(config) as served, open_stream(served.ws_url) as websocket:
        await start(websocket)
        served.call.crashes = True
        with caplog.at_level(logging.ERROR), pytest.raises(httpx.RemoteProtocolError):
            await refusal(served)
        assert "a bug in the call" in caplog.text
        metrics = (await served.request("GET", "/metrics")).text
        assert 'trio_media_calls_ended_total{reason="crashed"} 1.0' in metrics
        assert "trio_media_calls_active 1.0" in metrics
        await websocket.ping()


async def test_a_drain_takes_no_call_keeps_those_it_has_and_answers(
    serving: Any, config: Config
) -> None:
    async with serving(config) as served:
        async with open_stream(served.ws_url) as websocket:
            await start(websocket)
            served.send_signal(signal.SIGTERM)
            while (await served.request("GET", "/readyz")).status_code == 200:
                pass
            assert (await served.request("GET", "/readyz")).json()["reason"] == "draining"
            assert (await served.request("GET", "/healthz")).status_code == 200
            assert "trio_media_draining 1.0" in (await served.request("GET", "/metrics")).text
            rejected = await refusal(served)
            assert rejected.status_code == 503
            assert "draining" in rejected.text
            answer = await served.request("POST", "/twilio/voice", data=FORM)
            assert answer.status_code == 200
            assert [verb.tag for verb in ElementTree.fromstring(answer.text)] == ["Say", "Hangup"]
            await websocket.ping()
            assert not served.ended.is_set()
        await served.ended.wait()
        assert served.exit_codes == [0]
        assert not served.call.was_cut


async def test_calls_that_outlast_the_drain_are_cut(serving: Any, config: Config) -> None:
    config = attrs.evolve(config, server=attrs.evolve(config.server, drain_s=0.1))
    async with serving(config) as served:
        async with open_stream(served.ws_url) as websocket:
            await start(websocket)
            served.send_signal(signal.SIGTERM)
            with trio.fail_after(2):
                await served.ended.wait()
        assert served.call.was_cut


async def test_a_second_signal_cuts_calls_at_once(serving: Any, config: Config) -> None:
    async with serving(config) as served:
        async with open_stream(served.ws_url) as websocket:
            await start(websocket)
            served.send_signal(signal.SIGINT)
            served.send_signal(signal.SIGINT)
            with trio.fail_after(2):
                await served.ended.wait()
        assert served.call.was_cut
        assert served.exit_codes == [130]


async def test_a_connection_carries_one_request(serving: Any, config: Config) -> None:
    async with serving(config) as served:
        one = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
        upgrade = (
            b"GET /twilio/media HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n"
        )
        answer = await served.raw(one + upgrade)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert answer.startswith(b"HTTP/1.1 200")
        assert not served.call.configs
        h2c = one[:-2] + b"Upgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: AAAA\r\n\r\n"
        assert (await served.raw(h2c)).startswith(b"HTTP/1.1 200")


async def test_garbage_is_answered_and_closed(serving: Any, config: Config) -> None:
    async with serving(config) as served:
        assert (await served.raw(b"\x16\x03\x01\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        assert (await served.request("GET", "/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("server", "twilio", "insecure", "is_allowed"),
    [
        (ServerConfig(), TwilioConfig(), False, True),
        (ServerConfig(host="0.0.0.0"), TwilioConfig(), False, False),
        (ServerConfig(host="0.0.0.0"), TwilioConfig(), True, True),
        (ServerConfig(host="0.0.0.0"), TwilioConfig(auth_token="t"), False, True),
        (
            ServerConfig(host="0.0.0.0"),
            TwilioConfig(auth_token="t", validate_signature=False),
            False,
            False,
        ),
    ],
)
def test_nobody_is_served_unasked(
    server: ServerConfig, twilio: TwilioConfig, insecure: bool, is_allowed: bool
) -> None:
    config = Config(server=server, twilio=twilio)
    if is_allowed:
        check_exposure(config, insecure=insecure)
    else:
        with pytest.raises(ConfigError, match="--insecure"):
            check_exposure(config, insecure=insecure)


@pytest.mark.parametrize("name", ["admin_token", "token_secret"])
@pytest.mark.parametrize("insecure", [False, True])
def test_the_console_is_not_served_to_others_behind_a_secret_that_can_be_guessed(
    name: str, insecure: bool
) -> None:
    twilio = TwilioConfig(auth_token="t")
    short = ServerConfig(host="0.0.0.0", **{name: "secret7"})
    with pytest.raises(ConfigError, match=f"server.{name}: shorter than 8") as refused:
        check_exposure(Config(server=short, twilio=twilio), insecure=insecure)
    assert "secret7" not in str(refused.value)
    here = attrs.evolve(short, host="127.0.0.1")
    check_exposure(Config(server=here, twilio=twilio), insecure=insecure)
    long = ServerConfig(host="0.0.0.0", **{name: "secret78"})
    check_exposure(Config(server=long, twilio=twilio), insecure=insecure)


def test_secrets_are_made_unless_configured() -> None:
    made = with_secrets(Config()).server
    assert made.admin_token
    assert made.token_secret != made.admin_token
    assert with_secrets(Config()).server.token_secret != made.token_secret
    kept = ServerConfig(admin_token="a", token_secret="b")
    assert with_secrets(Config(server=kept)).server == kept
