"""Interruptions in every phase, as they look on the wires."""

from __future__ import annotations

import json

import pytest
import trio
from trio.testing import MockClock

from trio_media.call.control import InterruptionResult, Words
from trio_media.core.commands import Outcome

from .live import GREETS, config_of, for_once, live_call
from .wires import LOUD_FRAME, Carrier, Model, is_type, numbers_of, speech

SAYS_NOTHING = config_of("")
SERVER = config_of("", authority="server")


def cancels(model: Model) -> list[str]:
    return [message["response_id"] for message in model.of("response.cancel")]


def truncates(model: Model) -> dict[str, int]:
    found = model.of("conversation.item.truncate")
    return {message["item_id"]: message["audio_end_ms"] for message in found}


def deletes(model: Model) -> list[str]:
    return [message["item_id"] for message in model.of("conversation.item.delete")]


def kinds_after_clear(carrier: Carrier) -> list[str]:
    kinds = [message["event"] for _, message in carrier.came]
    return kinds[kinds.index("clear") + 1 :]


# --- by phase --------------------------------------------------------------------------------


async def test_a_queued_answer_is_dropped_and_nothing_is_on_the_wire(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        await call.carrier.start()
        await call.model_came.wait()  # but it has not agreed yet: the greeting waits
        result = await call.control.interrupt()
        assert result == InterruptionResult(Outcome.CANCELLED, 0)
        await call.model.begin()
        await trio.sleep(3)
        assert call.model.orders() == ["session.update"]


async def test_a_queued_answer_that_is_to_be_kept_is_said_all_the_same(
    autojump_clock: MockClock,
) -> None:
    async with live_call(SAYS_NOTHING) as call:
        await call.carrier.start()
        await call.model_came.wait()
        await call.control.speak(Words(text="Goodbye."), keep=True)
        assert (await call.control.interrupt()).outcome is Outcome.NOTHING_TO_INTERRUPT
        await call.model.begin()
        create = await call.model.next_create()
        assert create["response"]["instructions"] == "Goodbye."


async def test_a_requested_answer_is_cancelled_when_its_id_appears_and_never_heard(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        create = await model.next_create()
        results = call.interrupt_soon()
        await trio.sleep(0.1)
        assert not results
        assert cancels(model) == []
        await model.created("R1", create)
        await model.item("R1", "I1")
        await model.audio("R1", "I1", speech(500))
        await trio.sleep(1)
        assert cancels(model) == ["R1"]
        assert results == [InterruptionResult(Outcome.CANCELLED, 0)]
        assert call.carrier.sent() == b""
        assert deletes(model) == ["I1"]


async def test_an_answer_before_its_audio_is_cancelled_and_its_item_deleted(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1")
        await trio.sleep(0.1)
        result = await call.control.interrupt()
        assert result == InterruptionResult(Outcome.CANCELLED, 0)
        await trio.sleep(1)
        assert cancels(model) == ["R1"]
        assert deletes(model) == ["I1"]
        assert truncates(model) == {}


async def test_an_answer_with_audio_is_silenced_cancelled_and_truncated_in_this_order(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(5_000))
        await trio.sleep(1.5)
        result = await call.control.interrupt()
        heard_ms = len(numbers_of(call.carrier.heard()))
        assert result.outcome is Outcome.CANCELLED
        assert abs(result.heard_ms - heard_ms) <= 20
        await model.audio("R1", "I1", speech(500))  # late
        await trio.sleep(1)
        assert model.orders()[-2:] == ["response.cancel", "conversation.item.truncate"]
        assert truncates(model) == {"I1": result.heard_ms}
        assert "media" not in kinds_after_clear(call.carrier)


async def test_a_second_interruption_of_a_dying_answer_waits_for_the_same_end(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        model.obeys = False
        await model.opens("R1", "I1", speech(5_000))
        await trio.sleep(1)
        results = call.interrupt_soon()
        await trio.sleep(0.5)
        results_2 = call.interrupt_soon()
        await trio.sleep(0.5)
        assert results == results_2 == []
        await model.done("R1", "cancelled", "client_cancelled")
        await trio.sleep(0.1)
        assert [r.outcome for r in results + results_2] == [Outcome.CANCELLED] * 2
        assert cancels(model) == ["R1"]
        assert len(call.carrier.of("clear")) == 1


async def test_an_answer_that_is_over_but_audible_is_cleared_and_truncated_without_a_cancel(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(3_000))
        await trio.sleep(1)
        result = await call.control.interrupt()
        assert result.outcome is Outcome.ALREADY_OVER
        assert abs(result.heard_ms - 1_000) <= 40
        await trio.sleep(0.1)
        assert cancels(model) == []
        assert truncates(model) == {"I1": result.heard_ms}
        assert len(call.carrier.of("clear")) == 1


async def test_an_answer_that_was_heard_is_left_alone(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(800))
        await trio.sleep(2)
        result = await call.control.interrupt()
        assert result.outcome is Outcome.NOTHING_TO_INTERRUPT
        await call.caller_speaks(500)
        await trio.sleep(0.5)
        assert call.carrier.of("clear") == []
        assert model.orders() == ["session.update", "response.create"]


# --- outcomes --------------------------------------------------------------------------------


async def test_an_interruption_of_what_was_meant_long_ago_is_stale(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(400))
        meant = call.control.newest()
        await trio.sleep(2)
        await model.turn("T1")
        await model.opens("R2", "I2", speech(2_000))
        await trio.sleep(0.5)
        result = await call.control.interrupt(through=meant)
        assert result.outcome is Outcome.ALREADY_OVER
        await trio.sleep(0.5)
        assert cancels(model) == []
        assert call.carrier.of("clear") == []


async def test_a_cancel_that_came_too_late_is_already_over(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        model.obeys = False
        await model.opens("R1", "I1", speech(2_000))
        await trio.sleep(0.5)
        results = call.interrupt_soon()
        [cancel] = await model.wait_for(is_type("response.cancel"))
        await model.error("response_cancel_not_active", cancel["event_id"])
        await model.done("R1")
        await trio.sleep(0.1)
        assert [r.outcome for r in results] == [Outcome.ALREADY_OVER]


async def test_a_model_that_never_ends_a_cancelled_answer_times_out(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        model.obeys = False
        await model.opens("R1", "I1", speech(2_000))
        await trio.sleep(0.5)
        began_s = trio.current_time()
        result = await call.control.interrupt()
        assert result.outcome is Outcome.TIMED_OUT
        assert trio.current_time() - began_s == pytest.approx(3, abs=0.1)


async def test_an_interruption_ends_failed_when_the_session_is_lost(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        model.obeys = False
        await model.opens("R1", "I1", speech(2_000))
        await trio.sleep(0.5)
        results = call.interrupt_soon()
        await model.wait_for(is_type("response.cancel"))
        await model.websocket.aclose()
        await trio.sleep(0.1)
        assert [r.outcome for r in results] == [Outcome.FAILED]


async def test_an_interruption_ends_with_the_call(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        model.obeys = False
        await model.opens("R1", "I1", speech(2_000))
        await trio.sleep(0.5)
        results = call.interrupt_soon()
        await trio.sleep(0.1)
        await call.carrier.stop()
        await call.until_end()
        assert [r.outcome for r in results] == [Outcome.CALL_ENDED]
        assert (await call.control.interrupt()).outcome is Outcome.CALL_ENDED


async def test_what_the_server_interrupted_is_not_cancelled_by_us(
    autojump_clock: MockClock,
) -> None:
    async with live_call(SERVER) as call:
        model = await call.start()
        await model.created("R1")
        await model.item("R1", "I1")
        await model.audio("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await model.hears_start("T1")
        await trio.sleep(0.1)
        results = call.interrupt_soon()
        await trio.sleep(0.1)
        await model.done("R1", "cancelled", "turn_detected")
        await trio.sleep(0.1)
        assert [r.outcome for r in results] == [Outcome.SERVER_CANCELLED]
        assert cancels(model) == []
        assert len(call.carrier.of("clear")) == 1
        assert abs(truncates(model)["I1"] - 1_000) <= 40


async def test_protected_speech_is_not_interrupted(autojump_clock: MockClock) -> None:
    async with live_call(config_of(protect_greeting=True)) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(0.5)
        assert (await call.control.interrupt()).outcome is Outcome.PROTECTED
        await call.caller_speaks(500)
        await call.carrier.key("1")
        await model.done("R1")
        await trio.sleep(4)
        assert numbers_of(call.carrier.heard()) == list(range(3_000))
        assert call.carrier.of("clear") == []
        assert cancels(model) == []


# --- by speech -------------------------------------------------------------------------------


async def test_a_cough_is_hushed_and_nothing_is_skipped(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.caller_speaks(100)
        hushed_ms = call.carrier.times_ms("clear")[0]
        await trio.sleep(5)
        heard = numbers_of(call.carrier.heard())
        assert set(heard) == set(range(3_000))  # nothing is skipped
        assert len(heard) - 3_000 == pytest.approx(100, abs=40)  # and that much is said twice
        assert model.orders() == ["session.update", "response.create"]
        assert len(call.carrier.of("clear")) == 1
        resumed_ms = min(t for t in call.carrier.times_ms("media") if t > hushed_ms)
        assert resumed_ms - hushed_ms == pytest.approx(280, abs=60)  # 80 ms of it, 200 ms of quiet


async def test_a_hush_without_an_end_ends_by_its_deadline(autojump_clock: MockClock) -> None:
    config = config_of("Hello.", hush_max_ms=300, min_speech_ms=2_000)
    async with live_call(config) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.caller_speaks(600)
        hushed_ms = call.carrier.times_ms("clear")[0]
        resumed_ms = min(t for t in call.carrier.times_ms("media") if t > hushed_ms)
        assert resumed_ms - hushed_ms == pytest.approx(300, abs=10)


async def test_speech_takes_and_its_turn_is_answered_once(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        call.nursery.start_soon(call.caller_speaks, 600)
        await trio.sleep(0.2)
        await model.hears_start("T1")
        await trio.sleep(1)
        await model.hears_stop("T1")
        await model.commits("T1")
        await model.commits("T1")
        await model.says("R2", "I2", speech(400))
        await model.transcribes("T1", "I want something else.")
        await trio.sleep(5)
        assert cancels(model) == ["R1"]
        assert len(model.of("response.create")) == 2
        assert len(call.carrier.of("clear")) == 1
        assert call.carrier.heard().endswith(speech(400))


async def test_a_backchannel_over_the_model_is_void(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(4_000))
        await trio.sleep(1)
        await model.turn("T1", "Mhm.")
        await model.done("R1")
        await trio.sleep(5)
        assert deletes(model) == ["T1"]
        assert len(model.of("response.create")) == 1
        assert numbers_of(call.carrier.heard()) == list(range(4_000))


async def test_words_over_the_model_are_answered_when_it_has_finished(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(1_000))
        await trio.sleep(0.5)
        await model.turn("T1", "What about tomorrow?")
        await trio.sleep(0.5)
        assert len(model.of("response.create")) == 1
        await model.done("R1")
        await model.says("R2", "I2", speech(200))
        await trio.sleep(2)
        assert len(model.of("response.create")) == 2
        assert deletes(model) == []


async def test_an_interruption_that_no_turn_explains_is_answered_after_a_while(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.caller_speaks(500)
        quiet_ms = call.carrier.now_ms()
        await model.next_create()  # the second
        assert model.times_ms("response.create")[1] - quiet_ms == pytest.approx(2_000, abs=60)


async def test_long_server_speech_takes_what_the_local_ear_missed(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(5_000))
        await trio.sleep(1)
        await model.hears_start("T1")
        started_ms = call.carrier.now_ms()
        [clear_ms] = [await _clear_ms(call.carrier)]
        assert clear_ms - started_ms == pytest.approx(500 + 700, abs=20)
        assert cancels(model) == ["R1"]


async def _clear_ms(carrier: Carrier) -> int:
    await carrier.wait_for(is_type("clear"))
    await trio.sleep(0.05)
    return carrier.times_ms("clear")[0]


async def test_with_the_servers_ear_its_speech_takes_and_local_speech_does_nothing(
    autojump_clock: MockClock,
) -> None:
    async with live_call(config_of("Hello.", detector="server")) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(5_000))
        await trio.sleep(1)
        await call.caller_speaks(600)
        assert call.carrier.of("clear") == []
        await model.hears_start("T1")
        await trio.sleep(0.1)
        assert cancels(model) == ["R1"]
        assert len(call.carrier.of("clear")) == 1


async def test_with_the_local_ear_server_speech_takes_nothing(autojump_clock: MockClock) -> None:
    async with live_call(config_of("Hello.", detector="local")) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(5_000))
        await trio.sleep(1)
        await model.hears_start("T1")
        await trio.sleep(2)
        assert call.carrier.of("clear") == []
        await call.caller_speaks(500)
        assert cancels(model) == ["R1"]


# --- the server's authority ------------------------------------------------------------------


async def test_under_the_servers_authority_local_speech_hushes_and_the_server_takes(
    autojump_clock: MockClock,
) -> None:
    async with live_call(SERVER) as call:
        model = await call.start()
        await model.created("R1")
        await model.item("R1", "I1")
        await model.audio("R1", "I1", speech(3_000))
        await trio.sleep(1)
        call.nursery.start_soon(call.caller_speaks, 600)
        await trio.sleep(0.25)
        assert len(call.carrier.of("clear")) == 1
        assert model.orders() == ["session.update"]
        await model.hears_start("T1")
        await model.done("R1", "cancelled", "turn_detected")
        await trio.sleep(0.5)
        await model.hears_stop("T1")
        await model.commits("T1")
        await model.created("R2")
        await model.item("R2", "I2")
        await model.audio("R2", "I2", speech(400))
        await model.done("R2")
        await trio.sleep(2)
        assert model.orders() == ["session.update", "conversation.item.truncate"]
        assert len(call.carrier.of("clear")) == 1
        assert call.carrier.heard().endswith(speech(400))


async def test_under_the_servers_authority_we_cancel_when_the_server_does_not_hear_it(
    autojump_clock: MockClock,
) -> None:
    async with live_call(SERVER) as call:
        model = await call.start()
        await model.created("R1")
        await model.item("R1", "I1")
        await model.audio("R1", "I1", speech(5_000))
        await trio.sleep(1)
        call.nursery.start_soon(call.caller_speaks, 900)
        hushed_ms = await _clear_ms(call.carrier)
        await model.wait_for(is_type("response.cancel"))
        assert model.times_ms("response.cancel")[0] - hushed_ms == pytest.approx(600, abs=20)


async def test_a_protected_greeting_waits_for_the_server_to_be_forbidden_to_act(
    autojump_clock: MockClock,
) -> None:
    async with live_call(config_of(authority="server", protect_greeting=True)) as call:
        model = await call.start()
        model.obeys = False
        await model.wait_for(is_type("session.update"), count=2)
        await trio.sleep(1)
        assert model.of("response.create") == []
        forbids = model.of("session.update")[1]["session"]
        flags = forbids["audio"]["input"]["turn_detection"]
        assert flags["interrupt_response"] is flags["create_response"] is False
        await model.event("session.updated", session=forbids)
        await model.says("R1", "I1", speech(1_000))
        await trio.sleep(0.5)
        assert len(model.of("session.update")) == 2
        await trio.sleep(1)
        flags = model.of("session.update")[2]["session"]["audio"]["input"]["turn_detection"]
        assert flags["interrupt_response"] is flags["create_response"] is True


async def test_a_service_that_does_not_say_which_flags_it_took_is_believed(
    autojump_clock: MockClock,
) -> None:
    async with live_call(config_of(authority="server", protect_greeting=True)) as call:
        model = await call.start()
        model.obeys = False
        await model.wait_for(is_type("session.update"), count=2)
        await model.event("session.updated", session={})
        await model.says("R1", "I1", speech(400))
        await model.wait_for(is_type("session.update"), count=3)
        await model.event("session.updated", session={})
        await trio.sleep(10)
        assert len(model.of("session.update")) == 3


# --- keys ------------------------------------------------------------------------------------


async def test_a_key_interrupts_and_keys_are_one_text_with_one_create(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(5_000))
        await trio.sleep(1)
        for digit in "1#2":
            await call.carrier.key(digit)
            await trio.sleep(0.5)
        pressed_ms = call.carrier.now_ms() - 500
        await model.next_create()
        assert cancels(model) == ["R1"]
        [text] = model.of("conversation.item.create")
        assert "1#2" in text["item"]["content"][0]["text"]
        keyed_ms = model.times_ms("conversation.item.create")[0]
        assert keyed_ms - pressed_ms == pytest.approx(1_500, abs=20)
        assert model.orders()[-2:] == ["conversation.item.create", "response.create"]


async def test_keys_that_do_not_interrupt_are_told_all_the_same(autojump_clock: MockClock) -> None:
    async with live_call(config_of("Hello.", dtmf_interrupts=False)) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(1_000))
        await trio.sleep(0.5)
        await call.carrier.key("5")
        await trio.sleep(2)
        assert cancels(model) == []
        assert len(model.of("conversation.item.create")) == 1
        assert len(model.of("response.create")) == 1
        await model.done("R1")
        await model.next_create()


# --- the owner itself ------------------------------------------------------------------------


async def test_a_burst_of_letters_is_read_to_the_last(autojump_clock: MockClock) -> None:
    async with live_call(SAYS_NOTHING) as call:
        model = await call.start()
        await trio.sleep(0.1)
        for number in range(100):
            await model.hears_start(f"T{number}")
        await trio.sleep(0.1)
        seen = [event for event in call.notebook.events if "ServerSpeechStarted" in repr(event)]
        assert len(seen) == 100


async def test_letters_beyond_one_round_are_not_lost(autojump_clock: MockClock) -> None:
    async with live_call(SAYS_NOTHING) as call:
        await call.start()
        await trio.sleep(0.1)
        for _ in range(70):
            call.control.line.nudge()
        before = len(call.notebook.events)
        await trio.sleep(0.1)
        assert len(call.notebook.events) - before >= 70


async def test_a_model_that_does_not_read_control_loses_the_session(
    autojump_clock: MockClock,
) -> None:
    async with live_call(for_once(SAYS_NOTHING)) as call:
        await call.start()
        await trio.sleep(0.1)
        call.model_spy.hold()
        await call.carrier.media()
        await call.model_spy.stalled.wait()
        for _ in range(300):
            call.control.line.model_outbox.put_control("{}")
        await call.carrier.key("1")
        await trio.sleep(2)
        assert call.notebook.noted("model_outbox_full")
        assert (await call.until_end()).reason == "model_lost"
        assert call.ended_ms <= 2_500, "only the watchdog found it"


async def test_audio_is_said_in_frames_and_the_tail_is_padded(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(333))
        await trio.sleep(1)
        assert len(call.carrier.heard()) == 340 * 8
        assert numbers_of(call.carrier.heard()) == list(range(333))


async def test_speech_that_is_on_when_an_answer_opens_hushes_it(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        call.nursery.start_soon(call.carrier.talk, 200, LOUD_FRAME)
        await trio.sleep(0.1)
        await model.opens("R1", "I1", speech(500))
        await trio.sleep(0.1)
        assert call.carrier.sent() == b""


# --- several items, old echoes, echo of our own voice ----------------------------------------


async def test_each_item_of_an_answer_is_told_for_itself(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(800))
        await model.event("response.output_audio.done", response_id="R1", item_id="I1")
        for item_id in ("I2", "I3"):
            await model.item("R1", item_id)
            await model.audio("R1", item_id, speech(1_000, start_ms=10_000))
            await model.event("response.output_audio.done", response_id="R1", item_id=item_id)
        await trio.sleep(1.2)
        result = await call.control.interrupt()
        await trio.sleep(0.1)
        assert set(truncates(model)) == {"I2"}
        assert truncates(model)["I2"] == pytest.approx(400, abs=40)
        assert deletes(model) == ["I3"]
        assert result.heard_ms == 800 + truncates(model)["I2"]
        assert model.orders()[-3:] == [
            "response.cancel",
            "conversation.item.truncate",
            "conversation.item.delete",
        ]


async def test_echoes_of_cleared_marks_are_no_hearing(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(5_000))
        await trio.sleep(0.5)
        await call.control.interrupt()
        await model.turn("T1", "No, wait.")
        await model.opens("R2", "I2", speech(5_000))
        await trio.sleep(0.3)
        for mark in call.carrier.of("mark"):
            if mark["mark"]["name"].startswith("e1"):
                await call.carrier.echo(mark["mark"]["name"])  # all of the first epoch once more
        await trio.sleep(0.1)
        result = await call.control.interrupt()
        assert result.heard_ms == pytest.approx(400, abs=40)
        assert len(call.carrier.of("clear")) == 2


async def test_a_carrier_that_loses_marks_is_believed_less_but_the_call_goes_on(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        call.carrier.echoes = False
        await model.says("R1", "I1", speech(4_000))
        await trio.sleep(10)
        assert numbers_of(call.carrier.heard()) == list(range(4_000))
        await model.turn("T1", "Hello?")
        call.carrier.echoes = True
        await model.says("R2", "I2", speech(400))
        await trio.sleep(1)
        assert call.carrier.heard().endswith(speech(400))


async def test_an_onset_just_after_audio_began_counts_only_if_it_goes_on(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(2_000))
        await trio.sleep(0.05)
        await call.caller_speaks(60)  # echo
        await trio.sleep(0.5)
        assert call.carrier.of("clear") == []


async def test_two_coughs_in_a_row_are_noise_and_the_third_does_nothing(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(8_000))
        await trio.sleep(1)
        for _ in range(3):
            await call.caller_speaks(80)
            await trio.sleep(1)
        assert len(call.carrier.of("clear")) == 2
        assert model.of("response.cancel") == []


async def test_a_truncate_that_is_rejected_changes_nothing(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.control.interrupt()
        [truncate] = await model.wait_for(is_type("conversation.item.truncate"))
        await model.error("invalid_value", truncate["event_id"], "Audio is already shorter than")
        await model.turn("T1", "Go on.")
        await model.says("R2", "I2", speech(400))
        await trio.sleep(1)
        assert call.carrier.heard().endswith(speech(400))


async def test_not_active_after_the_end_is_harmless(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.control.interrupt()
        await model.turn("T1", "Go on.")
        await model.opens("R2", "I2", speech(3_000))
        await model.error("response_cancel_not_active", model.of("response.cancel")[0]["event_id"])
        await trio.sleep(0.5)
        assert (await call.control.interrupt()).outcome is Outcome.CANCELLED
        assert cancels(model) == ["R1", "R2"]


async def test_the_servers_next_answer_is_not_hit_by_the_end_of_the_last_one(
    autojump_clock: MockClock,
) -> None:
    async with live_call(SERVER) as call:
        model = await call.start()
        await model.created("R1")
        await model.item("R1", "I1")
        await model.audio("R1", "I1", speech(4_000))
        await trio.sleep(0.5)
        await model.turn("T1")
        await model.created("R2")
        await model.item("R2", "I2")
        await model.audio("R2", "I2", speech(500))
        await model.done("R1", "cancelled", "turn_detected")
        await model.audio("R1", "I1", speech(300, start_ms=9_000))
        await model.done("R2")
        await trio.sleep(2)
        assert call.carrier.heard().endswith(speech(500))
        assert len(call.carrier.of("clear")) == 1
        assert cancels(model) == []


async def test_the_words_of_a_request_outlive_a_collision_with_the_servers_own_response(
    autojump_clock: MockClock,
) -> None:
    """What opened first was taken for the answer; the refusal says that it was not."""
    async with live_call(GREETS) as call:
        await call.start()
        [create] = await call.model.wait_for(is_type("response.create"))
        await call.model.created("R1")  # the server's own, before it ever echoed a token
        error = {
            "type": "invalid_request_error",
            "code": "conversation_already_has_active_response",
            "message": "busy",
            "event_id": create["event_id"],
        }
        await call.model.event("error", error=error)
        await call.model.done("R1")
        again = (await call.model.wait_for(is_type("response.create"), count=2))[1]
        assert again["response"]["instructions"] == create["response"]["instructions"]


async def test_what_lies_unread_after_a_stall_is_read_before_it_is_missed(
    autojump_clock: MockClock,
) -> None:
    """A create is given up after ten seconds without a word; here the word was there."""
    async with live_call(GREETS) as call:
        model = await call.start()
        create = await model.next_create()
        await trio.sleep(1)
        message = {"id": "R1", "metadata": create["response"]["metadata"]}
        created = json.dumps({"type": "response.created", "response": message})
        call.nursery.start_soon(model.websocket.send_message, created)
        await trio.lowlevel.checkpoint()
        autojump_clock.jump(12)
        await trio.sleep(0.5)
        assert call.notebook.noted("failure")[0]["what"] == "stalled"
        await model.item("R1", "I1")
        await model.audio("R1", "I1", speech(400))
        await model.done("R1")
        await trio.sleep(1)
        assert numbers_of(call.carrier.heard()) == list(range(400))
        assert cancels(model) == []
        assert len(model.of("response.create")) == 1
