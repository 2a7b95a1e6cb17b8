"""Part 2 E: audio that is dropped, hurried, held up or written by nobody."""

from __future__ import annotations

import base64

from tests.call.live import LiveCall
from tests.call.wires import QUIET_FRAME

from .language import race, scene


def unheard_ms(call: LiveCall) -> int:
    """How much the carrier has that was not heard."""
    return (len(call.carrier.sent()) - len(call.carrier.heard())) // 8


@race("P2-67")
async def test_audio_that_comes_in_any_pieces_is_heard_exactly() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.created("R1")
        audio, sizes = s.numbers.audio("I1", 2_000), [1, 7, 160, 3_001, 5, 2_400, 159, 161]
        while audio:
            sizes = [*sizes[1:], sizes[0]]
            piece, audio = audio[: sizes[0]], audio[sizes[0] :]
            await s.model.event(
                "response.output_audio.delta",
                response_id="R1",
                item_id="I1",
                output_index=0,
                content_index=0,
                delta=base64.b64encode(piece).decode(),
            )
        await s.model.done("R1")
        await s.at(3_000)
        assert s.heard_spans == [("I1", 0, 2_000)]
        assert {len(base64.b64decode(m["media"]["payload"])) % 160 for m in media(s.call)} == {0}


def media(call: LiveCall) -> list[dict[str, dict[str, str]]]:
    return call.carrier.of("media")


@race("P2-68", "P2-69", "P2-39")
async def test_a_burst_of_half_a_minute_is_heard_whole_and_in_order() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 30_000)
        await s.at(1_000)
        assert unheard_ms(s.call) <= 1_000
        await s.at(31_000)
        assert s.heard_spans == [("I1", 0, 30_000)]


@race("P2-70")
async def test_what_is_late_after_a_stall_does_not_come_at_once() -> None:
    """The carrier's buffer is filled up to the lead and no farther, so nothing is hurried."""
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 8_000)
        await s.at(450)
        s.call.spy.hold()
        await s.at(4_000)
        s.call.spy.release()
        most_ms = 0
        for at_ms in range(4_010, 12_000, 50):
            await s.at(at_ms)
            most_ms = max(most_ms, unheard_ms(s.call))
        assert most_ms <= 1_200, "the lead, and the write that stood still"
        assert s.heard_spans == [("I1", 0, 8_000)]


@race("P2-75", "P2-37")
async def test_no_model_is_called_and_nothing_is_sent_before_the_media_stream_has_started() -> None:
    async with scene(starts=False, greeting="Hello.") as s:
        await s.at(1_000)
        assert s.call._model_spy is None
        s.call.carrier.stream_sid = "MZ7"
        await s.call.start()
        await s.model.opens("R1", "I1", 500)
        await s.at(1_200)
        await s.app.interrupts()
        names = {message["streamSid"] for _, message in s.call.carrier.came}
        assert names == {"MZ7"}
        assert s.on_phone == ["media I1", "clear"]


@race("P2-76")
async def test_every_frame_that_came_in_is_forwarded_or_counted() -> None:
    """More than a minute comes at once before the session is there, and then as it should."""
    at_once = 3_100
    async with scene(agrees=False) as s:
        for number in range(at_once):
            await s.call.carrier.media(QUIET_FRAME, timestamp_ms=number * 20)
        await s.settle()
        await s.model.wire.begin()
        await s.caller.is_quiet(8_000)
        s.call.model_spy.hold()
        await s.caller.is_quiet(3_000)
        s.call.model_spy.release()
        await s.after(300)
        sent_ms = len(s.model.wire.caller_audio()) // 8
        counters = s.call.control.line.tally.counters
        filled_ms = counters.get("caller_fill_ms", 0) + counters.get("caller_gap_ms", 0)
        dropped_ms = s.call.control.line.model_outbox.dropped_ms
        assert dropped_ms >= 2_000
        assert counters["caller_frames"] == at_once + 550
        assert 20 * (at_once + 550) + filled_ms == sent_ms + dropped_ms
