"""The API of the simulated carrier, asked by our client over real sockets."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import trio
from twilio.rest import Client  # type: ignore[import-untyped]

from trio_media.config import TwilioConfig
from trio_media.errors import RemoteProtocolError, RestLost, RestRefused
from trio_media.server import twilio_rest_client
from trio_media.server.twilio_rest_client import RestOutcome, open_twilio_rest
from trio_media.testing.carrier import CallScript, EndedBy, RestFault

from .world import FROM, TO, World, open_world

LONG = CallScript(ring_s=600, verb_s=600)
PAUSE = "<Response><Pause/></Response>"


async def answered(world: World) -> Any:
    world.carrier.otherwise = CallScript(verb_s=600)
    call = await world.place(url="", twiml=PAUSE)
    await call.until(lambda call: call.verbs == ["Pause"])
    return call


async def test_a_call_is_placed_once_and_ended_once() -> None:
    async with open_world() as world:
        call = await answered(world)
        assert await world.rest.hang_up(call.call_sid) is RestOutcome.DONE
        await call.wait_over()
        assert (call.ended_by, call.status) == (EndedBy.REST, "completed")
        assert [(asked.method, asked.first("Status"), asked.status) for asked in call.requests] == [
            ("POST", "", 201),
            ("POST", "completed", 200),
        ]
        assert await world.rest.hang_up(call.call_sid) is RestOutcome.GONE
        assert await world.rest.cancel(call.call_sid) is RestOutcome.GONE
        assert await world.rest.redirect(call.call_sid, PAUSE) is RestOutcome.WRONG_STAGE
        assert (await world.rest.fetch(call.call_sid)).duration_s is not None
        assert world.carrier.requests[: len(call.requests)] == call.requests


async def test_a_call_that_rings_is_cancelled_and_cannot_be_redirected() -> None:
    async with open_world() as world:
        world.carrier.otherwise = LONG
        call = await world.place()
        assert (await world.rest.fetch(call.call_sid)).status in ("queued", "ringing")
        assert await world.rest.redirect(call.call_sid, PAUSE) is RestOutcome.WRONG_STAGE
        assert await world.rest.cancel(call.call_sid) is RestOutcome.DONE
        await call.wait_over()
        assert (call.ended_by, call.status) == (EndedBy.REST, "canceled")
        assert world.server.forms("/voice") == []


async def test_a_call_that_rings_may_be_completed_too() -> None:
    async with open_world() as world:
        world.carrier.otherwise = LONG
        call = await world.place()
        assert await world.rest.hang_up(call.call_sid) is RestOutcome.DONE
        await call.wait_over()
        assert call.status == "canceled"


async def test_an_answered_call_cannot_be_cancelled() -> None:
    async with open_world() as world:
        call = await answered(world)
        assert await world.rest.cancel(call.call_sid) is RestOutcome.WRONG_STAGE
        assert not call.is_over


async def test_a_call_is_sent_to_a_url() -> None:
    async with open_world() as world:
        call = await answered(world)
        world.server.answers["/next"] = "<Response><Hangup/></Response>"
        form = {"Url": world.server.url + "/next", "Method": "GET"}
        assert (await post(world, call.call_sid, form)).status_code == 200
        await call.wait_over()
        assert call.verbs == ["Pause", "Hangup"]
        assert call.callbacks("update")[0].status == 200


async def test_an_unknown_status_is_refused() -> None:
    async with open_world() as world:
        call = await answered(world)
        answer = await post(world, call.call_sid, {"Status": "ringing"})
        assert (answer.status_code, answer.json()["code"]) == (400, 20001)


async def post(world: World, call_sid: str, form: dict[str, str]) -> httpx.Response:
    own = world.carrier.twilio
    url = f"{own.rest_url}/2010-04-01/Accounts/{own.account_sid}/Calls/{call_sid}.json"
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(url, data=form, auth=(own.account_sid, own.auth_token))


async def test_what_is_no_form_is_refused() -> None:
    async with open_world() as world:
        own = world.carrier.twilio
        url = f"{own.rest_url}/2010-04-01/Accounts/{own.account_sid}/Calls.json"
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(url, json={"To": TO})
        assert (answer.status_code, answer.json()["code"]) == (415, 20001)
        assert world.carrier.requests == []


async def test_an_unknown_call_is_gone() -> None:
    async with open_world() as world:
        assert await world.rest.hang_up("CA0") is RestOutcome.GONE
        with pytest.raises(RestRefused) as caught:
            await world.rest.fetch("CA0")
        assert caught.value.code == 20404


@pytest.mark.parametrize(
    ("account_sid", "auth_token", "code"), [("", "wrong", 20003), ("AC0", "", 20003)]
)
async def test_another_account_is_not_let_in(account_sid: str, auth_token: str, code: int) -> None:
    async with open_world() as world:
        own = world.carrier.twilio
        other = TwilioConfig(
            account_sid=account_sid or own.account_sid,
            auth_token=auth_token or own.auth_token,
            rest_url=own.rest_url,
        )
        async with open_twilio_rest(other) as rest:
            with pytest.raises(RestRefused) as caught:
                await rest.place_call(world.order())
        assert caught.value.code == code
        assert world.carrier.calls == []


async def test_another_accounts_path_is_not_found() -> None:
    async with open_world() as world:
        own = world.carrier.twilio
        url = f"{own.rest_url}/2010-04-01/Accounts/AC0/Calls/CA0.json"
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(url, auth=(own.account_sid, own.auth_token))
        assert (answer.status_code, answer.json()["code"]) == (404, 20404)


async def test_too_many_requests_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio_rest_client, "PAUSE_S", 0.001)
    async with open_world() as world:
        world.carrier.otherwise = LONG
        world.carrier.fail_next(RestFault.TOO_MANY, requests=2)
        call = await world.place()
        assert [asked.status for asked in world.carrier.requests] == [429, 429, 201]
        assert world.carrier.calls == [call]


async def test_a_broken_carrier_is_asked_again_for_an_end_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(twilio_rest_client, "PAUSE_S", 0.001)
    async with open_world() as world:
        world.carrier.fail_next(RestFault.BROKEN)
        with pytest.raises(RestRefused, match="500"):
            await world.place()
        assert world.carrier.calls == []
        call = await answered(world)
        world.carrier.fail_next(RestFault.BROKEN)
        assert await world.rest.hang_up(call.call_sid) is RestOutcome.DONE
        assert [asked.status for asked in call.requests] == [201, 500, 200]


async def test_a_call_that_was_placed_without_an_answer_is_not_placed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(twilio_rest_client, "TRY_S", 0.1)
    async with open_world() as world:
        world.carrier.otherwise = LONG
        world.carrier.fail_next(RestFault.TAKEN_THEN_SILENT)
        with pytest.raises(RestLost) as caught:
            await world.place()
        assert caught.value.may_be_taken
        (call,) = world.carrier.calls
        assert [asked.status for asked in call.requests] == [None]
        world.carrier.fail_next(RestFault.SILENT)
        with pytest.raises(RestLost):
            await world.place()
        assert len(world.carrier.calls) == 1


async def test_an_end_that_was_taken_without_an_answer_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(twilio_rest_client, "TRY_S", 0.1)
    monkeypatch.setattr(twilio_rest_client, "PAUSE_S", 0.001)
    async with open_world() as world:
        call = await answered(world)
        world.carrier.fail_next(RestFault.TAKEN_THEN_SILENT)
        assert await world.rest.hang_up(call.call_sid) is RestOutcome.GONE
        await call.wait_over()
        assert [asked.status for asked in call.requests] == [201, None, 404]


async def test_a_request_that_is_given_up_leaves_the_client_in_order() -> None:
    async with open_world() as world:
        world.carrier.otherwise = LONG
        world.carrier.fail_next(RestFault.SILENT)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.place)
            await world.carrier.until(lambda carrier: len(carrier.requests) == 1)
            nursery.cancel_scope.cancel()
        call = await world.place()
        assert world.carrier.calls == [call]


async def test_garbage_is_no_answer() -> None:
    async with open_world() as world:
        world.carrier.otherwise = LONG
        world.carrier.fail_next(RestFault.GARBAGE)
        with pytest.raises(RemoteProtocolError):
            await world.place()
        assert len(world.carrier.calls) == 1


async def test_twilios_own_sdk_is_understood() -> None:
    async with open_world() as world:
        world.carrier.otherwise = LONG
        sids = await trio.to_thread.run_sync(ask_with_sdk, world)
        call = world.carrier.calls[0]
        await call.wait_over()
        assert sids == [call.call_sid] * 3
        assert call.status == "canceled"


def ask_with_sdk(world: World) -> list[str]:
    own = world.carrier.twilio
    client = Client(own.account_sid, own.auth_token)
    real = client.http_client.request

    def request(method: str, url: str, *rest: Any, **options: Any) -> Any:
        return real(method, url.replace("https://api.twilio.com", own.rest_url), *rest, **options)

    client.http_client.request = request
    placed = client.calls.create(to=TO, from_=FROM, url="http://h.example/voice")
    found = client.calls(placed.sid).fetch()
    ended = client.calls(placed.sid).update(status="completed")
    client.http_client.session.close()
    return [placed.sid, found.sid, ended.sid]
