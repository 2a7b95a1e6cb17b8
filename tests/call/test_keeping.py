"""A call whose model goes away and comes back: what the new session is told, and what is heard."""

from __future__ import annotations

from contextlib import suppress

import attrs
import pytest
import trio
import trio_websocket
from trio.testing import MockClock

from trio_media.call.keeping import PAUSE_S_MAX, pause_s
from trio_media.core import commands as cm
from trio_media.core import events as ev

from .live import GREETS, LiveCall, config_of, live_call
from .wires import LOUD_FRAME, QUIET_FRAME, Model, numbers_of, speech

QUIET = config_of("")


def items(model: Model) -> list[tuple[str, str]]:
    """Return what a session was told: who said what, in order."""
    told = []
    for message in model.of("conversation.item.create"):
        item = message["item"]
        if item["type"] == "message":
            told.append((item["role"], item["content"][0]["text"]))
        else:
            told.append((item["type"], item.get("output", item.get("name"))))
    return told


async def says(model: Model, response: str, item: str, audio: bytes, text: str) -> None:
    """The model gives a whole answer, with its words."""
    await model.opens(response, item, audio)
    kind = "response.output_audio_transcript.done"
    await model.event(kind, response_id=response, item_id=item, transcript=text)
    await model.done(response)


async def caller_counts(call: LiveCall, start_ms: int, end_ms: int) -> None:
    """The caller says which millisecond it is."""
    for at_ms in range(start_ms, end_ms, 20):
        await trio.sleep(0.02)
        await call.carrier.media(speech(20, start_ms=at_ms))


async def agrees_always(call: LiveCall) -> None:
    """Agree on every session after the first."""
    for count in range(2, 100):
        await call.next_model(count)


async def breaks(call: LiveCall) -> None:
    """The newest session's connection is gone."""
    await call.model.websocket.aclose()
    await trio.sleep(0.01)


