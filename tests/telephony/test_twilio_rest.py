"""Requests of the REST API, compared with what Twilio's own SDK sends."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from twilio.http import HttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from trio_media.errors import LocalProtocolError, RestRefused
from trio_media.telephony.twilio_rest import (
    TWIML_CHARS_MAX,
    PlaceCall,
    RestRequest,
    Trouble,
    cancel_call,
    complete_call,
    fetch_call,
    may_repeat,
    place_call,
    redirect_call,
    trouble_of,
)

ACCOUNT = "AC" + "0" * 32
SID = "CA" + "1" * 32
CALL = PlaceCall(to="+15551234567", from_="+15557654321", url="https://h.example/voice?a=1")


class Caught(HttpClient):  # type: ignore[misc]
    """Takes the SDK's request instead of the network."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, list[tuple[str, str]]]] = []

    def request(self, method: str, url: str, *_: Any, **options: Any) -> Response:
        form: list[tuple[str, str]] = []
        for name, value in (options.get("data") or (_[1] if len(_) > 1 else None) or {}).items():
            values = value if isinstance(value, list) else [value]
            form += [(name, str(one)) for one in values]
        self.asked.append((method, urlsplit(url).path, sorted(form)))
        return Response(200, json.dumps({"sid": SID}))


@pytest.fixture
def caught() -> Caught:
    return Caught()


@pytest.fixture
def sdk(caught: Caught) -> Client:
    return Client(ACCOUNT, "token", http_client=caught)


def told(request: RestRequest) -> tuple[str, str, list[tuple[str, str]]]:
    return request.method, request.path, sorted(request.form)


def test_a_call_with_everything_is_placed_as_the_sdk_places_it(caught: Caught, sdk: Client) -> None:
    sdk.calls.create(
        to=CALL.to,
        from_=CALL.from_,
        url=CALL.url,
        status_callback="https://h.example/status",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
        timeout=20,
        time_limit=600,
        machine_detection="DetectMessageEnd",
        machine_detection_timeout=10,
        async_amd="true",
        async_amd_status_callback="https://h.example/amd",
    )
    ours = attrs.evolve(
        CALL,
        status_callback="https://h.example/status",
        ring_timeout_s=20,
        time_limit_s=600,
        machine_detection="DetectMessageEnd",
        machine_timeout_s=10,
        amd_callback="https://h.example/amd",
    )
    assert caught.asked == [told(place_call(ACCOUNT, ours))]


def test_a_plain_call_is_placed_as_the_sdk_places_it(caught: Caught, sdk: Client) -> None:
    sdk.calls.create(to="sip:a@b", from_="desk", twiml="<Response/>", send_digits="1w2")
    ours = PlaceCall(to="sip:a@b", from_="desk", twiml="<Response/>", send_digits="1w2")
    assert caught.asked == [told(place_call(ACCOUNT, ours))]


def test_machines_are_waited_for_where_nobody_is_told_later() -> None:
    form = dict(place_call(ACCOUNT, attrs.evolve(CALL, machine_detection="Enable")).form)
    assert form["MachineDetection"] == "Enable"
    assert "AsyncAmd" not in form


