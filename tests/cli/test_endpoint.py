from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from trio_websocket import wrap_server_stream

from trio_media.cli.endpoint import Verdict, try_endpoint
from trio_media.config import RealtimeConfig

Behaviour = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def listening(behaviour: Behaviour) -> AsyncIterator[int]:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            functools.partial(trio.serve_tcp, behaviour, 0, host="127.0.0.1")
        )
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def attempt(behaviour: Behaviour, **changes: Any) -> Verdict:
    with trio.fail_after(10):
        async with listening(behaviour) as port:
            config = RealtimeConfig(
                url=f"ws://127.0.0.1:{port}/v1/realtime", api_key="sk-wrong-key", model="m 1"
            )
            return await try_endpoint(attrs.evolve(config, **changes))


def answering(answer: bytes) -> Behaviour:
    async def answer_http(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)

    return answer_http


def saying(*messages: str, code: int = 1000, requests: list[str] | None = None) -> Behaviour:
    async def say(stream: trio.SocketStream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            if requests is not None:
                requests.append(request.path)
                requests.extend(f"{n.decode()}: {v.decode()}" for n, v in request.headers)
            websocket = await request.accept()
            for message in messages:
                await websocket.send_message(message)
            await websocket.aclose(code, "bye")
            nursery.cancel_scope.cancel()

    return say


async def test_an_endpoint_that_opens_a_session_is_good() -> None:
    requests: list[str] = []
    behaviour = saying(
        json.dumps({"type": "unknown"}), json.dumps({"type": "session.created"}), requests=requests
    )
    verdict = await attempt(behaviour, dialect="beta")
    assert verdict.is_good
    assert verdict.text.startswith("ok")
    assert requests[0] == "/v1/realtime?model=m+1"
    assert "authorization: Bearer sk-wrong-key" in requests
    assert "openai-beta: realtime=v1" in requests


@pytest.mark.parametrize(
    ("behaviour", "parts"),
    [
        (answering(b"HTTP/1.1 401 U\r\nContent-Length: 12\r\n\r\nsk-wrong-key"), ["401", "key"]),
        (answering(b"HTTP/1.1 403 F\r\nContent-Length: 0\r\n\r\n"), ["403", "model"]),
        (answering(b"HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n"), ["404", "realtime.url"]),
        (answering(b"HTTP/1.1 429 T\r\nContent-Length: 0\r\n\r\n"), ["429", "quota"]),
        (answering(b"HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\n"), ["500", "refused"]),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), ["200"]),
        (answering(b"SSH-2.0-OpenSSH\r\n"), ["websocket"]),
        (saying(code=4000), ["closed", "4000 bye"]),
        (saying("hello"), ["not a realtime service", "hello"]),
        (saying("[]"), ["not a realtime service"]),
        (
            saying('{"type": "error", "error": {"code": "insufficient_quota", "message": "pay"}}'),
            ["insufficient_quota", "pay"],
        ),
        (saying('{"type": "error"}'), ["the service says"]),
    ],
)
async def test_what_is_wrong_is_said_in_words(behaviour: Behaviour, parts: list[str]) -> None:
    verdict = await attempt(behaviour)
    assert not verdict.is_good
    for part in parts:
        assert part in verdict.text
    assert "sk-wrong-key" not in verdict.text
    assert "no answer within" not in verdict.text


async def test_an_endpoint_that_is_silent_is_given_up() -> None:
    async def be_silent(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    verdict = await attempt(be_silent, connect_timeout_s=0.2)
    assert verdict.text.startswith("no answer within 0.2 s while asking for the websocket")


async def test_an_endpoint_that_hangs_up_is_not_good() -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()

    verdict = await attempt(hang_up)
    assert verdict.text.startswith("it hung up")


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("ws://127.0.0.1:9/x", "refused the connection"),
        ("ws://no.such.host.invalid/x", "cannot be found in DNS"),
    ],
)
async def test_an_endpoint_that_is_not_there_is_told(url: str, part: str) -> None:
    with trio.fail_after(10):
        assert part in (await try_endpoint(RealtimeConfig(url=url))).text


async def test_tls_with_something_that_does_not_speak_it_is_told() -> None:
    with trio.fail_after(10):
        async with listening(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
            verdict = await try_endpoint(RealtimeConfig(url=f"wss://127.0.0.1:{port}/x"))
    assert verdict.text.startswith("TLS")
