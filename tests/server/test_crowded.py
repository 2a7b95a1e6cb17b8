"""A server with more connections than it may have: who is refused, over real sockets."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import httpx
import trio

from tests.server.conftest import Served
from tests.server.test_serving import AUTH_TOKEN, FORM, open_stream, sign, start
from trio_media.config import Config, TwilioConfig
from trio_media.console.access import COOKIE, Access
from trio_media.server.answers import SECURITY_HEADERS

ADMIN = "an-admin-token-of-some-length"
ONE, OTHER = "203.0.113.9", "203.0.113.10"


def crowded(config: Config, **server: Any) -> Config:
    return attrs.evolve(
        config,
        server=attrs.evolve(config.server, admin_token=ADMIN, **server),
        twilio=TwilioConfig(auth_token=AUTH_TOKEN, account_sid="AC1"),
    )


def cookie_of(config: Config) -> str:
    access = Access(config.server.admin_token, config.server.token_secret)
    return f"{COOKIE}={access.make_cookie()}"


@asynccontextmanager
async def held(served: Served, count: int, *headers: str) -> AsyncIterator[None]:
    """Hold connections: requests whose body does not come."""
    lines = ["POST /api/sign-in HTTP/1.1", "Host: h", "Content-Length: 9", *headers]
    request = "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
    async with contextlib.AsyncExitStack() as stack:
        before = await connections(served)
        for _ in range(count):
            stream = await stack.enter_async_context(
                await trio.open_tcp_stream("127.0.0.1", served.port)
            )
            await stream.send_all(request)
        while await connections(served) < before + count:
            pass
        yield
    while await connections(served) > before:
        pass


async def connections(served: Served) -> float:
    cookie = cookie_of(served.config)
    answer = await served.request("GET", "/metrics", headers={"Cookie": cookie})
    return value_of(answer.text, "trio_media_connections ")


async def refused(served: Served, reason: str) -> float:
    answer = await served.request("GET", "/metrics", headers={"Cookie": cookie_of(served.config)})
    return value_of(answer.text, f'trio_media_connections_refused_total{{reason="{reason}"}} ')


def value_of(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)}(\S+)$", text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


async def ask_as(client: str, served: Served, path: str = "/healthz") -> httpx.Response:
    return await served.request("GET", path, headers={"X-Forwarded-For": client})


def check_refusal(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert int(answer.headers["retry-after"]) >= 1
    for name in SECURITY_HEADERS:
        assert name in answer.headers


async def test_a_client_with_many_connections_is_refused_and_the_carrier_there_is_not(
    serving: Any, config: Config
) -> None:
    async with serving(crowded(config, max_connections_per_client=2)) as served:
        path, forwarded = "/twilio/voice", {"X-Forwarded-For": ONE}
        async with held(served, 2, f"X-Forwarded-For: {ONE}"):
            check_refusal(await ask_as(ONE, served), 429)
            assert await refused(served, "too_many_of_client") == 1
            assert (await ask_as(OTHER, served)).status_code == 200
            # What the proxy has not written makes nobody somebody else.
            check_refusal(await ask_as(f"{OTHER}, {ONE}", served), 429)
            signed = {**sign(served.url + path, FORM), **forwarded}
            answer = await served.request("POST", path, data=FORM, headers=signed)
            token = answer.text.partition('name="token" value="')[2].partition('"')[0]
            forged = {**sign(served.url, FORM), **forwarded}
            check_refusal(await served.request("POST", path, data=FORM, headers=forged), 429)
            handshake = {**sign(served.ws_url), **forwarded}
            async with open_stream(served.ws_url, handshake) as websocket:
                assert await start(websocket, customParameters={"token": token}) == "admitted"
            signed_in = {"Cookie": cookie_of(served.config), **forwarded}
            looked = await served.request("GET", "/api/config", headers=signed_in)
            assert looked.status_code == 200
        assert (await ask_as(ONE, served)).status_code == 200


async def test_calls_are_no_connections(serving: Any, config: Config) -> None:
    config = attrs.evolve(crowded(config, max_connections=16), twilio=TwilioConfig())
    async with serving(config) as served, contextlib.AsyncExitStack() as calls:
        for number in range(17):
            websocket = await calls.enter_async_context(open_stream(served.ws_url))
            assert await start(websocket, callSid=f"CA{number}") == "admitted"
        assert (await ask_as(ONE, served)).status_code == 200


async def test_a_client_that_nobody_speaks_for_is_itself(serving: Any, config: Config) -> None:
    config = crowded(config, max_connections_per_client=1, trusted_proxies=())
    # Whoever is trusted by nobody changes nothing by what they claim.
    async with serving(config) as served, held(served, 1, f"X-Forwarded-For: {ONE}"):
        check_refusal(await ask_as(OTHER, served), 429)


async def test_strangers_leave_room_for_whoever_is_known(serving: Any, config: Config) -> None:
    config = crowded(config, max_connections=16)
    async with serving(config) as served, held(served, 8):
        check_refusal(await ask_as(OTHER, served), 503)
        assert await refused(served, "busy") == 1
        signed = sign(served.url + "/twilio/voice", FORM)
        answer = await served.request("POST", "/twilio/voice", data=FORM, headers=signed)
        assert "<Stream" in answer.text
        cookie = f"Cookie: {cookie_of(config)}"
        async with held(served, 6, cookie):
            # Two more are waited for; the next is refused before its head is read.
            told = await first_told(served, silent=4)
            assert told.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nRetry-After: " in told
        assert await refused(served, "too_many") >= 1


async def first_told(served: Served, *, silent: int) -> bytes:
    """Give what the first of some silent connections is told."""
    told: list[bytes] = []

    async def connect(scope: trio.CancelScope) -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            answer = await served.raw(b"")
            told.append(answer)
            scope.cancel()

    async with trio.open_nursery() as nursery:
        for _ in range(silent):
            nursery.start_soon(connect, nursery.cancel_scope)
    return told[0]


async def test_silent_connections_shut_nobody_out(serving: Any, config: Config) -> None:
    config = crowded(config, max_connections=16)
    async with serving(config) as served, contextlib.AsyncExitStack() as stack:
        for _ in range(40):
            await stack.enter_async_context(await trio.open_tcp_stream("127.0.0.1", served.port))
        assert (await ask_as(OTHER, served)).status_code == 200
        assert await refused(served, "late_head") >= 1
