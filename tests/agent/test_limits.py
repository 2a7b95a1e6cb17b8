from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from trio_media.agent.limits import AGAIN_S, GOODBYE, WARN_S, WARNING
from trio_media.call.control import WORDS_MAX, Words
from trio_media.config import AgentConfig, Config
from trio_media.core import events as ev
from trio_media.core.commands import EndingOutcome

from .stage import on_stage

LIMIT = ev.EndingRequested(3, "max_duration", words=2, is_final=True)


def lasting(max_call_s: float) -> Config:
    return Config(agent=AgentConfig(max_call_s=max_call_s))


async def test_the_model_is_warned_and_then_the_call_ends(autojump_clock: MockClock) -> None:
    async with on_stage(config=lasting(600)) as stage:
        await trio.sleep(600 - WARN_S - 0.001)
        assert not stage.asked
        await trio.sleep(0.002)
        assert stage.asked == [ev.TextOffered(1)]
        assert stage.words == [Words(text=WARNING, role="system")]
        await trio.sleep(WARN_S - 0.002)
        assert len(stage.asked) == 1
        await trio.sleep(0.002)
        assert stage.asked[1:] == [LIMIT]
        assert stage.words[1] == Words(text=GOODBYE, is_alone=False)
        await trio.sleep(60)
        assert len(stage.asked) == 2


async def test_the_default_leaves_time_before_the_carriers_limit(
    autojump_clock: MockClock,
) -> None:
    async with on_stage() as stage:
        await trio.sleep(14_100.001)
        assert stage.asked[1:] == [LIMIT]


async def test_a_call_without_a_limit_has_none(autojump_clock: MockClock) -> None:
    async with on_stage(config=lasting(0)) as stage:
        await trio.sleep(19_000)
        assert not stage.asked


async def test_a_short_limit_has_no_warning(autojump_clock: MockClock) -> None:
    async with on_stage(config=lasting(WARN_S)) as stage:
        await trio.sleep(WARN_S + 0.001)
        assert stage.asked == [ev.EndingRequested(2, "max_duration", words=1, is_final=True)]


async def test_a_model_that_is_not_there_does_not_hold_up_the_end(
    autojump_clock: MockClock,
) -> None:
    async with on_stage(config=lasting(600)) as stage:
        stage.answers.pop(ev.TextOffered)
        await trio.sleep(600.001)
        assert stage.asked[1:] == [LIMIT]


@pytest.mark.parametrize("outcome", [EndingOutcome.REPLACED, EndingOutcome.FAILED])
async def test_a_call_that_goes_on_all_the_same_is_ended_again(
    outcome: EndingOutcome, autojump_clock: MockClock
) -> None:
    async with on_stage(config=lasting(30)) as stage:
        stage.answers[ev.EndingRequested] = outcome
        await trio.sleep(30.001)
        assert len(stage.asked) == 1
        await trio.sleep(2 * AGAIN_S)
        assert stage.asked[1:] == [
            ev.EndingRequested(number, "max_duration", is_final=True) for number in (3, 4)
        ]


async def test_where_too_much_waits_to_be_said_it_ends_without_words(
    autojump_clock: MockClock,
) -> None:
    async with on_stage(config=lasting(600)) as stage:
        stage.answers.clear()
        for number in range(WORDS_MAX):
            await stage.control.speak(Words(text=f"{number}"))
        await trio.sleep(600.001)
        [asked] = stage.of(ev.EndingRequested)
        assert asked.words is None
        assert asked.is_final
