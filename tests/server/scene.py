"""One model session that is made beforehand, over memory streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio
import trio_websocket
from trio.testing import memory_stream_pair

from tests.call.streams import SpyStream
from tests.call.wires import Model
from trio_media.call.breaker import Breaker
from trio_media.call.choosing import Services
from trio_media.call.model_service import Reaching, services_of
from trio_media.call.prepared import PreparedSession
from trio_media.config import AgentConfig, Config, RealtimeConfig
from trio_media.server.preparing import prepare_session

CONFIG = Config(
    realtime=RealtimeConfig(connect_timeout_s=5), agent=AgentConfig(instructions="Be kind.")
)
ENDS_WITHIN_S = 1.0


@attrs.define(eq=False)
class Scene:
    """One session, and the model at its other end."""

    session: PreparedSession
    nursery: trio.Nursery
    accepts: bool = True
    failures: list[str] = attrs.field(factory=list)
    hears: list[str] = attrs.field(factory=list)
    """Which services were tried, by their name."""
    spies: list[SpyStream] = attrs.field(factory=list)
    model_came: trio.Event = attrs.field(factory=trio.Event)
    ended: trio.Event = attrs.field(factory=trio.Event)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _model: Model | None = None

    @property
    def model(self) -> Model:
        assert self._model is not None, "no model was called"
        return self._model

    async def agree(self) -> Model:
        await self.model_came.wait()
        await self.model.begin()
        await self.session.settled.wait()
        return self.model

    @property
    def all_closed(self) -> bool:
        return all(spy.is_closed for spy in self.spies)


@asynccontextmanager
async def open_scene(
    *,
    accepts: bool = True,
    connects: bool = True,
    config: Config = CONFIG,
    breakers: Sequence[Breaker] = (),
    refusing: Sequence[str] = (),
) -> AsyncIterator[Scene]:
    """``refusing``: services that do not know our key."""
    with trio.fail_after(200):
        async with trio.open_nursery() as nursery:

            async def connect(name: str) -> trio.abc.Stream:
                scene.hears.append(name)
                if not connects:
                    await trio.sleep_forever()
                near, far = memory_stream_pair()
                spy = SpyStream(near)
                scene.spies.append(spy)
                nursery.start_soon(serve, far, name)
                return spy

            async def serve(far: trio.abc.Stream, name: str) -> None:
                request = await trio_websocket.wrap_server_stream(nursery, far)
                if not scene.accepts or name in refusing:
                    await request.reject(401, body=b"no such key")
                    return
                try:
                    websocket = await request.accept()
                except trio_websocket.ConnectionClosed:
                    return
                scene._model = Model(websocket, trio.current_time())
                scene.model_came.set()
                await scene.model.listen()

            async def run() -> None:
                with scene.scope:
                    await prepare_session(scene.session, scene.failures.append)
                scene.ended.set()

            connects_by = {name: partial(connect, name) for name in ("realtime", "fallback")}
            reaching = Reaching(connects=connects_by, breakers=breakers)
            services = Services(services=services_of(config, reaching))
            session = PreparedSession(services.first, services=services)
            scene = Scene(session, nursery, accepts)
            nursery.start_soon(run)
            yield scene
            scene.session.let_go()
            began_s = trio.current_time()
            await scene.ended.wait()
            assert trio.current_time() - began_s <= ENDS_WITHIN_S
            assert scene.all_closed, "the model's stream is open"
            nursery.cancel_scope.cancel()
