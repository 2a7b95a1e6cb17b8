"""Simulated calls that a real agent attends: what scenarios can say comes about."""

from __future__ import annotations

import attrs
import pytest

from trio_media.simulation.calls import broken_in
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.agents import FILLER, FOUND
from trio_media.simulation.calls.making import make_scenario
from trio_media.simulation.calls.play import play
from trio_media.simulation.calls.record import Record
from trio_media.simulation.calls.shrinking import as_python, as_test

CALLS_TOOL = sc.Answer(items_ms=(), tools=(sc.CallsTool(),))
ASKS = sc.Scenario(
    length_ms=14_000,
    websockets=False,
    settings=sc.Settings(greeting=False),
    caller=(sc.Speaks(500, 1_200),),
    answers=(CALLS_TOOL,),
)


def held(marks: sc.Marks, **changes: object) -> Record:
    scenario = attrs.evolve(ASKS, agent=marks, **changes)
    assert broken_in(scenario) == []
    return play(scenario)


def outputs(record: Record) -> list[str]:
    items = [e.fields["item"] for e in record.entries if e.kind == "conversation.item.create"]
    return [item["output"] for item in items if "output" in item]


def instructions(record: Record) -> list[str]:
    creates = [e for e in record.entries if e.kind == "response.create"]
    return [create.fields.get("instructions", "") for create in creates]


def test_the_tool_is_run_and_answered() -> None:
    record = held(sc.Marks())
    assert outputs(record) == [FOUND]
    assert instructions(record) == ["", ""]


def test_a_slow_tool_is_spoken_of() -> None:
    record = held(sc.Marks(takes_ms=3_000, filler_after_ms=1_000))
    assert [words.endswith(FILLER) for words in instructions(record)] == [False, True, False]
    assert record.fillers == {FILLER}


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_tool_fails(idempotent: bool) -> None:
    record = held(sc.Marks(does=sc.Does.FAILS, idempotent=idempotent))
    assert "there is no" in outputs(record)[0]


def test_a_tool_has_something_said() -> None:
    record = held(sc.Marks(does=sc.Does.SAYS, filler_after_ms=None))
    assert [asked.outcome for asked in record.asked] == ["heard"]
    assert outputs(record) == [FOUND]


def test_a_tool_ends_the_call() -> None:
    record = held(sc.Marks(does=sc.Does.ENDS), account=sc.Carrier.OBEYS)
    assert record.end_reason == "hung_up"
    assert [request for _, request in record.account] == ["hang up CA1"]
    assert [asked.outcome for asked in record.asked] == ["ended"]


def test_an_interruption_ends_a_tool_that_gives_way() -> None:
    marks = sc.Marks(takes_ms=5_000, cancel_on_interrupt=True)
    caller = (*ASKS.caller, sc.Speaks(4_000, 1_200))
    assert "the caller interrupted" in outputs(held(marks, caller=caller))[0]


@pytest.mark.parametrize("carrier", list(sc.Carrier))
def test_the_call_is_handed_over_where_the_carrier_does_that(carrier: sc.Carrier) -> None:
    tool = sc.CallsTool("transfer_call", '{"target": "the kitchen"}')
    answers = (sc.Answer(items_ms=(), tools=(tool,)),)
    record = held(sc.Marks(), account=carrier, answers=answers, length_ms=20_000)
    does = carrier in (sc.Carrier.NONE, sc.Carrier.OBEYS)
    assert (record.end_reason == "transferred") is does
    assert [request for _, request in record.account] == ["redirect CA1"] * (
        carrier is not sc.Carrier.NONE
    )


def test_seeds_draw_everything_that_can_be_asked() -> None:
    scenarios = [make_scenario(seed) for seed in range(200)]
    acts = {type(act) for scenario in scenarios for act in scenario.application}
    assert acts == {sc.Interrupts, sc.Says, sc.Plays, sc.Collects, sc.EndsWhenHeard, sc.Ends}
    does = {scenario.agent.does for scenario in scenarios if scenario.agent is not None}
    assert does == set(sc.Does)
    assert {scenario.account for scenario in scenarios} == set(sc.Carrier)
    assert any(scenario.settings.silence_ms for scenario in scenarios)


def test_a_scenario_with_an_agent_can_be_pasted_into_a_test() -> None:
    scenario = attrs.evolve(ASKS, agent=sc.Marks(does=sc.Does.ENDS), account=sc.Carrier.LOST)
    names = {name: getattr(sc, name) for name in dir(sc)}
    assert eval(as_python(scenario), names) == scenario
    names = {}
    exec(as_test(scenario, "end"), names)
    names["test_end"]()  # type: ignore[operator]


def test_a_word_that_was_refused_because_the_service_spoke_is_not_asked_for_after_its_answer() -> (
    None
):
    scenario = sc.Scenario(
        length_ms=11_714,
        settings=sc.Settings(authority="server", greeting=False, silence_ms=2_500),
        websockets=False,
        caller=(sc.Speaks(at_ms=6_000, length_ms=1_000),),
        answers=(sc.Answer(), sc.Answer(created_ms=2_500)),
    )
    assert broken_in(scenario) == []
