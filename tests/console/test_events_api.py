"""What is told as it happens, over HTTP."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import trio

from tests.console.world import ADMIN, open_console
from trio_media.console.feed import SUBSCRIBERS_MAX


async def test_a_call_is_told_of_as_it_begins_changes_and_ends() -> None:
    async with open_console() as console, console.events() as events:
        call = await console.world.call()
        shown = await events.next("call")
        assert (shown["call_sid"], shown["state"]) == (call.call_sid, "live")
        while shown["floor"] != "model":
            shown = await events.next("call")
        call.hang_up()
        assert await events.next("gone") == {"call_sid": call.call_sid}


async def test_whoever_comes_later_is_told_of_the_calls_that_there_are() -> None:
    async with open_console() as console:
        call = await console.world.call()
        await console.until_live(call)
        async with console.events() as events:
            assert (await events.next())["call_sid"] == call.call_sid


async def test_of_one_call_every_line_is_told_as_its_log_has_it(tmp_path: Path) -> None:
    async with open_console(folder=tmp_path) as console:
        call = await console.world.call()
        await console.until_live(call, floor="model")
        async with console.events(f"?call={call.call_sid}") as events:
            level = await events.next("level")
            assert level["dbfs"] <= 0
            told = [await events.next("line") for _ in range(20)]
        call.hang_up()
        await call.wait_over()
        while not (log := await console.ask("GET", f"/api/calls/{call.call_sid}/log")).is_success:
            await trio.lowlevel.checkpoint()
        while b'"call_ended"' not in log.content:
            log = await console.ask("GET", f"/api/calls/{call.call_sid}/log")
        lines = [json.loads(line) for line in log.content.splitlines()]
        at = lines.index(told[0])
        assert lines[at : at + 20] == told


async def test_levels_come_ten_times_a_second() -> None:
    async with open_console() as console:
        call = await console.world.call()
        async with console.events(f"?call={call.call_sid}") as events:
            times = [(await events.next("level"))["at_ms"] for _ in range(6)]
        steps = [after - before for before, after in itertools.pairwise(times)]
        assert all(100 <= step < 200 for step in steps), steps


async def test_nobody_more_is_told_when_too_many_are() -> None:
    async with open_console() as console, trio.open_nursery() as nursery:
        opened = 0

        async def follow() -> None:
            nonlocal opened
            async with console.events():
                opened += 1
                await trio.sleep_forever()

        for _ in range(SUBSCRIBERS_MAX):
            nursery.start_soon(follow)
        while opened < SUBSCRIBERS_MAX:
            await trio.lowlevel.checkpoint()
        answer = await console.ask("GET", "/api/events")
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        nursery.cancel_scope.cancel()


async def test_a_call_that_is_no_sid_is_a_problem() -> None:
    async with open_console() as console:
        answer = await console.ask("GET", "/api/events?call=a/b")
        assert answer.status_code == 422
        assert ADMIN not in answer.text
