"""A server on a real socket, a model for it to talk to, and calls that follow a script."""

from __future__ import annotations

import contextlib
import functools
import signal
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import attrs
import trio
import trio_websocket

from trio_media.call.record import CallEnd
from trio_media.call.run import run_call
from trio_media.config import (
    AgentConfig,
    BargeInConfig,
    Config,
    PlayoutConfig,
    RealtimeConfig,
    ServerConfig,
)
from trio_media.server.listening import bind_socket
from trio_media.server.serving import serve

from .model_peer import ModelPeer
from .observer import Observer, Terms
from .phone_peer import Phone
from .stamps import CALLS_MAX
from .wire_log import WireLog, comes_true

SCENARIO_S: Final = 25.0
TRIES: Final = 3  # of a scenario in which this machine itself was late
LATE_MS: Final = 60  # three frames: so late nobody can say what was in time
AT_ONCE: Final = 16  # calls at once; more would make this machine late, and prove less
UPGRADE: Final = (
    b"GET /twilio/media HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
MODEL_MESSAGE_BYTES_MAX: Final = 2**24


@attrs.define(eq=False)
class Lateness:
    """How late this process was: the worst of each short span of time."""

    late: list[tuple[float, float]] = attrs.field(factory=list)

    async def run(self) -> None:
        while True:
            due_s = trio.current_time() + 0.01
            await trio.sleep_until(due_s)
            self.late.append((due_s, trio.current_time() - due_s))

    def worst_ms(self, from_s: float) -> int:
        return int(max((late for at, late in self.late if at >= from_s), default=0.0) * 1_000)


@attrs.define(eq=False)
class ModelHost:
    """Takes the server's connections, one a call."""

    nursery: trio.Nursery
    arrivals: trio.MemoryReceiveChannel[ModelPeer]
    url: str
    agrees: bool = True

    @classmethod
    async def start(cls, nursery: trio.Nursery, *, small: bool = False) -> ModelHost:
        """Listen.  ``small``: with hardly any room in the sockets."""
        send, receive = trio.open_memory_channel[ModelPeer](64)

        async def serve_one(stream: trio.SocketStream) -> None:
            async with trio.open_nursery() as inner:
                request = await trio_websocket.wrap_server_stream(
                    inner, stream, max_message_size=MODEL_MESSAGE_BYTES_MAX
                )
                model = ModelPeer(stream, await request.accept(), request.path)
                with contextlib.suppress(trio_websocket.ConnectionClosed):
                    await model.agree()
                    await send.send(model)
                    await model.run(inner)
                inner.cancel_scope.cancel()
            await trio.aclose_forcefully(stream)

        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        if small:
            for listener in listeners:
                listener.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4_096)
        port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, serve_one, listeners)
        return cls(nursery, receive, f"ws://127.0.0.1:{port}/v1/realtime")


@attrs.define(eq=False)
class Served:
    """A running server and its model."""

    url: str
    host: ModelHost
    nursery: trio.Nursery
    lateness: Lateness
    ends: dict[str, Any] | None = None
    """How its calls ended; None when it is a process of its own."""
    signals: trio.MemorySendChannel[int] | None = None
    _opening: trio.Lock = attrs.field(factory=trio.Lock)

    async def dial(self, number: int, *, log: WireLog | None = None) -> Phone:
        """A phone that has connected and started its stream."""
        port = int(self.url.rpartition(":")[2])
        transport = await trio.open_tcp_stream("127.0.0.1", port)
        websocket = await trio_websocket.wrap_client_stream(
            self.nursery, transport, f"127.0.0.1:{port}", "/twilio/media"
        )
        sids = f"CA{number}", f"MZ{number}"
        phone = Phone(number, log or WireLog(), transport, websocket, *sids)
        await phone.start()
        return phone

    async def upgrade_status(self) -> int:
        """What a further call is answered."""
        port = int(self.url.rpartition(":")[2])
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(UPGRADE)
            return int((await stream.receive_some(64)).split()[1])

    async def open_call(self, number: int) -> LiveCall:
        """A call and the model's end of it."""
        async with self._opening:  # so that this call's session is the next to arrive
            phone = await self.dial(number)
            self.nursery.start_soon(phone.run)
            model = await self.host.arrivals.receive()
        self.adopt(phone, model)
        return LiveCall(phone, model, phone.log, self)

    def adopt(self, phone: Phone, model: ModelPeer) -> None:
        """Put both ends of one call into one log."""
        began = model.log
        model.log = phone.log
        model.call = phone.call
        shift_s = began.began_s - phone.log.began_s
        phone.log.entries += [attrs.evolve(e, at_s=e.at_s + shift_s) for e in began.entries]
        phone.log.entries.sort(key=lambda entry: entry.at_s)


