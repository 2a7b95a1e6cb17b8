"""A sample of all scenarios, over the transport that is not the default."""

from __future__ import annotations

from typing import Final

import pytest

from . import test_client_authority, test_faults, test_server_authority, test_sweep
from .scenario_book import ScenarioBook
from .world import Verdict

scenario = ScenarioBook({})
EVERY: Final = {test_client_authority: 3, test_server_authority: 3, test_faults: 2, test_sweep: 7}
"""Of so many scenarios of a module one is taken; faults are what a transport is about."""

for _module, _every in EVERY.items():
    _kind = _module.__name__.rpartition("test_")[2]
    for _name in sorted(_module.scenario.scenarios)[::_every]:
        _taken = _module.scenario.scenarios[_name]
        scenario.borrow(f"{_kind}_{_name}", _taken, transport="trio-websocket")


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest) -> dict[str, Verdict]:
    return scenario.run_wanted(request)


@pytest.mark.parametrize("name", sorted(scenario.scenarios))
def test_every_promise_holds_over_the_other_transport(
    name: str, verdicts: dict[str, Verdict]
) -> None:
    verdicts[name].check()
