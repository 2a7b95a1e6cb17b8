"""The status of a call, from callbacks that come as they please."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.telephony.call_status import CallProgress, CallStatus, call_status

FINAL = ["completed", "busy", "failed", "no-answer", "canceled"]
LIFE = ["initiated", "ringing", "in-progress"]


def after(callbacks: list[tuple[str, int | None]]) -> CallProgress:
    progress = CallProgress()
    for status, sequence in callbacks:
        progress.heard(status, sequence)
    return progress


def test_a_whole_call_is_news_at_every_stage() -> None:
    progress = CallProgress()
    assert progress.status is CallStatus.QUEUED
    assert [progress.heard(status, n) for n, status in enumerate([*LIFE, "completed"])] == [
        True
    ] * 4
    assert progress.status is CallStatus.COMPLETED
    assert (progress.sequence_max, progress.callbacks_heard) == (3, 4)


def test_a_repetition_is_no_news() -> None:
    progress = CallProgress()
    assert progress.heard("ringing", 1)
    assert not progress.heard("ringing", 1)
    assert not progress.heard("ringing")
    assert not progress.heard("queued")


@pytest.mark.parametrize("late", ["queued", "initiated", "ringing"])
def test_nothing_goes_back(late: str) -> None:
    progress = CallProgress()
    assert progress.heard("in-progress", 2)
    assert not progress.heard(late, 7)
    assert progress.status is CallStatus.IN_PROGRESS
    assert not progress.is_over


@pytest.mark.parametrize("first", FINAL)
@pytest.mark.parametrize("second", [*FINAL, *LIFE])
def test_the_first_final_status_stands(first: str, second: str) -> None:
    progress = CallProgress()
    assert progress.heard(first, 9)
    assert progress.is_over
    assert not progress.heard(second, 10)
    assert progress.status is call_status(first)


def test_an_unknown_status_changes_nothing() -> None:
    progress = CallProgress()
    for text in ("", "Ringing", "answered", "in_progress"):
        assert not progress.heard(text, 3)
    assert progress.status is CallStatus.QUEUED


def test_a_clone_that_never_counts_is_understood() -> None:
    assert after([("ringing", 0), ("in-progress", 0), ("completed", 0)]).is_over


def test_every_status_has_its_stage() -> None:
    assert [status.value for status in CallStatus if status.is_final] == FINAL


@given(lives=st.data(), final=st.sampled_from([*FINAL, None]))
def test_any_order_with_repetitions_ends_in_the_same_state(
    lives: st.DataObject, final: str | None
) -> None:
    told = [*LIFE, *([final] if final else [])]
    numbered: list[tuple[str, int | None]] = [(status, n) for n, status in enumerate(told)]
    repeated = lives.draw(st.lists(st.sampled_from([*numbered, ("nonsense", 40)]), max_size=6))
    shuffled = lives.draw(st.permutations([*numbered, *repeated]))
    assert after(shuffled).status is after(numbered).status


@given(st.lists(st.tuples(st.sampled_from([*LIFE, *FINAL, "x"]), st.integers(0, 9) | st.none())))
def test_news_comes_once_for_each_stage_and_never_after_the_end(
    callbacks: list[tuple[str, int | None]],
) -> None:
    progress = CallProgress()
    news = 0
    for status, sequence in callbacks:
        was_over = progress.is_over
        is_news = progress.heard(status, sequence)
        news += is_news
        assert not (was_over and is_news)
        assert not was_over or progress.is_over
    assert news <= 4
