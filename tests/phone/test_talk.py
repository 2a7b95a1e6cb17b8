"""Whole calls in virtual time."""

from __future__ import annotations

import base64
from typing import Any

import attrs
import trio
import trio.testing

from trio_media.phone.call import place_call
from trio_media.phone.options import CallOptions
from trio_media.phone.pulse import Pulse
from trio_media.phone.record import CallEnd
from trio_media.phone.script import (
    CallerScript,
    Freeze,
    HangUp,
    Press,
    Say,
    StopReading,
    Vanish,
    Wait,
    WaitForSpeech,
)

LOUD_MS = bytes([0x20, 0xA0]) * 4
Clock = trio.testing.MockClock


async def test_a_call_opens_as_the_carrier_documents(hold_call: Any, autojump_clock: Clock) -> None:
    options = CallOptions(custom_parameters={"token": 'a"ü'})
    record, far_end = await hold_call(Wait(60), HangUp(), options=options)
    sid, call, account = attrs.astuple(record.identity)[1], *attrs.astuple(record.identity)[0:3:2]
    messages = [message for _, message in far_end.received]
    assert messages[0] == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert messages[1] == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": sid,
        "start": {
            "accountSid": account,
            "streamSid": sid,
            "callSid": call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": 'a"ü'},
        },
    }
    assert messages[2] == {
        "event": "media",
        "sequenceNumber": "2",
        "streamSid": sid,
        "media": {
            "track": "inbound",
            "chunk": "1",
            "timestamp": "0",
            "payload": base64.b64encode(b"\xff" * 160).decode(),
        },
    }
    assert messages[-1] == {
        "event": "stop",
        "sequenceNumber": str(len(messages) - 1),
        "streamSid": sid,
        "stop": {"accountSid": account, "callSid": call},
    }


async def test_frames_come_every_20_ms_when_their_audio_is_over(
    hold_call: Any, autojump_clock: Clock
) -> None:
    speech = bytes(range(200, 250)) * 7
    record, far_end = await hold_call(Wait(40), Say(speech), Wait(100), HangUp())
    media = far_end.events("media")
    assert [at for at, _ in media] == [20.0 * (n + 1) for n in range(len(media))]
    assert [m["media"]["timestamp"] for _, m in media] == [str(20 * n) for n in range(len(media))]
    assert [m["media"]["chunk"] for _, m in media] == [str(n + 1) for n in range(len(media))]
    heard = b"".join(base64.b64decode(m["media"]["payload"]) for _, m in media)
    assert heard == record.caller_audio
    assert heard[:320] == b"\xff" * 320
    assert heard[320:].rstrip(b"\xff") == speech
    assert set(record.lateness_ms) == {0.0}


async def test_marks_come_back_when_their_audio_was_played(
    hold_call: Any, autojump_clock: Clock
) -> None:
    async def talk(far_end: Any) -> None:
        await far_end.wait_until(100)
        await far_end.mark("idle")
        await far_end.media(250)
        await far_end.mark("first")
        await far_end.media(33)
        await far_end.mark("second")

    record, far_end = await hold_call(Wait(1_000), HangUp(), talk=talk)
    assert far_end.marks() == [(100.0, "idle"), (350.0, "first"), (383.0, "second")]
    assert record.heard_audio[: 100 * 8] == b"\xff" * 800
    assert record.heard_audio[800 : 383 * 8] == LOUD_MS * 283
    assert set(record.heard_audio[383 * 8 :]) == {0xFF}
    assert [mark.was_cleared for mark in record.marks] == [False, False, False]


async def test_a_clear_silences_at_once_and_returns_every_mark(
    hold_call: Any, autojump_clock: Clock
) -> None:
    async def talk(far_end: Any) -> None:
        for name in "abc":
            await far_end.media(1_000)
            await far_end.mark(name)
        await far_end.wait_until(1_500)
        await far_end.clear()
        await far_end.media(100)

    record, far_end = await hold_call(Wait(2_000), HangUp(), talk=talk)
    assert far_end.marks() == [(1_000.0, "a"), (1_500.0, "b"), (1_500.0, "c")]
    assert [mark.was_cleared for mark in record.marks] == [False, True, True]
    assert record.clears_ms == (1_500.0,)
    assert len(record.heard_audio.rstrip(b"\xff")) == 1_600 * 8


async def test_recordings_are_aligned(hold_call: Any, autojump_clock: Clock) -> None:
    async def talk(far_end: Any) -> None:
        await far_end.wait_until(200)
        await far_end.media(100)

    record, _ = await hold_call(WaitForSpeech(20), Say(LOUD_MS * 40), HangUp(), talk=talk)
    assert record.heard_audio.index(LOUD_MS) == 200 * 8
    # Heard in the frame from 200 on, answered in the next one.
    assert record.caller_audio.index(LOUD_MS) == 220 * 8
    assert abs(len(record.heard_audio) - len(record.caller_audio)) <= 160


