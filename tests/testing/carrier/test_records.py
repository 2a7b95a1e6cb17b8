"""What was seen."""

from __future__ import annotations

from trio_media.testing.carrier import RestAsked


def test_of_several_values_the_first_is_given() -> None:
    asked = RestAsked("POST", "/x", (("a", "1"), ("a", "2")))
    assert (asked.first("a"), asked.first("b")) == ("1", "")
