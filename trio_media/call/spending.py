"""What the model services tell of their use, as it is told on: noted, added up, counted."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from trio_media.call.line import Line
from trio_media.facts.usage import USAGE, usage_note

_MILLIONTHS: Final = Decimal(1_000_000)
AUDIO_MS: Final = "audio_ms"


def note_usage(line: Line, what: str, model: str, usage: Mapping[str, Any]) -> None:
    """Take in what a service told of one response or transcript; nothing where it tells nothing.

    ``what``: ``response`` or ``transcription``.
    """
    prices = line.prices
    told = usage_note(what, model, usage, prices.models, prices.currency)
    if told is None:
        return
    before = line.spending.cost
    line.spending.note(told)
    line.note(USAGE, **told)
    amounts = {**told["tokens"], AUDIO_MS: told[AUDIO_MS]}
    for kind, amount in amounts.items():
        if amount:
            line.tally.count(f"used_{kind}", amount, why=model)
    # Of the sums, so that no fraction of a millionth is lost.
    spent = int(line.spending.cost * _MILLIONTHS) - int(before * _MILLIONTHS)
    if spent:
        line.tally.count("cost_millionths", spent, why=model)
