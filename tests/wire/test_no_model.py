"""There is no model, or none that we can use; and one that takes what it is sent too slowly."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio_websocket

from .stamps import callers_in
from .wire_log import until
from .world import Lateness, ModelHost, Served, hang_up, served

WORDS_S = 15  # a second for the session, and the recorded line


@asynccontextmanager
async def server(*, small: bool = False, **settings: Any) -> AsyncIterator[Served]:
    with trio.fail_after(3 * WORDS_S):
        async with trio.open_nursery() as nursery:
            host = await ModelHost.start(nursery, small=small)
            async with served(host, tuple(settings.items()), Lateness()) as running:
                yield running
            nursery.cancel_scope.cancel()


async def refuse(request: trio_websocket.WebSocketRequest) -> None:
    await request.reject(401, body=b"who are you")


async def say_nothing(request: trio_websocket.WebSocketRequest) -> None:
    websocket = await request.accept()
    with pytest.raises(trio_websocket.ConnectionClosed):
        while True:
            await websocket.get_message()


async def fail_at_once(request: trio_websocket.WebSocketRequest) -> None:
    websocket = await request.accept()
    error = {"type": "error", "error": {"code": "insufficient_quota", "message": "no money"}}
    await websocket.send_message(json.dumps(error))
    await websocket.aclose()


async def give_another_session(request: trio_websocket.WebSocketRequest) -> None:
    websocket = await request.accept()
    await websocket.send_message(json.dumps({"type": "session.created", "session": {}}))
    update = json.loads(await websocket.get_message())
    session = update["session"]
    session["audio"]["output"]["format"] = {"type": "audio/pcm", "rate": 24000}
    await websocket.send_message(json.dumps({"type": "session.updated", "session": session}))
    with pytest.raises(trio_websocket.ConnectionClosed):
        while True:
            await websocket.get_message()


@pytest.mark.parametrize("model", [refuse, say_nothing, fail_at_once, give_another_session])
async def test_a_model_that_is_none_ends_the_call_with_words(model: Any) -> None:
    async with trio.open_nursery() as nursery:
        listening = await nursery.start(
            functools.partial(
                trio_websocket.serve_websocket, model, "127.0.0.1", 0, ssl_context=None
            )
        )
        url = f"ws://127.0.0.1:{listening.port}/v1/realtime"
        async with server(url=url, greeting="Hello.") as running:
            await _ends_with_words(running)
        nursery.cancel_scope.cancel()


async def test_a_model_that_cannot_be_reached_ends_the_call_with_words() -> None:
    async with server(url="ws://127.0.0.1:9/v1/realtime", greeting="Hello.") as running:
        await _ends_with_words(running)
        await _ends_with_words(running, 2)  # the server itself goes on


async def _ends_with_words(running: Served, number: int = 1) -> None:
    phone = await running.dial(number)
    running.nursery.start_soon(phone.run)
    await until(lambda: phone.closed_s is not None, "the carrier to be closed", WORDS_S)
    assert phone.close_code is not None, "closed without a goodbye"
    assert phone.log.sent("media") != [], "closed without a word"
    await until(lambda: phone.call_sid in (running.ends or {}), "the end of the call", 1)


async def test_what_a_slow_model_is_sent_stays_in_order_and_the_cancel_arrives() -> None:
    async with server(small=True) as running:
        call = await running.open_call(1)
        await call.model.turn()
        answer = await call.model.created(await call.model.create())
        await call.model.say(answer, 5_000)
        await call.phone.until_heard(answer.number, 300)
        call.model.is_reading = False
        await call.phone.press("1")
        await until(lambda: call.count("clear") == 1, "the clear", 1)
        await trio.sleep(2)
        call.model.is_reading = True
        await until(lambda: not answer.is_open, "the cancel", 2)
        spoken_ms = len(call.log.got("in")) * 20
        await until(
            lambda: len(call.model.heard) // 8 >= spoken_ms - 300, f"{spoken_ms} ms of the caller"
        )
        assert callers_in(bytes(call.model.heard)) == {1}
        await hang_up(call)
        assert call.model.problems == call.phone.problems == []
