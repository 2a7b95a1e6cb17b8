"""S3: what the model says around a cancel, in every order.

R1 is cancelled by us.  Its end, a refusal of the cancel, late audio of it and the beginning of the
next answer cross each other on the wire in every order there is; none of it may touch the next
answer, and the next answer can be interrupted like any other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import permutations
from typing import Final

import pytest

from .language import Scene, near, race, scene

Step = Callable[[Scene], Awaitable[None]]


async def end_of_the_first(s: Scene) -> None:
    await s.model.done("R1", "cancelled")


async def late_completion_of_the_first(s: Scene) -> None:
    await s.model.done("R1")


async def turn_detected(s: Scene) -> None:
    await s.model.done("R1", "cancelled", "turn_detected")


async def next_begins(s: Scene) -> None:
    await s.model.opens("R2", "I2", 1_000, by_itself=True)


async def not_active(s: Scene) -> None:
    cancel = s.model.last("response.cancel")
    await s.model.error("response_cancel_not_active", cancel["event_id"])


async def not_active_of_nobody(s: Scene) -> None:
    await s.model.error("response_cancel_not_active")


async def late_audio(s: Scene) -> None:
    await s.model.audio("R1", "I1", 400)


async def late_item(s: Scene) -> None:
    await s.model.item("R1", "I1b")
    await s.model.audio("R1", "I1b", 100)


OUTCOMES: Final[dict[Step, str]] = {
    end_of_the_first: "cancelled",
    late_completion_of_the_first: "already_over",
    turn_detected: "server_cancelled",
}
REFUSALS: Final = (not_active, not_active_of_nobody)
CASES: Final = ("S3", "A2", "A7", "A8")


async def play(s: Scene, steps: tuple[Step, ...], *, at_once: bool) -> None:
    """Interrupt the first answer, let the steps happen, interrupt the second."""
    s.model.obeys_no_more()
    await s.app.says()
    await s.model.opens("R1", "I1", 1_000)
    await s.at(200)
    asked = await s.app.interrupts()
    if turn_detected in steps:
        await s.model.hears_start("T1")
    if at_once:
        with s.at_once():
            for step in steps:
                await step(s)
    else:
        for step in steps:
            await step(s)
            await s.after(20)
    await s.settle()
    begins_ms = next(w.at_ms for w in s.on_phone_when if w.line == "media I2")
    [end] = {*steps} & {*OUTCOMES}
    assert asked.outcome == OUTCOMES[end]
    await s.at(500)
    asked = await s.app.interrupts()
    await s.model.done("R2", "cancelled")
    await s.at(600)
    assert asked.outcome == "cancelled"
    assert s.told_of("cancel") == ["R1", "R2"]
    assert s.on_phone == ["media I1", "clear", "media I2", "clear"]
    assert s.truncated == {"I1": near(200), "I2": near(500 - begins_ms)}


@race(*CASES)
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("end", OUTCOMES)
async def test_no_order_of_late_events_touches_the_next_answer(
    end: Step, refusal: Step, at_once: bool
) -> None:
    for steps in permutations((end, next_begins, refusal, late_audio)):
        async with scene(authority="server" if end is turn_detected else "client") as s:
            await play(s, steps, at_once=at_once)


@race(*CASES, "B51")
async def test_an_item_that_is_late_too_changes_nothing_in_any_order() -> None:
    for steps in permutations((end_of_the_first, next_begins, not_active, late_audio, late_item)):
        async with scene() as s:
            await play(s, steps, at_once=False)
            assert s.told_of("delete") == ["I1b"]


@race(*CASES)
@pytest.mark.parametrize("refusal", REFUSALS)
async def test_in_no_order_a_create_of_ours_goes_out_before_the_first_answer_is_over(
    refusal: Step,
) -> None:
    async def next_is_asked_for(s: Scene) -> None:
        await s.app.says("Instead.")

    for steps in permutations((end_of_the_first, next_is_asked_for, refusal, late_audio)):
        async with scene() as s:
            s.model.obeys_no_more()
            await s.app.says()
            await s.model.opens("R1", "I1", 1_000)
            await s.at(200)
            await s.app.interrupts()
            over = False
            for step in steps:
                await step(s)
                over = over or step is end_of_the_first
                assert over or s.told.count("create") == 1
            assert s.told == ["create", "cancel R1", "truncate I1", "create"]
            await s.model.says("R2", "I2", 300)
            await s.at(600)
            assert s.heard["I2"] == 300
