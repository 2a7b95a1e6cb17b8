"""Which words of a text were heard: those that their share of the audio reaches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.facts.heard_text import heard_text

TEXT = "One two three four"


@pytest.mark.parametrize(
    ("heard_ms", "words"),
    [
        (0, ""),
        (100, ""),
        (170, "One"),
        (400, "One two"),
        (700, "One two"),
        (723, "One two three"),
        (999, "One two three"),
        (1_000, TEXT),
        (2_000, TEXT),
    ],
)
def test_whole_words_are_heard_up_to_the_share_of_the_audio(heard_ms: int, words: str) -> None:
    assert heard_text(TEXT, heard_ms, 1_000) == words


def test_a_text_without_spaces_is_cut_between_two_characters() -> None:
    assert heard_text("こんにちは", 600, 1_000) == "こんに"


@pytest.mark.parametrize("received_ms", [0, 1_000])
def test_of_nothing_nothing_is_heard(received_ms: int) -> None:
    assert heard_text("", 0, received_ms) == ""
    assert heard_text(TEXT, 0, received_ms) == ""


@given(text=st.text(), first=st.integers(0, 9_999), second=st.integers(0, 9_999))
def test_who_hears_more_hears_no_fewer_words(text: str, first: int, second: int) -> None:
    less, more = sorted((first, second))
    fewer, words = heard_text(text, less, 10_000), heard_text(text, more, 10_000)
    assert words.startswith(fewer)
    assert text.startswith(words)
    assert len(words) <= len(text) * more // 10_000
