"""The unit is the integer millisecond."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_media.core import units
from trio_media.core.units import FRAME_MS, earliest, frames_down, frames_up


def test_every_constant_is_a_whole_number_above_zero() -> None:
    constants = {name: value for name, value in vars(units).items() if name.isupper()}
    assert len(constants) > 20
    for name, value in constants.items():
        assert type(value) is int, name
        assert value > 0, name


@given(st.integers(0, 100_000))
def test_frames_enclose_a_length(length_ms: int) -> None:
    down_ms, up_ms = frames_down(length_ms), frames_up(length_ms)
    assert down_ms <= length_ms <= up_ms
    assert down_ms % FRAME_MS == 0
    assert up_ms % FRAME_MS == 0
    assert up_ms - down_ms == (0 if length_ms % FRAME_MS == 0 else FRAME_MS)


def test_the_earliest_of_times_that_are_set() -> None:
    assert earliest(None, 7, 3, None) == 3
    assert earliest(0, 1) == 0
    assert earliest(None, None) is None
    assert earliest() is None
