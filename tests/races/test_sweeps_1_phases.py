"""S1: an interruption at every 10 ms of every phase of an answer, in whole calls.

The answer is asked for at 0 while the model is not there yet, the create goes out at 100, its id
comes at 300, its first audio at 400, its last at 700, its end at 720, and it is heard from 400 to
2,000.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
import trio

from tests.call.wires import FRAME_MS

from .language import Scene, near, race, scene
from .service import SlowService, slow_service

STEP_MS: Final = 10
AGREES_MS: Final = 100
ID_MS: Final = 300
AUDIO_MS: Final = 400
DONE_MS: Final = 720
HEARD_MS: Final = 2_000
CANCELS_MS: Final = 50  # until a cancel reaches the model
CONFIRM_MS: Final = 320  # of local speech, where no model of voices is installed
GUARD_MS: Final = 200  # after audio begins, when an onset may be its echo
TAIL_MS: Final = 150  # so much unheard counts as heard
PHASES: Final = {
    "queued": (0, AGREES_MS),
    "create sent": (AGREES_MS, ID_MS),
    "id known": (ID_MS, AUDIO_MS),
    "audio comes": (AUDIO_MS, DONE_MS),
    "over but playing": (DONE_MS, HEARD_MS),
    "heard": (HEARD_MS, HEARD_MS + 200),
}
IN_EVERY_PHASE = pytest.mark.parametrize("phase", PHASES)
LOOKS_ON_MS: Final = 1_300  # after an interruption: before keys or owed answers make another create
CASES: Final = ("S1", "A4", "A5", "A6", "A13", "B47")


def moments(phase: str) -> Iterator[int]:
    """Every 10 ms of a phase, but not the moment in which it begins."""
    begins_ms, ends_ms = PHASES[phase]
    yield from range(begins_ms + STEP_MS, ends_ms, STEP_MS)


@asynccontextmanager
async def answering(until_ms: int, **settings: Any) -> AsyncIterator[tuple[Scene, SlowService]]:
    """A call in which one answer goes through its phases, looked at until some time."""
    async with scene(agrees=False, echo_guard_ms=GUARD_MS, **settings) as s:
        await s.app.says()
        s.call.nursery.start_soon(_agree, s)
        async with slow_service(s, length_ms=HEARD_MS - AUDIO_MS) as service:
            yield s, service
            await s.at(until_ms)


async def _agree(s: Scene) -> None:
    await trio.sleep(AGREES_MS / 1_000)
    await s.model.wire.begin()


@race(*CASES)
@IN_EVERY_PHASE
async def test_an_application_interrupts_at_every_moment(phase: str) -> None:
    outcomes = {"over but playing": "already_over", "heard": "nothing_to_interrupt"}
    for at_ms in moments(phase):
        async with answering(at_ms + LOOKS_ON_MS) as (s, _):
            await s.at(at_ms)
            asked = await s.app.interrupts()
        outcome = outcomes.get(phase, "cancelled")
        if at_ms + CANCELS_MS > DONE_MS and phase == "audio comes":
            outcome = "already_over"  # the cancel came too late
        if at_ms + CANCELS_MS != DONE_MS:
            assert asked.outcome == outcome, f"at {at_ms} ms"
        check(s, at_ms, at_ms)


@race(*CASES)
@IN_EVERY_PHASE
async def test_a_key_interrupts_at_every_moment(phase: str) -> None:
    for at_ms in moments(phase):
        async with answering(at_ms + LOOKS_ON_MS) as (s, _):
            await s.at(at_ms)
            await s.caller.presses("1")
        check(s, at_ms, at_ms)


@race(*CASES)
@pytest.mark.parametrize("phase", list(PHASES)[1:])
async def test_speech_that_the_server_hears_interrupts_at_every_moment(phase: str) -> None:
    for at_ms in moments(phase):
        async with answering(at_ms + LOOKS_ON_MS, detector="server") as (s, _):
            await s.at(at_ms)
            await s.model.hears_start("T1")
            await s.model.hears_stop("T1")
        check(s, at_ms, at_ms)


@race(*CASES, "A1", "A12")
@pytest.mark.parametrize("phase", list(PHASES)[1:])
async def test_speech_over_which_the_server_ends_its_answer_itself_at_every_moment(
    phase: str,
) -> None:
    for at_ms in moments(phase):
        async with answering(at_ms + LOOKS_ON_MS, authority="server") as (s, service):
            await s.at(at_ms)
            await s.model.hears_start("T1")
            await service.ends_by_itself()
            await s.model.hears_stop("T1")
        check(s, at_ms, at_ms, is_servers=at_ms >= ID_MS)


@race(*CASES)
@IN_EVERY_PHASE
async def test_speech_that_we_hear_hushes_and_interrupts_at_every_moment(phase: str) -> None:
    for at_ms in moments(phase):
        async with answering(at_ms + LOOKS_ON_MS, detector="local") as (s, _):
            await s.at(at_ms)
            await s.caller.speaks(CONFIRM_MS + 100)
        hushes_ms = max(at_ms, AGREES_MS)
        if AUDIO_MS <= at_ms < AUDIO_MS + GUARD_MS:
            hushes_ms = AUDIO_MS + GUARD_MS  # it may be the echo, until it goes on
        check(s, hushes_ms, at_ms + CONFIRM_MS)


def check(s: Scene, silent_ms: int, taken_ms: int, *, is_servers: bool = False) -> None:
    """Silence from one moment on, and one cancel if the answer was not over at the other.

    ``is_servers``: the server ends what has an id, and a cancel would be one too many.
    """
    story = f"silent from {silent_ms} ms, taken at {taken_ms} ms: {s.told}"
    is_ours = AGREES_MS < taken_ms < DONE_MS and not is_servers
    is_audible = AGREES_MS <= silent_ms < HEARD_MS
    if abs(taken_ms - DONE_MS) > 2 * FRAME_MS:
        assert s.told_of("cancel") == (["R1"] if is_ours else []), story
    assert s.told.count("create") == (taken_ms > AGREES_MS), story
    assert len(s.clears) == is_audible, story
    heard_ms = min(max(0, silent_ms - AUDIO_MS), HEARD_MS - AUDIO_MS)
    assert s.heard.get("I1", 0) == near(heard_ms), story
    assert s.on_phone[-1:] != ["media I1"] or not is_audible, story
    left_ms = HEARD_MS - silent_ms
    if is_audible and silent_ms > AUDIO_MS and left_ms > TAIL_MS + 2 * FRAME_MS:
        assert s.told_of("truncate") == ["I1"] or heard_ms == near(0), story
