"""What is counted, and against which minutes: calls written down frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure import AFTER_MS, EARLY_MS, LATE_MS, REWIND_MS, Figures, add, measure
from seen import FRAME_MS, Seen, Spoken

MINUTE_MS = 60_000


def a_call(*silences_ms: tuple[int, int], length_ms: int = MINUTE_MS) -> Seen:
    """A call in which the model is played all the time, but for these spans."""
    audible = [True] * (length_ms // FRAME_MS)
    for first_ms, end_ms in silences_ms:
        for frame in range(first_ms // FRAME_MS, end_ms // FRAME_MS):
            audible[frame] = False
    return Seen(audible=audible)


def clip(onset_ms: int, end_ms: int) -> Spoken:
    return Spoken("clip", onset_ms, end_ms)


# --- clips -------------------------------------------------------------------------------------


def test_a_clip_is_heard_from_its_onset() -> None:
    seen = a_call((10_060, 12_000))
    seen.spoken = [clip(10_000, 11_000)]
    seen.clears_ms, seen.takes_ms = [10_060], [10_700]
    figures = measure(seen)
    assert (figures.hushes_ms, figures.takes_ms) == ([60], [700])
    assert (figures.false_hushes, figures.false_takes, figures.lost_ms) == (0, 0, 0)
    assert (figures.silent, figures.hush_misses, figures.take_misses) == (0, 0, 0)


def test_a_clip_is_heard_once() -> None:
    seen = a_call()
    seen.spoken = [clip(10_000, 11_000)]
    seen.clears_ms, seen.takes_ms = [10_060, 10_600], [10_700, 10_720]
    figures = measure(seen)
    assert (figures.hushes_ms, figures.takes_ms) == ([60], [700])


@pytest.mark.parametrize(
    ("after_onset_ms", "is_heard"),
    [(-EARLY_MS - 1, False), (-EARLY_MS, True), (1_000 + LATE_MS, True), (1_001 + LATE_MS, False)],
)
def test_what_is_too_early_or_too_late_is_not_heard(after_onset_ms: int, is_heard: bool) -> None:
    seen = a_call()
    seen.spoken = [clip(10_000, 11_000)]
    seen.clears_ms = seen.takes_ms = [10_000 + after_onset_ms]
    figures = measure(seen)
    assert figures.hushes_ms == figures.takes_ms == ([after_onset_ms] if is_heard else [])
    assert figures.hush_misses == figures.take_misses == int(not is_heard)


@pytest.mark.parametrize(
    ("silence_ms", "is_silent"),
    [
        ((9_000, 10_500), True),
        ((9_000, 9_960), True),  # as early as the onset may be
        ((9_940, 10_500), True),  # however short before
        ((9_000, 9_940), False),  # it came back in time
        ((9_980, 10_500), False),  # by the clip
        ((5_000, 9_500), False),  # and nobody cares whether it was hushed before
    ],
)
def test_a_clip_is_silent_when_nothing_is_played_at_its_very_onset(
    silence_ms: tuple[int, int], is_silent: bool
) -> None:
    seen = a_call(silence_ms)
    seen.spoken = [clip(10_000, 11_000)]
    assert measure(seen).silent == int(is_silent)


def test_a_clip_into_silence_is_neither_heard_nor_missed() -> None:
    seen = a_call((9_000, 10_200))
    seen.spoken = [clip(10_000, 11_000)]
    seen.clears_ms, seen.takes_ms = [10_300], [10_700]
    figures = measure(seen)
    assert (figures.clips, figures.silent, figures.interrupting) == (1, 1, 0)
    assert (figures.hushes_ms, figures.takes_ms) == ([], [])
    assert (figures.hush_misses, figures.take_misses) == (0, 0)
    assert (figures.false_hushes, figures.false_takes) == (0, 0), "they are about it for all that"


def test_a_clip_at_the_very_beginning_is_silent() -> None:
    seen = a_call()
    seen.spoken = [clip(20, 1_000)]
    assert measure(seen).silent == 1


# --- false events and the minutes that they are counted against --------------------------------


def test_what_nobody_said_is_false() -> None:
    seen = a_call((20_000, 20_400), (30_000, 33_000))
    seen.clears_ms, seen.takes_ms = [20_000, 30_000], [30_160]
    figures = measure(seen)
    assert (figures.false_hushes, figures.false_takes) == (2, 1)
    assert figures.alone_min == 1


@pytest.mark.parametrize("is_wake", [False, True])
def test_what_comes_with_the_callers_words_is_about_them_and_so_is_the_time(is_wake: bool) -> None:
    seen = a_call()
    said = clip(10_000, 11_000)
    seen.wakes, seen.spoken = ([said], []) if is_wake else ([], [said])
    for at_ms in (10_000 - EARLY_MS, 10_500, 11_000 + AFTER_MS):
        seen.clears_ms = seen.takes_ms = [at_ms]
        assert (measure(seen).false_hushes, measure(seen).false_takes) == (0, 0)
    for at_ms in (10_000 - EARLY_MS - 1, 11_000 + AFTER_MS + FRAME_MS):
        seen.clears_ms = seen.takes_ms = [at_ms]
        assert (measure(seen).false_hushes, measure(seen).false_takes) == (1, 1)
    about_ms = EARLY_MS + 1_000 + AFTER_MS + FRAME_MS
    assert measure(seen).alone_min == (MINUTE_MS - about_ms) / MINUTE_MS


def test_a_take_of_the_answer_that_the_caller_got_is_false() -> None:
    """Else what an echo does to each new answer would never be seen."""
    seen = a_call((10_060, 11_600))
    seen.spoken, seen.answers_ms = [clip(10_000, 11_000)], [11_520]
    seen.clears_ms, seen.takes_ms = [10_060, 11_760], [10_700, 11_760]
    figures = measure(seen)
    assert (figures.false_hushes, figures.false_takes) == (1, 1)
    assert figures.alone_min == (MINUTE_MS - (11_540 - 9_960)) / MINUTE_MS


def test_a_transcript_that_takes_and_asks_for_the_next_answer_is_about_the_caller() -> None:
    seen = a_call()
    seen.spoken, seen.answers_ms = [clip(10_000, 10_700)], [11_500]
    seen.takes_ms = [11_500]
    figures = measure(seen)
    assert (figures.false_takes, figures.take_misses) == (0, 1)


def test_an_answer_that_was_going_on_is_what_the_caller_interrupts() -> None:
    seen = a_call()
    seen.spoken, seen.answers_ms = [clip(10_000, 11_000)], [9_000, 10_100]
    seen.takes_ms = [10_700]
    assert measure(seen).takes_ms == [700]
    assert measure(seen).false_takes == 0


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9_000), st.integers(100, 2_000)), max_size=4),
    st.lists(st.tuples(st.integers(0, 9_000), st.integers(100, 2_000)), max_size=4),
    st.lists(st.integers(0, 9_999), max_size=4),
)
def test_events_are_false_in_exactly_the_time_that_they_are_counted_against(
    said: list[tuple[int, int]], woke: list[tuple[int, int]], answers_ms: list[int]
) -> None:
    """With an event in every frame, the false ones are as many as there are frames of that time."""
    seen = a_call(length_ms=10_000)
    seen.spoken, seen.wakes = ([clip(at, at + ms) for at, ms in spans] for spans in (said, woke))
    seen.answers_ms = answers_ms
    seen.clears_ms = seen.takes_ms = list(range(0, 10_000, FRAME_MS))
    figures = measure(seen)
    assert figures.false_hushes == figures.false_takes
    assert figures.false_takes * FRAME_MS == round(figures.alone_min * MINUTE_MS)


# --- what was lost -----------------------------------------------------------------------------


def test_a_false_hush_loses_its_silence_and_what_is_played_twice() -> None:
    seen = a_call((20_000, 20_400))
    seen.clears_ms = [20_000]
    assert measure(seen).lost_ms == 400 + REWIND_MS


def test_a_false_hush_that_never_ends_plays_nothing_twice() -> None:
    seen = a_call((59_800, 60_000))
    seen.clears_ms = [59_800]
    assert measure(seen).lost_ms == 200


def test_a_false_take_loses_its_silence_and_plays_nothing_twice() -> None:
    seen = a_call((20_000, 24_000))
    seen.clears_ms, seen.takes_ms = [20_000], [20_160]
    assert measure(seen).lost_ms == 4_000


def test_a_false_take_without_a_hush_of_its_own_loses_its_silence_too() -> None:
    seen = a_call((20_000, 24_000))
    seen.takes_ms = [20_000]
    assert measure(seen).lost_ms == 4_000


def test_a_silence_is_lost_once_however_many_events_are_in_it() -> None:
    seen = a_call((20_000, 24_000))
    seen.clears_ms, seen.takes_ms = [20_000, 21_000, 22_000], [20_160, 22_500]
    assert measure(seen).lost_ms == 4_000


def test_the_callers_words_are_no_loss_but_the_silence_around_them_is() -> None:
    """The caller wakes a model that was silent for good, and it takes a while to answer."""
    seen = a_call((20_000, 30_000))
    seen.takes_ms, seen.wakes = [20_000], [clip(24_000, 25_000)]
    assert measure(seen).lost_ms == 10_000 - (EARLY_MS + 1_000 + AFTER_MS + FRAME_MS)


def test_silence_that_nothing_false_began_is_no_loss() -> None:
    seen = a_call((0, 500), (10_060, 14_000), (50_000, 60_000))
    seen.spoken, seen.clears_ms, seen.takes_ms = [clip(10_000, 11_000)], [10_060], [10_700]
    assert measure(seen).lost_ms == 0


@settings(deadline=None)
@given(
    st.lists(st.booleans(), min_size=1, max_size=60),
    st.lists(st.integers(0, 1_400), max_size=5),
    st.lists(st.integers(0, 1_400), max_size=5),
)
def test_no_more_is_lost_than_was_silent_and_rewound(
    audible: list[bool], clears_ms: list[int], takes_ms: list[int]
) -> None:
    seen = Seen(audible=audible, clears_ms=sorted(clears_ms), takes_ms=sorted(takes_ms))
    figures = measure(seen)
    silent_ms = int((~np.array(audible)).sum()) * FRAME_MS
    assert 0 <= figures.lost_ms <= silent_ms + REWIND_MS * figures.false_hushes
    assert figures.false_hushes == len(clears_ms)
    assert figures.false_takes == len(takes_ms)


def test_figures_of_two_calls_add_up() -> None:
    one = Figures(clips=2, silent=1, hushes_ms=[40], false_takes=3, alone_min=0.5)
    two = Figures(clips=1, takes_ms=[700], wakes=2, lost_ms=20, alone_min=1.0)
    assert add(one, two) == Figures(
        clips=3,
        silent=1,
        hushes_ms=[40],
        takes_ms=[700],
        wakes=2,
        false_takes=3,
        lost_ms=20,
        alone_min=1.5,
    )
