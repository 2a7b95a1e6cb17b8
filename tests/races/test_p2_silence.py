"""Part 2 F: watchdogs that hang up in mid-sentence, speak after the goodbye, or sleep."""

from __future__ import annotations

import pytest
import trio

from trio_media.agent.agent import Agent
from trio_media.call.phrases import ASK_FOR_A_WORD, GOODBYE
from trio_media.core.units import ENDING_SILENT_MS, FAULT_TRIES

from .language import Scene, near, race, scene

SILENCE_MS = 20_000
SILENCE = {"silence_s": 20, "silence_asks": 2}
FILLS_MS = 45_000  # more than twice as long as silence may last


def asked(s: Scene) -> int:
    """How often the model was to ask whether anybody is there."""
    return sum(ASK_FOR_A_WORD in words for words in s.asked_words)


def said_goodbye(s: Scene) -> int:
    """How often it was to say goodbye because nobody is."""
    return sum(GOODBYE in words for words in s.asked_words)


@race("P2-86")
@pytest.mark.parametrize("ready_ms", [0, 4_000])
async def test_silence_is_counted_from_when_there_is_somebody_to_speak(ready_ms: int) -> None:
    async with scene(agrees=False, **SILENCE) as s:
        await s.app.interrupts()  # the call is alive, and has nobody to speak yet
        await s.at(ready_ms)
        await s.model.wire.begin()
        await s.at(ready_ms + SILENCE_MS - 10)
        assert asked(s) == 0
        await s.at(ready_ms + SILENCE_MS + 10)
        assert asked(s) == 1


async def model_speaks(s: Scene) -> None:
    await s.app.says("A long story.")
    await s.model.says("R1", "I1", FILLS_MS)


async def clip_is_played(s: Scene) -> None:
    await s.app.asks(s.app.attended.play, b"\x55" * 8 * FILLS_MS)


async def tool_runs(s: Scene) -> None:
    async def wait(arguments: str) -> str:
        await trio.sleep(FILLS_MS / 1_000 - 0.1)
        return "done"

    s.app.offers("wait", wait, timeout_s=100)
    await s.model.hears("T1", "Look it up.")
    await s.model.created("R1")
    await s.model.calls_tool("R1", "C1", "wait")
    await s.model.done("R1")


async def keys_are_waited_for(s: Scene) -> None:
    ask = s.app.attended.collect_digits
    await s.app.asks(ask, 4, timeout_s=FILLS_MS / 1_000)


async def caller_speaks(s: Scene) -> None:
    """In turns of which each is answered: nobody is silent for long."""
    s.call.nursery.start_soon(talks_to_the_end, s)


async def talks_to_the_end(s: Scene) -> None:
    for number in range(FILLS_MS // 15_000):
        await s.model.hears(f"T{number}", "And then.")
        await s.model.says(f"R{number}", f"I{number}", 100)
        await trio.sleep(15)


@race("P2-86")
@pytest.mark.parametrize(
    "fills",
    [model_speaks, clip_is_played, tool_runs, keys_are_waited_for, caller_speaks],
    ids=lambda fills: fills.__name__,
)
async def test_nothing_that_goes_on_is_silence(fills: object) -> None:
    assert callable(fills)
    async with scene(agent=Agent(), **SILENCE) as s:
        await fills(s)
        await s.at(FILLS_MS - 200)
        assert asked(s) == said_goodbye(s) == 0, "there is no silence"
        await s.at(FILLS_MS + SILENCE_MS + 1_000)
        if fills is not tool_runs:  # whose result nobody has answered yet
            assert asked(s) == 1, "nobody watches any more"


@race("P2-86", "P2-85", "P2-101")
async def test_a_silent_line_is_asked_twice_told_goodbye_once_and_left() -> None:
    async with scene(agent=Agent(), **SILENCE) as s:
        for number in range(3):
            await s.model.says(f"R{number}", f"I{number}", 1_000)
        assert (asked(s), said_goodbye(s)) == (2, 1)
        assert (await s.call.until_end()).reason == "silence"
        assert s.now_ms == near(3 * (SILENCE_MS + 1_000), 100)
        assert s.heard == {"I0": 1_000, "I1": 1_000, "I2": 1_000}
        assert s.model.wire.of("conversation.item.create") == [], "the caller said none of this"


@race("P2-86", "P2-85")
@pytest.mark.parametrize("model", ["answers nothing", "fails"])
async def test_a_silent_line_with_a_silent_model_is_left_too(model: str) -> None:
    async with scene(agent=Agent(), **SILENCE) as s:
        if model == "fails":
            for number in range(3 + FAULT_TRIES):
                await s.model.created(f"R{number}")
                await s.model.done(f"R{number}", "failed")
        assert (await s.call.until_end()).reason in ("silence", "model_lost")
        assert s.now_ms <= 3 * (SILENCE_MS + 2 * ENDING_SILENT_MS)
        if model == "fails":
            # A goodbye of which nothing was heard is tried again; asking fills a silence, and the
            # next silence asks again by itself.
            assert (asked(s), said_goodbye(s)) == (2, 1 + FAULT_TRIES)
        else:
            assert said_goodbye(s) <= 1


@race("P2-87")
@pytest.mark.parametrize("marks", [True, False])
@pytest.mark.parametrize("says", ["Goodbye.", None])
async def test_the_watchdog_is_quiet_when_the_call_ends_anyway(
    says: str | None, marks: bool
) -> None:
    async with scene(agent=Agent(), **SILENCE) as s:
        s.call.carrier.echoes = marks
        await s.app.says("A long story.")
        await s.model.says("R1", "I1", 30_000)
        await s.app.asks(s.app.attended.hang_up, say=says)
        if says:
            await s.model.says("R2", "I2", 30_000)
        await s.call.until_end()
        assert asked(s) == said_goodbye(s) == 0
        assert s.heard == ({"I1": 30_000, "I2": 30_000} if says else {"I1": 30_000})


@race("P2-87", "P2-81")
@pytest.mark.parametrize("at_ms", [-100, 20, 100, 900])
async def test_a_word_into_the_watchdogs_goodbye_keeps_the_call(at_ms: int) -> None:
    async with scene(silence_s=20, silence_asks=0) as s:
        s.call.nursery.start_soon(s.model.says, "R1", "I1", 2_000)
        await s.at(SILENCE_MS + at_ms)
        await s.model.hears_start("T1")
        await s.caller.speaks(600)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.transcribes("T1", "I am here!")
        if at_ms >= 0:
            await s.model.says("R2", "I2", 1_000)
        await s.at(2 * SILENCE_MS)
        assert not s.call.ended.is_set()
        assert said_goodbye(s) == (at_ms >= 0)


@race("P2-84")
async def test_no_timer_of_one_call_is_felt_in_another() -> None:
    async with scene(agent=Agent(), **SILENCE) as a, scene(agent=Agent()) as b:
        for s in (a, b):
            await s.app.says("Hello.")
            await s.model.says("R1", "I1", 500)
        ended = await b.app.asks(b.app.attended.collect_digits, 1, timeout_s=100)
        await a.app.asks(a.app.attended.hang_up, say="Goodbye.")
        await a.model.opens("R2", "I2", 500)
        await a.caller.hangs_up()
        await a.call.until_end()
        told = list(b.told)
        await b.at(90_000)
        assert not b.call.ended.is_set()
        assert b.told == told
        assert not ended.is_over
