"""The names of marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.call.marks import mark_name, mark_of


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_name_says_its_epoch_and_its_number(epoch: int, number: int) -> None:
    assert mark_of(mark_name(epoch, number)) == (epoch, number)


@pytest.mark.parametrize(
    "name",
    ["", "e", "m", "e1", "m1", "e1m", "em1", "1m1", "e-1m1", "e1m1m1", "e٣m1", "e1m" + "9" * 50],
)
def test_what_is_none_of_ours_is_none(name: str) -> None:
    assert mark_of(name) is None


@given(st.text())
def test_no_name_is_too_strange(name: str) -> None:
    mark_of(name)
