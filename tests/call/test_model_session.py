"""The model's session: agreed on before anything is said, and left in good order."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from trio_media.call.attending import Attendance
from trio_media.call.breaker import IN_A_ROW, Breaker
from trio_media.core import events as ev

from .live import GREETS, ONCE, LiveCall, config_of, for_once, live_call
from .wires import speech

QUIET = config_of("")
QUIET_ONCE = for_once(QUIET)


async def lost(call: LiveCall) -> str:
    assert (await call.until_end()).reason == "model_lost"
    [note] = call.notebook.noted("model_lost")
    return str(note["reason"])


async def test_nothing_is_said_before_the_session_is_created(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        await call.carrier.start()
        await call.model_came.wait()
        await call.carrier.media()
        await trio.sleep(1)
        assert call.model.came == []


async def test_what_it_took_to_make_the_session_is_timed_and_not_how_old_the_call_is(
    autojump_clock: MockClock,
) -> None:
    async def attend_slowly(started: Any) -> Attendance:
        await trio.sleep(2)
        return Attendance(config=GREETS)

    async with live_call(GREETS, attend=attend_slowly) as call:
        await call.carrier.start()
        await call.model_came.wait()
        await trio.sleep(0.4)
        await call.model.begin()
        await trio.sleep(1)
    assert call.end.latencies_ms["model_connect"][0] in (399, 400)


async def test_nothing_is_created_before_the_session_is_confirmed(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        await call.carrier.start()
        await call.model_came.wait()
        await call.carrier.media()
        await call.model.event("session.created", session={"id": "s"})
        await trio.sleep(1)
        assert call.model.orders() == ["session.update"]
        assert call.model.caller_audio() == b""


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"format": {"type": "audio/pcm", "rate": 24_000}}, "input format is audio/pcm"),
        ({"turn_detection": None}, "there is no turn detection"),
        (
            {"turn_detection": {"type": "server_vad", "interrupt_response": True}},
            "interrupt_response is True, not False",
        ),
        (
            {"turn_detection": {"type": "server_vad", "create_response": True}},
            "create_response is True, not False",
        ),
    ],
)
async def test_a_session_that_is_not_ours_is_refused(
    autojump_clock: MockClock, wrong: dict[str, Any], says: str
) -> None:
    async with live_call(GREETS) as call:
        await call.start(audio={"input": wrong})
        assert says in await lost(call)
        assert call.end.counters["model_refused"] == 1
        assert call.end.counters["model_connect_failures"] == 1
        assert "model_losses" not in call.end.counters
        assert call.model.of("response.create") == []


@pytest.mark.parametrize("event_id", ["session", None])
async def test_a_session_update_that_is_rejected_ends_the_call(
    autojump_clock: MockClock, event_id: str | None
) -> None:
    async with live_call(GREETS) as call:
        await call.carrier.start()
        await call.model_came.wait()
        await call.model.event("session.created", session={"id": "s"})
        await call.model.error("other", None, "something else")
        code = "invalid_value" if event_id else "model_not_found"
        await call.model.error(code, event_id, "no such voice")
        assert "no such voice" in await lost(call)


async def test_a_fatal_error_ends_the_session_and_another_does_not(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET_ONCE) as call:
        model = await call.start()
        await model.error("unknown_parameter", "tm99", "nobody knows")
        await trio.sleep(1)
        assert not call.ended.is_set()
        await model.error("session_expired", None, "your time is up")
        assert "your time is up" in await lost(call)
        assert call.end.counters["model_errors_rejected"] == 1
        assert call.end.counters["model_errors_fatal"] == 1


@pytest.mark.parametrize("garbage", ["{not json", "[]", '{"no": "type"}', "[" * 20_000])
async def test_garbage_from_the_model_ends_the_session(
    autojump_clock: MockClock, garbage: str
) -> None:
    async with live_call(QUIET_ONCE) as call:
        model = await call.start()
        await model.websocket.send_message(garbage)
        await lost(call)
        assert call.end.counters["model_protocol_errors"] == 1
        assert model.close_code == 1000


async def test_an_error_that_names_an_absurd_event_crashes_nothing(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await model.error("unknown_parameter", "tm" + "9" * 5_000)
        await model.created("R1", {"response": {"metadata": {"trio_media": "tm" + "9" * 5_000}}})
        await model.event("news")
        await trio.sleep(1)
        assert not call.ended.is_set()
        assert call.crash is None


async def test_audio_of_a_whole_hour_is_too_much(autojump_clock: MockClock) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await model.created("R1")
        await model.item("R1", "I1")
        for _ in range(40):
            if model.closed.is_set():
                break
            import base64

            delta = base64.b64encode(b"\x55" * (8 * 60_000)).decode()
            await model.event(
                "response.output_audio.delta", response_id="R1", item_id="I1", delta=delta
            )
            await trio.lowlevel.checkpoint()
        await trio.sleep(0.1)
        assert "unheard audio" in call.notebook.noted("model_lost")[0]["reason"]


async def test_a_create_that_a_forgotten_response_blocks_ends_the_session_in_good_order(
    autojump_clock: MockClock,
) -> None:
    async with live_call(ONCE) as call:
        model = await call.start()
        for _ in range(9):
            create = await model.next_create()
            await model.error("conversation_already_has_active_response", create["event_id"])
        end = await call.until_end()
        assert end.reason == "model_lost"
        assert call.notebook.noted("model_session_ended")
        assert call.notebook.noted("model_lost") == []  # it was ours to end
        assert model.close_code == 1000
        assert ev.SessionLost() in call.notebook.events


async def test_what_is_said_and_heard_is_noted(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(100))
        kind = "response.output_audio_transcript.done"
        await model.event(kind, response_id="R1", item_id="I1", transcript="Hello.")
        await model.turn("T1", "Hi there.")
        await model.event("conversation.item.truncated", item_id="I1", audio_end_ms=50)
        await trio.sleep(0.1)
        assert call.notebook.noted("model_text") == [{"item_id": "I1", "text": "Hello."}]
        assert call.notebook.noted("caller_text") == [{"item_id": "T1", "text": "Hi there."}]
        assert call.notebook.noted("truncated") == [{"item_id": "I1", "audio_end_ms": 50}]
        assert call.notebook.noted("response_done")[0]["response_id"] == "R1"


async def test_the_session_is_dropped_while_it_connects(autojump_clock: MockClock) -> None:
    async def connect() -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError

    async with live_call(QUIET, connect=connect) as call:
        await call.carrier.start()
        await trio.sleep(1)
        await call.control.hang_up()
        assert (await call.until_end()).reason == "hung_up"
        assert call.ended_ms == 1_000


# --- what all calls know of the service -------------------------------------------------------


async def test_a_service_that_is_left_alone_is_not_connected_to(
    autojump_clock: MockClock,
) -> None:
    breaker = Breaker(is_probed=True)
    breaker.failed(0, is_fatal=True, detail="our key is refused")
    async with live_call(QUIET, breaker=breaker) as call:
        await call.carrier.start()
        assert "our key is refused" in await lost(call)
        assert not call.model_came.is_set()
        assert call.end.counters["model_connect_failures"] == 1


@pytest.mark.parametrize(("status", "is_open"), [(401, True), (503, False)])
async def test_a_refused_handshake_is_told_to_all_calls(
    autojump_clock: MockClock, status: int, is_open: bool
) -> None:
    breaker = Breaker()
    async with live_call(QUIET_ONCE, refuse_model=status, breaker=breaker) as call:
        await call.carrier.start()
        await call.ended.wait()
    assert breaker.is_fatal is is_open
    if not is_open:
        for _ in range(IN_A_ROW - 1):
            assert breaker.is_closed
            breaker.failed(0, is_fatal=False, detail="other calls")
    assert not breaker.is_closed


async def test_a_session_counts_as_a_success_and_a_refusal_within_it_is_told_to_all_calls(
    autojump_clock: MockClock,
) -> None:
    breaker = Breaker()
    for _ in range(IN_A_ROW - 1):
        breaker.failed(0, is_fatal=False, detail="down")
    async with live_call(QUIET, breaker=breaker) as call:
        model = await call.start()
        await trio.sleep(1)
        breaker.failed(0, is_fatal=False, detail="down")
        assert breaker.is_closed
        await model.error("insufficient_quota", None, "Pay.")
        await trio.sleep(1)
        assert breaker.is_fatal


async def test_a_session_that_is_merely_lost_says_nothing_of_the_service(
    autojump_clock: MockClock,
) -> None:
    breaker = Breaker()
    async with live_call(QUIET_ONCE, breaker=breaker) as call:
        model = await call.start()
        await trio.sleep(1)
        for _ in range(IN_A_ROW - 1):
            breaker.failed(0, is_fatal=False, detail="down")
        await model.websocket.aclose(1011)
        await trio.lowlevel.checkpoint()
        await call.ended.wait()
        assert breaker.is_closed
