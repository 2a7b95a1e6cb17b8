"""What may be done to live calls, over HTTP, on a real server with real calls."""

from __future__ import annotations

from tests.console.world import open_console
from tests.server.world import without_account


async def test_an_interruption_is_asked_for_and_its_outcome_is_told() -> None:
    async with open_console() as console:
        call = await console.world.call()
        await console.until_live(call, floor="model")
        told = await console.post(f"/api/calls/{call.call_sid}/interrupt")
        assert told["outcome"] in ("cancelled", "already_over")
        shown = await console.get(f"/api/calls/{call.call_sid}")
        assert shown["interruptions"] == 1
        assert shown["last_interruption"]["reason"] == "application"
        assert shown["barge_ins"] == [shown["last_interruption"]]


async def test_words_are_said_and_heard() -> None:
    async with open_console() as console:
        call = await console.world.call()
        await console.until_live(call, floor="model")
        await console.post(f"/api/calls/{call.call_sid}/interrupt")
        later = await console.ask(
            "POST", f"/api/calls/{call.call_sid}/say", json={"text": "One.", "wait": False}
        )
        assert (later.status_code, later.json()["outcome"]) == (202, "waiting")
        blank = await console.ask("POST", f"/api/calls/{call.call_sid}/say", json={"text": "  "})
        assert blank.status_code == 422


async def test_a_call_is_hung_up_and_is_gone() -> None:
    async with open_console() as console:
        call = await console.world.call()
        await console.until_live(call)
        async with console.events() as events:
            assert await console.post(f"/api/calls/{call.call_sid}/hang-up") == {"outcome": "ended"}
            assert await events.next("gone") == {"call_sid": call.call_sid}
        again = await console.ask("POST", f"/api/calls/{call.call_sid}/hang-up", json={})
        assert again.status_code == 404
        assert again.headers["content-type"] == "application/problem+json"


async def test_a_call_is_placed() -> None:
    async with open_console() as console:
        async with console.events() as events:
            answer = await console.ask("POST", "/api/calls", json={"to": "+15551234567"})
            assert answer.status_code == 202
            shown = await events.next("call")
        assert shown["call_sid"] == answer.json()["call_sid"]
        assert (shown["direction"], shown["called"]) == ("outbound", "+15551234567")


async def test_no_call_is_placed_where_there_is_no_account_or_no_number() -> None:
    async with open_console(change=without_account) as console:
        answer = await console.ask("POST", "/api/calls", json={"to": "+15551234567"})
        assert answer.status_code == 409
        assert (await console.ask("POST", "/api/calls", json={})).status_code == 422
    async with open_console() as console:
        wrong = await console.ask("POST", "/api/calls", json={"to": "nobody"})
        assert wrong.status_code == 422
