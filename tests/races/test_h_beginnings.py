"""Part 1 H: what happens before everybody is there."""

from __future__ import annotations

import base64

import pytest

from .language import near, race, scene


@race("H131")
async def test_nothing_is_sent_to_anybody_before_the_media_stream_has_started() -> None:
    async with scene(starts=False, greeting="Hello.") as s:
        await s.at(2_000)
        assert not s.call.model_came.is_set(), "a model was called for nobody"
        assert s.call.carrier.came == []
        await s.call.carrier.start()
        await s.call.model_came.wait()
        await s.model.wire.begin()
        await s.model.says("R1", "I1", 1_000)
        await s.at(4_000)
        assert s.heard == {"I1": 1_000}
        names = {m["streamSid"] for _, m in s.call.carrier.came}
        assert names == {s.call.carrier.stream_sid}


@race("H132")
async def test_what_the_caller_says_before_the_session_is_ready_reaches_the_model() -> None:
    async with scene(agrees=False) as s:
        await s.caller.speaks(600)
        await s.caller.is_quiet(200)
        assert s.model.wire.caller_audio() == b""
        frames = [m for _, m in s.call.carrier.said if m["event"] == "media"]
        await s.model.wire.begin()
        await s.after(100)
        given = s.model.wire.caller_audio()
        assert given.startswith(b"\x00" * 600 * 8)
        assert len(given) == 160 * len(frames)
        assert s.told == [], "no flags and no create by speech alone"


@race("H133", "H135")
async def test_a_greeting_is_asked_for_once_however_often_the_session_is_confirmed() -> None:
    async with scene(agrees=False, greeting="Hello.") as s:
        await s.model.event("session.created", session={"id": "s"})
        await s.at(500)
        assert s.told == []
        session = s.model.last("session.update")["session"]
        for _ in range(3):
            await s.model.event("session.updated", session=session)
        assert s.told == ["create"]
        await s.model.says("R1", "I1", 500)
        for at_ms in (800, 2_000):
            await s.at(at_ms)
            await s.model.event("session.updated", session=session)
        await s.at(5_000)
        assert s.told == ["create"]
        assert s.heard == {"I1": 500}


@race("H134")
@pytest.mark.parametrize("size", [7, 37, 161, 999, 4_003])
async def test_audio_in_pieces_of_any_size_is_played_in_whole_frames_without_a_gap(
    size: int,
) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 0)
        audio = s.numbers.audio("I1", 407)
        for start in range(0, len(audio), size):
            piece = base64.b64encode(audio[start : start + size]).decode()
            await s.model.wire.event(
                "response.output_audio.delta",
                response_id="R1",
                item_id="I1",
                output_index=0,
                content_index=0,
                delta=piece,
            )
        await s.model.done("R1")
        await s.at(1_000)
        assert s.heard_spans == [("I1", 0, 407)]
        sent = s.call.carrier.sent()
        assert len(sent) == 420 * 8
        assert sent.endswith(b"\xff" * 13 * 8), "the tail is not padded with silence"
        lengths = {len(base64.b64decode(m["media"]["payload"])) for m in s.call.carrier.of("media")}
        assert all(length % 160 == 0 for length in lengths)


@race("H135")
async def test_a_greeting_that_was_interrupted_is_not_said_again() -> None:
    async with scene(greeting="Hello.") as s:
        await s.model.opens("R1", "I1", 3_000)
        await s.at(1_000)
        await s.caller.presses("1")
        await s.at(2_600)
        await s.model.says("R2", "I2", 500)
        await s.at(8_000)
        greetings = [
            m for m in s.model.wire.of("response.create") if "Hello." in str(m["response"])
        ]
        assert len(greetings) == 1
        assert s.heard == {"I1": near(1_000), "I2": 500}
