from __future__ import annotations

from collections import deque

from trio_media.core import earshot
from trio_media.core.known import Flying, KnownItem


def held(seq: int, item_id: str, offset_ms: int, begins_ms: int, mark: int) -> Flying:
    return Flying(seq, item_id, offset_ms, 200, mark, is_protected=False, begins_ms=begins_ms)


def test_real_time_lets_the_caller_hear_so_much_and_no_more() -> None:
    items = {"a": KnownItem("R1", is_speech=True), "b": KnownItem("R1", is_speech=True)}
    playing = deque([held(1, "a", 0, 1_000, 1), held(2, "b", 0, 1_200, 2)])
    earshot.time_passes(playing, items, 1_000)
    assert (items["a"].audible_ms, items["b"].audible_ms, len(playing)) == (0, 0, 2)
    earshot.time_passes(playing, items, 1_250)
    assert (items["a"].audible_ms, items["b"].audible_ms, len(playing)) == (200, 50, 1)
    earshot.time_passes(playing, items, 9_000)
    assert (items["b"].audible_ms, len(playing)) == (200, 0)


def test_an_echo_is_of_all_before_it_and_what_is_behind_may_begin() -> None:
    items = {"a": KnownItem("R1", is_speech=True)}
    playing = deque([held(1, "a", 0, 1_000, 1), held(2, "a", 200, 1_200, 2)])
    rest, ends_ms = earshot.echoed(playing, items, 1, 1_050)
    assert items["a"].audible_ms == 200
    assert [(audio.seq, audio.begins_ms) for audio in rest] == [(2, 1_050)]
    assert ends_ms == 1_250


def test_an_echo_of_nothing_moves_nothing() -> None:
    items = {"a": KnownItem("R1", is_speech=True)}
    playing = deque([held(1, "a", 0, 1_000, 2)])
    assert earshot.echoed(playing, items, 1, 1_100) == (playing, 1_200)
    assert earshot.echoed(deque(), items, 1, 1_100) == (deque(), 1_100)
