"""Part 1 G and H over real sockets: the whole server, with a carrier on this machine.

What the carrier does with a call when we are done, by its REST API and by its webhooks.  In real
time, but nothing waits for a length of time: everything waits for what is to happen.
"""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import attrs
import httpx
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from tests.server.test_serving import START, open_stream
from tests.server.world import Kept
from tests.testing.carrier.test_stand_in import config_for
from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.call.record import CallEnd as CallEnded
from trio_media.config import Config
from trio_media.core.commands import EndingOutcome
from trio_media.errors import CallRefused
from trio_media.phone import CallEnd
from trio_media.server.dialing import CallToPlace, Dialing
from trio_media.server.kept_call import run_kept_call
from trio_media.server.listening import bind_socket
from trio_media.server.serving import ServeOptions, serve
from trio_media.testing.carrier import (
    CallbackFaults,
    CallScript,
    CarrierStandIn,
    EndedBy,
    Machine,
    RestFault,
    StandInCall,
    open_carrier,
)

from .language import race

DESK: Final = "+15550004444"
OURS: Final = "+15557654321"
CALLEE: Final = "+15551234567"
VOICE: Final = "/twilio/voice"


@attrs.define(eq=False)
class World:
    """A carrier, and a server with an agent."""

    carrier: CarrierStandIn
    dialing: Dialing
    url: str
    send_signal: Callable[[int], None]

    async def caller(self, script: CallScript | None = None) -> StandInCall:
        """Somebody calls."""
        return await self.carrier.call(self.url + VOICE, script=script)

    async def dials(self, **how: Any) -> StandInCall:
        """We call somebody."""
        call = CallToPlace(to=CALLEE, from_=OURS, **how)
        dialed = await self.dialing.dial(call)
        return next(c for c in self.carrier.calls if c.call_sid == dialed.call_sid)

    async def posts(self, path: str, form: dict[str, str]) -> httpx.Response:
        """The carrier asks us something."""
        token = self.carrier.twilio.auth_token
        signature = RequestValidator(token).compute_signature(self.url + path, form)
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = {"X-Twilio-Signature": signature}
            return await client.post(self.url + path, data=form, headers=headers)

    def asked(self, call: StandInCall) -> list[str]:
        """What the REST API was asked to do with a call, after it was there."""
        asked = [one for one in self.carrier.requests if call.call_sid in str(one) and one.form]
        return [one.first("Status") or ("Twiml" if one.first("Twiml") else "?") for one in asked]


@asynccontextmanager
async def open_world(
    agent: Agent | None = None, change: Callable[[Config], Config] = lambda config: config
) -> AsyncIterator[World]:
    """Run both; whatever goes on is cut in the end."""
    ready: list[Dialing] = []

    def on_ready(dialing: Dialing | None) -> None:
        assert dialing is not None
        ready.append(dialing)

    options = ServeOptions(agent=agent, on_ready=on_ready)
    async with open_carrier() as carrier:
        config = change(config_for(carrier))
        with trio.fail_after(60), contextlib.closing(bind_socket("127.0.0.1", 0)) as bound:
            async with trio.open_nursery() as nursery:
                send_signal, signals = trio.open_memory_channel[int](4)
                url: str = await nursery.start(_serve, config, bound, signals, options)
                yield World(carrier, ready[0], url, send_signal.send_nowait)
                for _ in range(2):
                    with contextlib.suppress(trio.WouldBlock):
                        send_signal.send_nowait(signal.SIGTERM)


async def _serve(
    config: Config,
    bound: Any,
    signals: Any,
    options: ServeOptions,
    task_status: trio.TaskStatus[str],
) -> None:
    await serve(
        config,
        bound=bound,
        run_call=run_kept_call,
        signals=signals,
        options=options,
        task_status=task_status,
    )


# --- the end of a call ------------------------------------------------------------------------


@race("G120", "G121", in_real_time=True)
@pytest.mark.parametrize("is_reachable", [True, False])
async def test_a_call_that_the_agent_ends_is_over_at_the_carrier_and_it_is_told_once(
    is_reachable: bool,
) -> None:
    agent = Agent(greeting="")

    @agent.on_start
    async def on_start(call: Call) -> None:
        for _ in range(3):
            call.start_soon(call.hang_up)

    async with open_world(agent) as world:
        if not is_reachable:
            world.carrier.fail_next(RestFault.BROKEN, requests=20)
        call = await world.caller()
        await call.wait_over(timeout_s=40)
        assert call.status == "completed"
        assert call.ended_by in (EndedBy.REST, EndedBy.TWIML)
        if is_reachable:
            assert len(world.asked(call)) == 1, "two hang-ups"
        else:
            assert call.ended_by is EndedBy.TWIML, "what follows the media stream hangs up, too"
        assert "Say" not in call.verbs, "somebody apologises for an end that was meant"


