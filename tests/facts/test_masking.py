from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.masking import (
    DIGITS_MIN,
    commands_without_keys,
    event_without_keys,
    mask_numbers,
    masked_keys,
)


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("It is 4111 1111 1111 1111, thanks.", "It is **** **** **** ****, thanks."),
        ("4111-1111-1111-1111", "****-****-****-****"),
        ("call +1 (555) 123-4567 now", "call +* (***) ***-**** now"),
        ("4111, 1111, 1111, 1111", "****, ****, ****, ****"),
        ("four one one one, one one one one", "* * * *, * * * *"),
        ("Double four 1 1 seven oh 3 nine.", "* * * * * * * *."),
        ("IBAN DE89370400440532013000", "IBAN DE********************"),
    ],
)
def test_long_numbers_are_masked_however_they_are_said(said: str, masked: str) -> None:
    assert mask_numbers("caller", said) == masked


@pytest.mark.parametrize(
    "said",
    ["At 12:30 for 4 people.", "It costs 129.50 euros.", "In 2026, or one or two years.", ""],
)
def test_everyday_numbers_stay(said: str) -> None:
    assert mask_numbers("model", said) == said


@given(
    st.lists(st.sampled_from("0123456789"), min_size=DIGITS_MIN, max_size=30),
    st.sampled_from(["", " ", "-", ".", ", "]),
    st.text(st.characters(categories=["L", "Z"]), max_size=10),
)
def test_no_digit_of_a_long_number_is_left(digits: list[str], between: str, around: str) -> None:
    masked = mask_numbers("caller", f"{around} {between.join(digits)} {around}")
    assert not any(character in "0123456789" for character in masked)


def test_keys_are_there_but_not_which() -> None:
    assert masked_keys("12A9#*") == "0000#*"
    assert event_without_keys(ev.KeyPressed("7")) == ev.KeyPressed("0")
    other = ev.TimePassed()
    assert event_without_keys(other) is other


def test_commands_that_tell_keys_do_not() -> None:
    collected = cm.DigitsCollected(1, "4711", cm.DigitsOutcome.COMPLETE)
    hushed = cm.Hushed(1, None)
    kept = commands_without_keys([cm.SendKeys(3, "12#"), hushed, collected])
    assert [getattr(one, "digits", None) for one in kept] == ["00#", None, "0000"]
    assert kept[1] is hushed
    plain = [hushed]
    assert commands_without_keys(plain) is plain
