"""What a call used of the model services, and what that costs.

Services tell it in tokens, by kind, at the end of each response and with each transcript; some tell
of a transcript how long the audio was.

Rule 1: cost is exact: decimal numbers, and prices as they were written.
Rule 2: what has no price has no cost.  Nothing is guessed, and a sum says when it lacks something.
Rule 3: whatever a service tells, nothing here fails: what makes no sense counts as nothing.

Source: https://platform.openai.com/docs/api-reference/realtime-server-events/response/done
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import attrs

USAGE: Final = "usage"
"""The note: ``what`` (``response`` or ``transcription``), ``model``, ``tokens`` by kind,
``audio_ms``, ``cost`` (decimal text, or None) and ``currency``."""
TOKENS: Final = (
    *("text_in", "text_in_cached", "audio_in", "audio_in_cached", "image_in", "image_in_cached"),
    *("other_in", "text_out", "audio_out", "other_out"),
)
"""Kinds of tokens.  ``other``: the service does not say of what.  What was cached is not counted
as not cached."""
MINUTE: Final = "minute"
"""The price of a minute of audio, for services that count it so."""
MODELS_MAX: Final = 16  # of one call; the rest is counted as one
OTHERS: Final = "others"
WHOLE_MAX: Final = 2**53
MODEL_CHARS_MAX: Final = 100
_MILLION: Final = 1_000_000
_CACHED: Final = "_cached"
_COST_DIGITS: Final = Decimal("1E-12")  # a minute's price is divided: no endless decimals
_MS_PER_MINUTE: Final = 60_000
Prices = Mapping[str, Mapping[str, float]]
"""By model: what a million tokens of a kind cost, and a minute of audio."""


@attrs.frozen
class Spent:
    """What one response or transcript used."""

    tokens: Mapping[str, int] = attrs.field(factory=dict)
    """By kind, where there are any."""
    audio_ms: int = 0
    """How much audio was transcribed, where the service counts that instead of tokens."""

    def __bool__(self) -> bool:
        """Whether it is anything."""
        return bool(self.tokens) or self.audio_ms > 0


@attrs.frozen(kw_only=True)
class ModelUsage:
    """What one model was used for."""

    model: str
    responses: int = 0
    transcriptions: int = 0
    tokens: Mapping[str, int] = attrs.field(factory=dict)
    audio_ms: int = 0
    cost: Decimal | None = None
    """None: some of it has no price."""


@attrs.frozen(kw_only=True)
class Usage:
    """What a call used."""

    currency: str = ""
    cost: Decimal | None = None
    """Of all that has a price; None: nothing has."""
    is_cost_whole: bool = True
    """Whether all of it has a price."""
    models: tuple[ModelUsage, ...] = ()


def spent_of(usage: Mapping[str, Any]) -> Spent:
    """Read what a service told in ``usage``; nothing where it tells nothing."""
    if usage.get("type") == "duration":
        return Spent(audio_ms=round(_number(usage.get("seconds")) * 1_000))
    tokens: Counter[str] = Counter()
    given, cached = _part(usage, "input_token_details"), 0
    for kind in ("text", "audio", "image"):
        whole = _whole(given.get(f"{kind}_tokens"))
        tokens[f"{kind}_in"] = whole
        of_cache = _part(given, "cached_tokens_details")
        cached_of_kind = min(whole, _whole(of_cache.get(f"{kind}_tokens")))
        cached += cached_of_kind
        _move(tokens, f"{kind}_in", cached_of_kind)
    # Not told apart: of text as far as there is text, which is the least that was saved.
    untold = _whole(given.get("cached_tokens")) - cached
    for kind in ("text", "audio"):
        moved = max(0, min(untold, tokens[f"{kind}_in"]))
        _move(tokens, f"{kind}_in", moved)
        untold -= moved
    made = _part(usage, "output_token_details")
    for kind in ("text", "audio"):
        tokens[f"{kind}_out"] = _whole(made.get(f"{kind}_tokens"))
    rest_in = _whole(usage.get("input_tokens")) - sum(
        count for kind, count in tokens.items() if not kind.endswith("_out")
    )
    rest_out = _whole(usage.get("output_tokens")) - tokens["text_out"] - tokens["audio_out"]
    tokens["other_in"] = max(0, rest_in)
    # A transcriber writes, and does not say so.
    tokens["text_out" if usage.get("type") == "tokens" else "other_out"] += max(0, rest_out)
    return Spent({kind: tokens[kind] for kind in TOKENS if tokens[kind]})


def _move(tokens: Counter[str], kind: str, count: int) -> None:
    tokens[kind] -= count
    tokens[kind + _CACHED] += count


def cost_of(spent: Spent, prices: Mapping[str, float] | None) -> Decimal | None:
    """Give what it costs in the prices' currency; None where something of it has no price.

    What was cached costs what is not cached, where no other price is given.
    """
    if prices is None:
        return None
    cost = Decimal(0)
    for kind, count in spent.tokens.items():
        price = prices.get(kind, prices.get(kind.removesuffix(_CACHED)))
        if price is None:
            return None
        cost += count * _exact(price)
    cost /= _MILLION
    if spent.audio_ms:
        if MINUTE not in prices:
            return None
        cost += spent.audio_ms * _exact(prices[MINUTE]) / _MS_PER_MINUTE
    return cost.quantize(_COST_DIGITS).normalize()


def _exact(price: float) -> Decimal:
    # As it was written: the shortest decimal number that is read as this one.
    return Decimal(str(price))


def cost_text(cost: Decimal | None) -> str | None:
    """Write a cost as plain decimal digits."""
    return None if cost is None else f"{cost:f}"


def usage_note(
    what: str, model: str, usage: Mapping[str, Any], prices: Prices, currency: str
) -> dict[str, Any] | None:
    """Give the fields of the note for what a service told; None where that is nothing.

    ``what``: ``response`` or ``transcription``.
    """
    spent = spent_of(usage)
    if not spent:
        return None
    return {
        "what": what,
        "model": model[:MODEL_CHARS_MAX],
        "tokens": dict(spent.tokens),
        "audio_ms": spent.audio_ms,
        "cost": cost_text(cost_of(spent, prices.get(model))),
        "currency": currency,
    }


@attrs.define
class _Sum:
    """What one model was used for so far."""

    responses: int = 0
    transcriptions: int = 0
    tokens: Counter[str] = attrs.field(factory=Counter)
    audio_ms: int = 0
    cost: Decimal = Decimal(0)
    is_priced: bool = True


class Spending:
    """Adds up the notes of one call."""

    def __init__(self) -> None:
        self._currency = ""
        self._models: dict[str, _Sum] = {}

    def note(self, fields: Mapping[str, Any]) -> None:
        """Take in a note of usage, as it was told or as it is read from a log."""
        name = str(fields.get("model", ""))[:MODEL_CHARS_MAX]
        if name not in self._models and len(self._models) >= MODELS_MAX:
            name = OTHERS
        model = self._models.setdefault(name, _Sum())
        model.responses += fields.get("what") == "response"
        model.transcriptions += fields.get("what") == "transcription"
        told = _part(fields, "tokens")
        model.tokens.update({kind: _whole(told.get(kind)) for kind in TOKENS})
        model.audio_ms += _whole(fields.get("audio_ms"))
        cost = _decimal(fields.get("cost"))
        if cost is None:
            model.is_priced = False
        else:
            model.cost += cost
        self._currency = str(fields.get("currency", ""))[:MODEL_CHARS_MAX]

    @property
    def cost(self) -> Decimal:
        """What is known to be spent."""
        return sum((model.cost for model in self._models.values()), Decimal(0))

    def usage(self) -> Usage:
        """Give what was used up to now."""
        models = tuple(_usage_of(name, model) for name, model in self._models.items())
        costs = [model.cost for model in models if model.cost is not None]
        return Usage(
            currency=self._currency,
            cost=sum(costs, Decimal(0)) if costs else None,
            is_cost_whole=len(costs) == len(models),
            models=models,
        )


def _usage_of(name: str, model: _Sum) -> ModelUsage:
    return ModelUsage(
        model=name,
        responses=model.responses,
        transcriptions=model.transcriptions,
        tokens={kind: model.tokens[kind] for kind in TOKENS if model.tokens[kind]},
        audio_ms=model.audio_ms,
        cost=model.cost if model.is_priced else None,
    )


def usage_fields(usage: Usage) -> dict[str, Any]:
    """Give it as JSON has it: costs are decimal texts."""
    return {
        **attrs.asdict(usage, recurse=False),
        "cost": cost_text(usage.cost),
        "models": [
            {**attrs.asdict(model), "cost": cost_text(model.cost)} for model in usage.models
        ],
    }


def _part(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return value if 0 <= value <= WHOLE_MAX else 0


def _whole(value: object) -> int:
    return int(_number(value))


def _decimal(value: object) -> Decimal | None:
    if not isinstance(value, str):
        return None
    try:
        cost = Decimal(value)
    except InvalidOperation:
        return None
    return cost if cost.is_finite() and 0 <= cost <= WHOLE_MAX else None
