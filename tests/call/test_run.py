"""Whole calls on the virtual clock, read like the calls they are."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs
import pytest
import trio

sys.path.insert(0, str(Path(__file__).parent))

from wires import is_type, live_call  # noqa: E402

from trio_media.config import AgentConfig, Config  # noqa: E402

GREETS = Config(agent=AgentConfig(greeting="Hello."))


async def test_a_greeting_is_created_played_and_marked(autojump_clock) -> None:
    with trio.fail_after(30):
        async with live_call(GREETS) as call:
            await call.carrier.start()
            await call.model_came.wait()
            await call.model.begin()
            [create] = await call.model.wait_for(is_type("response.create"))
            speech = bytes(range(256)) * 25  # 800 ms
            await call.model.says("R1", "I1", speech, create=create)
            marks = await call.carrier.wait_for(is_type("mark"), count=4)
            for mark in marks:
                await call.carrier.echo(mark["mark"]["name"])
            await trio.sleep(2)
            assert call.carrier.heard() == speech
        assert call.end.reason == "caller_hung_up"


async def test_barge_in_in_mid_sentence(autojump_clock) -> None:
    with trio.fail_after(30):
        async with live_call(GREETS) as call:
            await call.carrier.start()
            await call.model_came.wait()
            await call.model.begin()
            [create] = await call.model.wait_for(is_type("response.create"))
            await call.model.created("R1", create)
            await call.model.item("R1", "I1")
            for _ in range(30):
                await call.model.audio("R1", "I1", b"\x55" * 800)
            await trio.sleep(1)
            for _ in range(25):
                await call.carrier.media(b"\x00" * 160)
                await trio.sleep(0.02)
            [cancel] = await call.model.wait_for(is_type("response.cancel"))
            assert cancel["response_id"] == "R1"
            [truncate] = await call.model.wait_for(is_type("conversation.item.truncate"))
            print(truncate)
            await call.model.done("R1", "cancelled", "client_cancelled")
            await call.carrier.media()
            await trio.sleep(3)
            assert len([m for _, m in call.carrier.came if m["event"] == "clear"]) == 1
            print(call.model.came)
        print(call.end)
