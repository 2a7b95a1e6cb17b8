"""The promises, judged from the wires and the virtual time alone."""

from __future__ import annotations

import attrs

from trio_media.simulation.calls import (
    rules_asked,
    rules_away,
    rules_caller,
    rules_ending,
    rules_model,
)
from trio_media.simulation.calls.record import Record
from trio_media.simulation.calls.scenario import Carrier, Scenario, Settings
from trio_media.simulation.calls.seen import Broken, Seen


def judge(record: Record, settings: Settings, latency_ms: float) -> list[Broken]:
    """Return what was broken, in the order of time.

    ``latency_ms``: the longest that the networks delay anything where nothing fails.
    """
    seen = Seen(record, settings, latency_ms)
    modules = (rules_caller, rules_model, rules_asked, rules_ending, rules_away)
    rules = [rule for module in modules for rule in module.RULES]
    return sorted((broken for rule in rules for broken in rule(seen)), key=lambda b: b.at_ms)


def judge_call(scenario: Scenario, record: Record) -> list[Broken]:
    """Judge a simulated call."""
    weathers = (scenario.to_carrier, scenario.from_carrier, scenario.to_model, scenario.from_model)
    latency_ms = max(weather.latency_ms + weather.jitter_ms for weather in weathers)
    settings = attrs.evolve(
        scenario.settings,
        has_account=scenario.account is not Carrier.NONE,
        protects_tools=scenario.agent is not None and scenario.agent.protect_speech,
    )
    return judge(record, settings, float(latency_ms))