@race("G125", in_real_time=True)
@pytest.mark.parametrize("when", ["ringing", "waiting", "joined"])
async def test_nobody_is_left_on_the_line_when_a_caller_hangs_up_in_a_warm_transfer(
    when: str,
) -> None:
    agent = Agent(greeting="")
    outcomes: list[EndingOutcome] = []

    @agent.on_start
    async def on_start(call: Call) -> None:
        say = "Please hold the line. " * 20 if when == "waiting" else None
        how = {"say": say, "caller_id": OURS}
        outcomes.append(await call.transfer_warm(DESK, brief="A guest.", **how))

    async with open_world(agent) as world:
        world.carrier.scripts[DESK] = CallScript(ring_s=600 if when == "ringing" else 0)
        caller = await world.caller()
        callee = await world.carrier.nth_call(1)
        if when == "ringing":
            await callee.until(lambda call: call.status == "ringing")
        else:
            room = f"{caller.call_sid}-1"
            count = 1 if when == "waiting" else 2
            await world.carrier.until(
                lambda carrier: (
                    (found := carrier.room(room)) is not None and len(found.came) >= count
                ),
                timeout_s=20,
            )
        caller.hang_up()
        await caller.wait_over(timeout_s=20)
        await callee.wait_over(timeout_s=20)
        assert callee.status == ("canceled" if when == "ringing" else "completed")
        if when == "waiting":
            assert callee.ended_by is EndedBy.REST


# --- calls that we place ----------------------------------------------------------------------


@race("G128", in_real_time=True)
async def test_a_server_that_drains_places_no_call_in_whatever_way() -> None:
    agent = Agent(greeting="")
    outcomes: list[EndingOutcome] = []
    began, asks, done = trio.Event(), trio.Event(), trio.Event()

    @agent.on_start
    async def on_start(call: Call) -> None:
        began.set()
        await asks.wait()
        outcomes.append(await call.transfer_warm(DESK, brief="A guest.", caller_id=OURS))
        done.set()

    async with open_world(agent) as world:
        caller = await world.caller()
        await began.wait()
        world.send_signal(signal.SIGTERM)
        async with httpx.AsyncClient(trust_env=False) as client:
            while (await client.get(world.url + "/readyz")).status_code == 200:
                pass
        with pytest.raises(CallRefused, match="drain"):
            await world.dials()
        asks.set()
        await done.wait()
        assert outcomes == [EndingOutcome.FAILED]
        assert len(world.carrier.calls) == 1
        assert not caller.is_over, "the call that lives goes on"


@race("H129", "G128", in_real_time=True)
@pytest.mark.parametrize("copies", [1, 2])
async def test_status_callbacks_change_nothing_of_what_a_call_was_told_to_do(copies: int) -> None:
    async with open_world(Agent(greeting="Good morning.")) as world:
        faults = CallbackFaults(copies=copies)
        world.carrier.scripts[CALLEE] = CallScript(ring_s=0.05, callbacks=faults)
        call = await world.dials(machine_detection="Enable")
        await call.until(lambda call: call.heard_ms >= 400, timeout_s=20)
        assert call.verbs == ["Connect"], "a callback told the call to do something else"
        assert {asked.status for asked in call.callbacks()} == {204}
        call.hang_up()
        await call.wait_over()
        assert call.verbs == ["Connect"]
        assert call.streams[0].ended_by is CallEnd.HUNG_UP
        assert world.asked(call) in ([], ["?"])


@race("P2-105", in_real_time=True)
@pytest.mark.parametrize("amd_after_s", [0.0, 0.3])
async def test_a_machine_is_met_whether_the_verdict_or_the_media_stream_is_first(
    amd_after_s: float,
) -> None:
    async with open_world(Agent(greeting="", voicemail="hang_up")) as world:
        world.carrier.scripts[CALLEE] = CallScript(callee=Machine(), amd_after_s=amd_after_s)
        call = await world.dials(machine_detection="Enable")
        await call.wait_over(timeout_s=40)
        assert call.status == "completed"
        assert call.ended_by in (EndedBy.REST, EndedBy.TWIML)


# --- calls that never quite come --------------------------------------------------------------


