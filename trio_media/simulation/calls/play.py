"""One simulated call, from its scenario to its record."""

from __future__ import annotations

import random
from typing import Any, Final

import trio

from trio_media.config import (
    AgentConfig,
    BargeInConfig,
    Config,
    PlayoutConfig,
    RealtimeConfig,
)
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.account import Account, Manner
from trio_media.simulation.calls.agents import make_agent
from trio_media.simulation.calls.ears import LabelJudge
from trio_media.simulation.calls.network import Link
from trio_media.simulation.calls.questions import InOrder
from trio_media.simulation.calls.record import Record
from trio_media.simulation.calls.scheduling import run_virtual
from trio_media.simulation.calls.stage import Cast, Stage

GREETING: Final = "Good evening, how may I help?"
TOOL_MS: Final = 400
AFTERMATH_MS: Final = 2_000  # of the call's end: what closes then is seen to close
OVERTIME_MS: Final = 60_000  # a call that lasts so much longer than its caller never ends


def play(scenario: sc.Scenario) -> Record:
    """Hold the call, in virtual time."""
    stage = run_virtual(_play, scenario, seed=scenario.seed)
    return stage.record


async def _play(scenario: sc.Scenario) -> Stage:
    async with trio.open_nursery() as nursery:
        rng = random.Random(scenario.seed)  # chance, not secrets
        link = Link.between(scenario.to_carrier, scenario.from_carrier, rng)
        stage = Stage(_cast(scenario), nursery, rng, link)
        stage.begin()
        last = sc.HangsUp(scenario.length_ms)
        for act in (*scenario.faults, *scenario.application, *scenario.caller, last):
            stage.add(act)
        with trio.move_on_after((scenario.length_ms + OVERTIME_MS) / 1_000):
            await stage.ended.wait()
            await trio.sleep(AFTERMATH_MS / 1_000)
        if stage.phone is not None:
            stage.phone.hang_up()
        nursery.cancel_scope.cancel()
    return stage


def _cast(scenario: sc.Scenario) -> Cast:
    config = config_of(scenario.settings)
    in_order = InOrder(scenario.answers)  # also where one session follows another
    is_there = scenario.account is not sc.Carrier.NONE
    account = Account(Manner(scenario.account.value)) if is_there else None
    return Cast(
        config=config,
        answers=lambda: in_order,
        hearing=scenario.hearing,
        tools={} if scenario.agent is not None else {"look_up": _look_up},
        attend=None
        if scenario.agent is None
        else make_agent(scenario.agent).attend(config, account),
        account=account,
        judge=LabelJudge() if scenario.settings.has_judge else None,
        websockets=scenario.websockets,
        to_model=scenario.to_model,
        from_model=scenario.from_model,
    )


def config_of(settings: sc.Settings) -> Config:
    """The configuration of a simulated call."""
    return Config(
        agent=AgentConfig(
            greeting=GREETING if settings.greeting else "",
            silence_s=settings.silence_ms / 1_000,
            silence_asks=settings.silence_asks,
        ),
        barge_in=BargeInConfig(
            authority=settings.authority,  # type: ignore[arg-type]  # a scenario is plain data
            detector=settings.detector,  # type: ignore[arg-type]
            backchannel_ms=settings.backchannel_ms,
            protect_greeting=settings.protect_greeting,
        ),
        playout=PlayoutConfig(lead_ms=settings.lead_ms),
        realtime=RealtimeConfig(
            reconnect_max=settings.reconnect_max,
            reconnect_say_after_ms=settings.reconnect_say_after_ms,
            session_max_s=settings.session_max_s,
        ),
    )


async def _look_up(arguments: str) -> str:
    await trio.sleep(TOOL_MS / 1_000)
    return '{"found": true}'


def facts(record: Record) -> dict[str, Any]:
    """Count what was seen, for reports."""
    return {
        "messages": len(record.entries),
        "faults": len(record.faults),
        "clears": sum(e.kind == "clear" for e in record.entries),
        "cancels": sum(e.kind == "response.cancel" for e in record.entries),
    }
