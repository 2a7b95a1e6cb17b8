"""Calls over real sockets, and calls that never come about."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from trio_media.errors import ConfigError
from trio_media.phone.call import place_call
from trio_media.phone.options import CallOptions
from trio_media.phone.record import CallEnd, CallRecord
from trio_media.phone.script import CallerScript, HangUp, Say, Wait


async def call_a_server(
    answer: Callable[[WebSocketRequest], Awaitable[None]], **options: Any
) -> CallRecord:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, answer, "127.0.0.1", 0, None)
            url = f"ws://127.0.0.1:{server.port}/twilio/media"
            record = await place_call(
                url,
                script=CallerScript((Say("cough"), Wait(100), HangUp())),
                options=CallOptions(**options),
            )
            nursery.cancel_scope.cancel()
    return record


async def test_a_call_over_a_real_socket() -> None:
    seen: list[Any] = []

    async def answer(request: WebSocketRequest) -> None:
        seen.append((request.path, dict(request.headers)))
        ws = await request.accept()
        try:
            while True:
                message = json.loads(await ws.get_message())
                seen.append(message["event"])
                if message["event"] == "start":
                    sid = message["streamSid"]
                    media = {"event": "media", "streamSid": sid, "media": {"payload": "ICAg"}}
                    mark = {"event": "mark", "streamSid": sid, "mark": {"name": "m"}}
                    await ws.send_message(json.dumps(media))
                    await ws.send_message(json.dumps(mark))
        except ConnectionClosed as exc:
            seen.append(exc.reason.code if exc.reason else None)

    record = await call_a_server(answer, auth_token="token")
    (path, headers), *events = seen
    assert path == "/twilio/media"
    host = headers[b"host"].decode() if b"host" in headers else None
    signature = headers[b"x-twilio-signature"].decode()
    assert host is None or signature == RequestValidator("token").compute_signature(
        f"wss://{host}/twilio/media", {}
    )
    assert events[:3] == ["connected", "start", "media"] or events[:3] == [
        "connected",
        "start",
        "mark",
    ]
    assert events[-2:] == ["stop", 1000]
    assert events.count("media") == record.frames_sent >= 17
    assert record.ended_by is CallEnd.HUNG_UP
    assert [mark.name for mark in record.marks] == ["m"]
    assert record.heard_audio.startswith(b"\xff") or record.heard_audio.startswith(b"   ")
    assert b"   " in record.heard_audio


async def test_a_refusal_is_told_with_its_status() -> None:
    async def answer(request: WebSocketRequest) -> None:
        await request.reject(503, body=b"draining")

    record = await call_a_server(answer)
    assert (record.ended_by, record.refusal_status) == (CallEnd.REFUSED, 503)
    assert record.detail.startswith("503")
    assert record.duration_ms == 0


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    url = f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/"
    await listener.aclose()
    with trio.fail_after(5):
        record = await place_call(url, script=CallerScript())
    assert record.ended_by is CallEnd.UNREACHABLE
    assert "refused" in record.detail


async def test_a_server_that_never_answers_is_not_waited_for(
    autojump_clock: trio.testing.MockClock,
) -> None:
    near, far = trio.testing.memory_stream_pair()
    options = CallOptions(connect_timeout_s=3)
    with trio.fail_after(5):
        record = await place_call(near, script=CallerScript(), options=options)
    assert (record.ended_by, record.detail) == (CallEnd.UNREACHABLE, "no answer within 3 s")
    assert record.connect_ms == pytest.approx(3_000)
    with pytest.raises(trio.BrokenResourceError):
        await far.send_all(b"the stream is closed")


@pytest.mark.parametrize(
    ("answer", "detail"),
    [(b"SSH-2.0\r\n\r\n", "not an HTTP answer"), (b"", "ended the connection during")],
)
async def test_a_server_that_is_no_websocket_is_unreachable(answer: bytes, detail: str) -> None:
    near, far = trio.testing.memory_stream_pair()
    await far.send_all(answer)
    await far.send_eof()
    with trio.fail_after(5):
        record = await place_call(near, script=CallerScript())
    assert record.ended_by is CallEnd.UNREACHABLE
    assert detail in record.detail


async def test_a_wrong_url_is_an_error() -> None:
    with pytest.raises(ConfigError, match="URL 'nowhere'"):
        await place_call("nowhere", script=CallerScript())


async def test_cancelling_a_call_at_any_moment_leaves_no_stream_open(
    autojump_clock: trio.testing.MockClock, hold_call: Any
) -> None:
    async def talk(far_end: Any) -> None:
        await far_end.media(500)
        await far_end.mark("m")

    for after_ms in range(0, 130, 7):
        with trio.move_on_after(after_ms / 1_000) as scope:
            await hold_call(Say("hello"), talk=talk)
        assert scope.cancelled_caught
