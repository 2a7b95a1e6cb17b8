"""The real server and a simulated carrier that trust each other, over real sockets."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import attrs
import httpx
import trio

from trio_media.agent.agent import Agent
from trio_media.config import AgentConfig, Config, RealtimeConfig, ServerConfig
from trio_media.embedded import ModelBehaviour, serve_model_connection
from trio_media.phone import CallerScript
from trio_media.server.dialing import Dialing
from trio_media.server.kept_call import run_kept_call
from trio_media.server.listening import bind_socket
from trio_media.server.serving import ServeOptions, serve
from trio_media.telephony.twilio_signature import compute_signature
from trio_media.testing.carrier import CallScript, CarrierStandIn, Human, StandInCall, open_carrier

TO = "+15551234567"
FROM = "+15557654321"
DESK = "+15550004444"
LIMIT_S = 60.0
BRIEF = ModelBehaviour(numbers_per_response=2)
"""A model that does not count for a minute."""
T = TypeVar("T")


class Kept(list[T]):
    """A list of which tests can wait for more."""

    def __init__(self) -> None:
        super().__init__()
        self._news = trio.Event()

    def append(self, one: T) -> None:
        super().append(one)
        news, self._news = self._news, trio.Event()
        news.set()

    async def until(self, count: int = 1) -> list[T]:
        while len(self) < count:
            await self._news.wait()
        return list(self)


@attrs.define(eq=False)
class ModelPlace:
    """Where the model is, and who is connected to it."""

    behaviour: ModelBehaviour = BRIEF
    port: int = 0
    opened: Kept[trio.SocketStream] = attrs.field(factory=Kept)
    closed: Kept[trio.SocketStream] = attrs.field(factory=Kept)

    async def serve(self, task_status: trio.TaskStatus[None]) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._serve_one, [listener])

    async def _serve_one(self, stream: trio.SocketStream) -> None:
        self.opened.append(stream)
        try:
            await serve_model_connection(stream, self.behaviour, name=f"c{len(self.opened)}")
        finally:
            self.closed.append(stream)


@attrs.define(eq=False)
class World:
    """A carrier and a server."""

    carrier: CarrierStandIn
    model: ModelPlace
    url: str
    send_signal: Callable[[int], None]
    ended: trio.Event
    """The server has ended."""
    _dialing: Dialing | None = None

    @property
    def dialing(self) -> Dialing:
        assert self._dialing is not None, "there is no account"
        return self._dialing

    async def call(self, *actions: Any, **script: Any) -> StandInCall:
        """Let somebody call, who does this and is silent then."""
        callee = Human(parts=(CallerScript(actions),)) if actions else Human()
        return await self.carrier.call(
            self.url + "/twilio/voice",
            script=CallScript(callee=callee, **script),
            status_callback=self.url + "/twilio/status",
        )

    def updates(self, call: StandInCall) -> list[str]:
        """What the REST API was asked to do with a call: its new status, or its new TwiML."""
        posted = [one for one in call.requests if one.method == "POST" and "Calls/" in one.path]
        return [one.first("Status") or one.first("Twiml") for one in posted]

    async def post(self, path: str, **form: str) -> httpx.Response:
        """Ask or tell the server something, as the carrier does."""
        url = self.url + path
        signature = compute_signature(self.carrier.twilio.auth_token, url, form.items())
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.post(url, data=form, headers={"X-Twilio-Signature": signature})

    async def tell_status(self, call_sid: str, status: str) -> int:
        answer = await self.post("/twilio/status", CallSid=call_sid, CallStatus=status)
        return answer.status_code

    async def until_draining(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            while (await client.get(self.url + "/readyz")).status_code != 503:
                pass


def without_account(config: Config) -> Config:
    """A server that cannot ask the carrier anything, but takes its calls."""
    return attrs.evolve(config, twilio=attrs.evolve(config.twilio, account_sid=""))


@asynccontextmanager
async def open_world(
    agent: Agent | None = None,
    *,
    change: Callable[[Config], Config] = lambda config: config,
    run_call: Any = run_kept_call,
    behaviour: ModelBehaviour = BRIEF,
) -> AsyncIterator[World]:
    """Run both for the block; the server is ended by force then, if it has not ended."""
    with trio.fail_after(LIMIT_S):
        model = ModelPlace(behaviour)
        async with open_carrier() as carrier, trio.open_nursery() as model_nursery:
            await model_nursery.start(model.serve)
            config = change(
                Config(
                    server=ServerConfig(port=0, drain_s=5, late_ms=0, token_secret="t" * 32),
                    twilio=attrs.evolve(carrier.twilio, from_number=FROM),
                    realtime=RealtimeConfig(
                        provider="openai",
                        api_key="sk-unused",
                        url=f"ws://127.0.0.1:{model.port}/v1/realtime",
                    ),
                    agent=AgentConfig(greeting="Hello."),
                )
            )
            with contextlib.closing(bind_socket("127.0.0.1", 0)) as bound:
                async with trio.open_nursery() as nursery:
                    send, signals = trio.open_memory_channel[int](4)
                    world = World(carrier, model, "", send.send_nowait, trio.Event())
                    options = ServeOptions(agent=agent, on_ready=partial(_ready, world))
                    world.url = await nursery.start(
                        partial(_serve, config, bound, run_call, signals, options, world.ended)
                    )
                    yield world
                    with contextlib.suppress(trio.WouldBlock):
                        for _ in range(2):
                            send.send_nowait(signal.SIGTERM)
                    await world.ended.wait()
            model_nursery.cancel_scope.cancel()


def _ready(world: World, dialing: Dialing | None) -> None:
    world._dialing = dialing


async def _serve(
    config: Config,
    bound: Any,
    run_call: Any,
    signals: Any,
    options: ServeOptions,
    ended: trio.Event,
    task_status: trio.TaskStatus[str],
) -> None:
    await serve(
        config,
        bound=bound,
        run_call=run_call,
        signals=signals,
        options=options,
        task_status=task_status,
    )
    ended.set()
