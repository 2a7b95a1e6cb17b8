"""The promises, judged from the wires and the virtual time alone."""

from __future__ import annotations

from trio_media.simulation.calls import rules_caller, rules_model
from trio_media.simulation.calls.record import Record
from trio_media.simulation.calls.scenario import Scenario, Settings
from trio_media.simulation.calls.seen import Broken, Seen


def judge(record: Record, settings: Settings, latency_ms: float) -> list[Broken]:
    """Return what was broken, in the order of time.

    ``latency_ms``: the longest that the networks delay anything where nothing fails.
    """
    seen = Seen(record, settings, latency_ms)
    rules = (*rules_caller.RULES, *rules_model.RULES)
    return sorted((broken for rule in rules for broken in rule(seen)), key=lambda b: b.at_ms)


def judge_call(scenario: Scenario, record: Record) -> list[Broken]:
    """Judge a simulated call."""
    weathers = (scenario.to_carrier, scenario.from_carrier, scenario.to_model, scenario.from_model)
    latency_ms = max(weather.latency_ms + weather.jitter_ms for weather in weathers)
    return judge(record, scenario.settings, float(latency_ms))
