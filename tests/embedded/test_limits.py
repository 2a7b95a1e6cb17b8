from __future__ import annotations

import math

import attrs
import pytest

from trio_media.embedded.limits import within


@attrs.frozen
class Sized:
    size_ms: float = attrs.field(validator=within(2, 5))


@pytest.mark.parametrize("allowed", [2, 3.5, 5])
def test_both_limits_are_allowed(allowed: float) -> None:
    assert Sized(allowed).size_ms == allowed


@pytest.mark.parametrize("wrong", [1.99, 5.01, math.nan, math.inf])
def test_a_value_beyond_is_named_with_its_limits(wrong: float) -> None:
    with pytest.raises(ValueError, match=rf"size_ms is {wrong}; allowed is 2 to 5"):
        Sized(wrong)
