"""S8: a minute of noise that nobody means, and then a caller who wants an answer.

What bounds the damage: a response is cancelled once, the model is not asked to speak again and
again into the noise, and the first words that are meant are answered and heard.
"""

from __future__ import annotations

import random
from typing import Final

import pytest
import trio

from .language import Scene, race, scene
from .service import SlowService, slow_service

STORM_MS: Final = 60_000
ANSWER_MS: Final = 4_000
RECOVERIES_MAX: Final = 2  # answers to nobody's words in a row
TURN_ENDS_MS: Final = 2_000  # a turn whose commit is lost is waited for so long


PACES_S: Final = {"dense": (0.02, 1.5), "sparse": (2.2, 4.0)}  # between two bursts
LENGTHS_MS: Final = {  # the sparse ones are taken for speech, and the dense ones now and then
    "dense": (20, 60, 100, 200, 400, 900),
    "sparse": (400, 900),
}


async def storm(s: Scene, ears: str, pace: str, rng: random.Random) -> None:
    """Bursts that the local ear hears, or the service, or both; few turns end as they should."""
    number = 0
    while s.now_ms < STORM_MS:
        await trio.sleep(rng.uniform(*PACES_S[pace]))
        number += 1
        if ears != "local":
            await s.model.wire.hears_start(f"N{number}")
        if ears != "server":
            await s.call.caller_speaks(rng.choice(LENGTHS_MS[pace]))
        else:
            await trio.sleep(rng.uniform(0.02, 0.5))
        if ears != "local":
            await ends_somehow(s, f"N{number}", rng)


async def ends_somehow(s: Scene, item_id: str, rng: random.Random) -> None:
    """The end of a burst as the service tells it: lost, alone, or with a commit of no words."""
    fate = rng.choice(("lost", "stopped", "stopped", "committed", "transcribed", "failed"))
    if fate == "lost":
        return
    await s.model.wire.hears_stop(item_id)
    if fate in ("committed", "transcribed"):
        await s.model.wire.commits(item_id)
    if fate == "transcribed":
        await s.model.wire.transcribes(item_id, "")
    if fate == "failed":
        kind = "conversation.item.input_audio_transcription.failed"
        await s.model.wire.event(kind, item_id=item_id, content_index=0, error={"code": "x"})


async def asks(s: Scene) -> None:
    """The caller says something that is meant."""
    await s.model.wire.hears_start("T1")
    await s.call.caller_speaks(600)
    await s.model.wire.hears_stop("T1")
    await s.model.wire.commits("T1")
    await s.model.wire.transcribes("T1", "are you there")


@race("S8", "E91", "E92", "E95", "A32")
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("pace", PACES_S)
@pytest.mark.parametrize("ears", ["local", "server", "both"])
async def test_after_a_minute_of_noise_the_caller_is_answered(
    ears: str, pace: str, seed: int
) -> None:
    async with scene(greeting="Hello.") as s, slow_service(s, length_ms=ANSWER_MS):
        await storm(s, ears, pace, random.Random(seed))
        await s.after(3_000)
        check_storm(s)
        told = len(s.told)
        await asks(s)
        asked_ms = s.now_ms
        await s.after(TURN_ENDS_MS + ANSWER_MS + 2_000)
        assert s.heard[s.numbers.items[-1]] == ANSWER_MS, "who asked was not answered"
        creates = [one.at_ms for one in s.told_when[told:] if one.line == "create"]
        assert len(creates) == 1
        assert creates[0] - asked_ms <= TURN_ENDS_MS
        told = len(s.told)
        await s.after(20_000)
        assert s.told[told:] == [], "there is no end to it"


@race("S8", "A32")
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("pace", PACES_S)
async def test_after_a_minute_of_noise_a_service_that_acts_by_itself_is_heard(
    pace: str, seed: int
) -> None:
    rng = random.Random(seed)
    async with (
        scene(greeting="Hello.", authority="server") as s,
        slow_service(s, length_ms=ANSWER_MS) as service,
    ):
        number = 0
        while s.now_ms < STORM_MS:
            await trio.sleep(rng.uniform(*PACES_S[pace]))
            number += 1
            fate = rng.choice(("lost", "stopped", "stopped", "committed"))
            await acts_on(s, service, f"N{number}", rng.choice(LENGTHS_MS[pace]), fate)
        await s.after(3_000)
        await acts_on(s, service, "T1", 600, "committed")
        await s.after(TURN_ENDS_MS + ANSWER_MS + 2_000)
        assert s.heard["answer to T1"] == ANSWER_MS, "who asked was not answered"
        assert s.told_of("cancel") == [], "the service ends its answers by itself"
        told = len(s.told)
        await s.after(20_000)
        assert s.told[told:] == [], "there is no end to it"


async def acts_on(s: Scene, service: SlowService, item_id: str, length_ms: int, fate: str) -> None:
    """The service hears a burst: it ends what it says, and answers what becomes a turn."""
    await s.model.wire.hears_start(item_id)
    await service.ends_by_itself()
    await s.call.caller_speaks(length_ms)
    if fate != "lost":
        await s.model.wire.hears_stop(item_id)
    if fate == "committed":
        await s.model.wire.commits(item_id)
        if service.opened <= service.over:
            s.call.nursery.start_soon(answers, s, service, f"answer to {item_id}")


async def answers(s: Scene, service: SlowService, name: str) -> None:
    """An answer that nobody here asked for, much faster than it is heard."""
    service.opened.add(name)
    await s.model.wire.created(name)
    await s.model.wire.item(name, name)
    for _ in range(0, ANSWER_MS, 100):
        await trio.sleep(0.02)
        if name in service.over:
            return  # the caller was heard
        await s.model.wire.audio(name, name, s.numbers.audio(name, 100))
    service.over.add(name)
    await s.model.wire.done(name)


def check_storm(s: Scene) -> None:
    """What the storm cost: answers to nobody's words come at most two in a row.

    A turn without words is answered too, when the model was silent at its beginning.
    """
    turns = sum(m["type"].endswith("committed") for _, m in s.model.wire.said)
    creates = len(s.told_of("create"))
    assert creates <= 1 + turns + RECOVERIES_MAX * (1 + turns)
    assert len(s.told_of("cancel")) <= creates


@race("S8", "E99", "E104")
@pytest.mark.parametrize("seed", range(2))
async def test_a_minute_of_coughs_costs_a_long_answer_little_and_none_of_its_words(
    seed: int,
) -> None:
    rng = random.Random(seed)
    async with scene(greeting="The long disclaimer.") as s:
        await s.model.says("R1", "I1", 50_000)
        coughs = 0
        while s.now_ms < STORM_MS:
            coughs += 1
            await s.after(rng.randrange(300, 1_200))
            await s.caller.speaks(rng.choice((20, 60, 100, 200)))
        await s.at(STORM_MS + 4_000)
        assert coughs >= 50
        assert s.told == ["create"]
        assert s.heard["I1"] == 50_000
        # Two false hushes, and then ten seconds in which the ear is not believed.
        assert len(s.clears) <= 2 * (1 + STORM_MS // 10_000)