@race("H130", "P2-93", in_real_time=True)
async def test_calls_whose_media_stream_never_comes_take_no_place_from_those_that_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trio_media.server.webhooks.RESERVED_S", 0.1)
    agent = Agent(greeting="Good morning.", settings_timeout_s=0.4)

    def one_call(config: Config) -> Config:
        return attrs.evolve(config, server=attrs.evolve(config.server, max_calls=1))

    async with open_world(agent, one_call) as world:
        for number in range(5):
            form = {"CallSid": f"CA{number}", "From": DESK, "To": OURS, "Direction": "inbound"}
            answer = await world.posts(VOICE, form)
            assert "<Connect" in answer.text or number
        async with httpx.AsyncClient(trust_env=False) as client:
            while (await client.get(world.url + "/readyz")).status_code != 200:
                pass
        call = await world.caller()
        await call.until(lambda call: call.heard_ms >= 400, timeout_s=20)


# --- two media streams of one call ------------------------------------------------------------


@attrs.define(eq=False)
class Twice:
    """A call that the carrier connects twice: it asked twice what the call is to do."""

    world: World
    agent: Agent
    told: Kept[str] = attrs.field(factory=Kept)
    """What the agent was told."""

    def listen(self) -> None:
        """Note what the agent is told."""

        @self.agent.on_start
        async def on_start(call: Call) -> None:
            self.told.append("start")

        @self.agent.on_resume
        async def on_resume(call: Call) -> None:
            self.told.append("resume")

        @self.agent.on_end
        async def on_end(call: Call, end: CallEnded) -> None:
            self.told.append(f"end {end.reason}")

    async def twiml(self) -> str:
        """Ask what the call is to do."""
        form = {"CallSid": "CA1", "From": DESK, "To": OURS, "Direction": "inbound"}
        return (await self.world.posts(VOICE, form)).text

    def opens_stream(self, twiml: str) -> AbstractAsyncContextManager[WebSocketConnection]:
        """Connect to where the answer says, signed."""
        url = twiml.partition('url="')[2].partition('"')[0]
        validator = RequestValidator(self.world.carrier.twilio.auth_token)
        headers = {"X-Twilio-Signature": validator.compute_signature(url, {})}
        return open_stream(self.world.url.replace("http", "ws"), headers)

    async def starts(self, websocket: WebSocketConnection, twiml: str, stream_sid: str) -> None:
        """Say whose media stream it is, with the token of the answer."""
        token = twiml.partition('name="token" value="')[2].partition('"')[0]
        start = {**START, "streamSid": stream_sid, "customParameters": {"token": token}}
        start["accountSid"] = self.world.carrier.twilio.account_sid
        message = {"event": "start", "streamSid": stream_sid, "start": start}
        await websocket.send_message(json.dumps(message))


@asynccontextmanager
async def open_twice() -> AsyncIterator[Twice]:
    """Run a server whose agent waits for the caller to speak."""
    agent = Agent(greeting="")
    async with open_world(agent) as world:
        twice = Twice(world, agent)
        twice.listen()
        yield twice


async def until_closed(websocket: WebSocketConnection) -> int:
    """Wait until we close a media stream; returns the code."""
    with trio.move_on_after(10):
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await websocket.get_message()
        code: int = closed.value.reason.code
        return code
    pytest.fail("the media stream stays open")


@race("P2-90", "P2-89", in_real_time=True)
async def test_a_second_media_stream_of_a_call_takes_the_place_of_the_first() -> None:
    async with open_twice() as twice:
        first_twiml, second_twiml = await twice.twiml(), await twice.twiml()
        async with (
            twice.opens_stream(first_twiml) as first,
            twice.opens_stream(second_twiml) as second,
        ):
            await twice.starts(first, first_twiml, "MZ1")
            await twice.told.until(1)
            await twice.starts(second, second_twiml, "MZ2")
            await until_closed(first)
            await twice.told.until(2)
            assert not second.closed, "two speak for one call, or none does"
            await second.send_message(json.dumps({"event": "stop", "streamSid": "MZ2"}))
            await twice.told.until(3)
        assert twice.told == ["start", "resume", "end caller_hung_up"], "one call, and one end"


@race("P2-90", in_real_time=True)
@pytest.mark.parametrize("token", ["used", "none"])
async def test_a_second_media_stream_without_a_token_of_its_own_is_refused_and_the_first_goes_on(
    token: str,
) -> None:
    async with open_twice() as twice:
        twiml = await twice.twiml()
        async with twice.opens_stream(twiml) as first, twice.opens_stream(twiml) as second:
            await twice.starts(first, twiml, "MZ1")
            await twice.told.until(1)
            await twice.starts(second, twiml if token == "used" else "", "MZ2")
            assert await until_closed(second) in (1_008, 1_013)
            assert not first.closed, "whoever has no token cuts calls off"
            await first.send_message(json.dumps({"event": "stop", "streamSid": "MZ1"}))
            await twice.told.until(2)
        assert twice.told == ["start", "end caller_hung_up"]
