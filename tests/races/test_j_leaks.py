"""Part 1 J: calls that outlive their end, disturb each other, or never come to rest."""

from __future__ import annotations

import contextlib

import pytest
import trio
import trio.lowlevel
from trio_websocket import ConnectionClosed

from tests.call.wires import LOUD_FRAME
from trio_media.core.events import SessionAging

from .language import near, race, scene
from .steps import counted_steps


@race("J146", "J147", "J149")
@pytest.mark.parametrize("end", ["stop", "goodbye", "reset", "half-closed"])
async def test_a_caller_who_leaves_while_the_model_speaks_leaves_nothing_running(end: str) -> None:
    """Also when the carrier answers no goodbye, and while audio of it is still being read."""
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 8_000)
        await s.at(500)
        wire = s.call.carrier
        with contextlib.suppress(ConnectionClosed):
            for _ in range(20):
                await wire.media(LOUD_FRAME)
            await s.model.wire.audio("R1", "I1", s.numbers.audio("I1", 2_000))
            if end == "stop":
                await wire.stop()
            elif end == "goodbye":
                await wire.websocket.aclose()
            elif end == "reset":
                await trio.aclose_forcefully(wire.websocket._stream)
            else:
                s.call.spy.hold()  # nothing more is taken: no goodbye either
                await wire.stop()
        await s.call.until_end()
        assert s.call.ended_ms - s.zero_ms <= 1_500
        assert s.call.crash is None
        await s.settle()
        assert s.model.wire.closed.is_set(), "the model's socket outlives the call"


@race("J150", "J151", "P2-84")
async def test_two_calls_at_once_know_nothing_of_each_other() -> None:
    async with scene() as one, scene() as two:
        for s in (one, two):
            await s.app.says()
            await s.model.opens("R1", "I1", 4_000)
        await one.at(1_000)
        asked = await one.app.interrupts()
        await one.caller.hangs_up()
        await one.call.until_end()
        await two.at(5_000)
        assert asked.outcome == "cancelled"
        assert one.told == ["create", "cancel R1", "truncate I1"]
        assert two.told == ["create"]
        assert two.heard_spans == [("I1", 0, 4_000)]


@race("J155")
async def test_a_call_in_which_nothing_happens_hardly_runs() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 500)
        await s.at(2_000)
        with counted_steps() as steps:
            await s.at(62_000)
        assert steps.count < 60 * 50, "more than fifty steps a second"


@race("J153")
async def test_many_interruptions_of_long_answers_keep_nothing() -> None:
    """Seconds of audio each time, of which little is heard."""
    async with scene() as s:
        held_bytes = []
        for number in range(1, 13):
            await s.app.says()
            await s.model.opens(f"R{number}", f"I{number}", 3_000)
            await s.after(300)
            held_bytes.append(s.call.control.line.store.held_bytes)
            await s.app.interrupts()
        assert max(held_bytes) <= 3_000 * 8
        assert s.call.control.line.store.held_bytes == 0
        assert len(s.told_of("cancel")) == 12


@race("J149", "J150")
async def test_of_all_sessions_of_a_call_one_at_most_is_open_and_none_after_it() -> None:
    async with scene() as s:
        for number in range(2, 6):
            await s.call.control.line.send_inbox.send(SessionAging(0))
            with trio.fail_after(10):
                await s.call.next_model(number)
            await s.after(11_000)
            assert [model.closed.is_set() for model in s.call.models] == [
                *[True] * (number - 1),
                False,
            ]
        await s.caller.hangs_up()
        await s.call.until_end()
        await s.settle()
        assert all(model.closed.is_set() for model in s.call.models)


@race("J152", "J153")
async def test_many_sessions_of_one_call_leave_no_audio_and_a_bounded_history() -> None:
    async with scene(limit_s=2_000) as s:
        line = s.call.control.line
        for number in range(2, 22):
            await s.model.hears(f"T{number}", "x" * 5_000)
            await s.model.says(f"R{number}", f"I{number}", 500)
            await s.after(12_000)
            await s.model.leaves()
            with trio.fail_after(10):
                await s.call.next_model(number)
            await s.settle()
        await s.after(1_000)
        assert line.store.held_bytes == 0
        assert len(line.model_outbox.sound._kept) <= 3_000 * 8
        told = [line for line in s.told if line.startswith("text")]
        assert "left out" in told[0]
        assert sum(map(len, told)) < 70_000


@race("J159")
async def test_a_carrier_that_reads_slowly_costs_little_memory_and_then_the_call() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 30_000)
        await s.at(450)
        s.call.spy.hold()
        line = s.call.control.line
        most_ms = 0
        while not s.call.ended.is_set():
            await s.after(100)
            most_ms = max(most_ms, line.carrier_outbox._audio_ms)
        assert most_ms <= 1_000
        assert s.call.end.reason == "carrier_lost"
        assert s.call.ended_ms - s.zero_ms == near(6_500, by_ms=1_500)


@race("J160", "J163")
@pytest.mark.parametrize("end", ["caller", "application", "model", "force"])
async def test_whoever_waits_is_woken_by_any_end(end: str) -> None:
    async with scene(reconnect_max=0) as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        asked = [await s.app.interrupts() for _ in range(3)]
        if end == "caller":
            await s.caller.hangs_up()
        elif end == "application":
            await s.app.hangs_up()
            await s.app.hangs_up()
        elif end == "model":
            await s.model.leaves()
        else:
            s.call.scope.cancel()
        await s.call.ended.wait()
        await s.settle()
        wanted = "failed" if end == "model" else "call_ended"
        assert [one.outcome for one in asked] == [wanted] * 3
        with trio.fail_after(1):
            assert (await s.app.interrupts()).outcome == "call_ended"
            await s.app.says()
            await s.app.hangs_up()


@race("J164")
async def test_marks_that_never_come_back_hold_up_nothing() -> None:
    async with scene() as s:
        s.call.carrier.echoes = False
        for number in range(1, 4):
            await s.model.hears(f"T{number}", "And then?")
            await s.model.says(f"R{number}", f"I{number}", 1_500)
            await s.after(6_000)
        assert s.told == ["create"] * 3
        assert s.heard == {"I1": 1_500, "I2": 1_500, "I3": 1_500}
