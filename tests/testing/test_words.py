"""A text spread over its milliseconds: a word was heard when all of it was."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.testing.words import GAP, merged, spoken_ms, words_heard

TEXTS = st.text(alphabet="ab ,.é", min_size=1, max_size=40).filter(str.strip)
STRETCHES = st.lists(
    st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)).map(lambda t: (min(t), max(t))),
    max_size=6,
)


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ([], ""),
        ([(0, 399)], ""),
        ([(0, 400)], "aaaa"),
        ([(0, 899)], "aaaa"),
        ([(0, 900)], "aaaa bbbb"),
        ([(0, 500), (500, 1_400)], "aaaa bbbb cccc"),
        ([(0, 700), (600, 900)], "aaaa bbbb"),
        ([(0, 400), (900, 1_400)], f"aaaa {GAP} cccc"),
        ([(500, 900)], f"{GAP} bbbb"),
    ],
)
def test_words_are_heard_whole_or_not_at_all(heard: list[tuple[int, int]], words: str) -> None:
    assert words_heard("aaaa bbbb cccc", 1_400, heard) == words


@given(TEXTS, st.integers(1, 5_000))
def test_all_of_a_text_is_all_of_its_words(text: str, length_ms: int) -> None:
    assert words_heard(text, length_ms, [(0, length_ms)]) == " ".join(text.split())
    assert words_heard(text, length_ms, []) == "" or length_ms < len(text)


@given(TEXTS, st.integers(100, 3_000), STRETCHES, STRETCHES)
def test_who_hears_more_hears_no_word_less(
    text: str, length_ms: int, some: list[tuple[int, int]], more: list[tuple[int, int]]
) -> None:
    def count(heard: list[tuple[int, int]]) -> int:
        return sum(word != GAP for word in words_heard(text, length_ms, heard).split())

    assert count(some) <= count(some + more)


@given(STRETCHES)
def test_merged_stretches_hold_the_same_milliseconds(stretches: list[tuple[int, int]]) -> None:
    def inside(all_of_it: list[tuple[int, int]]) -> set[int]:
        return {ms for start_ms, end_ms in all_of_it for ms in range(start_ms, end_ms)}

    out = merged(stretches)
    assert inside(out) == inside(stretches)
    assert all(before[1] < after[0] for before, after in pairwise(out))


@given(TEXTS)
def test_a_text_takes_whole_frames_and_is_never_a_mere_mhm(text: str) -> None:
    assert spoken_ms(text) % 20 == 0
    assert spoken_ms(text) >= 800
