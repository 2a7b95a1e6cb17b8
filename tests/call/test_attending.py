"""Who attends a call is asked before the model hears of it, and within a time."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock

from trio_media.call.attending import Attendance
from trio_media.call.run import ATTEND_S
from trio_media.errors import CallRefused

from .live import ENDS_WITHIN_MS, config_of, live_call

QUIET = config_of("")


async def test_a_call_that_nobody_decides_about_is_given_up(autojump_clock: MockClock) -> None:
    async def attend(started: Any) -> Attendance:
        await trio.sleep_forever()
        raise AssertionError

    async with live_call(QUIET, attend=attend) as call:
        await call.carrier.start()
        end = await call.until_end()
        assert end.reason == "start_timeout"
        assert ATTEND_S * 1_000 <= call.ended_ms <= ATTEND_S * 1_000 + ENDS_WITHIN_MS
        assert not call.model_came.is_set()


async def test_a_call_that_is_refused_never_reaches_the_model(autojump_clock: MockClock) -> None:
    async def attend(started: Any) -> Attendance:
        raise CallRefused("not today")

    async with live_call(QUIET, attend=attend) as call:
        await call.carrier.start()
        assert (await call.until_end()).reason == "refused"
        await call.carrier.closed.wait()
        assert call.carrier.close_code == 1013
        assert not call.model_came.is_set()


async def test_the_call_is_held_as_was_decided_and_not_as_configured(
    autojump_clock: MockClock,
) -> None:
    decided = config_of("Good morning.")

    async def attend(started: Any) -> Attendance:
        assert started.custom_parameters == {"caller": "+15550001"}
        return Attendance(config=decided)

    async with live_call(QUIET, attend=attend) as call:
        await call.carrier.start(caller="+15550001")
        await call.model_came.wait()
        await call.model.begin()
        create = await call.model.next_create()
        assert "Good morning." in create["response"]["instructions"]
