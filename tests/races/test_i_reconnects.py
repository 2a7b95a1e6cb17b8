"""Part 1 I: what a lost model session leaves behind, and what the next one is asked and told."""

from __future__ import annotations

import contextlib

import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.call.wires import LOUD_FRAME
from trio_media.call.watch import STALL_S, WATCH_EVERY_S
from trio_media.core import events as ev

from .language import Scene, near, race, scene
from .steps import counted_steps

POLITE = pytest.mark.parametrize("is_polite", [True, False], ids=["with a goodbye", "without one"])


async def goes(s: Scene, *, is_polite: bool = True) -> None:
    """The model's socket is gone."""
    if is_polite:
        await s.model.leaves()
    else:
        await trio.aclose_forcefully(s.model.wire.websocket._stream)
        await s.settle()


async def comes_back(s: Scene, count: int = 2) -> None:
    """There is another session, the ``count``-th of the call, and it is agreed on."""
    with trio.fail_after(30):
        await s.call.next_model(count)
    await s.settle()


# --- the limit --------------------------------------------------------------------------------


@race("I136")
async def test_a_session_is_renewed_at_a_quiet_moment_before_its_limit() -> None:
    async with scene(session_max_s=1_000, limit_s=2_000) as s:
        await s.at(795_000)
        await s.app.says()
        await s.model.says("R1", "I1", 10_000)
        await s.at(802_000)
        assert len(s.call.models) == 1, "the window is open, but somebody speaks"
        await s.at(805_200)
        await comes_back(s)
        assert s.now_ms <= 805_700
        assert s.told == [], "its words never came"
        await s.model.hears("T1", "Are you still there?")
        await s.model.says("R1", "I2", 600)
        await s.after(2_000)
        assert s.heard == {"I1": 10_000, "I2": 600}
        assert not s.call.notebook.noted("failure")


@race("I136")
async def test_a_session_in_which_nobody_is_ever_quiet_is_renewed_in_time() -> None:
    async with scene(session_max_s=300, limit_s=2_000) as s:
        await s.at(230_000)
        await s.app.says()
        await s.model.opens("R1", "I1", 100_000)
        await s.at(295_000)
        await comes_back(s)
        assert s.now_ms < 300_000
        await s.at(331_000)
        assert s.heard == {"I1": 100_000}, "what it had said is heard"


# --- what comes back, and what does not -------------------------------------------------------


@race("I138", "I139")
@POLITE
async def test_whoever_waits_for_a_session_that_is_lost_is_released(is_polite: bool) -> None:
    """Of an answer that was interrupted before its id was known, no session hears again."""
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        await s.at(500)
        first = await s.app.interrupts()
        await s.model.done("R1", "cancelled")
        await s.app.says("Something else.")
        second = await s.app.interrupts()
        await s.app.says("And more.")
        assert s.told == ["create", "cancel R1", "truncate I1", "create"]
        await goes(s, is_polite=is_polite)
        assert [first.outcome, second.outcome] == ["cancelled", "failed"]
        await comes_back(s)
        assert s.told == ["create"]
        assert s.asked_words[-1].endswith("And more.")


@race("I138")
@POLITE
async def test_an_answer_that_was_interrupted_does_not_come_back(is_polite: bool) -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        asked = await s.app.interrupts()
        assert s.told_of("cancel") == ["R1"]
        await goes(s, is_polite=is_polite)
        await comes_back(s)
        await s.after(20_000)
        assert asked.outcome == "failed"
        assert s.told == []
        assert s.heard == {"I1": near(500)}


@race("I138", "I142")
async def test_what_was_cut_off_goes_on_and_the_caller_can_interrupt_it_as_ever() -> None:
    async with scene() as s:
        await s.model.hears("T1", "Tell me a story.")
        await s.model.opens("R1", "I1", 1_000)
        await goes(s)
        await comes_back(s)
        assert s.told == ["text Tell me a story.", "create"]
        await s.model.opens("R1", "I2", 5_000)
        await s.at(3_000)
        await s.caller.speaks(600)
        assert s.told_of("cancel") == ["R1"]
        assert s.told_of("truncate") == ["I2"]
        assert s.heard["I1"] == 1_000


# --- fatal, and not ---------------------------------------------------------------------------


@race("I140")
@pytest.mark.parametrize("code", ["insufficient_quota", "invalid_api_key"])
async def test_a_fatal_error_is_answered_by_no_other_try(code: str) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 500)
        await s.model.error(code)
        end = await s.call.until_end()
        await trio.sleep(60)
        assert end.reason == "model_lost"
        assert len(s.call.models) == 1
        [failure] = s.call.notebook.noted("failure")
        assert (failure["what"], failure["done"]) == ("model_refused", "goodbye")
        assert s.heard == {"I1": 500}, "and what was said was heard"


