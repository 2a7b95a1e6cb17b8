from __future__ import annotations

from typing import Any

import pytest
import trio

from trio_media.server.http import HttpServer
from trio_media.server.streams import ReplayedStream

REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def huge_answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(64):
        await send({"type": "http.response.body", "body": b"x" * (1 << 20), "more_body": True})


async def no_answer(scope: Any, receive: Any, send: Any) -> None:
    await trio.sleep_forever()


async def connect() -> tuple[trio.SocketStream, trio.SocketStream]:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listeners[0] as listener:
        client = await trio.open_tcp_stream(*listener.socket.getsockname())
        return client, await listener.accept()


@pytest.mark.parametrize("app", [huge_answer, no_answer])
@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_connection_that_makes_no_progress_is_closed(app: Any, is_cancelled: bool) -> None:
    """Also by a cancellation, which the HTTP code shields its writes from."""
    client, ours = await connect()
    server = HttpServer(app, connection_s=60 if is_cancelled else 0.1)
    with trio.fail_after(5):
        async with client, trio.open_nursery() as nursery:
            nursery.start_soon(server.serve, ReplayedStream(ours, REQUEST))
            if is_cancelled:
                await trio.testing.wait_all_tasks_blocked(0.05)
                nursery.cancel_scope.cancel()
    assert ours.socket.fileno() == -1
