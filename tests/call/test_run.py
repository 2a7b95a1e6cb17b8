"""When a call is over, in what order things close, and that nothing is left of it."""

from __future__ import annotations

import contextlib
import gc
from typing import Any

import attrs
import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from trio_media.config import Config
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.machine import DecisionCore
from trio_media.errors import CallRefused
from trio_media.telephony.events import MediaStreamStarted

from .live import GREETS, ONCE, LiveCall, Notebook, SpeechByByte, config_of, for_once, live_call
from .wires import LOUD_FRAME, numbers_of, speech


async def test_a_greeting_is_created_played_and_marked(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        create = await model.says("R1", "I1", speech(800))
        assert "Hello." in create["response"]["instructions"]
        await trio.sleep(2)
        assert call.carrier.heard() == speech(800)
        assert len(call.carrier.of("mark")) == 4
    assert call.end.reason == "caller_hung_up"
    assert call.end.call_sid == "CA1"
    assert call.carrier.close_code == model.close_code == 1000


async def test_barge_in_in_mid_sentence(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.caller_speaks(500)
        assert [m["response_id"] for m in model.of("response.cancel")] == ["R1"]
        [truncate] = model.of("conversation.item.truncate")
        heard_ms = len(numbers_of(call.carrier.heard()))
        assert abs(truncate["audio_end_ms"] - heard_ms) <= 20
        assert len(call.carrier.of("clear")) == 1


async def test_a_whole_conversation(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(1_000))
        await trio.sleep(2)
        for number in range(2, 6):
            await call.caller_speaks(400)
            await model.turn(f"T{number}", "And then?")
            await model.says(f"R{number}", f"I{number}", speech(1_500))
            await trio.sleep(1)
            await call.control.interrupt()
            await trio.sleep(1)
        assert len(model.of("response.create")) == 5
        assert len(call.carrier.of("clear")) == 4
        assert len(model.of("conversation.item.truncate")) == 4
        assert model.of("response.cancel") == []


# --- before it begins ------------------------------------------------------------------------


async def test_a_media_stream_that_does_not_start_is_closed(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        end = await call.until_end()
        assert end.reason == "start_timeout"
        assert end.call_sid == ""
        assert end.duration_ms == pytest.approx(5_000, abs=300)
        assert call.carrier.close_code == 1008


async def test_a_call_that_is_not_admitted_is_closed(autojump_clock: MockClock) -> None:
    def refuse(started: MediaStreamStarted) -> None:
        raise CallRefused(f"{started.custom_parameters['token']} is no token")

    async with live_call(admit=refuse) as call:
        await call.carrier.start(token="x")
        end = await call.until_end()
        assert (end.reason, end.call_sid) == ("refused", "CA1")
        assert call.carrier.close_code == 1013
        assert call._model_spy is None
        assert call.log.lines[0] == ("call refused", {"reason": "x is no token"})


async def test_media_before_the_start_breaks_the_protocol(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        await call.carrier.media()
        assert (await call.until_end()).reason == "carrier_protocol_error"
        assert call.carrier.close_code == 1002


async def test_a_carrier_that_leaves_before_the_start(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        await call.carrier.websocket.aclose()
        assert (await call.until_end()).reason == "carrier_lost"


async def test_an_upgrade_that_never_comes(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        call.spy.mute()
        assert (await call.until_end()).reason == "start_timeout"


# --- how it ends -----------------------------------------------------------------------------


async def test_an_abrupt_end_of_the_carrier(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.raw.aclose()
        end = await call.until_end()
        assert end.reason == "carrier_lost"
        assert call.carrier.now_ms() <= 2_000
        assert model.close_code == 1000


async def test_garbage_from_the_carrier(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        await call.start()
        await call.carrier.websocket.send_message("{not json")
        end = await call.until_end()
        assert end.reason == "carrier_protocol_error"
        assert end.counters["carrier_protocol_errors"] == end.counters["carrier_losses"] == 1
        assert call.carrier.close_code == 1002


async def test_hanging_up_says_goodbye_to_both(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.control.hang_up()
        await call.control.hang_up()
        end = await call.until_end()
        assert end.reason == "hung_up"
        assert call.carrier.close_code == model.close_code == 1000
        assert call.carrier.came[-1][1]["event"] == "clear", "the carrier may still play"
        assert call.ended_ms <= 1_100


@pytest.mark.parametrize("stalled", ["carrier", "model", "both"])
async def test_both_legs_are_closed_within_a_second_though_a_peer_does_not_read(
    autojump_clock: MockClock, stalled: str
) -> None:
    async with live_call() as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        if stalled in ("carrier", "both"):
            call.spy.hold()
        if stalled in ("model", "both"):
            call.model_spy.hold()
        await call.carrier.media()
        await trio.sleep(0.3)
        decided_ms = call.carrier.now_ms()
        await call.control.hang_up()
        await call.until_end()
        assert call.carrier.now_ms() - decided_ms <= 1_000
        assert call.spy.is_closed
        assert call.model_spy.is_closed


async def test_the_write_in_progress_is_finished_before_the_goodbye(
    autojump_clock: MockClock,
) -> None:
    async with live_call(config_of("")) as call:
        model = await call.start()
        call.model_spy.hold()
        await call.carrier.media(LOUD_FRAME)
        await call.model_spy.stalled.wait()
        await call.control.hang_up()
        await trio.sleep(0.1)
        call.model_spy.release()
        await call.until_end()
        await trio.sleep(0.1)
        assert model.close_code == 1000
        assert model.caller_audio() == LOUD_FRAME


async def test_nothing_is_written_after_the_goodbye(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.carrier.stop()
        await call.carrier.media(LOUD_FRAME)
        with contextlib.suppress(ConnectionClosed):
            await model.audio("R1", "I1", speech(1_000))
        await call.until_end()
        assert call.spy.writes[-1][:1] == b"\x88", "the last thing written is no close frame"
        assert call.model_spy.writes[-1][:1] == b"\x88"


async def test_a_forced_end_drops_both_legs_at_once(autojump_clock: MockClock) -> None:
    async with live_call() as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        forced_ms = call.carrier.now_ms()
        results = call.interrupt_soon()
        await trio.testing.wait_all_tasks_blocked()
        call.scope.cancel()
        await call.ended.wait()
        assert call.carrier.now_ms() == forced_ms
        assert call.crash is None
        assert len(results) == 1, "somebody waits for a call that is gone"
        await trio.lowlevel.checkpoint()
        assert call.spy.writes[-1][:1] != b"\x88"


# --- the model -------------------------------------------------------------------------------


async def test_what_was_said_is_heard_to_the_end_though_the_model_is_lost(
    autojump_clock: MockClock,
) -> None:
    async with live_call(ONCE) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(0.5)
        await model.websocket.aclose()
        end = await call.until_end()
        assert end.reason == "model_lost"
        assert numbers_of(call.carrier.heard()) == list(range(3_000))
        assert 3_000 <= end.duration_ms <= 3_600


@pytest.mark.parametrize("session", ["before", "after"])
async def test_a_model_that_says_nothing_ends_the_call_in_time(
    autojump_clock: MockClock, session: str
) -> None:
    async with live_call(ONCE) as call:
        await call.carrier.start()
        await call.model_came.wait()
        if session == "after":
            await call.model.event("session.created", session={"id": "s"})
        end = await call.until_end()
        assert end.reason == "model_lost"
        assert end.duration_ms == pytest.approx(5_000, abs=600)
        [lost] = call.notebook.noted("model_lost")
        assert "no session within 5 s" in lost["reason"]


async def test_an_unreachable_model_ends_the_call_and_says_why() -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    realtime = attrs.evolve(Config().realtime, url=f"ws://127.0.0.1:{port}")
    config = for_once(attrs.evolve(GREETS, realtime=realtime))
    async with live_call(config, connect=None) as call:
        await call.carrier.start()
        assert (await call.until_end()).reason == "model_lost"
        assert str(port) in call.notebook.noted("model_lost")[0]["reason"]
        assert call.end.counters["model_connect_failures"] == 1


async def test_a_model_that_refuses_ends_the_call_and_says_why(autojump_clock: MockClock) -> None:
    async with live_call(refuse_model=401) as call:
        await call.carrier.start()
        end = await call.until_end()
        assert end.reason == "model_lost"
        assert end.counters["model_refused"] == end.counters["model_connect_failures"] == 1
        assert "http_401" in call.notebook.noted("model_lost")[0]["reason"]
        assert end.duration_ms < 1_000


# --- crashes ---------------------------------------------------------------------------------


class Broken(Exception):
    pass


class BrokenDetector(SpeechByByte):
    def hear(self, payload: bytes, at_ms: int) -> Any:
        raise Broken


class BrokenNotebook(Notebook):
    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def event(self, event: Any, t_ms: int) -> None:
        if self.where == "event" and "SessionReady" in repr(event):
            raise Broken

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:
        if self.where == kind:
            raise Broken

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        if self.where == "caller_audio":
            raise Broken


async def _crashes(call: LiveCall) -> None:
    began_ms = call.carrier.now_ms()
    with trio.move_on_after(2):
        await call.carrier.start()
        await call.model_came.wait()
        await call.model.begin()
        await call.carrier.media()
    await call.ended.wait()
    assert call.ended_ms - began_ms <= 1_000
    assert isinstance(call.crash, BaseExceptionGroup)
    assert call.crash.subgroup(Broken) is not None
    assert call.spy.is_closed
    assert call._model_spy is None or call._model_spy.is_closed


async def test_a_detector_that_crashes_ends_the_call_loudly(autojump_clock: MockClock) -> None:
    async with live_call(detect=BrokenDetector) as call:
        await _crashes(call)


@pytest.mark.parametrize("where", ["event", "caller_audio", "model_ready", "started"])
async def test_an_observer_that_crashes_ends_the_call_loudly(
    autojump_clock: MockClock, where: str
) -> None:
    async with live_call(observers=lambda *_: [BrokenNotebook(where)]) as call:
        await _crashes(call)


class BrokenCore(DecisionCore):
    def handle(self, event: ev.Event, now_ms: int) -> list[cm.Command]:
        if isinstance(event, ev.KeyPressed):
            raise Broken
        return super().handle(event, now_ms)


async def test_what_the_core_crashes_at_is_in_the_log(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_media.call.hold.DecisionCore", BrokenCore)
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.carrier.key("5")
        await call.ended.wait()
        assert call.crash is not None
        assert call.notebook.events[-1] == ev.KeyPressed("5")
        assert call.notebook.replay(call.policy).events == len(call.notebook.events)


async def test_whoever_interrupts_a_call_that_crashes_is_released(
    autojump_clock: MockClock,
) -> None:
    async with live_call(observers=lambda *_: [BrokenNotebook("caller_audio")]) as call:
        model = await call.start()
        model.obeys = False
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        results = call.interrupt_soon()
        await trio.sleep(0.1)
        await call.carrier.media()
        await call.ended.wait()
        await trio.sleep(0.1)
        assert [result.outcome.value for result in results] == ["call_ended"]


# --- nothing is left -------------------------------------------------------------------------


async def _short_call() -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(600))
        await call.caller_speaks(60)
        await call.control.interrupt()


async def test_two_hundred_calls_leave_nothing(autojump_clock: MockClock) -> None:
    for _ in range(20):
        await _short_call()
    gc.collect()
    tasks, objects = trio.lowlevel.current_statistics().tasks_living, len(gc.get_objects())
    for _ in range(200):
        await _short_call()
    gc.collect()
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    assert len(gc.get_objects()) - objects < 200, "a call leaves objects behind"
