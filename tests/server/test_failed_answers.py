"""A model that fails to answer, over real sockets: the built-in one, with its faults."""

from __future__ import annotations

import trio

from trio_media import Agent, Call, Failure, SpeechOutcome
from trio_media.call.recorded_lines import recorded_lines
from trio_media.embedded import ModelBehaviour
from trio_media.embedded.faults import Fail, Incomplete
from trio_media.phone import Say, WaitForSilence, WaitForSpeech

from .world import Kept, open_world


def model_that(*faults: Fail | Incomplete) -> ModelBehaviour:
    return ModelBehaviour(numbers_per_response=2, faults=list(faults))


def noting(failures: Kept[Failure], **settings: str) -> Agent:
    agent = Agent(**settings)

    @agent.on_failure
    async def keep(call: Call, failure: Failure) -> None:
        failures.append(failure)

    return agent


async def test_words_that_failed_twice_are_heard_at_the_third_try() -> None:
    failures, said = Kept[Failure](), Kept[SpeechOutcome]()
    agent = noting(failures)

    @agent.on_start
    async def greet(call: Call) -> None:
        said.append((await call.say("Hello.")).outcome)

    fail = Fail(code="rate_limit_exceeded"), Fail()
    async with open_world(agent, behaviour=model_that(*fail)) as world:
        await world.call()
        assert await said.until() == [SpeechOutcome.HEARD]
    told = [(failure.what, failure.detail, failure.done) for failure in failures]
    assert told == [
        ("rate_limited", "rate_limit_exceeded", "retry"),
        ("response_failed", "server_error", "retry"),
    ]


async def test_a_caller_whom_nobody_answers_is_told_to_say_it_again() -> None:
    failures = Kept[Failure]()
    agent = noting(failures, greeting="Hello.")
    model = model_that(Fail(response=2, times=3))
    async with open_world(agent, behaviour=model) as world:
        call = await world.call(WaitForSpeech(), WaitForSilence(), Say("hello"))
        await failures.until(3)
        assert [failure.done for failure in failures] == ["retry", "retry", "say"]
        sorry = recorded_lines().sorry
        while sorry[800:8_000] not in bytes(call.heard):  # noqa: ASYNC110  # nobody tells
            await trio.sleep(0.05)
