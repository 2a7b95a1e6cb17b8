"""What was used, and what it costs: against a slow count of its own."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.facts.usage import (
    MODELS_MAX,
    OTHERS,
    TOKENS,
    Spending,
    Spent,
    Usage,
    cost_of,
    spent_of,
    usage_fields,
    usage_note,
)

REALTIME = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}
PRICES = {
    "text_in": 4.0,
    "text_in_cached": 0.4,
    "audio_in": 32.0,
    "audio_in_cached": 0.4,
    "text_out": 16.0,
    "audio_out": 64.0,
}


def test_tokens_are_told_apart_by_kind_and_what_was_cached_is_not_counted_twice() -> None:
    assert spent_of(REALTIME) == Spent(
        {"text_in": 55, "text_in_cached": 64, "audio_in": 13, "text_out": 30, "audio_out": 91}
    )


def test_a_cost_is_exact() -> None:
    # 55*4 + 64*0.4 + 13*32 + 30*16 + 91*64 = 6965.6 millionths
    assert cost_of(spent_of(REALTIME), PRICES) == Decimal("0.0069656")


def test_prices_are_taken_as_they_were_written() -> None:
    spent = Spent({"text_in": 3_000_000})
    assert cost_of(spent, {"text_in": 0.1}) == Decimal("0.3"), "0.1 is no binary number"


def test_what_is_cached_costs_the_same_where_no_other_price_is_given() -> None:
    assert cost_of(Spent({"text_in_cached": 500_000}), {"text_in": 4}) == 2


@pytest.mark.parametrize("prices", [None, {}, {"text_in": 1}])
def test_what_has_no_price_has_no_cost(prices: Any) -> None:
    assert cost_of(Spent({"text_in": 1, "audio_out": 1}), prices) is None


def test_minutes_of_audio_have_a_price_of_their_own() -> None:
    spent = spent_of({"type": "duration", "seconds": 90.5})
    assert spent == Spent({}, 90_500)
    assert cost_of(spent, {"minute": 0.006}) == Decimal("0.00905")
    assert cost_of(spent, {"text_in": 1}) is None


def test_a_transcriber_writes_text() -> None:
    usage = {
        "type": "tokens",
        "total_tokens": 22,
        "input_tokens": 13,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 13},
        "output_tokens": 9,
    }
    assert spent_of(usage) == Spent({"audio_in": 13, "text_out": 9})


def test_tokens_of_which_nothing_is_told_are_others() -> None:
    assert spent_of({"input_tokens": 5, "output_tokens": 7}) == Spent(
        {"other_in": 5, "other_out": 7}
    )


def test_cached_tokens_that_are_not_told_apart_are_text_first() -> None:
    details = {"text_tokens": 10, "audio_tokens": 20, "cached_tokens": 15}
    spent = spent_of({"input_tokens": 30, "input_token_details": details})
    assert spent == Spent({"text_in_cached": 10, "audio_in": 15, "audio_in_cached": 5})


def test_a_note_has_its_cost_as_text_and_no_note_is_made_of_nothing() -> None:
    note = usage_note("response", "gpt-realtime", REALTIME, {"gpt-realtime": PRICES}, "EUR")
    assert note is not None
    assert (note["cost"], note["currency"], note["what"]) == ("0.0069656", "EUR", "response")
    assert usage_note("response", "gpt-realtime", {}, {}, "EUR") is None
    unpriced = usage_note("response", "other", REALTIME, {"gpt-realtime": PRICES}, "EUR")
    assert unpriced is not None
    assert unpriced["cost"] is None


def test_a_cost_is_never_written_with_an_exponent() -> None:
    note = usage_note("response", "m", {"input_tokens": 1}, {"m": {"other_in": 0.01}}, "USD")
    assert note is not None
    assert note["cost"] == "0.00000001"


def test_notes_add_up_by_model() -> None:
    spending = Spending()
    prices = {"m": {"other_in": 1.0}}
    for what, model in (("response", "m"), ("transcription", "m"), ("response", "free")):
        note = usage_note(what, model, {"input_tokens": 1_000}, prices, "USD")
        assert note is not None
        spending.note(note)
    usage = spending.usage()
    assert (usage.cost, usage.currency, usage.is_cost_whole) == (Decimal("0.002"), "USD", False)
    first, second = usage.models
    assert (first.responses, first.transcriptions, first.tokens) == (1, 1, {"other_in": 2_000})
    assert (second.model, second.cost) == ("free", None)
    assert usage_fields(usage)["models"][0]["cost"] == "0.002"
    assert usage_fields(Usage())["cost"] is None


def test_a_call_has_so_many_models_and_the_rest_together() -> None:
    spending = Spending()
    for number in range(MODELS_MAX + 5):
        spending.note({"what": "response", "model": f"m{number}", "tokens": {}, "cost": "0"})
    models = spending.usage().models
    assert len(models) == MODELS_MAX + 1
    assert (models[-1].model, models[-1].responses) == (OTHERS, 5)


def test_a_note_that_makes_no_sense_counts_as_nothing() -> None:
    spending = Spending()
    spending.note({"tokens": [1], "audio_ms": -5, "cost": "NaN"})
    spending.note({"tokens": {"text_in": True, "text_out": "9"}, "cost": "cheap"})
    (model,) = spending.usage().models
    assert (model.tokens, model.audio_ms, model.cost) == ({}, 0, None)


WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "seconds", *REALTIME, *REALTIME["input_token_details"]]),  # type: ignore[arg-type]
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*REALTIME, "type", "seconds"]), WILD))
def test_whatever_is_told_nothing_fails_and_nothing_is_negative(usage: dict[str, Any]) -> None:
    spent = spent_of(usage)
    assert all(count > 0 and kind in TOKENS for kind, count in spent.tokens.items())
    assert spent.audio_ms >= 0


@given(
    st.dictionaries(st.sampled_from(TOKENS), st.integers(1, 10**9)),
    st.fixed_dictionaries({kind: st.integers(0, 10**6) for kind in TOKENS}),
)
def test_a_cost_is_what_adding_fractions_gives(
    tokens: dict[str, int], hundredths: dict[str, int]
) -> None:
    prices = {kind: price / 100 for kind, price in hundredths.items()}
    cost = cost_of(Spent(tokens), prices)
    assert cost is not None
    slow = sum(
        (Fraction(hundredths[kind], 100) * count / 1_000_000 for kind, count in tokens.items()),
        Fraction(0),
    )
    assert Fraction(cost) == slow
