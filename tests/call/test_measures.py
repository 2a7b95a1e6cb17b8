"""The times that say how a call feels, taken on the wires of whole calls."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from trio_media.call.line import Line
from trio_media.call.measures import Measures
from trio_media.core import commands as cm
from trio_media.core import events as ev

from .live import GREETS, config_of, live_call
from .wires import speech


async def test_the_first_audio_of_a_call_is_timed_once(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await trio.sleep(0.7)
        await model.opens("R1", "I1", speech(200))
        await trio.sleep(1)
    (first_ms,) = call.end.latencies_ms["first_audio"]
    assert 700 <= first_ms <= 720


async def test_a_turn_is_timed_to_its_own_answer_and_not_to_what_still_plays(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.caller_speaks(100)  # a cough: the greeting goes on
        await model.turn("T1", "")
        await trio.sleep(4)
        await model.turn("T2", "And now?")
        await trio.sleep(0.5)
        await model.says("R2", "I2", speech(200))
        await trio.sleep(1)
    assert call.end.counters["turns_void"] == 1
    assert call.end.counters["turns_answered"] == 1
    (turn_ms,) = call.end.latencies_ms["turn_to_audio"]
    assert 500 <= turn_ms <= 520


async def test_the_servers_word_is_timed_to_our_clear_where_nothing_is_heard_here(
    autojump_clock: MockClock,
) -> None:
    async with live_call(config_of(detector="server")) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await model.hears_start("T1")
        await trio.sleep(1)
    assert call.end.latencies_ms["server_speech_to_clear"] == [0]
    assert "onset_to_clear" not in call.end.latencies_ms


async def test_a_cancel_is_timed_until_its_response_is_over(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        model.obeys = False
        results = call.interrupt_soon()
        await trio.sleep(0.2)
        await model.done("R1", "cancelled")
        await trio.sleep(0.1)
        assert results
    assert call.end.latencies_ms["cancel_settled"] == [200]
    assert call.end.counters["responses_cancelled"] == 1


async def test_a_truncate_that_the_service_refuses_is_counted_once(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.control.interrupt()
        await trio.sleep(0.1)
        (truncate,) = model.of("conversation.item.truncate")
        for _ in range(2):
            await model.error("invalid_value", truncate["event_id"])
        await trio.sleep(0.1)
    assert call.end.counters["truncates"] == 1
    assert call.end.counters["truncates_rejected"] == 1


async def test_one_that_it_confirms_is_counted_too(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.event(
            "conversation.item.truncated", item_id="I1", content_index=0, audio_end_ms=20
        )
        await trio.sleep(0.1)
    assert call.end.counters["truncates_confirmed"] == 1


async def test_what_a_server_answers_by_itself_is_timed(autojump_clock: MockClock) -> None:
    measures = Measures(Line.begin())
    measures.event(ev.TurnCommitted("T1"), 100)
    measures.turn_decided(cm.TurnDecided("T1", "answered by the server"))
    measures.awaited.opened(cm.ResponseOpened(7, "R7", cm.Cause.FILLER))  # not it
    measures.awaited.opened(cm.ResponseOpened(8, "R8", cm.Cause.SERVER))
    measures.awaited.opened(cm.ResponseOpened(9, "R9", cm.Cause.SERVER))  # nor this
    measures.event(ev.AudioReceived("R8", "I8", 20), 150)
    assert measures.awaited.answer is not None
    measures.awaited.answer.playing("I7", 3)
    measures.awaited.answer.playing("I8", 4)
    measures.awaited.answer.playing("I8", 5)
    measures.event(ev.CarrierWrote(3, 160), 160)
    measures.event(ev.CarrierWrote(4, 170), 171)
    assert measures._line.tally.latencies_ms["turn_to_audio"] == [70]
    assert measures._line.tally.counters["turns_answered_by_the_server"] == 1


async def test_an_answer_that_is_cut_before_it_is_written_is_not_timed(
    autojump_clock: MockClock,
) -> None:
    measures = Measures(Line.begin())
    measures.event(ev.TurnCommitted("T1"), 100)
    measures.turn_decided(cm.TurnDecided("T1", "answered"))
    measures.awaited.creating(cm.CreateResponse(1, 1, cm.Cause.TURN, 1))
    measures.awaited.opened(cm.ResponseOpened(1, "R1", cm.Cause.TURN))
    measures.event(ev.AudioReceived("R1", "I1", 20), 150)
    assert measures.awaited.answer is not None
    measures.awaited.answer.playing("I1", 1)
    measures.cleared(160)
    measures.event(ev.CarrierWrote(2, 170), 170)
    assert "turn_to_audio" not in measures._line.tally.latencies_ms


@pytest.mark.parametrize(
    "ended", [ev.LocalSpeechEnded(), ev.ServerSpeechStopped("T1")], ids=["here", "server"]
)
async def test_speech_that_is_over_is_not_what_a_clear_is_for(
    ended: ev.Event, autojump_clock: MockClock
) -> None:
    measures = Measures(Line.begin())
    is_here = isinstance(ended, ev.LocalSpeechEnded)
    measures.event(ev.LocalSpeechBegan() if is_here else ev.ServerSpeechStarted("T1"), 100)
    measures.event(ended, 200)
    measures.cleared(300)
    assert not measures._line.tally.latencies_ms