async def test_the_next_session_is_told_the_conversation_as_it_was_heard(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await says(model, "R1", "I1", speech(1_000), "Hello, how can I help?")
        await trio.sleep(1.5)
        await model.turn("T1", "I want a table.")
        await says(model, "R2", "I2", speech(4_000), "For how many people shall it be, please?")
        await trio.sleep(2)
        await call.caller_speaks(400)
        await trio.sleep(0.2)
        await breaks(call)
        again = await call.next_model()
        await trio.sleep(0.1)
        told = items(again)
        assert told[0] == ("assistant", "Hello, how can I help?")
        assert told[1] == ("user", "I want a table.")
        assert told[2][0] == "assistant"
        assert "For how many people shall it be, please?".startswith(told[2][1])
        assert 10 < len(told[2][1]) < 30, "cut where it was heard"


async def test_what_was_buffered_plays_on_and_goes_on_from_there(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await model.turn("T1", "Tell me a story.")
        await model.opens("R1", "I1", speech(2_000))
        kind = "response.output_audio_transcript.delta"
        await model.event(kind, response_id="R1", item_id="I1", delta="Once upon a time ")
        await trio.sleep(0.5)
        await breaks(call)
        again = await call.next_model()
        create = await again.next_create()
        assert "Go on from where" in create["response"]["instructions"]
        assert items(again) == [
            ("user", "Tell me a story."),
            ("assistant", "Once upon a time"),
        ]
        await trio.sleep(3)
        assert numbers_of(call.carrier.heard()) == list(range(2_000))
        assert not again.of("conversation.item.truncate")
        assert call.notebook.noted("model_text") == [{"item_id": "I1", "text": "Once upon a time"}]


async def test_an_unanswered_turn_whose_words_are_known_is_answered_once(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await model.turn("T1", "What time is it?")
        await model.next_create()
        await breaks(call)
        again = await call.next_model()
        await trio.sleep(0.5)
        assert items(again) == [("user", "What time is it?")]
        assert len(again.of("response.create")) == 1
        await says(again, "R1", "I1", speech(500), "Noon.")
        await trio.sleep(10)
        assert len(again.of("response.create")) == 1
        assert numbers_of(call.carrier.heard()) == list(range(500))


async def test_a_turn_of_which_nothing_but_the_sound_is_known_is_heard_again(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await call.carrier.talk(2_000, QUIET_FRAME)
        await model.hears_start("T1")
        await call.carrier.talk(400, LOUD_FRAME)
        await breaks(call)
        again = await call.next_model()
        await call.carrier.talk(300, QUIET_FRAME)
        assert again.caller_audio().count(LOUD_FRAME) >= 19
        assert items(again) == []


async def test_audio_of_the_gap_is_kept_and_sent_in_order(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, luck=lambda: 0.999) as call:
        await call.start()
        await breaks(call)
        await caller_counts(call, 0, 200)
        again = await call.next_model()
        await caller_counts(call, 200, 400)
        await trio.sleep(0.1)
        numbers = numbers_of(again.caller_audio())
        assert numbers[-400:] == list(range(400))


async def test_a_cancelled_answer_does_not_come_back(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(0.5)
        call.interrupt_soon()
        await trio.sleep(0.1)
        assert model.of("response.cancel")
        await breaks(call)
        again = await call.next_model()
        await trio.sleep(10)
        assert not again.of("response.create")
        assert not again.of("response.cancel")
        assert max(numbers_of(call.carrier.heard())) < 1_000


async def test_a_tool_that_runs_meanwhile_is_answered_in_the_next_session(
    autojump_clock: MockClock,
) -> None:
    async def slow(arguments: str) -> str:
        await trio.sleep(3)
        return "forty-two"

    async with live_call(QUIET, tools={"answer": slow}) as call:
        model = await call.start()
        await model.turn("T1", "What is it?")
        await model.created("R1", await model.next_create())
        await model.calls_tool("R1", "call_1", "answer", "{}")
        await model.done("R1")
        await trio.sleep(0.1)
        await breaks(call)
        again = await call.next_model()
        await trio.sleep(0.5)
        assert items(again) == [("user", "What is it?"), ("function_call", "answer")]
        await trio.sleep(3)
        assert items(again)[-1] == ("function_call_output", "forty-two")
        assert len(again.of("response.create")) == 1


async def test_the_same_names_in_another_session_are_other_responses(
    autojump_clock: MockClock,
) -> None:
    """Services number what they make, and some begin anew with each session."""
    async with live_call(GREETS) as call:
        model = await call.start()
        await says(model, "R1", "I1", speech(300), "Hello.")
        await trio.sleep(1)
        await breaks(call)
        again = await call.next_model()
        await again.turn("T1", "And now?")
        await again.opens("R1", "I1", speech(2_000, start_ms=1_000))
        await trio.sleep(0.5)
        call.interrupt_soon()
        await trio.sleep(0.1)
        assert [m["response_id"] for m in again.of("response.cancel")] == ["R1"]
        assert [m["item_id"] for m in again.of("conversation.item.truncate")] == ["I1"]


async def test_a_session_that_was_told_too_much_is_told_better(autojump_clock: MockClock) -> None:
    """What was still being heard when it began was cut off after all."""
    async with live_call(GREETS) as call:
        model = await call.start()
        await says(model, "R1", "I1", speech(4_000), "One two three four five six seven eight.")
        await trio.sleep(0.5)
        await breaks(call)
        again = await call.next_model()
        await trio.sleep(0.5)
        assert items(again) == [("assistant", "One two three four five six seven eight.")]
        await call.caller_speaks(400)
        await trio.sleep(0.5)
        first, second = again.of("conversation.item.create")
        [deleted] = again.of("conversation.item.delete")
        assert deleted["item_id"] == first["item"]["id"]
        assert second["previous_item_id"] == "root"
        text = second["item"]["content"][0]["text"]
        assert "One two three four five six seven eight.".startswith(text)
        assert len(text) < 20
        assert not again.of("conversation.item.truncate")


async def test_a_caller_who_hears_nothing_is_told_so(autojump_clock: MockClock) -> None:
    words = {cm.Recorded.ONE_MOMENT: speech(600)}
    async with live_call(QUIET, recorded=words, luck=lambda: 0.999) as call:
        await call.start()
        call.is_model_there = False
        await breaks(call)
        await trio.sleep(2.9)
        assert numbers_of(call.carrier.heard()) == list(range(600))


async def test_a_model_that_does_not_come_back_ends_the_call_with_words(
    autojump_clock: MockClock,
) -> None:
    words = {cm.Recorded.GOODBYE: speech(800)}
    async with live_call(QUIET, recorded=words) as call:
        await call.start()
        call.is_model_there = False
        await breaks(call)
        end = await call.until_end()
        assert end.reason == "model_lost"
        assert end.counters["model_connect_failures"] == QUIET.realtime.reconnect_max
        assert numbers_of(call.carrier.heard()) == list(range(800))


async def test_what_is_refused_for_good_is_not_tried_again(autojump_clock: MockClock) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await model.error("insufficient_quota", None, "nothing left")
        end = await call.until_end()
        assert end.reason == "model_lost"
        assert len(call.models) == 1


async def test_an_expired_session_is_made_anew(autojump_clock: MockClock) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await model.error("session_expired", None, "your time is up")
        await call.next_model()
        await trio.sleep(1)
        assert not call.ended.is_set()


async def test_a_call_of_three_hours_renews_its_session_unnoticed(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET, limit_s=4 * 3_600) as call:
        call.nursery.start_soon(agrees_always, call)
        model = await call.start()
        for minute in range(180):
            await call.model.turn(f"T{minute}", f"Minute {minute}.")
            audio = speech(1_000, start_ms=1_000 * minute)
            name = f"R{minute}"
            await says(call.model, name, f"I{minute}", audio, f"This is minute {minute}.")
            await trio.sleep(60.5)
        assert len(call.models) == 4
        assert not call.notebook.noted("failure")
        assert numbers_of(call.carrier.heard()) == list(range(180_000))
        assert model is call.models[0]
        assert items(call.models[1])[-1][0] == "assistant"
        assert ev.SessionAway() in call.notebook.events


@pytest.mark.parametrize("luck", [0.0, 0.5, 0.999])
def test_pauses_grow_up_to_a_bound_and_are_never_all_the_same(luck: float) -> None:
    pauses = [pause_s(failures, luck) for failures in range(12)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 0.25
    assert pauses[-1] <= PAUSE_S_MAX
    assert pause_s(4, 0.0) < pause_s(4, 0.999)


async def test_a_session_that_is_renewed_often_is_no_failure(autojump_clock: MockClock) -> None:
    """As of a service that lets each live for some seconds only."""
    config = attrs.evolve(QUIET, realtime=attrs.evolve(QUIET.realtime, session_max_s=8))
    async with live_call(config) as call:
        call.nursery.start_soon(agrees_always, call)
        await call.start()
        await trio.sleep(80)
        assert len(call.models) >= 10
        assert not call.ended.is_set()
        assert not call.notebook.noted("failure")


async def test_a_service_that_takes_no_create_is_given_up_in_the_end(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        call.nursery.start_soon(refuses_always, call)
        await call.start()
        assert (await call.until_end()).reason == "model_lost"
        assert len(call.models) <= 1 + GREETS.realtime.reconnect_max


async def refuses_always(call: LiveCall) -> None:
    """Each session says that something else is open, whatever is asked."""
    call.nursery.start_soon(agrees_always, call)
    while True:
        await trio.sleep(0.05)
        with suppress(trio_websocket.ConnectionClosed):
            for model in call.models[-1:]:
                for create in model.of("response.create")[model.creates_taken :]:
                    model.creates_taken += 1
                    code = "conversation_already_has_active_response"
                    await model.error(code, create["event_id"])


async def test_words_that_are_known_before_their_audio_are_told_by_all_the_audio_there_was(
    autojump_clock: MockClock,
) -> None:
    """Interrupted while it was being generated: the share of the words is of all of it."""
    async with live_call(GREETS) as call:
        model = await call.start()
        model.obeys = False
        await model.opens("R1", "I1", speech(1_000))
        text = "one two three four five six seven eight nine ten"
        kind = "response.output_audio_transcript.done"
        await model.event(kind, response_id="R1", item_id="I1", transcript=text)
        await trio.sleep(0.5)
        call.interrupt_soon()
        await trio.sleep(0.1)
        await model.audio("R1", "I1", speech(4_000))
        await model.done("R1", "cancelled", "client_cancelled")
        await breaks(call)
        again = await call.next_model()
        await trio.sleep(0.1)
        assert items(again) == [("assistant", "one")]
