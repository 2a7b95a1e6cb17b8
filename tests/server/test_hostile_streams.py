"""Media streams that are not what they should be, at the real server, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs
import httpx
import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection

from tests.call.raw_websocket import frame
from tests.server.test_serving import open_stream
from tests.server.world import World, open_world
from trio_media.call.leg import CARRIER_MESSAGE_BYTES_MAX
from trio_media.config import Config, TransportName
from trio_media.server.tokens import LIFETIME_S, CallTokens, unix_now_s
from trio_media.telephony.twilio_signature import compute_signature

SECRET = "t" * 32  # as `open_world` has it
START_S = 0.3


@pytest.fixture(params=["websockets", "trio-websocket"])
def change(request: pytest.FixtureRequest) -> Callable[[Config], Config]:
    """One call at a time, that starts soon, over either transport."""
    transport: TransportName = request.param

    def changed(config: Config) -> Config:
        return attrs.evolve(
            config,
            server=attrs.evolve(config.server, max_calls=1, transport=transport),
            twilio=attrs.evolve(config.twilio, start_timeout_s=START_S),
        )

    return changed


def ws_url(world: World) -> str:
    return world.url.replace("http", "ws")


def signed(world: World) -> dict[str, str]:
    url = f"{ws_url(world)}/twilio/media"
    return {"X-Twilio-Signature": compute_signature(world.carrier.twilio.auth_token, url, ())}


async def token_of(world: World, call_sid: str) -> str:
    sid = world.carrier.twilio.account_sid
    answer = await world.post("/twilio/voice", CallSid=call_sid, AccountSid=sid)
    return answer.text.partition('name="token" value="')[2].partition('"')[0]


async def start(
    websocket: WebSocketConnection, world: World, call_sid: str, token: str, **changes: Any
) -> None:
    told = {
        "streamSid": "MZ1",
        "callSid": call_sid,
        "accountSid": world.carrier.twilio.account_sid,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": token} if token else {},
        **changes,
    }
    await websocket.send_message(json.dumps({"event": "connected", "protocol": "Call"}))
    await websocket.send_message(
        json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": told})
    )


async def closed_with(websocket: WebSocketConnection) -> int:
    """Read until the server says goodbye; give its code."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await websocket.get_message()
    assert closed.value.reason is not None
    return int(closed.value.reason.code)


async def until_free(world: World) -> str:
    """Wait until there is room for a call; give the metrics."""
    async with httpx.AsyncClient(trust_env=False) as client:
        while (await client.get(world.url + "/readyz")).status_code != 200:
            pass
        return (await client.get(world.url + "/metrics")).text


async def test_a_stream_that_does_not_start_is_closed_in_time_and_leaves_its_place(
    change: Callable[[Config], Config],
) -> None:
    async with open_world(change=change) as world:
        async with open_stream(ws_url(world), signed(world)) as websocket:
            await websocket.send_message(json.dumps({"event": "connected", "protocol": "Call"}))
            began_s = trio.current_time()
            assert await closed_with(websocket) == 1008
            assert trio.current_time() - began_s >= START_S / 2
        told = await until_free(world)
        assert 'calls_ended_total{reason="start_timeout"} 1.0' in told
        assert "trio_media_calls_active 0.0" in told


async def test_a_start_that_drips_in_is_closed_in_time_too(
    change: Callable[[Config], Config],
) -> None:
    async with open_world(change=change) as world:
        port = int(world.url.rpartition(":")[2])
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            lines = [
                *("GET /twilio/media HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket"),
                *("Connection: Upgrade", "Sec-WebSocket-Version: 13"),
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                *(f"{name}: {value}" for name, value in signed(world).items()),
            ]
            await stream.send_all("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")
            text = json.dumps({"event": "start", "start": {"x": "y" * 100_000}}).encode()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(drip, stream, frame(1, text, masked=True))
                with suppress(trio.BrokenResourceError):  # bytes of ours lay unread
                    while await stream.receive_some():
                        pass
                nursery.cancel_scope.cancel()
        assert 'calls_ended_total{reason="start_timeout"} 1.0' in await until_free(world)


async def drip(stream: trio.SocketStream, whole: bytes) -> None:
    try:
        for byte in whole:
            await stream.send_all(bytes([byte]))
            await trio.testing.wait_all_tasks_blocked()
    except trio.BrokenResourceError:
        pass


async def test_a_token_is_for_one_stream_of_its_own_call(
    change: Callable[[Config], Config],
) -> None:
    async with open_world(change=change) as world:
        token = await token_of(world, "CA1")
        for given, call_sid, changes, reason in (
            ("", "CA1", {}, "token_missing"),
            (token, "CA2", {}, "token_invalid"),
            (token, "CA1", {"accountSid": "AC0"}, "account_unknown"),
            (expired("CA1"), "CA1", {}, "token_expired"),
            (CallTokens("u" * 32).issue("CA1"), "CA1", {}, "token_invalid"),
        ):
            async with open_stream(ws_url(world), signed(world)) as websocket:
                await start(websocket, world, call_sid, given, **changes)
                assert await closed_with(websocket) == 1013
            assert f'calls_refused_total{{reason="{reason}"}}' in await until_free_or_kept(world)
        # None of these has used it.
        async with open_stream(ws_url(world), signed(world)) as websocket:
            await start(websocket, world, "CA1", token)
            assert json.loads(await websocket.get_message())["event"] in ("media", "mark")
        await until_free_or_kept(world)
        await world.tell_status("CA1", "completed")  # else it may come back
        await until_free(world)
        async with open_stream(ws_url(world), signed(world)) as websocket:
            await start(websocket, world, "CA1", token)
            assert await closed_with(websocket) == 1013
        assert 'calls_refused_total{reason="token_used"} 1.0' in await until_free(world)


async def until_free_or_kept(world: World) -> str:
    """Wait until no stream is here: the place is kept for the call that has not come."""
    async with httpx.AsyncClient(trust_env=False) as client:
        while "trio_media_calls_active 0.0" not in (
            told := (await client.get(world.url + "/metrics")).text
        ):
            pass
        return told


def expired(call_sid: str) -> str:
    return CallTokens(SECRET, now_s=lambda: unix_now_s() - LIFETIME_S - 1).issue(call_sid)


@pytest.mark.parametrize("is_started", [False, True])
async def test_a_message_that_is_too_large_ends_the_stream_with_1009(
    change: Callable[[Config], Config], is_started: bool
) -> None:
    async with open_world(change=change) as world:
        token = await token_of(world, "CA1")
        async with open_stream(ws_url(world), signed(world)) as websocket:
            if is_started:
                await start(websocket, world, "CA1", token)
                await websocket.get_message()
            await websocket.send_message("x" * (CARRIER_MESSAGE_BYTES_MAX + 1))
            # The other library closes on what it has not read, and its goodbye may be lost by that.
            may_be_cut = change(Config()).server.transport == "trio-websocket"
            assert await closed_with(websocket) in (1009, 1006 if may_be_cut else 1009)
        assert "trio_media_calls_active 0.0" in await until_free_or_kept(world)
