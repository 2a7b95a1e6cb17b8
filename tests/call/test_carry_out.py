"""What is done for each command."""

from __future__ import annotations

from typing import get_args

import attrs
import trio
from trio.testing import MockClock

from trio_media.call.carry_out import CARRY_OUT
from trio_media.core import commands as cm

from .live import GREETS, config_of, live_call
from .wires import speech


def test_every_command_is_carried_out() -> None:
    assert set(CARRY_OUT) == set(get_args(cm.Command))


async def test_orders_carry_the_number_by_which_errors_name_them(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        create = await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.control.interrupt()
        await trio.sleep(0.1)
        [cancel], [truncate] = model.of("response.cancel"), model.of("conversation.item.truncate")
        ids = [message["event_id"] for message in (create, cancel, truncate)]
        assert len(set(ids)) == 3
        assert all(event_id.startswith("tm") for event_id in ids)
        assert truncate["content_index"] == 0


async def test_an_outbox_that_is_full_aborts_the_carrier(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        outbox = call.control.line.carrier_outbox
        call.spy.hold()
        await model.opens("R1", "I1", speech(100))
        await call.spy.stalled.wait()
        while outbox.put_mark("{}"):
            pass
        await model.audio("R1", "I1", speech(200))
        assert (await call.until_end()).reason == "carrier_lost"
        assert call.notebook.noted("carrier_outbox_full")


async def test_nothing_is_told_to_a_session_that_is_gone(autojump_clock: MockClock) -> None:
    config = attrs.evolve(config_of("Hello."), playout=attrs.evolve(GREETS.playout, lead_ms=5_000))
    async with live_call(config) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(4_000))
        await trio.sleep(1)
        await model.websocket.aclose()
        await trio.sleep(0.1)
        result = await call.control.interrupt()
        assert abs(result.heard_ms - 1_100) <= 40
        assert (await call.until_end()).reason == "model_lost"
        assert len(call.carrier.of("clear")) == 1
