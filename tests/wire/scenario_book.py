"""Collecting scenarios, and running those that are wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio

from .world import Scenario, Script, Verdict, run_scenarios

TERMS = ("heard_ms", "may_create_over", "is_exact")


@attrs.define
class ScenarioBook:
    """The scenarios of one module."""

    defaults: dict[str, Any]
    scenarios: dict[str, Scenario] = attrs.field(factory=dict)

    def __call__(self, *, name: str | None = None, **settings: Any) -> Callable[[Script], Script]:
        """Register a script, with its configuration and the terms it is judged by.

        ``name``: its name in the report; None: that of the function.
        """
        given = {**self.defaults, **settings}
        terms = {key: given.pop(key) for key in TERMS if key in given}
        terms["authority"] = given.get("authority", "client")
        terms["lead_ms"] = given.get("lead_ms", 1_000)

        def register(script: Script) -> Script:
            called = name or getattr(script, "__name__", "")
            assert called, "a scenario has a name"
            assert called not in self.scenarios, f"{called} is there twice"
            self.scenarios[called] = Scenario(
                name=called, script=script, config=tuple(sorted(given.items())), terms=terms
            )
            return script

        return register

    def borrow(self, name: str, scenario: Scenario, **settings: Any) -> None:
        """Register a scenario of another book under this name, with some settings changed."""
        config = tuple(sorted({**dict(scenario.config), **settings}.items()))
        self.scenarios[name] = attrs.evolve(scenario, name=name, config=config)

    def run_wanted(self, request: pytest.FixtureRequest) -> dict[str, Verdict]:
        """Run, all together, those that this test run asks for."""
        wanted = [
            self.scenarios[str(item.callspec.params["name"])]
            for item in request.session.items
            if isinstance(item, pytest.Function)
            and item.module is request.module
            and hasattr(item, "callspec")
            and "name" in item.callspec.params
        ]
        return trio.run(run_scenarios, wanted)