@attrs.define(eq=False)
class LiveCall:
    """Both ends of a call, in the hands of a script."""

    phone: Phone
    model: ModelPeer
    log: WireLog
    served: Served

    def count(self, kind: str) -> int:
        """How many messages of a kind the server sent."""
        return len(self.log.sent(kind))


Script: TypeAlias = Callable[[LiveCall], Awaitable[None]]


@attrs.frozen(kw_only=True)
class Scenario:
    """One call: what the server is configured as, what happens, and what is to be seen then."""

    name: str
    script: Script
    config: tuple[tuple[str, Any], ...]
    terms: Mapping[str, Any]


@attrs.define(eq=False)
class Verdict:
    """What became of one scenario."""

    name: str
    broken: list[str] = attrs.field(factory=list)
    late_ms: int = 0
    """How late this machine was meanwhile."""
    trace: str = ""

    @property
    def proves_nothing(self) -> bool:
        """Whether it failed while this machine was late: what happens in real time needs time."""
        return bool(self.broken) and self.late_ms > LATE_MS

    def check(self) -> None:
        """Raise AssertionError with the trace when a promise was broken."""
        assert not self.broken, "\n".join(["", *self.broken[:12], "--", self.trace])


def make_config(settings: Sequence[tuple[str, Any]] = (), url: str = "") -> Config:
    """A configuration in which everything takes as little time as it may."""
    given = dict(settings)
    return Config(
        server=ServerConfig(
            port=0,
            drain_s=5,
            token_secret="t" * 32,
            late_ms=0,  # how busy the machine is that runs this decides nothing
            transport=given.pop("transport", "websockets"),
        ),
        realtime=RealtimeConfig(
            provider="openai",
            api_key="sk-test",
            url=given.pop("url", url),
            connect_timeout_s=1,
            reconnect_max=given.pop("reconnect_max", 0),  # the loss itself is looked at
        ),
        agent=AgentConfig(instructions="Answer.", greeting=given.pop("greeting", "")),
        playout=PlayoutConfig(lead_ms=given.pop("lead_ms", 1_000)),
        barge_in=BargeInConfig(**{"recover_ms": 700, "backchannel_ms": 0, **given}),
    )


@asynccontextmanager
async def served(
    host: ModelHost, settings: Sequence[tuple[str, Any]], lateness: Lateness
) -> AsyncIterator[Served]:
    """A server with this configuration; leaving drains it by force."""
    config = make_config(settings, host.url)
    bound = bind_socket("127.0.0.1", 0)
    send, receive = trio.open_memory_channel[int](4)
    ends: dict[str, Any] = {}

    async def run(carrier_stream: trio.abc.Stream, **given: Any) -> CallEnd:
        # The phone's voice is no voice to a model of voices: its length alone confirms it.
        checked = attrs.evolve(given["options"], checks_invariants=True)
        given |= {"judge": None, "options": checked}
        end = await run_call(carrier_stream, **given)
        ends[end.call_sid] = end
        return end

    async with trio.open_nursery() as nursery:
        url = await nursery.start(
            functools.partial(
                serve,
                config,
                bound=bound,
                run_call=run,
                signals=receive,
            )
        )
        async with trio.open_nursery() as phones:
            yield Served(url, host, phones, lateness, ends, send)
            phones.cancel_scope.cancel()
        send.send_nowait(signal.SIGTERM)
        send.send_nowait(signal.SIGTERM)
    bound.close()


