"""The simulated carrier with the real server: whole calls over real sockets."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from trio_media.config import AgentConfig, Config, RealtimeConfig, ServerConfig
from trio_media.phone import CallEnd, CallerScript, HangUp, Say, WaitForSilence, WaitForSpeech
from trio_media.server.kept_call import run_kept_call
from trio_media.server.listening import bind_socket
from trio_media.server.serving import serve
from trio_media.server.twilio_rest_client import RestOutcome, TwilioRest, open_twilio_rest
from trio_media.telephony import twiml
from trio_media.telephony.twilio_rest import ALL_EVENTS, PlaceCall
from trio_media.testing.carrier import (
    CallScript,
    CarrierStandIn,
    EndedBy,
    Human,
    StandInCall,
    open_carrier,
)

TO = "+15551234567"
FROM = "+15557654321"
SPEECH_MS = 400  # of the agent: enough to know it from a click


@attrs.frozen
class World:
    """A carrier and a server that trust each other."""

    carrier: CarrierStandIn
    rest: TwilioRest
    url: str

    async def place(self) -> StandInCall:
        placed = await self.rest.place_call(
            PlaceCall(
                to=TO,
                from_=FROM,
                url=self.url + "/twilio/voice",
                status_callback=self.url + "/twilio/status",
                status_events=ALL_EVENTS,
            )
        )
        call = await self.carrier.nth_call(len(self.carrier.calls) - 1)
        assert call.call_sid == placed.sid
        return call


def config_for(carrier: CarrierStandIn) -> Config:
    return Config(
        server=ServerConfig(port=0, drain_s=5, late_ms=0),
        twilio=carrier.twilio,
        realtime=RealtimeConfig(provider="embedded"),
        agent=AgentConfig(greeting="Hello."),
    )


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    with trio.fail_after(60):
        async with open_carrier() as carrier, open_twilio_rest(carrier.twilio) as rest:
            config = config_for(carrier)
            with contextlib.closing(bind_socket("127.0.0.1", 0)) as bound:
                async with trio.open_nursery() as nursery:
                    send_signal, signals = trio.open_memory_channel[int](4)
                    url = await nursery.start(_serve, config, bound, signals)
                    yield World(carrier, rest, url)
                    for _ in range(2):
                        send_signal.send_nowait(signal.SIGTERM)


async def _serve(
    config: Config, bound: Any, signals: Any, task_status: trio.TaskStatus[str]
) -> None:
    await serve(
        config, bound=bound, run_call=run_kept_call, signals=signals, task_status=task_status
    )


async def test_a_call_out_is_answered_hears_the_agent_and_is_ended_by_the_api() -> None:
    async with open_world() as world:
        call = await world.place()
        await call.until(lambda call: call.heard_ms >= SPEECH_MS, timeout_s=20)
        assert await world.rest.hang_up(call.call_sid) is RestOutcome.DONE
        await call.wait_over()
        assert call.statuses == ["queued", "initiated", "ringing", "in-progress", "completed"]
        assert call.ended_by is EndedBy.REST
        assert call.verbs == ["Connect"]
        assert call.streams[0].ended_by is CallEnd.HUNG_UP
        assert call.streams[0].violations == ()
        assert [asked.first("Status") for asked in call.requests] == ["", "completed"]
        assert [asked.status for asked in call.callbacks()] == [204] * 4
        assert call.problems == []


async def test_a_call_in_is_answered_and_the_caller_talks_and_hangs_up() -> None:
    async with open_world() as world:
        talk = CallerScript(
            (WaitForSpeech(200), Say("hold_on"), WaitForSilence(200), WaitForSpeech(200), HangUp())
        )
        call = await world.carrier.call(
            world.url + "/twilio/voice", script=CallScript(callee=Human(parts=(talk,)))
        )
        await call.wait_over(timeout_s=40)
        assert call.statuses == ["queued", "ringing", "in-progress", "completed"]
        assert call.ended_by is EndedBy.PERSON
        assert call.streams[0].clears_ms, "the caller interrupted"
        assert call.heard_ms > 0
        assert call.problems == []


async def test_when_the_server_closes_the_stream_the_verbs_after_it_are_done() -> None:
    async with open_carrier() as carrier:
        config = attrs.evolve(
            config_for(carrier), realtime=RealtimeConfig(provider="openai", api_key="sk-x")
        )
        # A model that cannot be reached: the call ends with recorded words.
        unreachable = attrs.evolve(
            config.realtime,
            url="ws://127.0.0.1:1/v1/realtime",
            connect_timeout_s=0.5,
            reconnect_max=0,
        )
        config = attrs.evolve(config, realtime=unreachable)
        with trio.fail_after(60), contextlib.closing(bind_socket("127.0.0.1", 0)) as bound:
            async with trio.open_nursery() as nursery:
                send_signal, signals = trio.open_memory_channel[int](4)
                url = await nursery.start(_serve, config, bound, signals)
                call = await carrier.call(url + "/twilio/voice")
                await call.wait_over(timeout_s=40)
                send_signal.send_nowait(signal.SIGTERM)
        assert call.verbs[0] == "Connect"
        assert call.verbs[-1] == "Hangup", "whether at once or by a redirect"
        assert call.heard_ms >= 2_000, "the last words"
        assert call.streams[0].ended_by is CallEnd.FAR_END_CLOSED
        assert (call.status, call.ended_by) == ("completed", EndedBy.TWIML)


async def test_a_call_is_redirected_away_from_the_agent() -> None:
    async with open_world() as world:
        call = await world.place()
        await call.until(lambda call: call.heard_ms >= SPEECH_MS, timeout_s=20)
        desk = twiml.Dial(target=twiml.dial_target("+15550004444"), caller_id=FROM)
        away = twiml.voice_response([twiml.Say("One moment."), desk])
        assert await world.rest.redirect(call.call_sid, away) is RestOutcome.DONE
        await call.wait_over()
        assert call.verbs == ["Connect", "Say", "Dial"]
        assert [dial.target for dial in call.dials] == ["+15550004444"]
        assert call.streams[0].ended_by is CallEnd.HUNG_UP
        assert (call.status, call.ended_by) == ("completed", EndedBy.TWIML)


async def test_calls_do_not_outlive_their_carrier() -> None:
    async with open_carrier(otherwise=CallScript(ring_s=600)) as carrier:
        async with open_twilio_rest(carrier.twilio) as rest:
            await rest.place_call(PlaceCall(to=TO, from_=FROM, twiml="<Response/>"))
        call = await carrier.nth_call(0)
        assert not call.is_over
    assert not call.over.is_set()


async def test_waiting_for_a_call_that_never_comes_has_an_end() -> None:
    async with open_carrier(account_sid="AC1", auth_token="t") as carrier:
        assert (carrier.twilio.account_sid, carrier.twilio.auth_token) == ("AC1", "t")
        with pytest.raises(trio.TooSlowError):
            await carrier.nth_call(0, timeout_s=0)
        assert "auth_token" not in repr(carrier)
