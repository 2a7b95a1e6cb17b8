"""Part 2 F and G: calls that do not end, end twice, or begin with the wrong session."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import trio

import trio_media.call
from tests.call.wires import is_type

from .language import race, scene

CALL = Path(trio_media.call.__file__).parent
ORDERS = ("create", "cancel", "truncate", "delete", "clear", "media", "mark")


def places_of(name: str) -> list[str]:
    """Where in a call a method of a codec is called."""
    return [
        path.name
        for path in CALL.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
    ]


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_is_given_in_one_place(order: str) -> None:
    """There is no second way to create, cancel, truncate or clear that could forget a guard."""
    # What a new session was told of is told better there, by the name that it has there.
    elsewhere = ["conversation.py"] if order == "delete" else []
    assert sorted(places_of(f"encode_{order}")) == ["carry_out.py", *elsewhere]


@race("P2-89")
async def test_ends_that_come_all_at_once_are_one_goodbye_on_each_wire() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        with s.at_once():
            await s.app.hangs_up()
            await s.caller.hangs_up()
            await s.model.error("session_expired")
            s.call.nursery.start_soon(s.call.carrier.websocket.aclose)
            s.call.nursery.start_soon(s.model.wire.websocket.aclose)
        await s.call.until_end()
        assert s.call.crash is None
        for spy in (s.call.spy, s.call.model_spy):
            assert sum(write[:1] == b"\x88" for write in spy.writes) <= 1


@race("P2-91", "P2-72")
async def test_a_lost_model_ends_a_call_in_which_nothing_is_to_be_heard() -> None:
    async with scene() as s:
        await s.at(500)
        await trio.aclose_forcefully(s.model.wire.websocket._stream)
        end = await s.call.until_end()
        assert end.reason == "model_lost"
        assert s.call.ended_ms - s.zero_ms <= 1_500


@race("P2-94", "P2-95")
@pytest.mark.parametrize("is_polite", [True, False], ids=["with a goodbye", "without one"])
async def test_nothing_is_drained_for_a_carrier_that_is_gone(is_polite: bool) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 8_000)
        await s.at(500)
        gone = s.call.carrier.websocket
        if is_polite:
            await gone.aclose()
        else:
            await trio.aclose_forcefully(gone._stream)
        end = await s.call.until_end()
        assert end.reason == "carrier_lost"
        assert s.call.ended_ms - s.zero_ms <= 1_000
        assert s.model.wire.closed_ms is not None


@race("P2-96", "P2-97", "P2-98")
async def test_no_audio_and_no_create_goes_to_a_session_that_is_not_confirmed() -> None:
    async with scene(greeting="Hello.", agrees=False) as s:
        await s.caller.is_quiet(500)
        assert s.model.wire.came == []
        await s.model.event("session.created", session={"id": "sess_1"})
        await s.caller.is_quiet(500)
        assert [message["type"] for _, message in s.model.wire.came] == ["session.update"]
        [update] = await s.model.wire.wait_for(is_type("session.update"))
        await s.model.event("session.updated", session=update["session"])
        await s.after(100)
        assert s.told == ["create"]
        assert len(s.model.wire.caller_audio()) >= 8_000 - 160


@race("P2-99")
async def test_a_change_of_the_session_asks_for_nothing_that_was_agreed_already() -> None:
    async with scene(authority="server", protect_greeting=True, greeting="Hello.") as s:
        await s.model.says("R1", "I1", 300)
        await s.at(2_000)
        assert s.told == ["flags off", "create", "flags on"]
        for change in s.model.wire.of("session.update")[1:]:
            assert set(change["session"]) == {"type", "audio"}
            assert set(change["session"]["audio"]["input"]) == {"turn_detection"}


@race("P2-101")
async def test_what_we_want_said_is_never_put_into_the_callers_mouth() -> None:
    async with scene(greeting="Hello.") as s:
        await s.model.opens("R1", "I1", 2_000)
        await s.at(500)
        await s.caller.speaks(500)
        await s.app.says("Apologise.")
        await s.model.says("R2", "I2", 300)
        await s.at(6_000)
        assert s.model.wire.of("conversation.item.create") == []
        creates = s.model.wire.of("response.create")
        assert [bool(create["response"].get("instructions")) for create in creates] == [True] * 2


@race("P2-103")
async def test_a_tools_result_is_not_answered_while_the_caller_speaks() -> None:
    let = trio.Event()

    async def look_up(arguments: str) -> str:
        await let.wait()
        return '"found"'

    async with scene(tools={"look_up": look_up}) as s:
        await s.model.hears("T1", "Is it there?")
        await s.model.created("R1")
        await s.model.calls_tool("R1", "C1", "look_up")
        await s.model.done("R1")
        await s.model.hears_start("T2")
        let.set()
        await s.after(1_000)
        assert s.told == ["create", "output C1"]
        await s.model.hears_stop("T2")
        await s.model.commits("T2")
        await s.after(1_000)
        assert s.told == ["create", "output C1", "create"]
