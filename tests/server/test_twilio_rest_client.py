"""The REST client under rare faults, in virtual time.  Against the stand-in: tests/testing."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import attrs
import httpx
import pytest
import trio

from trio_media.config import TwilioConfig
from trio_media.errors import (
    ConfigError,
    LocalProtocolError,
    RemoteProtocolError,
    RestLost,
    RestRefused,
)
from trio_media.server.twilio_rest_client import (
    ANSWER_BYTES_MAX,
    PAUSE_S,
    TRY_S,
    RestOutcome,
    TwilioRest,
    open_twilio_rest,
)
from trio_media.server.whole_body import WholeBody
from trio_media.telephony.twilio_rest import PlaceCall

TOKEN = "a-secret-token-that-nobody-may-see"
TWILIO = TwilioConfig(account_sid="AC1", auth_token=TOKEN, rest_url="http://rest.example/")
CALL = PlaceCall(to="+15551234567", from_="+15557654321", url="http://h.example/voice")
CREATED = httpx.Response(201, json={"sid": "CA1", "status": "queued"})
UPDATED = httpx.Response(200, json={"sid": "CA1", "status": "completed"})

Step: TypeAlias = httpx.Response | type[Exception] | None


def error(status: int, code: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": "words"}, headers=headers)


@attrs.define
class Wire:
    """Does one step of its script with every request; None: never answers."""

    steps: list[Step]
    requests: list[httpx.Request] = attrs.field(factory=list)
    at_s: list[float] = attrs.field(factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.at_s.append(trio.current_time())
        step = self.steps.pop(0)
        if step is None:
            await trio.sleep_forever()
        if isinstance(step, type):
            raise step("by script")
        assert step is not None
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)


@asynccontextmanager
async def rest_over(*steps: Step) -> AsyncIterator[tuple[TwilioRest, Wire]]:
    wire = Wire(list(steps))
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as client:
        with trio.fail_after(120):
            yield TwilioRest(TWILIO, client, jitter=lambda: 0.5), wire
    assert not wire.steps, "every step was needed"


async def test_a_request_is_a_form_with_basic_auth(autojump_clock: trio.abc.Clock) -> None:
    async with rest_over(CREATED) as (rest, wire):
        call = await rest.place_call(attrs.evolve(CALL, status_callback="http://h/s"))
    assert (call.sid, call.status) == ("CA1", "queued")
    (request,) = wire.requests
    assert isinstance(request.stream, WholeBody)
    assert request.url == "http://rest.example/2010-04-01/Accounts/AC1/Calls.json"
    assert request.headers["authorization"] == httpx.BasicAuth("AC1", TOKEN)._auth_header
    form = parse_qsl(request.content.decode())
    assert ("To", CALL.to) in form
    events = [value for name, value in form if name == "StatusCallbackEvent"]
    assert events == ["initiated", "ringing", "answered", "completed"]


async def test_reading_sends_no_form(autojump_clock: trio.abc.Clock) -> None:
    async with rest_over(UPDATED) as (rest, wire):
        assert (await rest.fetch("CA1")).status == "completed"
    assert (wire.requests[0].method, wire.requests[0].content) == ("GET", b"")


@pytest.mark.parametrize(
    "fault", [None, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, error(503, 0)]
)
async def test_a_call_that_may_have_been_placed_is_not_placed_again(
    autojump_clock: trio.abc.Clock, fault: Step
) -> None:
    async with rest_over(fault) as (rest, wire):
        with pytest.raises((RestLost, RestRefused)) as caught:
            await rest.place_call(CALL)
    assert len(wire.requests) == 1
    assert getattr(caught.value, "may_be_taken", True)


async def test_a_call_whose_answer_is_garbage_is_not_placed_again(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with rest_over(httpx.Response(201, content=b"<html>")) as (rest, _):
        with pytest.raises(RemoteProtocolError, match="call resource"):
            await rest.place_call(CALL)


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, error(429, 20429)]
)
async def test_a_call_that_cannot_have_been_placed_is_placed_again(
    autojump_clock: trio.abc.Clock, fault: Step
) -> None:
    async with rest_over(fault, fault, CREATED) as (rest, wire):
        assert (await rest.place_call(CALL)).sid == "CA1"
    pauses_s = [later - earlier for earlier, later in zip(wire.at_s, wire.at_s[1:], strict=False)]
    assert pauses_s == pytest.approx([PAUSE_S, 2 * PAUSE_S])


async def test_tries_come_to_an_end(autojump_clock: trio.abc.Clock) -> None:
    async with rest_over(*[httpx.ConnectError] * 3) as (rest, _):
        with pytest.raises(RestLost, match="ConnectError: by script") as caught:
            await rest.place_call(CALL)
    assert not caught.value.may_be_taken
    async with rest_over(*[error(500, 20500)] * 3) as (rest, _):
        with pytest.raises(RestRefused, match="500"):
            await rest.hang_up("CA1")


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ReadError,
        httpx.ConnectError,
        httpx.ReadTimeout,
        error(429, 0),
        error(500, 0),
        httpx.Response(200, content=b"garbage"),
    ],
)
async def test_an_end_is_asked_for_again_after_any_failure(
    autojump_clock: trio.abc.Clock, fault: Step
) -> None:
    async with rest_over(fault, UPDATED) as (rest, wire):
        assert await rest.hang_up("CA1") is RestOutcome.DONE
    assert [request.content for request in wire.requests] == [b"Status=completed"] * 2


async def test_a_try_that_hears_nothing_ends_after_ten_seconds(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with rest_over(None, error(404, 20404)) as (rest, wire):
        # The first was taken, so the second finds the call gone: all is as it should be.
        assert await rest.hang_up("CA1") is RestOutcome.GONE
    assert wire.at_s[1] - wire.at_s[0] == pytest.approx(TRY_S + PAUSE_S)


async def test_one_try_without_an_answer_is_enough_to_leave_it_open(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with rest_over(None, httpx.ConnectError, httpx.ConnectError) as (rest, _):
        with pytest.raises(RestLost) as caught:
            await rest.redirect("CA1", "<Response/>")
    assert caught.value.may_be_taken


@pytest.mark.parametrize(("text", "pause_s"), [("5", 5), ("0", 0), ("soon", PAUSE_S)])
async def test_the_pause_that_twilio_asks_for_is_kept(
    autojump_clock: trio.abc.Clock, text: str, pause_s: float
) -> None:
    async with rest_over(error(429, 20429, **{"Retry-After": text}), CREATED) as (rest, wire):
        await rest.place_call(CALL)
    assert wire.at_s[1] - wire.at_s[0] == pytest.approx(pause_s)


async def test_a_longer_pause_is_not_waited_for(autojump_clock: trio.abc.Clock) -> None:
    began_at = trio.current_time()
    async with rest_over(error(429, 20429, **{"Retry-After": "6"})) as (rest, _):
        with pytest.raises(RestRefused, match="429"):
            await rest.place_call(CALL)
    assert trio.current_time() == began_at


@pytest.mark.parametrize(
    ("answer", "hung_up", "canceled", "redirected"),
    [
        (UPDATED, RestOutcome.DONE, RestOutcome.WRONG_STAGE, RestOutcome.DONE),
        (error(404, 20404), RestOutcome.GONE, RestOutcome.GONE, RestOutcome.GONE),
        (
            error(400, 21220),
            RestOutcome.GONE,
            RestOutcome.WRONG_STAGE,
            RestOutcome.WRONG_STAGE,
        ),
        (
            httpx.Response(200, json={"sid": "CA1", "status": "canceled"}),
            RestOutcome.DONE,
            RestOutcome.DONE,
            RestOutcome.DONE,
        ),
    ],
)
async def test_updates_have_an_outcome(
    autojump_clock: trio.abc.Clock,
    answer: httpx.Response,
    hung_up: RestOutcome,
    canceled: RestOutcome,
    redirected: RestOutcome,
) -> None:
    async with rest_over(answer, answer, answer) as (rest, _):
        assert await rest.hang_up("CA1") is hung_up
        assert await rest.cancel("CA1") is canceled
        assert await rest.redirect("CA1", "<Response/>") is redirected


@pytest.mark.parametrize("answer", [error(401, 20003), httpx.Response(302, text="x")])
async def test_a_no_is_a_no(autojump_clock: trio.abc.Clock, answer: httpx.Response) -> None:
    answer.headers["location"] = "http://elsewhere.example/"
    async with rest_over(answer) as (rest, _):
        with pytest.raises(RestRefused) as caught:
            await rest.hang_up("CA1")
    assert caught.value.status == answer.status_code


async def test_nothing_is_sent_that_twilio_would_refuse(autojump_clock: trio.abc.Clock) -> None:
    async with rest_over() as (rest, _):
        with pytest.raises(LocalProtocolError):
            await rest.hang_up("CA/1")


async def test_an_endless_answer_is_not_kept(autojump_clock: trio.abc.Clock) -> None:
    long = httpx.Response(200, content=b" " * ANSWER_BYTES_MAX + UPDATED.content)
    async with rest_over(long, UPDATED) as (rest, _):
        assert await rest.hang_up("CA1") is RestOutcome.DONE


@pytest.mark.parametrize(
    "call", [lambda rest: rest.place_call(CALL), lambda rest: rest.hang_up("CA1")]
)
async def test_no_secret_is_told(
    autojump_clock: trio.abc.Clock,
    caplog: pytest.LogCaptureFixture,
    call: Callable[[TwilioRest], Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    for fault in (httpx.ReadError, httpx.ConnectError, error(500, 1), error(401, 20003)):
        wire = Wire([fault] * 3)
        async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as client:
            rest = TwilioRest(TWILIO, client)
            with pytest.raises((RestLost, RestRefused)) as caught:
                await call(rest)
        told = "".join(traceback.format_exception(caught.value)) + repr(rest) + caplog.text
        assert TOKEN not in told
        assert json.dumps(TOKEN) not in told
        assert httpx.BasicAuth("AC1", TOKEN)._auth_header not in told


@pytest.mark.parametrize("twilio", [TwilioConfig(account_sid="AC1"), TwilioConfig(auth_token="t")])
async def test_without_an_account_there_is_nobody_to_call_for(twilio: TwilioConfig) -> None:
    with pytest.raises(ConfigError, match=r"account_sid and twilio\.auth_token"):
        async with open_twilio_rest(twilio):
            pass


async def test_nobody_there_is_known_for_certain() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
    await listener.aclose()
    with trio.fail_after(20):
        async with open_twilio_rest(attrs.evolve(TWILIO, rest_url=url)) as rest:
            with pytest.raises(RestLost, match="ConnectError") as caught:
                await rest.place_call(CALL)
    assert not caught.value.may_be_taken