async def test_the_reaction_to_an_interruption_is_measured(
    hold_call: Any, autojump_clock: Clock
) -> None:
    async def talk(far_end: Any) -> None:
        await far_end.media(5_000)
        # The caller speaks after 500 ms; the first frame of it is here 20 ms later.
        await far_end.wait_until(520 + 85)
        await far_end.clear()

    script = (WaitForSpeech(500), Say(b"\x10" * 1_600), Wait(500), HangUp())
    record, _ = await hold_call(*script, talk=talk)
    (onset,) = record.onsets
    assert onset.is_over_far_end
    (reaction_ms,) = record.reactions_ms()
    assert reaction_ms == 105.0  # its own frame of 20 ms and the far end's 85


async def test_keys_are_sent_one_by_one(hold_call: Any, autojump_clock: Clock) -> None:
    _, far_end = await hold_call(Press("1#", gap_ms=100), HangUp())
    keys = [(at, message["dtmf"]) for at, message in far_end.events("dtmf")]
    assert keys == [
        (20.0, {"track": "inbound_track", "digit": "1"}),
        (120.0, {"track": "inbound_track", "digit": "#"}),
    ]


async def test_hanging_up_says_stop_and_closes(hold_call: Any, autojump_clock: Clock) -> None:
    record, far_end = await hold_call(Wait(100), HangUp())
    assert record.ended_by is CallEnd.HUNG_UP
    assert far_end.received[-1][1]["event"] == "stop"
    assert (far_end.close_code, record.close_code) == (1000, 1000)
    assert not record.has_failed


async def test_vanishing_says_nothing(hold_call: Any, autojump_clock: Clock) -> None:
    record, far_end = await hold_call(Wait(100), Vanish())
    assert record.ended_by is CallEnd.VANISHED
    assert far_end.events("stop") == []
    assert far_end.close_code == 1006
    assert not record.has_failed


async def test_a_stop_without_a_close_leaves_the_connection_to_the_far_end(
    hold_call: Any, autojump_clock: Clock
) -> None:
    record, far_end = await hold_call(Wait(100), HangUp(closes=False))
    assert record.ended_by is CallEnd.HUNG_UP
    assert len(far_end.events("stop")) == 1
    assert far_end.close_code == 1006  # it never closed, so that we cut it in the end


async def test_the_time_limit_hangs_up(hold_call: Any, autojump_clock: Clock) -> None:
    record, _ = await hold_call(options=CallOptions(hang_up_after_s=3))
    assert (record.ended_by, record.duration_ms) == (CallEnd.HUNG_UP, 3_000.0)
    assert record.frames_sent == 150


async def test_somebody_else_may_hang_up(hold_call: Any, autojump_clock: Clock) -> None:
    hang_up = trio.Event()

    async def talk(far_end: Any) -> None:
        await far_end.wait_until(510)
        hang_up.set()

    record, far_end = await hold_call(talk=talk, hang_up=hang_up)
    assert (record.ended_by, record.duration_ms) == (CallEnd.HUNG_UP, 520.0)
    assert far_end.received[-1][1]["event"] == "stop"


async def test_the_far_end_may_close(hold_call: Any, autojump_clock: Clock) -> None:
    async def talk(far_end: Any) -> None:
        await far_end.media(1_000)
        await far_end.wait_until(300)
        await far_end.close(1001)

    record, _ = await hold_call(talk=talk)
    assert (record.ended_by, record.close_code) == (CallEnd.FAR_END_CLOSED, 1001)
    assert record.duration_ms == 300.0
    # What was buffered is gone: nobody heard it.
    assert len(record.heard_audio) == 2_400


async def test_a_far_end_that_hangs_up_without_a_close_is_a_loss(autojump_clock: Clock) -> None:
    near, far = trio.testing.memory_stream_pair()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_answer_then_cut, far)
            record = await place_call(near, script=CallerScript())
    assert record.ended_by is CallEnd.LOST
    assert record.has_failed


async def test_a_far_end_that_never_closes_is_not_waited_for(autojump_clock: Clock) -> None:
    near, far = trio.testing.memory_stream_pair()
    options = CallOptions(close_timeout_s=2)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_answer_then_ignore, far)
            began_at = trio.current_time()
            record = await place_call(near, script=CallerScript((HangUp(),)), options=options)
            assert 2 <= trio.current_time() - began_at < 2.1
            nursery.cancel_scope.cancel()
    assert record.ended_by is CallEnd.HUNG_UP


async def test_a_far_end_that_accepts_no_bytes_ends_the_call(autojump_clock: Clock) -> None:
    near, far = trio.testing.lockstep_stream_pair()
    options = CallOptions(stall_timeout_s=5)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_answer_then_ignore, far)
            record = await place_call(near, script=CallerScript(), options=options)
            nursery.cancel_scope.cancel()
    assert record.ended_by is CallEnd.STALLED
    assert record.blocked_ms_max >= 5_000
    assert record.duration_ms < 6_000


