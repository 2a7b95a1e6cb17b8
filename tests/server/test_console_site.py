"""The console as the server has it: over all workers; and a browser that is a phone."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from starlette.requests import Request
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)

from tests.console import world
from tests.console.world import ADMIN, open_console, open_events
from tests.server.fleet import AUTH_TOKEN, Fleet, open_fleet
from trio_media.config import Config
from trio_media.console.access import COOKIE, Access
from trio_media.console.directory import Directory
from trio_media.console.gate import Console
from trio_media.server.console_site import make_feed, own_origin, serve_siblings

HEADERS = {"Authorization": f"Bearer {ADMIN}"}


# --- several workers ---------------------------------------------------------------------------


@asynccontextmanager
async def open_two(folder: Path, **keys: str) -> AsyncIterator[Fleet]:
    """Two workers, of which each takes one call."""
    async with open_fleet(folder, server_max_calls="1", server_admin_token=ADMIN, **keys) as fleet:
        yield fleet


async def ask(fleet: Fleet, method: str, path: str, **fields: Any) -> httpx.Response:
    given = {"json": fields} if method == "POST" else {}
    return await fleet.ask(method, path, headers=HEADERS, **given)


async def test_calls_of_all_workers_are_listed_and_led_whichever_worker_is_asked(
    tmp_path: Path,
) -> None:
    async with open_two(tmp_path) as fleet:
        calls = [await fleet.call(f"CA{number}") for number in (1, 2)]
        for _ in range(4):
            shown = (await ask(fleet, "GET", "/api/calls?state=live")).json()["calls"]
            assert [one["call_sid"] for one in shown] == ["CA1", "CA2"]
            assert {one["worker"] for one in shown} == {1, 2}
            minutes = (await ask(fleet, "GET", "/api/overview?minutes=5")).json()["minutes"]
            assert sum(minute["calls"] for minute in minutes) == 2
        for call in calls:
            one = f"/api/calls/{call.call_sid}"
            for _ in range(4):
                assert (await ask(fleet, "GET", one)).json()["call_sid"] == call.call_sid
            log = await ask(fleet, "GET", f"{one}/log")
            header = json.loads(log.content.splitlines()[0])
            assert (header["header"], header["call_sid"]) == ("LogHeader", call.call_sid)
            ended = await ask(fleet, "POST", f"{one}/hang-up")
            assert ended.json() == {"outcome": "ended"}, ended
            await call.over.wait()
        assert (await ask(fleet, "GET", "/api/calls?state=live")).json() == {"calls": []}
        assert await fleet.end(signal.SIGTERM) == 0


async def test_the_events_of_all_workers_come_to_whoever_listens_at_one(tmp_path: Path) -> None:
    async with open_two(tmp_path) as fleet, open_events(fleet.url) as events:
        calls = [await fleet.call(f"CA{number}") for number in (1, 2)]
        told: set[str] = set()
        while told != {"CA1", "CA2"}:
            told.add((await events.next("call"))["call_sid"])
        # Both workers are asked for the lines of one call: one has it.
        for call in calls:
            async with open_events(fleet.url, f"?call={call.call_sid}") as lines:
                await lines.next("line")
                await lines.next("level")
        for call in calls:
            call.hang_up.set()
            await call.over.wait()
        gone = {(await events.next("gone"))["call_sid"] for _ in range(2)}
        assert gone == {"CA1", "CA2"}


async def test_the_calls_of_a_worker_that_is_killed_are_gone(tmp_path: Path) -> None:
    async with open_two(tmp_path) as fleet:
        for number in (1, 2):
            await fleet.call(f"CA{number}")
        shown = (await ask(fleet, "GET", "/api/calls?state=live")).json()["calls"]
        async with open_events(fleet.url) as events:
            told: dict[str, int] = {}
            while len(told) < 2:
                one = await events.next("call")
                told[one["call_sid"]] = one["worker"]
            assert told == {one["call_sid"]: one["worker"] for one in shown}
            os.kill(fleet.pid(1), signal.SIGKILL)
            lost = next(sid for sid, worker in told.items() if worker == 1)
            # Where it was the worker that was asked, the events end with it.
            if (last := await events.last_of("gone")) is not None:
                assert last["call_sid"] == lost
        while True:
            left = (await ask(fleet, "GET", "/api/calls?state=live")).json()["calls"]
            if [one["call_sid"] for one in left] == [sid for sid in told if sid != lost]:
                break


async def test_a_sign_in_is_good_at_every_worker(tmp_path: Path) -> None:
    async with open_two(tmp_path) as fleet:
        answer = await fleet.ask("GET", f"/?token={ADMIN}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].partition(";")[0]
        for _ in range(4):
            found = await fleet.ask("GET", "/api/config", headers={"Cookie": cookie})
            assert found.status_code == 200
            assert found.json()["server"]["max_calls"] == 1
        assert ADMIN not in found.text
        assert AUTH_TOKEN not in found.text


# --- a browser that is a phone -----------------------------------------------------------------


async def signed_in(console: world.Console) -> str:
    answer = await console.plain("GET", f"/?token={ADMIN}")
    console.client.cookies.clear()
    return str(answer.headers["set-cookie"].partition(";")[0])


@asynccontextmanager
async def dialled(
    phone: dict[str, Any], headers: dict[str, str]
) -> AsyncIterator[WebSocketConnection]:
    extra = [(name.encode(), value.encode()) for name, value in headers.items()]
    host, _, path = phone["url"].removeprefix("ws://").partition("/")
    port = int(host.rpartition(":")[2])
    # The websocket library forgets to close the socket when the server was first.
    async with (
        await trio.open_tcp_stream("127.0.0.1", port) as stream,
        trio.open_nursery() as nursery,
    ):
        yield await wrap_client_stream(nursery, stream, host, f"/{path}", extra_headers=extra)
        nursery.cancel_scope.cancel()


async def start(
    websocket: WebSocketConnection, phone: dict[str, Any], parameters: dict[str, str]
) -> str:
    """Begin as the carrier does; give the event of the first message that comes back."""
    told = {name: phone[name] for name in ("call_sid", "stream_sid", "account_sid")}
    begun = {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": told["stream_sid"],
        "start": {
            "accountSid": told["account_sid"],
            "streamSid": told["stream_sid"],
            "callSid": told["call_sid"],
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        },
    }
    hello = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    await websocket.send_message(json.dumps(hello))
    await websocket.send_message(json.dumps(begun))
    try:
        return str(json.loads(await websocket.get_message())["event"])
    except ConnectionClosed:
        return "closed"


async def test_a_page_that_is_signed_in_calls_without_a_signature() -> None:
    async with open_console() as console:
        cookie = await signed_in(console)
        phone = await console.post("/api/softphone")
        assert phone["url"] == console.url.replace("http", "ws") + "/twilio/media"
        assert phone["account_sid"] == console.world.carrier.twilio.account_sid
        headers = {"Cookie": cookie, "Origin": console.url}
        async with dialled(phone, headers) as websocket:
            assert await start(websocket, phone, phone["parameters"]) == "media"
            shown = await console.get(f"/api/calls/{phone['call_sid']}")
            assert (shown["state"], shown["caller"]) == ("live", "softphone")
        # Once, and never again.
        async with dialled(phone, headers) as websocket:
            assert await start(websocket, phone, phone["parameters"]) == "closed"


async def test_a_page_that_is_signed_in_needs_the_token_of_its_call() -> None:
    async with open_console() as console:
        headers = {"Cookie": await signed_in(console), "Origin": console.url}
        phone = await console.post("/api/softphone")
        other = await console.post("/api/softphone")
        for parameters in ({}, {"token": "x"}, other["parameters"]):
            async with dialled(phone, headers) as websocket:
                assert await start(websocket, phone, parameters) == "closed"


HANDSHAKES = [
    {},
    {"Cookie": "{cookie}"},
    {"Origin": "{own}"},
    {"Cookie": "{cookie}", "Origin": "http://elsewhere.example"},
    {"Cookie": "{cookie}", "Origin": "null"},
    {"Cookie": f"{COOKIE}=x", "Origin": "{own}"},
    {"Authorization": f"Bearer {ADMIN}", "Origin": "{own}"},
    {"Cookie": "{cookie}", "Origin": "{own}", "X-Twilio-Signature": "wrong"},
]


@pytest.mark.parametrize("given", HANDSHAKES)
async def test_no_other_handshake_comes_in_without_a_signature(given: dict[str, str]) -> None:
    async with open_console() as console:
        cookie = await signed_in(console)
        phone = await console.post("/api/softphone")
        headers = {
            name: value.format(cookie=cookie, own=console.url) for name, value in given.items()
        }
        with pytest.raises((ConnectionRejected, ExceptionGroup)) as refused:
            async with dialled(phone, headers):
                pytest.fail("it came in")
        assert "403" in repr(refused.value) or "ConnectionRejected" in repr(refused.value)


# --- where we are ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("public_url", "host", "scheme", "origin"),
    [
        ("", "a:1", "http", "http://a:1"),
        ("", "a", "https", "https://a"),
        ("https://phones.example", "phones.example", "http", "https://phones.example"),
        ("https://phones.example", "127.0.0.1:8080", "http", "http://127.0.0.1:8080"),
        ("https://phones.example/base", "PHONES.example", "http", "https://phones.example"),
        ("", "no host/", "http", ""),
        ("", "", "http", ""),
    ],
)
def test_the_page_is_told_where_it_is_and_not_where_the_carrier_is(
    public_url: str, host: str, scheme: str, origin: str
) -> None:
    scope = {"type": "http", "scheme": scheme, "path": "/", "headers": [(b"host", host.encode())]}
    assert own_origin(public_url, Request(scope)) == origin


async def test_where_no_socket_can_be_made_the_server_serves_nevertheless(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    async with trio.open_nursery() as nursery:
        feed = make_feed(Config(), worker=1, has_judge=False)
        console = Console(
            config=Config(),
            access=Access("t", "s"),
            feed=feed,
            directory=Directory(None),
            issue_token=str,
            own_origin=str,
            media_url=str,
        )
        await nursery.start(serve_siblings, console, folder, 1)
    assert "cannot ask this one" in caplog.text
