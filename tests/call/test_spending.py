"""What the model services tell of their use, in a whole call."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import trio
from trio.testing import MockClock

from trio_media.call.line import Line
from trio_media.call.spending import note_usage
from trio_media.config import PricesConfig, RealtimeConfig

from .live import Notebook, config_of, live_call
from .wires import speech

USAGE = {
    "total_tokens": 40,
    "input_token_details": {"text_tokens": 10, "audio_tokens": 20},
    "output_token_details": {"audio_tokens": 10},
}
PRICES = PricesConfig(
    currency="EUR",
    models={
        "gpt-realtime": {"text_in": 4.0, "audio_in": 32.0, "audio_out": 64.0},
        "gpt-4o-mini-transcribe": {"minute": 0.003},
    },
)


class Counts:
    """What was counted, and why."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, str]] = []

    def counted(self, name: str, amount: int, why: str) -> None:
        self.told.append((name, amount, why))

    def took(self, name: str, latency_ms: int) -> None:
        pass


async def test_a_call_knows_what_its_models_cost(autojump_clock: MockClock) -> None:
    realtime = RealtimeConfig(provider="openai", api_key="k", url="ws://127.0.0.1:1/v1")
    config = attrs.evolve(config_of(""), prices=PRICES, realtime=realtime)
    counts = Counts()
    async with live_call(config, counts=counts) as call:
        model = await call.start()
        await model.hears_start("T1")
        await model.hears_stop("T1")
        await model.commits("T1")
        await model.event(
            "conversation.item.input_audio_transcription.completed",
            item_id="T1",
            content_index=0,
            transcript="Hello?",
            usage={"type": "duration", "seconds": 2.0},
        )
        create = await model.next_create()
        await model.created("R1", create)
        await model.item("R1", "M1")
        await model.audio("R1", "M1", speech(400))
        response = {"id": "R1", "status": "completed", "usage": USAGE}
        await model.event("response.done", response=response)
        await trio.sleep(2)
    usage = call.end.usage
    # 10*4 + 20*32 + 10*64 = 1320 millionths; two seconds of 0.003 a minute are 100
    assert usage.cost == Decimal("0.00142")
    assert (usage.currency, usage.is_cost_whole) == ("EUR", True)
    assert [(one.model, one.responses, one.transcriptions) for one in usage.models] == [
        ("gpt-4o-mini-transcribe", 0, 1),
        ("gpt-realtime", 1, 0),
    ]
    notes = call.notebook.noted("usage")
    assert [(note["what"], note["cost"]) for note in notes] == [
        ("transcription", "0.0001"),
        ("response", "0.00132"),
    ]
    assert ("used_audio_out", 10, "gpt-realtime") in counts.told
    assert ("cost_millionths", 1_320, "gpt-realtime") in counts.told


async def test_the_built_in_model_costs_nothing_that_anybody_knows(
    autojump_clock: MockClock,
) -> None:
    config = attrs.evolve(config_of(""), prices=PRICES)
    async with live_call(config) as call:
        model = await call.start()
        response: dict[str, Any] = {"id": "R1", "status": "completed", "usage": USAGE}
        await model.event("response.done", response=response)
        await trio.sleep(1)
    (used,) = call.end.usage.models
    assert (used.model, used.cost) == ("embedded", None)


async def test_no_fraction_of_a_millionth_is_lost() -> None:
    line, notebook = Line.begin(), Notebook()
    line.observers = [notebook]
    line.prices = PricesConfig(models={"m": {"other_in": 0.4}})
    for _ in range(10):
        note_usage(line, "response", "m", {"input_tokens": 1})
    assert line.tally.counters["cost_millionths"] == 4
    assert line.spending.cost == Decimal("0.000004")


async def test_nothing_told_is_nothing_noted() -> None:
    line, notebook = Line.begin(), Notebook()
    line.observers = [notebook]
    note_usage(line, "response", "m", {})
    assert notebook.notes == []
    assert line.tally.counters == {}
