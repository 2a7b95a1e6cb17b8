from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from trio_media.recording.timeline_facts import Fact, Lane, Look
from trio_media.recording.timeline_layout import (
    IMAGE_PX,
    LEFT_PX,
    RIGHT_PX,
    ROWS_MAX,
    TEXT_PX,
    lay_out,
    strip_length_ms,
)
from trio_media.recording.timeline_paint import width

LABELLED = st.builds(
    Fact,
    lane=st.sampled_from([Lane.FLOOR, Lane.MODEL]),
    look=st.sampled_from([Look.TAKE, Look.HUSH, Look.CREATE]),
    begins_ms=st.integers(0, 30_000),
    ends_ms=st.just(0),
    label=st.text("ab W", max_size=90),
)


@given(facts=st.lists(LABELLED, max_size=60), lengths=st.lists(st.integers(0, 8_000), min_size=60))
def test_no_label_lies_on_another_or_outside_of_the_picture(
    facts: list[Fact], lengths: list[int]
) -> None:
    for fact, length_ms in zip(facts, lengths, strict=False):
        fact.ends_ms = fact.begins_ms + length_ms * (fact.look is Look.HUSH)
    for strip in lay_out(facts, 40_000):
        for lane in strip.lanes:
            assert lane.rows <= ROWS_MAX
            for row in range(lane.rows):
                boxes = sorted(
                    (
                        min(placed.left_px, placed.text_px),
                        max(placed.right_px, placed.text_px + width(placed.text, TEXT_PX)),
                    )
                    for placed in lane.placed
                    if placed.row == row
                )
                assert all(left >= 0 and right <= IMAGE_PX for left, right in boxes)
                assert all(one[1] < two[0] for one, two in itertools.pairwise(boxes))


def test_everything_is_placed_or_counted_as_hidden() -> None:
    facts = [Fact(Lane.MODEL, Look.CREATE, 100, 100, f"create #{n}") for n in range(50)]
    (lane,) = lay_out(facts, 1_000)[0].lanes
    assert len(lane.placed) == ROWS_MAX
    assert lane.hidden == 50 - ROWS_MAX


def test_a_span_goes_on_in_the_next_strip() -> None:
    fact = Fact(Lane.HEARD, Look.HEARD, 4_000, 7_000, "#1 Welcome")
    first, second = lay_out([fact], 10_000)
    assert first.lanes[0].placed[0].right_px == RIGHT_PX
    assert second.lanes[0].placed[0].left_px == LEFT_PX
    assert second.lanes[0].placed[0].text == "#1 Welcome"


def test_a_label_is_on_the_strip_that_shows_most_of_its_span() -> None:
    fact = Fact(Lane.SERVER, Look.TURN, 4_000, 7_000, "hello")
    texts = [strip.lanes[0].placed[0].text for strip in lay_out([fact], 10_000)]
    assert texts == ["", "hello"]


def test_what_lies_on_a_hidden_response_is_hidden_with_it() -> None:
    facts = []
    for number in range(1, ROWS_MAX + 2):
        facts.append(Fact(Lane.GENERATED, Look.RESPONSE, 100, 900, f"#{number}", number))
        facts.append(Fact(Lane.GENERATED, Look.RECEIVED, 200, 400, "", number))
    (lane,) = lay_out(facts, 1_000)[0].lanes
    for placed in lane.placed:
        assert placed.row == placed.fact.number - 1
    assert {placed.fact.number for placed in lane.placed} == set(range(1, ROWS_MAX + 1))


def test_lanes_without_anything_are_left_out() -> None:
    strips = lay_out([Fact(Lane.NOTES, Look.OTHER, 12_000, 12_000, "x")], 12_000)
    assert [[lane.lane for lane in strip.lanes] for strip in strips] == [[Lane.NOTES]] * 3


@given(st.integers(0, 10**15))
def test_any_duration_fits_into_a_bounded_number_of_strips(duration_ms: int) -> None:
    length_ms = strip_length_ms(duration_ms)
    assert length_ms * 10 >= duration_ms
    assert len(lay_out([], duration_ms)) <= 10
