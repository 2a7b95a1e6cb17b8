"""Caller audio on its way to the model, and everything else to the owner."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from trio_media.call.caller_timeline import (
    BACKLOG_READ_MS_MAX,
    CLOCK_MS_MAX,
    GAP_MS_MAX,
    JUMP_BACK_MS_MAX,
    CallerTimeline,
)
from trio_media.core import events as ev

from .live import GREETS, config_of, live_call
from .wires import LOUD_FRAME, QUIET_FRAME, speech

QUIET = config_of("")


def frames(count: int, *, start: int = 0) -> list[bytes]:
    return [speech(20, start_ms=20 * number) for number in range(start, start + count)]


async def test_audio_before_the_session_is_kept_and_goes_out_in_order(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        await call.carrier.start()
        await call.model_came.wait()
        for payload in frames(50):
            await trio.sleep(0.02)
            await call.carrier.media(payload)
        assert call.model.caller_audio() == b""
        await call.model.begin()
        await trio.sleep(0.1)
        assert call.model.caller_audio() == speech(1_000)
        assert call.model.orders() == ["session.update"]


async def test_the_oldest_audio_is_dropped_and_counted_while_the_model_does_not_read(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await trio.sleep(0.1)
        call.model_spy.hold()
        for number, payload in enumerate(frames(1_000)):
            await call.carrier.media(payload, timestamp_ms=20 * number)
        await trio.sleep(0.1)
        call.model_spy.release()
        await trio.sleep(0.1)
        audio = model.caller_audio()
        assert audio[-10_000 * 8 :] == speech(10_000, start_ms=10_000)
        assert len(audio) <= 10_300 * 8
        await call.carrier.stop()
        end = await call.until_end()
        assert end.counters["caller_dropped_ms"] * 8 + len(audio) == 20_000 * 8


async def test_a_gap_in_the_timestamps_is_filled_with_silence(autojump_clock: MockClock) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await trio.sleep(0.1)
        await call.carrier.media(LOUD_FRAME, timestamp_ms=0)
        await call.carrier.media(LOUD_FRAME, timestamp_ms=120)
        await trio.sleep(0.1)
        assert model.caller_audio() == LOUD_FRAME + QUIET_FRAME * 5 + LOUD_FRAME


async def test_silence_stands_in_for_audio_that_does_not_come(autojump_clock: MockClock) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await trio.sleep(0.1)
        await call.carrier.media(LOUD_FRAME)
        await trio.sleep(2)
        filled = model.caller_audio()[160:]
        assert 1_600 * 8 <= len(filled) <= 2_200 * 8
        assert set(filled) == {0xFF}
        await trio.sleep(20)
        assert len(model.caller_audio()) <= 160 + GAP_MS_MAX * 8
        await call.carrier.media(LOUD_FRAME)
        await trio.sleep(0.1)
        assert model.caller_audio()[-160:] == LOUD_FRAME


async def test_the_local_ear_hears_the_silence_too(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.carrier.talk(100)  # and then not even silence
        await trio.sleep(1)
        assert any(isinstance(event, ev.LocalSpeechEnded) for event in call.notebook.events)
        assert model.of("response.cancel") == []


async def test_marks_of_others_and_the_outbound_track_are_nobodys_business(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        await call.start()
        await call.carrier.echo("somebody else's")
        await call.carrier.echo("e1m1")
        await call.carrier.send({"event": "news", "streamSid": "MZ1"})
        await trio.sleep(0.1)
        marks = [event for event in call.notebook.events if isinstance(event, ev.MarkEchoed)]
        assert marks == [ev.MarkEchoed(1, 1)]


async def test_observers_hear_the_caller_on_the_calls_clock(autojump_clock: MockClock) -> None:
    async with live_call(QUIET) as call:
        await call.start()
        await trio.sleep(1)
        for number in range(3):
            await call.carrier.media(LOUD_FRAME, timestamp_ms=5_000 + 20 * number)
        await trio.sleep(0.1)
        times_ms = [at_ms for at_ms, _ in call.notebook.caller]
        assert times_ms == [1_000, 1_020, 1_040]


# --- the timeline ----------------------------------------------------------------------------


def test_audio_that_follows_directly_has_no_gap() -> None:
    timeline = CallerTimeline()
    assert [timeline.gap_ms(20 * n, 20, 20 * n) for n in range(5)] == [0] * 5


def test_jitter_of_the_timestamps_is_no_gap() -> None:
    timeline = CallerTimeline()
    assert [timeline.gap_ms(t, 20, t) for t in (0, 21, 39, 60, 99)] == [0, 0, 0, 0, 0]


def test_silence_that_was_filled_in_is_not_filled_in_again() -> None:
    timeline = CallerTimeline()
    timeline.gap_ms(0, 20, 20)
    assert timeline.fill_ms(400) == 0
    assert timeline.fill_ms(420) == 400
    assert timeline.fill_ms(620) == 200
    assert timeline.gap_ms(700, 20, 720) == 700 - 20 - 600


def test_a_burst_after_a_stall_is_no_gap() -> None:
    timeline = CallerTimeline()
    timeline.gap_ms(0, 20, 20)
    assert timeline.fill_ms(1_020) == 1_000
    assert [timeline.gap_ms(20 * n, 20, 1_020) for n in range(1, 5)] == [0] * 4


@pytest.mark.parametrize("jump_ms", [2**53 - 40, 100_000, -90_000])
def test_timestamps_that_leave_the_clock_begin_a_new_count(jump_ms: int) -> None:
    timeline = CallerTimeline()
    timeline.gap_ms(100_000, 20, 1_000)
    timestamp_ms = 100_000 + jump_ms
    assert timeline.gap_ms(timestamp_ms, 20, 1_020) == 0
    assert timestamp_ms + timeline.offset_ms == 1_020
    assert timeline.gap_ms(timestamp_ms + 20, 20, 1_040) == 0


@pytest.mark.parametrize("stall_ms", [8_000, 20_000, 300_000])
def test_a_backlog_is_where_its_timestamps_say_however_long_the_stall(stall_ms: int) -> None:
    timeline = CallerTimeline()
    for timestamp_ms in range(0, 1_000, 20):
        timeline.gap_ms(timestamp_ms, 20, timestamp_ms + 20)
    now_ms = 1_000 + stall_ms
    timeline.fill_ms(now_ms)
    for timestamp_ms in range(1_000, now_ms, 20):
        assert timeline.gap_ms(timestamp_ms, 20, now_ms + timestamp_ms // 100) == 0
        assert timeline.at_ms(timestamp_ms) == timestamp_ms + 20
    assert timeline.gap_ms(now_ms, 20, now_ms + 20) == 0
    assert timeline.at_ms(now_ms) == now_ms + 20


def test_frames_that_overtook_each_other_are_still_of_a_backlog() -> None:
    timeline = CallerTimeline()
    timeline.gap_ms(0, 20, 20)
    for timestamp_ms in (20, 60, 40, 80):
        timeline.gap_ms(timestamp_ms, 20, 20_020)
        assert timeline.at_ms(timestamp_ms) == timestamp_ms + 20


def test_frames_lost_within_a_backlog_are_a_gap_in_it() -> None:
    timeline = CallerTimeline()
    timeline.gap_ms(0, 20, 20)
    timeline.gap_ms(20, 20, 60_020)
    assert timeline.gap_ms(40_000, 20, 60_020) == GAP_MS_MAX
    assert timeline.at_ms(40_000) == 40_020


def test_timestamps_that_stood_still_while_time_passed_begin_a_new_count() -> None:
    """They look like a backlog at first, but never catch up: the carrier had paused them."""
    timeline = CallerTimeline()
    timeline.gap_ms(0, 20, 20)
    for timestamp_ms in range(20, BACKLOG_READ_MS_MAX, 20):
        timeline.gap_ms(timestamp_ms, 20, 20_000 + timestamp_ms)
        assert timeline.at_ms(timestamp_ms) == timestamp_ms + 20
    for timestamp_ms in range(BACKLOG_READ_MS_MAX + 60, 2 * BACKLOG_READ_MS_MAX, 20):
        timeline.gap_ms(timestamp_ms, 20, 20_000 + timestamp_ms)
        assert timeline.at_ms(timestamp_ms) == 20_000 + timestamp_ms


def test_timestamps_that_begin_again_after_a_stall_begin_a_new_count() -> None:
    timeline = CallerTimeline()
    timeline.gap_ms(JUMP_BACK_MS_MAX + 20, 20, 20)
    assert timeline.gap_ms(0, 20, 20_020) == 0
    assert timeline.at_ms(0) == 20_020


@given(st.lists(st.tuples(st.integers(0, 2**53), st.integers(1, 500), st.integers(0, 3_000))))
def test_silence_is_bounded_and_time_stays_near_the_clock(
    steps: list[tuple[int, int, int]],
) -> None:
    # Behind it by one wait, and what frames may overtake, before a backlog is known for one.
    behind_ms_max = CLOCK_MS_MAX + 3_000 + JUMP_BACK_MS_MAX + BACKLOG_READ_MS_MAX
    timeline, now_ms = CallerTimeline(), 0
    for timestamp_ms, length_ms, wait_ms in steps:
        now_ms += wait_ms
        assert 0 <= timeline.fill_ms(now_ms) <= GAP_MS_MAX
        assert 0 <= timeline.gap_ms(timestamp_ms, length_ms, now_ms) <= GAP_MS_MAX
        assert -behind_ms_max <= timestamp_ms + timeline.offset_ms - now_ms <= CLOCK_MS_MAX


def test_nothing_is_filled_in_before_audio_ever_came() -> None:
    assert CallerTimeline().fill_ms(60_000) == 0