def test_updates_are_written_as_the_sdk_writes_them(caught: Caught, sdk: Client) -> None:
    sdk.calls(SID).update(status="completed")
    sdk.calls(SID).update(status="canceled")
    sdk.calls(SID).update(twiml="<Response/>")
    sdk.calls(SID).update(url="https://h.example/next", method="POST")
    sdk.calls(SID).fetch()
    ours = [
        complete_call(ACCOUNT, SID),
        cancel_call(ACCOUNT, SID),
        redirect_call(ACCOUNT, SID, twiml="<Response/>"),
        redirect_call(ACCOUNT, SID, url="https://h.example/next"),
        fetch_call(ACCOUNT, SID),
    ]
    assert caught.asked == [told(request) for request in ours]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"to": "5551234567"}, "whom to dial"),
        ({"from_": "desk"}, "From"),
        ({"from_": ""}, "From"),
        ({"to": "sip:a@b", "from_": ""}, "From: is wanted"),
        ({"to": "sip:a@b", "from_": "a\nb"}, "From"),
        ({"url": ""}, "either a url or TwiML"),
        ({"twiml": "<Response/>"}, "either a url or TwiML"),
        ({"url": "ftp://secret"}, "Url: http"),
        ({"url": "https://secret b"}, "Url: http"),
        ({"url": "", "twiml": "x" * (TWIML_CHARS_MAX + 1)}, "4000 characters, not 4001"),
        ({"status_callback": "secret"}, "StatusCallback: http"),
        ({"ring_timeout_s": 0}, "Timeout: 1 to 600"),
        ({"ring_timeout_s": 601}, "Timeout"),
        ({"time_limit_s": 14_401}, "TimeLimit: 1 to 14400"),
        ({"machine_detection": "Enable", "machine_timeout_s": 2}, "MachineDetectionTimeout: 3"),
        ({"machine_detection": "Enable", "amd_callback": "secret"}, "AsyncAmdStatusCallback"),
        ({"amd_callback": "https://h/amd"}, "needs machine detection"),
        ({"send_digits": "1 2"}, "SendDigits"),
        ({"send_digits": "1" * 33}, "SendDigits: at most 32"),
        ({"send_digits": "1", "machine_detection": "Enable"}, "no machine detection"),
    ],
)
def test_a_call_that_twilio_refuses_is_not_asked_for(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(LocalProtocolError, match=complaint) as caught:
        place_call(ACCOUNT, attrs.evolve(CALL, **changes))
    assert "secret" not in str(caught.value)


def test_the_longest_twiml_is_sent() -> None:
    twiml = "x" * TWIML_CHARS_MAX
    assert redirect_call(ACCOUNT, SID, twiml=twiml).form == (("Twiml", twiml),)
    with pytest.raises(LocalProtocolError, match="4000"):
        redirect_call(ACCOUNT, SID, twiml=twiml + "x")


@pytest.mark.parametrize("sid", ["", "CA/../x", "CA1?x", "C" * 65, "CA1\n"])
def test_a_sid_cannot_lead_elsewhere(sid: str) -> None:
    with pytest.raises(LocalProtocolError, match="call sid"):
        complete_call(ACCOUNT, sid)
    with pytest.raises(LocalProtocolError, match="account sid"):
        place_call(sid, CALL)


def test_a_redirect_needs_one_place_to_go_to() -> None:
    with pytest.raises(LocalProtocolError, match="redirect"):
        redirect_call(ACCOUNT, SID)
    with pytest.raises(LocalProtocolError, match="redirect"):
        redirect_call(ACCOUNT, SID, twiml="x", url="https://h/x")


@pytest.mark.parametrize("trouble", list(Trouble))
def test_an_update_may_always_be_sent_again(trouble: Trouble) -> None:
    for request in (
        complete_call(ACCOUNT, SID),
        cancel_call(ACCOUNT, SID),
        redirect_call(ACCOUNT, SID, twiml="x"),
        fetch_call(ACCOUNT, SID),
    ):
        assert may_repeat(request, trouble)


def test_a_call_is_placed_again_only_if_it_cannot_have_been_placed() -> None:
    allowed = {trouble for trouble in Trouble if may_repeat(place_call(ACCOUNT, CALL), trouble)}
    assert allowed == {Trouble.NOT_TAKEN, Trouble.TOO_MANY}


@pytest.mark.parametrize(
    ("code", "status", "trouble"),
    [
        (0, 429, Trouble.TOO_MANY),
        (20429, 400, Trouble.TOO_MANY),
        (0, 500, Trouble.BROKEN),
        (20500, 503, Trouble.BROKEN),
        (20404, 404, None),
        (21220, 400, None),
        (21211, 400, None),
        (20003, 401, None),
    ],
)
def test_a_refusal_is_a_trouble_or_an_answer(
    code: int, status: int, trouble: Trouble | None
) -> None:
    assert trouble_of(RestRefused(code, status, "")) is trouble
