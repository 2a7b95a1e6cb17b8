"""The carrier's signed requests."""

from __future__ import annotations

import httpx
import pytest
import trio
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from trio_media.server.whole_body import WholeBody
from trio_media.testing.carrier.web import WEBHOOK_S, CarrierWeb, WebAnswer

TOKEN = "a-token"


async def asked(
    url: str, method: str, form: dict[str, str]
) -> tuple[WebAnswer, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"ok")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        web = CarrierWeb(client=client, auth_token=TOKEN)
        return await web.ask(url, form, method="GET" if method == "GET" else "POST"), seen


@pytest.mark.parametrize("url", ["http://h/voice", "http://h:81/voice?a=1&b=%20x"])
async def test_twilios_own_validator_finds_the_signature_right(url: str) -> None:
    form = {"CallSid": "CA1", "From": "+1 5", "Empty": ""}
    answer, (request,) = await asked(url, "POST", form)
    assert answer == WebAnswer(status=200, content=b"ok")
    assert isinstance(request.stream, WholeBody)
    signature = request.headers["x-twilio-signature"]
    assert RequestValidator(TOKEN).validate(url, form, signature)
    assert not RequestValidator("other").validate(url, form, signature)
    _, (request,) = await asked(url, "GET", form)
    assert request.content == b""
    assert request.url.params["From"] == "+1 5"
    signature = request.headers["x-twilio-signature"]
    assert RequestValidator(TOKEN).validate(str(request.url), {}, signature)


async def test_what_goes_wrong_is_an_answer(autojump_clock: trio.abc.Clock) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await trio.sleep_forever()
        raise AssertionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(never), timeout=None) as client:
        web = CarrierWeb(client=client, auth_token=TOKEN)
        answer = await web.ask("http://h/", {})
        assert (answer.status, answer.problem) == (None, f"no answer within {WEBHOOK_S:g} s")
        answer = await web.ask("http://h\x00/", {})
        assert "InvalidURL" in answer.problem
        assert TOKEN not in repr(web)
    async with httpx.AsyncClient() as client:
        answer = await CarrierWeb(client=client, auth_token=TOKEN).ask("no-url", {})
        assert "UnsupportedProtocol" in answer.problem
