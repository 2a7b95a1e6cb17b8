"""Transports by their names."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import attrs
import pytest
from trio.testing import MockClock

from trio_media.call.leg import WEBSOCKETS
from trio_media.call.options import CallOptions
from trio_media.call.transports import transport_named
from trio_media.call.websocket.handshake import FRAMES
from trio_media.config import ServerConfig, TransportName

from .live import GREETS, live_call
from .wires import speech


def test_every_name_that_can_be_configured_is_a_transport() -> None:
    assert {transport_named(name) is FRAMES for name in get_args(TransportName)} == {True, False}
    assert transport_named("trio-websocket") is WEBSOCKETS


def test_the_default_is_the_one_that_costs_less() -> None:
    assert ServerConfig().transport == "websockets"


def test_the_other_library_is_imported_by_nobody_who_did_not_ask_for_it() -> None:
    script = (
        "import sys, trio_media.call.run, trio_media.call.transports as t\n"
        "t.transport_named('trio-websocket')\n"
        "assert 'websockets' not in sys.modules\n"
        "t.transport_named('websockets')\n"
        "assert 'websockets' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("name", get_args(TransportName))
@pytest.mark.parametrize("by", ["configuration", "option"])
async def test_a_whole_call_goes_over_either(
    autojump_clock: MockClock, name: TransportName, by: str
) -> None:
    config = GREETS
    if by == "configuration":
        config = attrs.evolve(config, server=ServerConfig(transport=name))
    transport = transport_named(name) if by == "option" else None
    async with live_call(config, transport=transport) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(2_000))
        await call.caller_speaks(400)
        await model.wait_for(lambda message: message["type"] == "response.cancel")
        await model.turn("T1", "Yes, please.")
        await model.says("R2", "I2", speech(400))
        await call.carrier.talk(1_000)
        assert speech(400)[:800] in call.carrier.heard()
        assert await model.websocket.ping() is None
        await call.control.hang_up()
        assert (await call.until_end()).reason == "hung_up"
        assert call.carrier.close_code == 1000


def test_an_option_comes_before_the_configuration() -> None:
    assert CallOptions().transport is None