@race("I140")
async def test_a_model_that_is_not_there_is_tried_ever_more_slowly_and_not_for_ever() -> None:
    async with scene(luck=lambda: 0.5) as s:
        s.call.is_model_there = False
        await goes(s)
        await s.call.until_end()
        tries = [
            fields for fields in s.call.notebook.noted("failure") if fields["what"] != "model_lost"
        ]
        assert len(tries) == 6
        assert 8_000 <= s.now_ms <= 25_000


# --- as if nothing had been -------------------------------------------------------------------


@race("I141")
async def test_after_three_sessions_everything_is_told_once() -> None:
    async with scene() as s:
        for number in range(2, 5):
            await goes(s)
            await comes_back(s, number)
        await s.model.hears("T1", "Hello?")
        await s.model.opens("R1", "I1", 3_000)
        await s.after(500)
        await s.caller.speaks(500)
        assert s.told == ["create", "cancel R1", "truncate I1"]
        assert s.on_phone == ["media I1", "clear"]
        committed = [e for e in s.call.notebook.events if isinstance(e, ev.TurnCommitted)]
        assert len(committed) == 1


@race("I142")
@pytest.mark.parametrize("authority", ["client", "server"])
async def test_the_next_session_hears_the_caller_from_the_gap_on(authority: str) -> None:
    async with scene(authority=authority, luck=lambda: 0.999) as s:
        await s.caller.is_quiet(1_000)
        await goes(s)
        await s.caller.speaks(100)
        await comes_back(s)
        await s.caller.speaks(200)
        assert s.model.wire.caller_audio().count(LOUD_FRAME) >= 15
        await s.model.hears("T1", "Hello?")
        by_itself = authority == "server"
        await s.model.says("R1", "I1", 400, by_itself=by_itself)
        await s.after(1_000)
        assert s.heard == {"I1": 400}
        assert s.told == ([] if by_itself else ["create"])


# --- the wire ---------------------------------------------------------------------------------


@race("I144", "J155")
async def test_a_wire_that_is_closed_is_read_no_more() -> None:
    """What was said is still heard for seconds, and nobody spins meanwhile."""
    async with scene(reconnect_max=0) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 10_000)
        await s.at(500)
        await s.model.leaves()
        with counted_steps() as steps:
            await s.at(8_500)
        assert steps.count < 8_000 // 20 * 10, "more than ten steps a frame"
        await s.at(12_000)
        assert s.call.end.reason == "model_lost"
        assert s.heard == {"I1": 10_000}


@race("I144")
async def test_a_service_that_closes_each_session_politely_at_once_is_given_up() -> None:
    async with scene() as s:
        with counted_steps() as steps:
            for number in range(2, 9):
                await goes(s)
                if s.call.ended.is_set() or number == 8:
                    break
                await comes_back(s, number)
            await s.call.until_end()
        assert s.call.end.reason == "model_lost"
        assert len(s.call.models) <= 7
        assert steps.count < 20_000


@race("I143")
async def test_what_is_kept_for_a_model_that_does_not_read_is_bounded() -> None:
    async with scene(reconnect_max=0) as s:
        s.call.model_spy.hold()
        for _ in range(3):
            await s.caller.is_quiet(1_000)
        line = s.call.control.line
        with trio.fail_after(10), contextlib.suppress(ConnectionClosed):
            while True:
                await s.call.carrier.talk(20)
                assert line.model_outbox._audio_bytes <= 10_000 * 8
        await s.call.until_end()
        assert s.call.end.reason == "model_lost"
        assert STALL_S <= s.now_ms / 1_000 <= STALL_S + 3 * WATCH_EVERY_S


@race("I143")
async def test_a_model_that_does_not_read_is_found_out_and_the_next_hears_what_it_did_not() -> None:
    async with scene() as s:
        for _ in range(3):
            await s.caller.is_quiet(1_000)
        s.call.model_spy.hold()
        talks = s.call.nursery.start_soon
        talks(s.call.carrier.talk, 4_000)
        await comes_back(s)
        assert s.now_ms / 1_000 <= 3 + STALL_S + 3 * WATCH_EVERY_S + 0.6
        await s.after(2_000)
        assert s.model.wire.caller_audio().count(LOUD_FRAME) >= 199
