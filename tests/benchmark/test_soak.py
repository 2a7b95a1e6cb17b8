"""When memory counts as flat."""

from __future__ import annotations

import pytest
from soak import GROWTH_MAX, growth


def test_what_is_filled_at_the_beginning_is_no_growth() -> None:
    assert growth([50, 80] + [100] * 14) == 0


def test_a_leak_is_growth() -> None:
    assert growth([100.0 + n for n in range(16)]) > GROWTH_MAX


def test_one_high_sample_is_no_leak() -> None:
    assert growth([100] * 15 + [150]) == 0


def test_too_few_samples_tell_nothing() -> None:
    assert growth([100, 200, 300]) == pytest.approx(0)
