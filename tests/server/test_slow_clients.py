"""Clients that send or read slowly, on real sockets, where time is virtual.

The clock jumps when nothing has happened for a moment, so each test waits for the deadlines of the
server, and for nothing else.
"""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from starlette.responses import StreamingResponse
from trio.testing import MockClock

from tests.server.test_connections import make_port
from trio_media.config import Config
from trio_media.console.access import COOKIE
from trio_media.server.answers import ANSWER_S
from trio_media.server.connections import SIGNED_IN_S, Port, serve_connection
from trio_media.server.http import CONNECTION_S, HttpServer
from trio_media.server.pending import HEAD_S
from trio_media.server.streams import SEND_S

PIECE = b"x" * 65_536
QUIET_S = 0.02  # of real time, in which a byte comes through a socket of this machine


@pytest.fixture
def patient_clock() -> MockClock:
    return MockClock(autojump_threshold=QUIET_S)


async def endless(scope: Any, receive: Any, send: Any) -> None:
    """An answer that goes on for as long as somebody takes it."""
    await StreamingResponse(Pieces())(scope, receive, send)


class Pieces:
    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        return PIECE


async def long_or_short(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] != "/healthz":
        await endless(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def whole_body(scope: Any, receive: Any, send: Any) -> None:
    while (message := await receive())["type"] != "http.disconnect":
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


@attrs.define(eq=False)
class Door:
    port: Port
    number: int

    async def connect(self) -> trio.SocketStream:
        plain = trio.socket.socket()
        # Little is kept for who does not read.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await plain.connect(("127.0.0.1", self.number))
        return trio.SocketStream(plain)

    async def ask(self, path: str) -> bytes:
        async with await self.connect() as stream:
            await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            return b"".join([bytes(piece) async for piece in stream])

    async def until_gone(self) -> float:
        """Wait until no connection is left; give the time."""
        while self.port.crowd.count:  # noqa: ASYNC110  # for tests alone an event is too much
            await trio.sleep(1)
        return trio.current_time()


@asynccontextmanager
async def open_door(app: Any) -> AsyncIterator[Door]:
    """Serve for the block; nothing of it may be left open then."""
    port = make_port(http=HttpServer(app), config=Config())
    before = len(os.listdir("/dev/fd"))
    with trio.fail_after(2 * SIGNED_IN_S):
        async with trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            door = Door(port, listeners[0].socket.getsockname()[1])
            serve_one = functools.partial(serve_connection, port)
            nursery.start_soon(trio.serve_listeners, serve_one, listeners)
            yield door
            await door.until_gone()
            nursery.cancel_scope.cancel()
    assert len(os.listdir("/dev/fd")) == before


async def test_a_body_that_drips_in_ends_with_its_connection(patient_clock: MockClock) -> None:
    async with open_door(whole_body) as door, await door.connect() as client:
        await client.send_all(
            b"POST /api/sign-in HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n"
        )
        try:
            while True:
                await client.send_all(b"x")
                await trio.sleep(1)
                assert trio.current_time() <= CONNECTION_S + 3
        except trio.BrokenResourceError:
            pass
        assert await door.until_gone() <= CONNECTION_S + 3


async def test_a_head_that_drips_in_ends_at_its_deadline(patient_clock: MockClock) -> None:
    async with open_door(whole_body) as door, await door.connect() as client:
        answer = b""
        for byte in b"GET / HTTP/1.1\r\nHost: ":
            await client.send_all(bytes([byte]))
            await trio.sleep(0.5)
            if trio.current_time() > HEAD_S:
                break
        answer = b"".join([bytes(piece) async for piece in client])
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert await door.until_gone() <= HEAD_S + ANSWER_S + 2


@pytest.mark.parametrize("path", ["/metrics", "/api/calls/CA1/recording", "/api/events"])
@pytest.mark.parametrize("is_signed_in", [False, True])
async def test_who_does_not_read_an_answer_is_dropped_and_others_are_answered(
    patient_clock: MockClock, path: str, is_signed_in: bool
) -> None:
    async with open_door(long_or_short) as door, await door.connect() as client:
        assert door.port.access is not None
        cookie = f"Cookie: {COOKIE}={door.port.access.make_cookie()}\r\n" if is_signed_in else ""
        request = f"GET {path} HTTP/1.1\r\nHost: h\r\n{cookie}\r\n"
        await client.send_all(request.encode())
        assert (await client.receive_some(64)).startswith(b"HTTP/1.1 200 ")
        assert (await door.ask("/healthz")).endswith(b"ok\r\n0\r\n\r\n")
        gone_s = await door.until_gone()
        assert gone_s <= 12, "whoever takes nothing is not waited for"


async def test_who_reads_a_little_now_and_then_is_dropped_too(patient_clock: MockClock) -> None:
    async with open_door(endless) as door, await door.connect() as client:
        assert door.port.access is not None
        cookie = f"Cookie: {COOKIE}={door.port.access.make_cookie()}"
        await client.send_all(
            f"GET /api/calls/CA1/recording HTTP/1.1\r\nHost: h\r\n{cookie}\r\n\r\n".encode()
        )
        while door.port.crowd.count or trio.current_time() < 1:
            await client.receive_some(16)
            await trio.sleep(1)
            assert trio.current_time() <= SIGNED_IN_S + 1
        assert trio.current_time() <= 2 * SEND_S + 2
