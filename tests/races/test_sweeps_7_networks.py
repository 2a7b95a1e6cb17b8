"""Hostile networks: every way for a socket to go bad, on either side, at every step of a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import attrs
import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.call.live import ENDS_WITHIN_MS, GREETS, ONCE, LiveCall, live_call
from tests.call.streams import SpyStream
from tests.call.wires import Wire, is_type, numbers_of, speech
from trio_media.call.control import InterruptionResult
from trio_media.call.watch import PING_AFTER_S, SILENT_S, STALL_S, WATCH_EVERY_S

from .language import race

At: TypeAlias = Callable[[str], Awaitable[None]]

SPOKEN_MS: Final = 3_000
STALL_MS: Final = 3_000  # a slow peer stands still for so long: less than what makes it a dead one
SETTLES_MS: Final = 1_200  # a frame's fill, a second of the watch, half a second of goodbyes
SILENT_MS: Final = round(1_000 * (SILENT_S + WATCH_EVERY_S)) + ENDS_WITHIN_MS
STALLED_MS: Final = round(1_000 * (PING_AFTER_S + STALL_S + WATCH_EVERY_S)) + ENDS_WITHIN_MS

CARRIER_STEPS: Final = ("connected", "started")
MODEL_STEPS: Final = (
    "model reached",
    "session created",
    "session agreed",
    "create sent",
    "created",
    "speaking",
    "over but playing",
    "heard",
    "in the caller's turn",
    "cancel sent",
    "cancelled",
    "answered",
)
STEPS: Final = (*CARRIER_STEPS, *MODEL_STEPS)

GONE: Final = (ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError)


@attrs.define(eq=False)
class Course:
    """How a call went."""

    interruptions: list[InterruptionResult] = attrs.field(factory=list)
    asked: int = 0
    """How often an interruption was asked for."""
    is_complete: bool = False
    """Every step of it was taken."""
    fault_ms: int = 0


async def take_every_step(call: LiveCall, course: Course, at: At) -> None:
    """A call in which everything happens once; ``at`` is told each step when it is taken."""
    await at("connected")
    await call.carrier.start()
    await at("started")
    await call.model_came.wait()
    await at("model reached")
    model = call.model
    model.obeys = False
    await model.event("session.created", session={"id": "sess_1"})
    await at("session created")
    [update] = await model.wait_for(is_type("session.update"))
    await model.event("session.updated", session=update["session"])
    await at("session agreed")
    create = await model.next_create()
    await at("create sent")
    await model.created("R1", create)
    await model.item("R1", "I1")
    await at("created")
    await model.audio("R1", "I1", speech(SPOKEN_MS))
    await trio.sleep(0.5)
    await at("speaking")
    await model.done("R1")
    await trio.sleep(0.5)
    await at("over but playing")
    await trio.sleep((SPOKEN_MS + STALL_MS) / 1_000)
    await at("heard")
    await model.hears_start("T1")
    await call.caller_speaks(200)
    await at("in the caller's turn")
    await model.hears_stop("T1")
    await model.commits("T1")
    await model.opens("R2", "I2", speech(SPOKEN_MS))
    await trio.sleep(0.6)
    course.asked += 1
    course.interruptions = call.interrupt_soon()
    await model.wait_for(is_type("response.cancel"))
    await at("cancel sent")
    await model.done("R2", "cancelled", "client_cancelled")
    await trio.sleep(0.1)
    await at("cancelled")
    await model.turn("T2", "Go on.")
    await model.says("R3", "I3", speech(600))
    await trio.sleep(1)
    await at("answered")
    await trio.sleep(STALL_MS / 1_000)
    course.is_complete = True


async def run_until_over(call: LiveCall, step: str, fault: Callable[[], Awaitable[None]]) -> Course:
    """Take every step, and let the fault happen at one, until the steps or the call are over."""
    course = Course()

    async def at(taken: str) -> None:
        if taken == step:
            course.fault_ms = call.carrier.now_ms()
            await fault()

    with trio.CancelScope() as scope:

        async def stop_with_the_call() -> None:
            await call.ended.wait()
            scope.cancel()

        call.nursery.start_soon(stop_with_the_call)
        try:
            await take_every_step(call, course, at)
        except (
            *GONE,
            AssertionError,
        ) as error:  # an assertion: no message comes from a closed wire
            if isinstance(error, AssertionError) and not is_one_gone(call):
                raise
            await trio.sleep_forever()  # the other one sees how it ends
    return course


def is_one_gone(call: LiveCall) -> bool:
    """Whether a wire is closed: then what a step asks of it fails."""
    wires = [call.carrier, call._model]
    return any(wire is not None and wire.closed.is_set() for wire in wires)


def side(call: LiveCall, leg: str) -> tuple[SpyStream, Wire]:
    return (call.spy, call.carrier) if leg == "carrier" else (call.model_spy, call.model)


def nobody_waits(course: Course) -> None:
    assert len(course.interruptions) == course.asked, "an interruption has no outcome"


def steps_of(*legs: str) -> list[tuple[str, str]]:
    steps = {"carrier": STEPS, "model": MODEL_STEPS}
    return [(leg, step) for leg in legs for step in steps[leg]]


EVERY_STEP = pytest.mark.parametrize(("leg", "step"), steps_of("carrier", "model"))


@race("S7")
@EVERY_STEP
@pytest.mark.parametrize("is_polite", [True, False], ids=["with a goodbye", "without one"])
async def test_a_wire_that_ends_at_any_step_ends_the_call_in_time(
    leg: str, step: str, is_polite: bool
) -> None:
    """The carrier's end ends it at once; the model's, when what was said has been heard."""
    async with live_call(ONCE) as call:

        async def end() -> None:
            _, wire = side(call, leg)
            if is_polite:
                await wire.websocket.aclose()
            else:
                await trio.aclose_forcefully(wire.websocket._stream)

        course = await run_until_over(call, step, end)
        with trio.fail_after(60):
            await call.ended.wait()
        took_ms = call.ended_ms - course.fault_ms
        unheard_ms = SPOKEN_MS if leg == "model" else 0
        assert took_ms <= unheard_ms + SETTLES_MS
        assert call.crash is None
        assert call.end.reason == f"{leg}_lost"
        if leg == "model" and step in ("speaking", "over but playing"):
            assert numbers_of(call.carrier.heard()) == list(range(SPOKEN_MS))
        nobody_waits(course)


@race("S7", "I143")
@EVERY_STEP
async def test_a_peer_that_vanishes_at_any_step_is_found_out(leg: str, step: str) -> None:
    """It says nothing any more, and takes whatever it is sent: a half-open socket."""
    async with live_call(ONCE) as call:

        async def vanish() -> None:
            side(call, leg)[0].mute()

        course = await run_until_over(call, step, vanish)
        with trio.fail_after(100):
            await call.ended.wait()
        assert call.ended_ms - course.fault_ms <= SILENT_MS + SPOKEN_MS
        assert call.crash is None
        nobody_waits(course)


@race("S7")
@EVERY_STEP
async def test_a_peer_that_reads_no_more_at_any_step_is_found_out(leg: str, step: str) -> None:
    async with live_call(ONCE) as call:

        async def stall() -> None:
            side(call, leg)[0].hold()

        course = await run_until_over(call, step, stall)
        with trio.fail_after(100):
            if not course.is_complete:
                await call.ended.wait()
                assert call.ended_ms - course.fault_ms <= STALLED_MS + SPOKEN_MS
        assert call.crash is None
        nobody_waits(course)


@race("S7")
@EVERY_STEP
async def test_a_peer_that_reads_late_at_any_step_keeps_its_call(leg: str, step: str) -> None:
    """It stands still for a while, and goes on: nothing is lost, and the call goes on."""
    async with live_call(GREETS) as call:

        async def release_later() -> None:
            stream = side(call, leg)[0]
            stream.hold()
            await trio.sleep(STALL_MS / 1_000)
            stream.release()

        async def slow() -> None:
            call.nursery.start_soon(release_later)
            await trio.testing.wait_all_tasks_blocked()

        course = await run_until_over(call, step, slow)
        assert course.is_complete, "the call did not go on"
        nobody_waits(course)
        heard = numbers_of(call.carrier.heard())
        assert set(range(SPOKEN_MS)) <= set(heard)
        assert heard[-600:] == list(range(600)), "the last answer is not heard whole"
        assert call.model.of("response.cancel")[0]["response_id"] == "R2"
        assert not call.log.lines or "crash" not in call.log.lines[-1][0]
