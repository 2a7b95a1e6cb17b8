"""Connections on memory streams, where time is virtual."""

from __future__ import annotations

from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from trio_media.config import Config
from trio_media.console.access import Access
from trio_media.server.admission import Admission
from trio_media.server.answers import ANSWER_S
from trio_media.server.connections import Port, serve_connection
from trio_media.server.credentials import Credentials
from trio_media.server.crowd import Crowd
from trio_media.server.http import HttpServer
from trio_media.server.lateness import LoopLateness
from trio_media.server.metrics import Metrics
from trio_media.server.pending import HEAD_S, PendingHeads
from trio_media.server.proxies import TrustedProxies
from trio_media.server.refusals import Refusals

UPGRADE = (
    b"GET /twilio/media HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def no_call(*_: object, **__: object) -> Any:
    raise AssertionError("no call here")


def make_port(
    *,
    heads_max: int = 3,
    config: Config | None = None,
    http: Any = None,
    refused: list[str] | None = None,
) -> Port:
    config = config or Config()
    access = Access("a" * 32, "s" * 32)
    server = config.server
    return Port(
        config=config,
        admission=Admission(max_calls=1, lateness=LoopLateness()),
        reception=cast("Any", None),
        metrics=Metrics(),
        run_call=cast("Any", no_call),
        judge=None,
        http=http or HttpServer(cast("Any", no_call)),
        access=access,
        credentials=Credentials(config, access, TrustedProxies(server.trusted_proxies)),
        crowd=Crowd(
            connections_max=server.max_connections,
            per_client_max=server.max_connections_per_client,
        ),
        refusals=Refusals(([] if refused is None else refused).append),
        pending=PendingHeads(heads_max),
        http_slots=trio.CapacityLimiter(server.max_connections // 2),
    )


async def everything(stream: trio.abc.ReceiveStream) -> bytes:
    received = b""
    async for piece in stream:
        received += piece
    return received


async def test_a_head_that_drips_in_is_cut_at_its_deadline(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    began_at = trio.current_time()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, make_port(), cast("Any", ours))

            async def drip() -> None:
                await theirs.send_all(b"GET / HTTP/1.1\r\n")
                while True:
                    await trio.sleep(1)
                    await theirs.send_all(b"X: y\r\n")

            nursery.start_soon(drip)
            answer = await everything(theirs)
            nursery.cancel_scope.cancel()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert HEAD_S <= trio.current_time() - began_at <= HEAD_S + ANSWER_S


async def test_a_silent_connection_is_cut_too(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    with trio.fail_after(HEAD_S + ANSWER_S + 1):
        await serve_connection(make_port(), cast("Any", ours))
    assert (await theirs.receive_some()).startswith(b"HTTP/1.1 408 ")


async def test_silent_connections_make_room_for_newer_ones(autojump_clock: MockClock) -> None:
    port = make_port(heads_max=3)
    pairs = [memory_stream_pair() for _ in range(5)]
    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            for ours, _ in pairs:
                nursery.start_soon(serve_connection, port, cast("Any", ours))
                await trio.testing.wait_all_tasks_blocked()
            # The two oldest are closed without a word; the newest is still listened to.
            assert await everything(pairs[0][1]) == b""
            assert await everything(pairs[1][1]) == b""
            await pairs[4][1].send_all(b"GET /twilio/media HTTP/1.1\r\nHost: h\r\n\r\n")
            assert (await pairs[4][1].receive_some()).startswith(b"HTTP/1.1 426 ")
            nursery.cancel_scope.cancel()


async def test_what_was_read_before_is_not_awaited_again(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    request = b"GET /twilio/media/3 HTTP/1.1\r\nHost: h\r\n\r\n"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, make_port(), cast("Any", ours), request)
        assert (await theirs.receive_some()).startswith(b"HTTP/1.1 426 ")
        assert trio.current_time() == 0
        await theirs.aclose()


async def test_a_head_that_is_too_long_is_answered(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, make_port(), cast("Any", ours))
            await theirs.send_all(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000)
            await theirs.send_eof()
            assert (await everything(theirs)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"/twilio/media", b"/twilio/voice", b"404"),
        (b"/twilio/media", b"/twilio/media/x", b"404"),
        (b"Version: 13", b"Version: 8", b"426"),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"", b"400"),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhl", b"400"),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZSBub25jZQ", b"400"),
        (b"Connection: Upgrade", b"Connection: Upgrade\r\nSec-WebSocket-Key: eA==", b"400"),
        (b"GET", b"POST", b"426"),
        (b"GET /twilio/media", b"POST /twilio/media/7", b"426"),
    ],
)
async def test_what_cannot_become_a_media_stream_is_refused_before_the_upgrade(
    autojump_clock: MockClock, old: bytes, new: bytes, status: bytes
) -> None:
    assert old in UPGRADE
    ours, theirs = memory_stream_pair()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, make_port(), cast("Any", ours))
            await theirs.send_all(UPGRADE.replace(old, new))
            await theirs.send_eof()
            answer = await everything(theirs)
    assert answer.startswith(b"HTTP/1.1 " + status)
    if status == b"426":
        assert b"\r\nUpgrade: websocket\r\n" in answer
