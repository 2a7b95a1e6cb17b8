"""The smallest call that still fails, and the test that is printed of it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from trio_media.call import carry_out
from trio_media.core import commands
from trio_media.simulation.calls import broken_in
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.making import make_scenario
from trio_media.simulation.calls.network import Weather
from trio_media.simulation.calls.shrinking import as_python, as_test, shrink

NAMES: dict[str, Any] = {**vars(sc), "Weather": Weather}


def test_a_scenario_is_written_as_python() -> None:
    for seed in range(30):
        scenario = make_scenario(seed)
        assert eval(as_python(scenario), NAMES) == scenario  # our own words


def test_what_is_as_by_default_is_not_written() -> None:
    assert as_python(sc.Scenario()) == "Scenario()"
    scenario = sc.Scenario(caller=(sc.HangsUp(5, sc.HangUp.BREAK),))
    assert as_python(scenario) == "Scenario(caller=(HangsUp(at_ms=5, how=HangUp.BREAK),))"


def test_only_what_is_needed_stays() -> None:
    """It fails whenever somebody coughs while there is an interruption."""

    def breaks(scenario: sc.Scenario) -> bool:
        coughs = any(isinstance(act, sc.Coughs) for act in scenario.caller)
        return coughs and any(isinstance(act, sc.Interrupts) for act in scenario.application)

    big = attrs.evolve(
        make_scenario(8),
        caller=(sc.Presses(3, "1"), sc.Coughs(2_345, 70), sc.Speaks(9, 500)),
        application=(sc.Says(5), sc.Interrupts(777)),
    )
    small = shrink(big, breaks, tries_max=300)
    assert breaks(small)
    assert small == sc.Scenario(
        length_ms=small.length_ms,
        websockets=small.websockets,
        caller=(sc.Coughs(2_000, 70),),
        application=(sc.Interrupts(700),),
    )
    assert small.length_ms < 2_000


def test_shrinking_is_bounded() -> None:
    tries = 0

    def breaks(scenario: sc.Scenario) -> bool:
        nonlocal tries
        tries += 1
        return False

    scenario = make_scenario(8)
    assert shrink(scenario, breaks, tries_max=7) == scenario
    assert tries == 7


def test_a_fault_ends_as_a_test_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel that goes out twice: the printed test fails as long as it does."""
    right = carry_out.CARRY_OUT[commands.CancelResponse]

    def twice(desk: Any, command: Any, now_ms: int) -> None:
        right(desk, command, now_ms)
        right(desk, command, now_ms)

    def breaks(scenario: sc.Scenario) -> bool:
        return any(broken.promise == "one cancel" for broken in broken_in(scenario))

    scenario = sc.Scenario(
        length_ms=8_000,
        caller=(sc.SpeaksOver(400, 1_500), sc.Coughs(500, 100)),
        answers=(sc.Answer(items_ms=(6_000,), pace=1), sc.Answer(tools=(sc.CallsTool(),))),
        faults=(sc.Fault(3_000, "carrier", sc.Trouble.LOSE_MARK),),
    )
    with monkeypatch.context() as planted:
        planted.setitem(carry_out.CARRY_OUT, commands.CancelResponse, twice)  # type: ignore[arg-type]
        small = shrink(scenario, breaks, tries_max=60)
        assert (small.faults, small.websockets, len(small.caller)) == ((), False, 1)
        test = printed(as_test(small, "one cancel"))
        with pytest.raises(AssertionError):
            test()
    test()


def printed(text: str) -> Any:
    names: dict[str, Any] = {}
    exec(text, names)  # our own words
    return names["test_one_cancel"]


def test_an_agent_and_an_account_that_do_not_matter_are_left_out() -> None:
    act = sc.EndsWhenHeard(1_234, has_words=True, is_final=True)
    scenario = sc.Scenario(
        agent=sc.Marks(takes_ms=9_000), account=sc.Carrier.LOST, application=(act,)
    )
    smallest = shrink(scenario, lambda s: bool(s.application), 300)
    assert smallest.agent is None
    assert smallest.account is sc.Carrier.NONE
    assert smallest.application == (sc.EndsWhenHeard(1_000),)
    kept = shrink(scenario, lambda s: s.agent is not None, 300)
    assert kept.agent == sc.Marks()
