"""Part 1 G: calls that end too early, twice or not at all, and keys."""

from __future__ import annotations

import contextlib

import pytest
import trio
from trio_websocket import ConnectionClosed

from .language import near, race, scene

CLOSE = b"\x88"  # how a close frame begins


@race("G117")
async def test_a_tool_that_hangs_up_ends_the_call_in_good_order() -> None:
    after: list[str] = []
    async with scene() as s:

        async def end_call(arguments: str) -> str:
            await s.call.control.hang_up()
            after.append("asked")
            await trio.sleep(10)
            after.append("survived")
            return ""

        s.app.offers("end_call", end_call)
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        await s.at(500)
        await s.model.calls_tool("R1", "C1", "end_call")
        assert (await s.call.until_end()).reason == "hung_up"
        assert s.now_ms <= 1_500
        assert s.call.carrier.close_code == s.model.wire.close_code == 1_000
        assert after == ["asked"]


@race("G117")
async def test_whoever_hangs_up_and_is_cancelled_for_it_has_hung_up() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        await s.at(500)
        with trio.CancelScope() as scope:
            await s.call.control.hang_up()
            scope.cancel()
            await trio.sleep_forever()
        assert (await s.call.until_end()).reason == "hung_up"


@race("G118", "G123")
@pytest.mark.parametrize("hold", ["hush", "protected", "requested", "turn", "guard"])
async def test_hanging_up_waits_for_nothing_that_holds_the_model_back(hold: str) -> None:
    async with scene() as s:
        await s.app.says(protected=hold == "protected")
        if hold != "requested":
            await s.model.opens("R1", "I1", 5_000)
        if hold != "guard":
            await s.at(500)
        if hold in ("hush", "guard"):
            await s.caller.begins()
            await s.after(60)
        elif hold == "turn":
            await s.model.hears_start("T1")
        await s.app.says("Goodbye.", keep=True)
        asked_ms = s.now_ms
        await s.app.hangs_up()
        assert (await s.call.until_end()).reason == "hung_up"
        assert s.now_ms - asked_ms <= 1_000
        assert "media" not in s.on_phone[-1]


@race("G122")
async def test_nothing_is_said_on_either_wire_once_the_end_is_decided() -> None:
    async with scene() as s:
        s.model.obeys_no_more()
        await s.app.says()
        await s.model.opens("R1", "I1", 2_000)
        await s.at(500)
        with s.at_once(), contextlib.suppress(ConnectionClosed):
            await s.app.hangs_up()
            await s.caller.presses("1")
            await s.model.audio("R1", "I1", 1_000)
        await s.call.until_end()
        assert s.told == ["create"], "a session that is closed needs no more words"
        assert s.on_phone[-1] == "clear"
        assert s.call.spy.writes[-1][:1] == s.call.model_spy.writes[-1][:1] == CLOSE
        late = [one.at_ms for one in s.on_phone_when if one.line.startswith("media")]
        assert max(late) <= 500


@race("G123", "G124")
@pytest.mark.parametrize("gap_ms", [0, 1, 20, 100])
async def test_speech_that_meets_a_hang_up_neither_stops_nor_repeats_it(gap_ms: int) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 5_000)
        await s.at(500)
        await s.caller.begins()
        await s.after(gap_ms)
        await s.app.hangs_up()
        assert (await s.call.until_end()).reason == "hung_up"
        assert s.told == ["create"]
        assert s.clears == [near(500, gap_ms)]


@race("G127")
@pytest.mark.parametrize("interrupts", [True, False])
async def test_keys_that_interrupt_are_told_each_once_and_in_order(interrupts: bool) -> None:
    async with scene(dtmf_interrupts=interrupts) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 4_000)
        await s.at(1_000)
        await s.caller.presses("4")
        await s.at(1_400)
        await s.caller.presses("2#")
        await s.at(2_000)
        if not interrupts:
            await s.model.done("R1")
        await s.at(4_500)
        await s.model.says("R2", "I2", 500)
        await s.at(6_000)
        stopped = ["cancel R1", "truncate I1"] if interrupts else []
        keys = "text The caller pressed these keys: 42#"
        assert s.told == ["create", *stopped, keys, "create"]
        assert len(s.clears) == interrupts
        assert s.told_when[-2].at_ms == near(1_400 + 1_500)
        assert s.heard["I2"] == 500


@race("G127")
async def test_keys_over_protected_speech_are_told_though_they_interrupt_nothing() -> None:
    async with scene() as s:
        await s.app.says(protected=True)
        await s.model.says("R1", "I1", 4_000)
        await s.at(1_000)
        await s.caller.presses("7")
        await s.at(4_200)
        await s.model.says("R2", "I2", 500)
        await s.at(6_000)
        assert s.told == ["create", "text The caller pressed these keys: 7", "create"]
        assert s.heard_spans == [("I1", 0, 4_000), ("I2", 0, 500)]
