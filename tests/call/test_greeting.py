"""What a caller hears first, and that nothing is recorded before."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_media.call.greeting import may_record
from trio_media.config import Config, RecordingConfig

from .live import LiveCall, config_of, live_call
from .wires import speech

ANNOUNCES = RecordingConfig(dir="kept", consent="announce", announcement="We record this.")


def announcing(greeting: str = "", **changes: Any) -> Config:
    return attrs.evolve(config_of(greeting), recording=attrs.evolve(ANNOUNCES, **changes))


def told(create: Any) -> str:
    return str(create["response"]["instructions"])


def kept(call: LiveCall) -> list[str]:
    names = ("recording_paused", "recording_announced", "recording_resumed")
    return [kind for kind, _ in call.notebook.notes if kind in names]


async def test_nothing_is_recorded_before_it_was_heard_that_it_is(
    autojump_clock: MockClock,
) -> None:
    async with live_call(announcing("Good morning.")) as call:
        model = await call.start()
        create = await model.next_create()
        assert "We record this." in told(create)
        await model.created("R1", create)
        await model.item("R1", "M1")
        await model.audio("R1", "M1", speech(1_000))
        await model.done("R1")
        assert kept(call) == ["recording_paused"]
        create = await model.next_create()
        assert "Good morning." in told(create)
        await trio.sleep(2)
        assert kept(call) == ["recording_paused", "recording_announced", "recording_resumed"]
    assert call.notebook.notes[0] == ("recording_paused", {"why": "consent"})


async def test_a_call_whose_caller_left_too_soon_was_never_recorded(
    autojump_clock: MockClock,
) -> None:
    async with live_call(announcing()) as call:
        model = await call.start()
        await model.says("R1", "M1", speech(3_000))
        await trio.sleep(1)
        await call.carrier.stop()
        await call.until_end()
    assert kept(call) == ["recording_paused"]
    assert call.notebook.noted("failure") == []


@pytest.mark.parametrize(
    "config",
    [announcing("Hello.", dir=""), announcing("Hello.", consent="not_asked")],
    ids=["nothing is kept", "nobody asks"],
)
async def test_nothing_is_announced_where_nothing_has_to_be(
    config: Config, autojump_clock: MockClock
) -> None:
    async with live_call(config) as call:
        model = await call.start()
        assert "Hello." in told(await model.next_create())
    assert kept(call) == []


async def test_a_media_stream_can_say_that_its_call_is_not_recorded(
    autojump_clock: MockClock,
) -> None:
    async with live_call(announcing("Hello.")) as call:
        await call.carrier.start(record="false")
        await call.model_came.wait()
        await call.model.begin()
        assert "Hello." in told(await call.model.next_create())
    assert kept(call) == []


@pytest.mark.parametrize(
    ("parameters", "may"),
    [
        ({}, True),
        ({"record": "true"}, True),
        ({"record": ""}, True),
        ({"record": " No "}, False),
        ({"record": "FALSE"}, False),
        ({"record": "off"}, False),
        ({"record": "0"}, False),
    ],
)
def test_only_a_clear_no_is_a_no(parameters: dict[str, str], may: bool) -> None:
    assert may_record(parameters) is may
