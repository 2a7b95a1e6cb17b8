"""Many phones at once, over real sockets."""

from __future__ import annotations

import base64
import json

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from trio_media.errors import ConfigError
from trio_media.phone.load import check_load, interrupting_caller, run_load
from trio_media.phone.record import CallEnd
from trio_media.phone.script import Say, ScriptPlayer

LOUD_S = base64.b64encode(bytes([0x20, 0xA0]) * 4_000).decode()


async def talk(request: WebSocketRequest) -> None:
    """Send a second of sound at once, and a mark."""
    ws = await request.accept()
    try:
        while True:
            message = json.loads(await ws.get_message())
            if message["event"] == "start":
                media = {"event": "media", "media": {"payload": LOUD_S}}
                for out in (media, {"event": "mark", "mark": {"name": "m"}}):
                    out["streamSid"] = message["streamSid"]
                    await ws.send_message(json.dumps(out))
    except ConnectionClosed:
        return


async def test_every_call_is_measured() -> None:
    progress: list[tuple[int, int]] = []
    with trio.fail_after(15):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, talk, "127.0.0.1", 0, None)
            report = await run_load(
                f"ws://127.0.0.1:{server.port}/twilio/media",
                calls=5,
                seconds=0.5,
                stagger_s=0.01,
                on_progress=lambda begun, ended: progress.append((begun, ended)),
            )
            nursery.cancel_scope.cancel()
    assert report.exit_code == 0, report.failures
    assert report.counts()["calls begun"] == 5
    assert report.counts()["frames sent"] == 5 * 25
    assert report.latencies()["our own lateness"].count == 5 * 25
    assert progress[-1] == (5, 5)
    assert all(record.heard_audio == b"" for record in report.records)


async def test_hanging_up_ends_all_calls_and_begins_no_more() -> None:
    hang_up = trio.Event()

    def on_progress(begun: int, _: int) -> None:
        if begun == 3:
            hang_up.set()

    with trio.fail_after(15):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, talk, "127.0.0.1", 0, None)
            report = await run_load(
                f"ws://127.0.0.1:{server.port}/",
                calls=50,
                seconds=60,
                stagger_s=0.02,
                hang_up=hang_up,
                on_progress=on_progress,
            )
            nursery.cancel_scope.cancel()
    assert [record.ended_by for record in report.records] == [CallEnd.HUNG_UP] * 3
    assert report.exit_code == 130


async def test_a_server_that_refuses_fails_the_load() -> None:
    async def refuse(request: WebSocketRequest) -> None:
        await request.reject(503)

    with trio.fail_after(15):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, refuse, "127.0.0.1", 0, None)
            url = f"ws://127.0.0.1:{server.port}/"
            report = await run_load(url, calls=2, seconds=1, stagger_s=0)
            nursery.cancel_scope.cancel()
    assert (report.exit_code, report.counts()["calls refused"]) == (1, 2)


@pytest.mark.parametrize(
    ("url", "calls", "seconds", "complaint"),
    [
        ("host", 1, 1, "URL 'host'"),
        ("ws://h/", 0, 1, "calls 0: 1 to 5000"),
        ("ws://h/", 1, 0, "seconds 0"),
        ("ws://h/", 1, float("nan"), "seconds nan"),
    ],
)
def test_a_load_that_cannot_be_is_named(
    url: str, calls: int, seconds: float, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        check_load(url, calls, seconds)


def test_callers_differ_and_never_run_out_of_words() -> None:
    first, second = interrupting_caller(0), interrupting_caller(1)
    assert [a for a in first.actions if isinstance(a, Say)][1:] != [
        a for a in second.actions if isinstance(a, Say)
    ][1:]
    ScriptPlayer(first)
    assert first.repeats_from == 2
