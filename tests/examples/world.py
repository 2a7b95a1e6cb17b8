"""An agent, served in earnest: real sockets, the carrier's stand-in, the embedded model."""

from __future__ import annotations

import functools
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

from trio_media import Agent
from trio_media.call.record import CallEnd
from trio_media.call.run import CallOptions, run_call
from trio_media.config import Config, RealtimeConfig, ServerConfig
from trio_media.embedded import ModelBehaviour, serve_model
from trio_media.server.dialing import Dialing
from trio_media.server.listening import bind_socket
from trio_media.server.serving import ServeOptions, serve
from trio_media.testing.carrier import CarrierStandIn, open_carrier

LIMIT_S = 40.0
OFFICE = "+15557654321"
CALLER = "+15550001111"


@attrs.define
class World:
    carrier: CarrierStandIn
    url: str
    dialing: Dialing
    ends: trio.MemoryReceiveChannel[CallEnd]
    """Of the calls, as they end."""

    @property
    def voice_url(self) -> str:
        return f"{self.url}/twilio/voice"


@asynccontextmanager
async def open_world(agent: Agent, behaviour: ModelBehaviour) -> AsyncIterator[World]:
    """Serve an agent for the block; every promise to its calls is checked at every step."""
    send, signals = trio.open_memory_channel[int](2)
    dialings: list[Dialing | None] = []
    send_end, ends = trio.open_memory_channel[CallEnd](8)

    async def run_checked(*args: object, options: CallOptions, **more: object) -> CallEnd:
        checked = attrs.evolve(options, checks_invariants=True)
        end = await run_call(*args, options=checked, **more)  # type: ignore[arg-type]
        assert not end.counters.get("broken_invariants"), end
        send_end.send_nowait(end)
        return end

    with trio.fail_after(LIMIT_S):
        async with open_carrier() as carrier, trio.open_nursery() as nursery:
            port = await nursery.start(
                functools.partial(serve_model, host="127.0.0.1", port=0, behaviour=behaviour)
            )
            config = Config(
                server=ServerConfig(port=0, late_ms=0),
                twilio=attrs.evolve(carrier.twilio, from_number=OFFICE),
                realtime=RealtimeConfig(
                    provider="openai", api_key="none", url=f"ws://127.0.0.1:{port}/v1/realtime"
                ),
            )
            options = ServeOptions(agent=agent, on_ready=dialings.append)
            with bind_socket(config.server.host, 0) as bound:
                url = await nursery.start(
                    functools.partial(
                        serve,
                        config,
                        bound=bound,
                        run_call=run_checked,
                        signals=signals,
                        options=options,
                    )
                )
                assert dialings[0] is not None
                yield World(carrier, url, dialings[0], ends)
                for call in carrier.calls:
                    if call.is_over:
                        await call.wait_over()  # what is told of its end has its answer
                send.send_nowait(signal.SIGTERM)
                send.send_nowait(signal.SIGTERM)
            nursery.cancel_scope.cancel()
    problems = [problem for call in carrier.calls for problem in call.problems]
    assert problems == [], problems
