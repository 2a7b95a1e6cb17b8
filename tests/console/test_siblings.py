"""Workers that ask each other, without processes."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from trio_media.console import siblings
from trio_media.console.siblings import Siblings, socket_path
from trio_media.errors import RemoteProtocolError

JSON = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + b'{"a": 1}\n'
CRASHED = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def worker(folder: Path, number: int, answer: bytes | None) -> AsyncIterator[None]:
    """Answer so, whatever is asked; None: never."""
    with trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM) as bound:
        await bound.bind(str(socket_path(folder, number)))
        bound.listen(5)
        async with trio.open_nursery() as nursery:
            serve = functools.partial(serve_one, answer)
            nursery.start_soon(trio.serve_listeners, serve, [trio.SocketListener(bound)])
            yield
            nursery.cancel_scope.cancel()


async def serve_one(answer: bytes | None, stream: trio.SocketStream) -> None:
    async with stream:
        await stream.receive_some()
        if answer is None:
            await trio.sleep_forever()
        else:
            await stream.send_all(answer)


async def test_those_that_answer_are_listed_and_the_others_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "ASK_S", 0.5)
    (tmp_path / "console-9.sock").touch()  # nobody listens there
    (tmp_path / "console-x.sock").touch()
    ours = Siblings(tmp_path, 1)
    async with (
        worker(tmp_path, 1, JSON),
        worker(tmp_path, 2, JSON),
        worker(tmp_path, 3, CRASHED),
        worker(tmp_path, 4, None),
        worker(tmp_path, 5, b"nonsense"),
    ):
        assert ours.numbers() == [2, 3, 4, 5, 9]
        with trio.fail_after(20):
            assert await ours.ask("/") == [{"a": 1}]


async def test_events_of_a_worker_that_has_none_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "ASK_S", 0.5)
    ours = Siblings(tmp_path, 1)
    async with worker(tmp_path, 3, CRASHED), worker(tmp_path, 4, None):
        for number in (3, 4):
            with pytest.raises(RemoteProtocolError):
                async with ours.events(number, "/"):
                    pytest.fail("there were events")
        with pytest.raises(OSError):
            async with ours.events(8, "/"):
                pytest.fail("there was a worker")
