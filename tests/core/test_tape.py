"""What stands on the tape."""

from __future__ import annotations

import pytest

from trio_media.core.commands import Cause
from trio_media.core.responses import Item, Phase, Response
from trio_media.core.tape import Sent, Track, playing_order


def item_of(received_ms: int, *, is_done: bool = False, number: int = 1) -> Item:
    response = Response(number=number, cause=Cause.TURN, phase=Phase.ACTIVE, progress_ms=0)
    item = Item(f"{number}.1", response, received_ms=received_ms, is_done=is_done)
    response.items.append(item)
    return item


@pytest.mark.parametrize(
    ("received_ms", "is_done", "end_ms"),
    [(45, False, 140), (45, True, 160), (40, False, 140), (40, True, 140), (19, False, 100)],
)
def test_whole_frames_can_be_sent_and_the_padded_tail_once_it_is_done(
    received_ms: int, is_done: bool, end_ms: int
) -> None:
    assert Track(item_of(received_ms, is_done=is_done), start_ms=100).playable_end_ms == end_ms


def test_a_track_that_was_cut_begins_after_what_was_heard() -> None:
    track = Track(item_of(100, is_done=True), start_ms=500, skip_ms=30)
    assert track.playable_end_ms == 580, "70 ms are left, padded to whole frames"
    assert track.audio_ms(500) == 30
    assert track.audio_ms(540) == 70


def test_what_lies_before_a_position_is_never_more_than_there_is() -> None:
    track = Track(item_of(45, is_done=True), start_ms=100)
    assert [track.audio_ms(at_ms) for at_ms in (0, 100, 120, 145, 160, 900)] == [
        0,
        0,
        20,
        45,
        45,
        45,
    ]


def test_a_message_ends_when_it_has_been_played() -> None:
    sent = Sent(1, 100, 300)
    assert sent.ends_ms is None, "it is not written yet"
    sent.begins_ms = 1_000
    assert sent.ends_ms == 1_200


def test_items_are_played_in_the_order_of_responses_then_as_they_were_made() -> None:
    first, second = item_of(20), item_of(20, number=2)
    later = Item("1.2", first.response)
    first.response.items.append(later)
    assert sorted([second, later, first], key=playing_order) == [first, later, second]
