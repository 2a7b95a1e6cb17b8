"""Whole calls in which anything happens at any time: what a scene checks by itself holds in all.

A seed gives the call's configuration, the model's times, and what everybody does.  More seeds than
the usual ones: ``RACES_SEEDS=1000:2000``.
"""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs
import pytest

from trio_media.core.events import Reason

from .actors import Asked
from .language import Scene, scenario, scene
from .service import SlowService, slow_service

FIRST, LAST = (int(seed) for seed in os.environ.get("RACES_SEEDS", "0:100").split(":"))
SEEDS_A_TEST: Final = 20
WAITS_MS: Final = (0, 0, 10, 20, 40, 100, 200, 280, 320, 600, 700, 1_500, 2_000)
"""Those of the call's own deadlines among them, so that events come with deadlines."""
ENDS_AFTER_MS: Final = 45_000  # more than any wait of the call


@attrs.define(eq=False)
class Stage:
    """A scene, and what was done in it so far."""

    scene: Scene
    service: SlowService
    dice: random.Random
    turns: int = 0
    open_turn: str | None = None
    own_answers: int = 0
    asked: list[Asked] = attrs.field(factory=list)


async def app_speaks(stage: Stage) -> None:
    how = stage.dice.choice(({}, {}, {"keep": True}, {"protected": True}))
    await stage.scene.app.says("Something.", **how)


async def app_interrupts(stage: Stage) -> None:
    reason = stage.dice.choice((Reason.APPLICATION, Reason.TOOL))
    newest = stage.scene.app.newest()
    through = stage.dice.choice((None, newest, max(0, newest - 1)))
    stage.asked.append(await stage.scene.app.interrupts(reason, through=through))


async def caller_speaks(stage: Stage) -> None:
    await stage.scene.caller.speaks(stage.dice.choice((40, 100, 200, 340, 500, 900)))


async def caller_presses(stage: Stage) -> None:
    await stage.scene.caller.presses(stage.dice.choice("0123456789#*"))


async def server_hears_a_turn(stage: Stage) -> None:
    if stage.open_turn is None:
        stage.turns += 1
        words = stage.dice.choice((None, "", "mhm", "What is this?"))
        await stage.scene.model.hears(f"T{stage.turns}", words)


async def server_hears(stage: Stage) -> None:
    """The beginning or the end of a turn; where it may, the server ends what it has open."""
    model = stage.scene.model
    if stage.open_turn is not None:
        await model.hears_stop(stage.open_turn)
        await model.commits(stage.open_turn)
        stage.open_turn = None
        return
    stage.turns += 1
    stage.open_turn = f"T{stage.turns}"
    await model.hears_start(stage.open_turn)
    if stage.scene.is_server_acting:
        await stage.service.ends_by_itself()


async def model_speaks_by_itself(stage: Stage) -> None:
    stage.own_answers += 1
    number, length_ms = stage.own_answers, stage.dice.choice((0, 200, 900))
    await stage.scene.model.says(f"X{number}", f"Y{number}", length_ms, by_itself=True)


async def model_complains(stage: Stage) -> None:
    await stage.scene.model.error(
        stage.dice.choice(("response_cancel_not_active", "invalid_value"))
    )


ACTS: Final[tuple[Callable[[Stage], Awaitable[None]], ...]] = (
    app_speaks,
    app_interrupts,
    caller_speaks,
    caller_presses,
    server_hears_a_turn,
    server_hears,
    model_speaks_by_itself,
    model_complains,
)


def settings_of(dice: random.Random) -> dict[str, Any]:
    """A configuration of the call."""
    return {
        "authority": dice.choice(("client", "server")),
        "detector": dice.choice(("local", "both", "server")),
        "lead_ms": dice.choice((20, 200, 1_000, 3_000)),
        "echo_guard_ms": dice.choice((0, 200)),
        "recover_ms": dice.choice((500, 2_000)),
    }


def times_of(dice: random.Random) -> dict[str, int]:
    """The times of the model service."""
    return {
        "created_after_ms": dice.choice((0, 50, 200)),
        "audio_after_ms": dice.choice((0, 100)),
        "delta_every_ms": dice.choice((0, 20, 60)),
        "length_ms": dice.choice((300, 1_000, 2_500)),
        "cancels_after_ms": dice.choice((0, 50, 300)),
    }


@scenario
async def play(seed: int) -> None:
    """Play the call of a seed to its end."""
    dice = random.Random(seed)
    async with scene(**settings_of(dice)) as s:
        s.call.carrier.mark_delay_s = dice.choice((0, 0, 0.05, 0.2))
        async with slow_service(s, **times_of(dice)) as service:
            stage = Stage(s, service, dice)
            for _ in range(dice.randint(5, 25)):
                await dice.choice(ACTS)(stage)
                await s.after(dice.choice(WAITS_MS))
            await s.after(ENDS_AFTER_MS)
        assert not s.call.ended.is_set(), f"seed {seed}: the call ended"
        outcomes = [asked.outcome for asked in stage.asked]
        assert None not in outcomes, f"seed {seed}: an interruption without an outcome"


@pytest.mark.parametrize("first", range(FIRST, LAST, SEEDS_A_TEST))
def test_every_promise_holds_whatever_happens(first: int) -> None:
    for seed in range(first, min(LAST, first + SEEDS_A_TEST)):
        try:
            play(seed)
        except AssertionError as failure:
            failure.add_note(f"seed {seed}")
            raise
