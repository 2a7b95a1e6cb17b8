"""The model services as a process knows them, on a virtual clock."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio_websocket
from trio.testing import MockClock, memory_stream_pair

from tests.call.streams import SpyStream
from trio_media.call.breaker import FATAL_WAITS_S, IN_A_ROW, TRANSIENT_WAITS_S
from trio_media.call.choosing import Services
from trio_media.config import Config, RealtimeConfig
from trio_media.errors import LegLost, ModelRefused, RefusalKind
from trio_media.server.metrics import Metrics
from trio_media.server.model_access import ModelAccess, open_model_access

ONE = Config(realtime=RealtimeConfig(api_key="sk-x", connect_timeout_s=5))
TWO = attrs.evolve(ONE, fallback=RealtimeConfig(api_key="sk-y", url="wss://b/v1"))
WRONG_KEY = ModelRefused("http_401", "", kind=RefusalKind.FATAL)
LOST = LegLost("model", "refused")
CREATED = '{"type": "session.created", "event_id": "e", "session": {"id": "s"}}'
QUOTA = (
    '{"type": "error", "event_id": "e", "error": {"type": "x", "code": "insufficient_quota", '
    '"message": "Pay."}}'
)
HANGS_UP, SILENT = "", "silent"


@attrs.define(eq=False)
class World:
    """The knowledge of a process, and a service that answers as it is told."""

    access: ModelAccess
    metrics: Metrics
    says: str = CREATED
    """What the service says first; a number: the status of its refusal."""
    tried_s: list[float] = attrs.field(factory=list)
    spies: list[SpyStream] = attrs.field(factory=list)

    @property
    def services(self) -> Services:
        return self.access.services(self.access.config)

    def fail(self, error: Any = WRONG_KEY, times: int = 1, place: int = 0) -> None:
        for _ in range(times):
            self.services.failed(self.services.services[place], error)

    def shown(self, name: str) -> float:
        return next(
            float(line.rpartition(" ")[2])
            for line in self.metrics.exposition().decode().splitlines()
            if line.startswith(f"trio_media_{name}")
        )


@asynccontextmanager
async def open_world(config: Config = ONE) -> AsyncIterator[World]:
    metrics = Metrics()
    with trio.fail_after(20_000):
        async with trio.open_nursery() as nursery:

            async def connect() -> trio.abc.Stream:
                world.tried_s.append(trio.current_time())
                if world.says == HANGS_UP:
                    raise LegLost("model", "refused")
                near, far = memory_stream_pair()
                spy = SpyStream(near)
                world.spies.append(spy)
                nursery.start_soon(serve, far)
                return spy

            async def serve(far: trio.abc.Stream) -> None:
                request = await trio_websocket.wrap_server_stream(nursery, far)
                if world.says.isdigit():
                    await request.reject(int(world.says), body=b"No.")
                    return
                websocket = await request.accept()
                if world.says != SILENT:
                    await websocket.send_message(world.says)

            access = open_model_access(config, metrics, jitter=lambda: 0.0)
            access.reaching = attrs.evolve(
                access.reaching, connects={"realtime": connect, "fallback": connect}
            )
            world = World(access, metrics)
            nursery.start_soon(access.run)
            await trio.testing.wait_all_tasks_blocked()
            yield world
            nursery.cancel_scope.cancel()
        assert all(spy.is_closed for spy in world.spies)


async def test_a_key_that_is_refused_is_tried_by_nobody_but_one_task(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_world() as world:
        world.says = "401"
        began_s = trio.current_time()
        assert world.access.why_unavailable() == ""
        world.fail(times=100)
        assert all(breaker.is_probed for breaker in world.access.reaching.breakers)
        assert world.services.next(began_s, 0) is None
        assert "set realtime.api_key" in world.access.why_unavailable()
        await trio.sleep(FATAL_WAITS_S[0] + 1)
        assert world.services.next(trio.current_time(), 0) is None, "that is not for a call"
        await trio.sleep(3_600)
        waits = [30, 60, 120, 240] + [300] * 20
        expected_s = [began_s + sum(waits[: n + 1]) for n in range(len(world.tried_s))]
        assert world.tried_s == pytest.approx(expected_s, abs=1)
        assert 10 <= len(world.tried_s) <= 16
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.levelname for record in told] == ["ERROR"]
    assert "the model service refuses our key: set realtime.api_key" in told[0].getMessage()


async def test_calls_try_again_when_the_service_has_answered(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_world() as world:
        for _ in range(3):
            world.fail(LOST, IN_A_ROW)
            assert world.access.why_unavailable()
            assert world.shown("model_breaker_open") == 1
            await trio.sleep(3 * TRANSIENT_WAITS_S[1])
            assert world.access.why_unavailable() == ""
            assert world.services.next(trio.current_time(), 0) is not None
            assert world.shown("model_breaker_open") == 0
        assert len(world.tried_s) == 3
        assert world.shown('model_breaker_opened_total{reason="transient"') == 3
        assert world.shown('model_probes_total{outcome="succeeded"') == 3
        assert world.shown('model_probes_total{outcome="failed"') == 0
    assert caplog.text.count("calls try it again") == 3


@pytest.mark.parametrize("says", [HANGS_UP, SILENT, "503", "401", QUOTA, "no protocol"])
async def test_a_try_that_fails_leaves_the_service_alone(
    says: str, autojump_clock: MockClock
) -> None:
    async with open_world() as world:
        world.says = says
        world.fail(LOST, IN_A_ROW)
        await trio.sleep(TRANSIENT_WAITS_S[0] + 6)
        assert world.access.why_unavailable()
        assert len(world.tried_s) >= 1
        assert world.shown('model_probes_total{outcome="failed"') >= 1
        is_fatal = world.shown('model_breaker_opened_total{reason="fatal"') == 1
        assert is_fatal is (says in ("401", QUOTA))
        world.says = CREATED
        await trio.sleep(2 * FATAL_WAITS_S[1])
        assert world.access.why_unavailable() == ""


async def test_with_a_fallback_calls_are_taken_as_long_as_one_of_both_is_to_be_had(
    autojump_clock: MockClock,
) -> None:
    async with open_world(TWO) as world:
        world.says = "401"
        world.fail()
        assert world.access.why_unavailable() == ""
        service = world.services.next(trio.current_time(), 0)
        assert service is not None
        assert service.name == "fallback"
        world.fail(place=1)
        why = world.access.why_unavailable()
        assert "realtime.api_key" in why
        assert "fallback.api_key" in why
        assert 'trio_media_model_breaker_open{service="fallback"} 1.0' in (
            world.metrics.exposition().decode()
        )


async def test_what_a_call_is_told_of_itself_is_in_its_services(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        config = attrs.evolve(ONE, agent=attrs.evolve(ONE.agent, instructions="Be kind."))
        services = world.access.services(config)
        assert services.first.request.instructions == "Be kind."
        assert services.first.breaker is world.services.first.breaker


async def test_a_try_that_is_cancelled_leaves_nothing_open(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.says = SILENT
        world.fail(LOST, IN_A_ROW)
        await trio.sleep(TRANSIENT_WAITS_S[0] + 1)
        assert len(world.spies) == 1
