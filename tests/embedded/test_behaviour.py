from __future__ import annotations

from typing import Any

import pytest

from trio_media.embedded import ModelBehaviour


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("burst_factor", 0),
        ("delta_ms", 0),
        ("delta_ms", 5_000),
        ("created_delay_ms", -1),
        ("count_to", 61),
        ("numbers_per_response", 0),
        ("session_s_max", 0),
    ],
)
def test_a_value_out_of_range_is_named(field: str, value: float) -> None:
    fields: dict[str, Any] = {field: value}
    with pytest.raises(ValueError, match=rf"{field} is {value}; allowed is"):
        ModelBehaviour(**fields)


def test_speech_is_made_eight_times_as_fast_as_it_is_played() -> None:
    assert ModelBehaviour().burst_factor == 8


def test_what_the_caller_says_is_told_turn_by_turn_and_then_as_ever() -> None:
    behaviour = ModelBehaviour(caller_says=("Hello?", "A table for two."))
    turns = [behaviour.text_of_turn(number) for number in (1, 2, 3)]
    assert turns == ["Hello?", "A table for two.", "caller turn 3"]
    fixed = ModelBehaviour(caller_says=("Hello?",), caller_transcript="mhm")
    assert [fixed.text_of_turn(number) for number in (1, 2)] == ["Hello?", "mhm"]
