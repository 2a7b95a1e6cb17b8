"""When a bridge has no further step, and that one bad moment of the machine is not one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import attrs
import pytest
import ramp
from bridges import BRIDGES, NULL_RELAY, Bridge
from made_rounds import measured
from ramp import Null, Summit
from rich.console import Console
from rounds import Load, Measured

CONSOLE = Console(file=io.StringIO())
BRIDGE = next(bridge for bridge in BRIDGES if bridge.is_ours)


def late_at(calls_late: dict[int, int]) -> tuple[Any, list[int]]:
    """Rounds that are late at some number of calls, so often; and the loads that were played."""
    played: list[int] = []

    async def play_round(bench: object, bridge: Bridge, load: Load) -> Measured:
        is_late = bridge.name != NULL_RELAY and calls_late.get(load.calls, 0) > 0
        if bridge.name != NULL_RELAY:
            played.append(load.calls)
        if is_late:
            calls_late[load.calls] -= 1
        found = measured({"frame_us": [60_000 if is_late else 1_000]})
        return attrs.evolve(found, calls=load.calls, cpu_s=4.0)

    return play_round, played


async def climbed(
    monkeypatch: pytest.MonkeyPatch, calls_late: dict[int, int]
) -> tuple[Summit, list[int]]:
    play_round, played = late_at(calls_late)
    monkeypatch.setattr(ramp, "play_round", play_round)
    monkeypatch.setattr(ramp, "CALLS_MAX", 6)
    null = Null(bench=Path(), load=Load(calls=3, seconds=1))  # type: ignore[arg-type]
    return await ramp._climb_one(BRIDGE, null, CONSOLE), played


async def test_calls_are_added_until_the_bridge_is_late_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    summit, played = await climbed(monkeypatch, {5: 2})
    assert played == [3, 2, 3, 4, 5, 5]
    assert (summit.calls, summit.stopped_by) == (4, "late")
    assert summit.promised == pytest.approx(5)


async def test_one_late_round_is_the_machine_s(monkeypatch: pytest.MonkeyPatch) -> None:
    summit, played = await climbed(monkeypatch, {5: 1})
    assert played == [3, 2, 3, 4, 5, 5, 6]
    assert (summit.calls, summit.stopped_by) == (6, "our own limit")


async def test_a_bridge_that_is_late_at_once_carries_none(monkeypatch: pytest.MonkeyPatch) -> None:
    summit, _ = await climbed(monkeypatch, {2: 2})
    assert (summit.calls, summit.stopped_by) == (0, "late")
