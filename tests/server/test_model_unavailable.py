"""What callers and operators get while the model service refuses us, over real sockets."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from xml.etree import ElementTree

import attrs
import httpx
import pytest
import trio

from trio_media import Agent, CallRefused, Config
from trio_media.config import RealtimeConfig
from trio_media.server.dialing import CallToPlace

from .world import TO, Kept, World, open_world

SID = "CA0123456789abcdef0123456789abcdef"
REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\nConnection: close\r\n\r\nNo."


@attrs.define(eq=False)
class Refusing:
    """A model service that does not know our key."""

    port: int = 0
    asked: Kept[bytes] = attrs.field(factory=Kept)

    async def serve(self, task_status: trio.TaskStatus[None]) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._refuse, [listener])

    async def _refuse(self, stream: trio.SocketStream) -> None:
        async with stream:
            self.asked.append(bytes(await stream.receive_some(65_536)))
            await stream.send_all(REFUSAL)

    def change(self, config: Config) -> Config:
        url = f"ws://127.0.0.1:{self.port}/v1/realtime"
        return attrs.evolve(config, realtime=attrs.evolve(config.realtime, url=url))

    def change_with_fallback(self, config: Config) -> Config:
        """The first choice refuses; the service of the world is the fallback."""
        return attrs.evolve(self.change(config), fallback=config.realtime)


@asynccontextmanager
async def open_refusing(
    change: Callable[[Refusing], Callable[[Config], Config]] = lambda model: model.change,
) -> AsyncIterator[tuple[World, Refusing]]:
    async with trio.open_nursery() as nursery:
        refusing = Refusing()
        await nursery.start(refusing.serve)
        async with open_world(Agent(greeting="Hello."), change=change(refusing)) as world:
            yield world, refusing
        nursery.cancel_scope.cancel()


async def get(world: World, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(world.url + path)


def verbs(answer: httpx.Response) -> list[str]:
    return [verb.tag for verb in ElementTree.fromstring(answer.text)]


async def test_after_one_refusal_nobody_is_connected_to_a_model_that_is_not_to_be_had(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_refusing() as (world, refusing):
        assert (await get(world, "/readyz")).status_code == 200
        assert verbs(await world.post("/twilio/voice", CallSid=SID)) == ["Connect", "Redirect"]
        await world.until_draining()  # until it is not ready, that is
        ready = await get(world, "/readyz")
        assert ready.json() == {
            "ready": False,
            "reason": "model_unavailable",
            "detail": "the model service refuses our key: set realtime.api_key",
        }
        # A webhook may come twice, and what was promised is kept.
        assert verbs(await world.post("/twilio/voice", CallSid=SID)) == ["Connect", "Redirect"]
        for number in range(10):
            answer = await world.post("/twilio/voice", CallSid=f"CA{number}")
            assert verbs(answer) == ["Say", "Hangup"]
            assert "all lines are busy" in answer.text
        assert len(refusing.asked) == 1
        assert (await get(world, "/healthz")).status_code == 200
        shown = (await get(world, "/metrics")).text
        assert 'trio_media_calls_refused_total{reason="model_unavailable"} 10.0' in shown
        assert 'trio_media_model_breaker_open{service="realtime"} 1.0' in shown
        with pytest.raises(CallRefused, match="model_unavailable"):
            await world.dialing.dial(CallToPlace(to=TO))
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "set realtime.api_key" in errors[0]
    assert "sk-unused" not in caplog.text


async def test_a_media_stream_that_comes_all_the_same_is_taken() -> None:
    async with open_refusing() as (world, refusing):
        call = await world.call()
        await call.until(lambda call: "Connect" in call.verbs)
        await world.until_draining()
        while "calls_started_total 1.0" not in (await get(world, "/metrics")).text:
            pass
        assert len(refusing.asked) == 1
        call.hang_up()
        await call.wait_over()


async def test_with_a_fallback_the_caller_hears_that_service_and_notices_nothing() -> None:
    async with open_refusing(lambda model: model.change_with_fallback) as (world, refusing):
        for _ in range(2):
            call = await world.call()
            await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
            call.hang_up()
            await call.wait_over()
        assert len(refusing.asked) == 1
        assert len(world.model.opened) == 2
        assert (await get(world, "/readyz")).status_code == 200


async def test_the_built_in_model_can_be_the_fallback() -> None:
    def change(config: Config) -> Config:
        return attrs.evolve(config, fallback=RealtimeConfig(provider="embedded"))

    async with open_refusing(lambda model: lambda config: change(model.change(config))) as scene:
        world, _ = scene
        call = await world.call()
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        assert world.model.opened == []
        call.hang_up()
        await call.wait_over()
