"""What a seed draws of an agent, of its tools, and of what the application asks of a call."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Final

import attrs

from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.agents import TRANSFER_TO

TOOL_MS: Final = (0, 100, 400, 1_500, 4_000, 9_000)
FILLER_MS: Final = (None, 0, 500, 3_000)
SILENCE_MS: Final = (2_500, 4_000, 7_000)
CLIP_MS: Final = (20, 150, 900, 3_000)
FIRST_KEY_MS: Final = (800, 4_000)
KEYS: Final = "0123456789*#"


def with_asked(rng: random.Random, scenario: sc.Scenario) -> sc.Scenario:
    """Add what an application asks, an agent, silences and the carrier's account."""
    length_ms = scenario.length_ms
    asked = [_act(rng, length_ms) for _ in range(_few(rng, (0.35, 0.3, 0.2, 0.15)))]
    agent = _marks(rng) if rng.random() < 0.5 else None
    silence_ms = rng.choice(SILENCE_MS) if rng.random() < 0.3 else 0
    settings = attrs.evolve(
        scenario.settings, silence_ms=silence_ms, silence_asks=rng.choice((0, 1, 2))
    )
    answers = scenario.answers
    if agent is not None:
        answers = tuple(_with_tools(rng, answer) for answer in answers)
    return attrs.evolve(
        scenario,
        settings=settings,
        agent=agent,
        answers=answers,
        account=rng.choice(list(sc.Carrier)) if rng.random() < 0.6 else sc.Carrier.NONE,
        application=(*scenario.application, *asked),
        caller=(*scenario.caller, *_keys(rng, asked)),
    )


def _few(rng: random.Random, chances: Sequence[float]) -> int:
    """Draw a small number: the chance of each, from none on."""
    return rng.choices(range(len(chances)), chances)[0]


def _marks(rng: random.Random) -> sc.Marks:
    return sc.Marks(
        takes_ms=rng.choice(TOOL_MS),
        does=rng.choice((sc.Does.NOTHING, *sc.Does)),
        filler_after_ms=rng.choice(FILLER_MS),
        cancel_on_interrupt=rng.random() < 0.3,
        protect_speech=rng.random() < 0.15,
        hold_answers=rng.random() < 0.3,
        idempotent=rng.random() < 0.3,
    )


def _with_tools(rng: random.Random, answer: sc.Answer) -> sc.Answer:
    """Have some answers call the agent's tools."""
    if rng.random() < 0.35:
        return answer
    return attrs.evolve(answer, tools=(*answer.tools, _call(rng)))


def _call(rng: random.Random) -> sc.CallsTool:
    kind = rng.random()
    if kind < 0.6:
        return sc.CallsTool()
    if kind < 0.75:
        return sc.CallsTool("send_digits", json.dumps({"digits": "12"}))
    if kind < 0.9:
        return sc.CallsTool("end_call", json.dumps({"goodbye": rng.choice(("", "Goodbye."))}))
    return sc.CallsTool("transfer_call", json.dumps({"target": next(iter(TRANSFER_TO))}))


def _act(rng: random.Random, length_ms: int) -> sc.ApplicationAct:
    at_ms = rng.randrange(length_ms)
    kind = rng.random()
    if kind < 0.25:
        return sc.Says(at_ms, rng.random() < 0.3, rng.random() < 0.3, rng.random() < 0.5)
    if kind < 0.5:
        return sc.Plays(at_ms, rng.choice(CLIP_MS), protected=rng.random() < 0.2)
    if kind < 0.75:
        return sc.Collects(at_ms, rng.choice((1, 2, 4)), first_ms=rng.choice(FIRST_KEY_MS))
    return sc.EndsWhenHeard(
        at_ms,
        has_words=rng.random() < 0.5,
        is_final=rng.random() < 0.4,
        leaves=rng.random() < 0.4,
    )


def _keys(rng: random.Random, asked: Sequence[sc.ApplicationAct]) -> list[sc.Presses]:
    """Have the caller press some keys about when they are asked for."""
    keys: list[sc.Presses] = []
    for act in asked:
        if isinstance(act, sc.Collects):
            at_ms = max(200, act.at_ms + rng.randrange(-1_000, 3_000))
            keys += [
                sc.Presses(at_ms + place * rng.choice((150, 900)), rng.choice(KEYS))
                for place in range(rng.randrange(4))
            ]
    return keys