async def run_scenarios(scenarios: Sequence[Scenario]) -> dict[str, Verdict]:
    """Run them all, many at a time, on one server for each configuration."""
    verdicts: dict[str, Verdict] = {}
    spare = iter(range(CALLS_MAX, len(scenarios), -1))
    lateness = Lateness()
    limit = trio.CapacityLimiter(AT_ONCE)
    async with trio.open_nursery() as outer:
        outer.start_soon(lateness.run)
        async with trio.open_nursery() as nursery:
            for settings in dict.fromkeys(s.config for s in scenarios):
                group = [(n, s) for n, s in enumerate(scenarios, 1) if s.config == settings]
                nursery.start_soon(_run_group, settings, group, verdicts, lateness, limit, spare)
        outer.cancel_scope.cancel()
    return verdicts


async def _run_group(
    settings: tuple[tuple[str, Any], ...],
    group: Sequence[tuple[int, Scenario]],
    verdicts: dict[str, Verdict],
    lateness: Lateness,
    limit: trio.CapacityLimiter,
    spare: Iterator[int],
) -> None:
    async with trio.open_nursery() as nursery:
        host = await ModelHost.start(nursery)
        async with served(host, settings, lateness) as running, trio.open_nursery() as calls:
            for number, scenario in group:
                calls.start_soon(_run_one, running, number, scenario, verdicts, limit, spare)
        nursery.cancel_scope.cancel()


async def _run_one(
    running: Served,
    number: int,
    scenario: Scenario,
    verdicts: dict[str, Verdict],
    limit: trio.CapacityLimiter,
    spare: Iterator[int],
) -> None:
    """Run a scenario; again, as another call, if it failed while this machine was late."""
    async with limit:
        for _ in range(TRIES):
            verdicts[scenario.name] = verdict = Verdict(scenario.name)
            with trio.move_on_after(SCENARIO_S) as scope:
                await follow(running, number, scenario, verdict)
            if scope.cancelled_caught:
                verdict.broken.append(f"not over within {SCENARIO_S:g} s")
            if not verdict.proves_nothing:
                return
            number = next(spare)


async def follow(running: Served, number: int, scenario: Scenario, verdict: Verdict) -> None:
    """Run one call by its script, hang up, and let the observer judge."""
    began_s = trio.current_time()
    call = await running.open_call(number)
    try:
        await scenario.script(call)
    except AssertionError as error:
        where = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(where) if "test_" in f.filename), 0)
        verdict.broken.append(f"line {line}: {error}")
    await hang_up(call)
    late_ms = verdict.late_ms = running.lateness.worst_ms(began_s)
    terms = Terms(late_ms=late_ms, **scenario.terms)
    verdict.broken += Observer(call.log, call.phone, call.model, terms).broken()
    verdict.broken += _ended(running, call)
    verdict.trace = f"late by {late_ms} ms\n{call.log.trace()}"


async def hang_up(call: LiveCall) -> None:
    """Stop, if nobody did, and wait for both legs to be closed."""
    if call.phone.closed_s is None and not call.phone.is_stopped:
        await call.phone.stop()
    call.phone.is_reading = call.model.is_reading = True
    ends = call.served.ends
    await comes_true(
        lambda: (
            call.phone.closed_s is not None
            and call.model.closed_s is not None
            and (ends is None or call.phone.call_sid in ends)
        ),
        3,
    )


def _ended(running: Served, call: LiveCall) -> list[str]:
    end = (running.ends or {}).get(call.phone.call_sid)
    if end is None:
        return ["the call crashed, or goes on"]
    broken = end.counters.get("broken_invariants", 0)
    return [f"{broken} broken invariants"] if broken else []
