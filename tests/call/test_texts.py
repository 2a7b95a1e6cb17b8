"""The words of a call's items, whole or in pieces, and within bounds."""

from __future__ import annotations

from trio_media.call.texts import CHARS_MAX, ITEMS_MAX, Texts


def test_pieces_are_put_together_until_the_whole_is_known() -> None:
    texts = Texts()
    texts.more("I1", " Once upon")
    texts.more("I1", " a time ")
    assert texts.of("I1") == "Once upon a time"
    texts.whole("I1", " Once upon a time, there was.\n")
    assert texts.of("I1") == "Once upon a time, there was."


def test_of_what_nobody_told_nothing_is_known() -> None:
    assert Texts().of("I1") == ""


def test_what_is_unfinished_is_told_once_and_stays_known() -> None:
    texts = Texts()
    texts.more("I1", "One ")
    texts.more("I2", "two ")
    texts.whole("I2", "Two three.")
    assert texts.unfinished() == {"I1": "One"}
    assert texts.unfinished() == {}
    assert texts.of("I1") == "One"


def test_pieces_behind_the_whole_are_no_news() -> None:
    texts = Texts()
    texts.whole("I1", "All of it.")
    texts.more("I1", "All of")
    assert texts.unfinished() == {}
    assert texts.of("I1") == "All of it."


def test_items_are_kept_in_bounds_and_the_oldest_go() -> None:
    texts = Texts()
    for number in range(ITEMS_MAX + 10):
        texts.whole(f"W{number}", "words")
        texts.more(f"P{number}", "words")
    assert texts.of("W9") == texts.of("P9") == ""
    assert texts.of("W10") == texts.of("P10") == "words"
    texts.unfinished()
    assert len(texts._whole) == ITEMS_MAX


def test_an_item_is_no_longer_than_anybody_speaks() -> None:
    texts = Texts()
    texts.whole("I1", "a" * 2 * CHARS_MAX)
    for _ in range(5):
        texts.more("I2", "b" * (CHARS_MAX // 2 + 1))
    texts.more("I3", "c" * 2 * CHARS_MAX)
    assert [len(texts.of(name)) for name in ("I1", "I2", "I3")] == [CHARS_MAX] * 3