async def test_nothing_is_lost_in_a_freeze(hold_call: Any, autojump_clock: Clock) -> None:
    async def talk(far_end: Any) -> None:
        await far_end.wait_until(500)
        await far_end.media(100)
        await far_end.mark("m")

    script = (Wait(200), Freeze(1_000), Wait(2_000), HangUp())
    record, far_end = await hold_call(*script, talk=talk)
    media = far_end.events("media")
    assert [m["media"]["timestamp"] for _, m in media] == [str(20 * n) for n in range(len(media))]
    burst = [at for at, _ in media if at == 1_220.0]
    assert len(burst) == 50
    # The media was read only when the line came back.
    assert record.first_media_ms == 1_220.0
    assert far_end.marks() == [(1_320.0, "m")]


async def test_a_phone_that_reads_nothing_goes_on_speaking(
    hold_call: Any, autojump_clock: Clock
) -> None:
    async def talk(far_end: Any) -> None:
        await far_end.wait_until(200)
        await far_end.media(100)

    record, far_end = await hold_call(StopReading(1_000), Wait(2_000), HangUp(), talk=talk)
    assert record.first_media_ms == 1_020.0
    assert [at for at, _ in far_end.events("media")][:60] == [20.0 * (n + 1) for n in range(60)]


async def test_what_breaks_the_protocol_is_noted_and_ignored(
    hold_call: Any, autojump_clock: Clock
) -> None:
    async def talk(far_end: Any) -> None:
        await far_end.send_raw(b"\x00\x01")
        await far_end.send_raw('{"event":"media","streamSid":"MZother","media":{"payload":""}}')
        await far_end.send({"event": "media", "media": {"payload": "not base64"}})
        await far_end.send({"event": "dtmf", "dtmf": {"digit": "1"}})
        await far_end.media(50)

    record, _ = await hold_call(Wait(200), HangUp(), talk=talk)
    assert len(record.violations) == 4
    assert record.has_failed
    assert record.media_received == 1


async def test_phones_of_one_pulse_keep_their_time(autojump_clock: Clock) -> None:
    pulse = Pulse()
    options = CallOptions(pulse=pulse, hang_up_after_s=1)
    durations, frames = [], []

    async def one() -> None:
        near, far = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_answer_then_ignore, far)
            record = await place_call(near, script=CallerScript(), options=options)
            nursery.cancel_scope.cancel()
        durations.append(record.duration_ms)
        frames.append(record.frames_sent)
        assert max(record.lateness_ms) == 0.0

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pulse.run)
            async with trio.open_nursery() as phones:
                for _ in range(6):
                    phones.start_soon(one)
                    await trio.sleep(0.003)
            nursery.cancel_scope.cancel()
    assert durations == [1_000.0] * 6
    assert frames == [50] * 6


async def test_the_wire_log_tells_the_occupancy(hold_call: Any, autojump_clock: Clock) -> None:
    async def talk(far_end: Any) -> None:
        await far_end.wait_until(100)
        await far_end.media(90)

    record, _ = await hold_call(Wait(300), HangUp(), talk=talk)
    occupancy = [(e.t_ms, e.buffered_ms) for e in record.wire if e.event == "media"]
    (arrival,) = [i for i, e in enumerate(record.wire[2:]) if not e.is_sent]
    assert occupancy[arrival : arrival + 6] == [
        (100.0, 90.0),
        (120.0, 70.0),
        (140.0, 50.0),
        (160.0, 30.0),
        (180.0, 10.0),
        (200.0, 0.0),
    ]


async def test_a_call_without_recordings_keeps_none(hold_call: Any, autojump_clock: Clock) -> None:
    async def talk(far_end: Any) -> None:
        for second in range(5):
            await far_end.wait_until(second * 1_000)
            await far_end.media(900)

    options = CallOptions(records_audio=False, records_wire=False, hang_up_after_s=6)
    record, _ = await hold_call(talk=talk, options=options)
    assert (record.heard_audio, record.caller_audio, record.wire) == (b"", b"", ())
    assert record.media_received == 5
    assert [gap.length_ms for gap in record.gaps] == [100.0] * 4


async def _answer(stream: trio.abc.Stream) -> None:
    from trio_websocket import wrap_server_stream

    async with trio.open_nursery() as nursery:
        request = await wrap_server_stream(nursery, stream)
        await request.accept()
        nursery.cancel_scope.cancel()


async def _answer_then_cut(stream: trio.abc.Stream) -> None:
    await _answer(stream)
    await trio.sleep(0.5)
    await trio.aclose_forcefully(stream)


async def _answer_then_ignore(stream: trio.abc.Stream) -> None:
    await _answer(stream)
    await trio.sleep_forever()
