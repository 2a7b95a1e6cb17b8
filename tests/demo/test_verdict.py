"""The demo's judge: what the phone really played, and which checks fail when."""

from __future__ import annotations

import io

import attrs
from rich.console import Console

from trio_media.core import events as ev
from trio_media.core.commands import Outcome
from trio_media.core.policy import Policy
from trio_media.demo.story import Story
from trio_media.demo.verdict import judge, judge_log, played_ms
from trio_media.phone import CallEnd, CallRecord, new_identity
from trio_media.phone.record import WireEntry
from trio_media.recording.log_format import LogHeader
from trio_media.replay import BrokenPromise, Replay


def media(t_ms: float, length_ms: float, buffered_ms: float) -> WireEntry:
    return WireEntry(t_ms, False, "media", audio_bytes=int(length_ms * 8), buffered_ms=buffered_ms)


def clear(t_ms: float) -> WireEntry:
    return WireEntry(t_ms, False, "clear")


def record_of(*wire: WireEntry) -> CallRecord:
    return CallRecord(identity=new_identity(), ended_by=CallEnd.HUNG_UP, wire=wire)


def test_played_is_what_was_received_less_what_a_clear_threw_away() -> None:
    record = record_of(media(0, 1_000, 1_000), clear(700), media(1_000, 400, 400), clear(1_100))
    assert played_ms(record) == [700, 100]


def test_a_buffer_that_ran_dry_played_everything() -> None:
    assert played_ms(record_of(media(0, 300, 300), clear(2_000))) == [300]


GOOD = record_of(
    media(0, 4_000, 4_000),
    clear(3_000),
    media(5_000, 4_000, 4_000),
    clear(7_000),
    media(7_500, 4_000, 4_000),
    clear(9_500),
)


def good_story() -> Story:
    return Story(
        Console(file=io.StringIO()),
        told_ms=[3_010, 3_890],
        outcomes=[Outcome.CANCELLED, Outcome.ALREADY_OVER],
        cancels=1,
        hushes=3,
        resumes=1,
    )


def broken(story: Story, record: CallRecord = GOOD) -> list[str]:
    return [check.what for check in judge(story, record) if not check.is_kept]


def test_a_good_call_passes() -> None:
    assert broken(good_story()) == []


def test_a_model_that_was_told_more_than_was_heard_fails() -> None:
    story = good_story()
    story.told_ms = [3_010, 4_200]
    assert broken(story) == ["the model knows what was heard of the second answer"]


def test_a_second_cancel_fails() -> None:
    story = good_story()
    story.cancels = 2
    assert broken(story) == ["one cancel for the response that was generating"]


def test_a_broken_promise_fails() -> None:
    story = good_story()
    story.broken = ["silence: audio in a hush"]
    assert broken(story) == ["every promise of the decision core held"]


def test_what_no_carrier_accepts_fails() -> None:
    record = attrs.evolve(GOOD, violations=("media without a payload",))
    assert broken(good_story(), record) == ["the phone got nothing that no carrier accepts"]


def test_a_missing_truncate_fails() -> None:
    story = good_story()
    story.told_ms = [3_010]
    assert broken(story) == ["the model was told twice what was heard"]


def test_a_log_that_does_not_replay_fails() -> None:
    header = LogHeader(call_sid="CA1", stream_sid="MZ1", started_at="now", policy=Policy())
    assert judge_log(Replay(header)).is_kept
    cut = judge_log(Replay(header, ends_early="line 9 is cut off"))
    assert not cut.is_kept
    assert cut.detail == "it ends early: line 9 is cut off"
    promise = BrokenPromise(8, 1, ev.TimePassed(), "one cancel: two")
    broken = judge_log(Replay(header, broken=[promise], broken_count=1))
    assert not broken.is_kept
    assert "one cancel: two" in broken.detail
