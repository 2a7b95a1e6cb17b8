"""The forms of the API, judged as Twilio judges them."""

from __future__ import annotations

import pytest

from trio_media.errors import RestRefused
from trio_media.telephony.twilio_rest import PlaceCall, place_call
from trio_media.testing.carrier.calls import Order, Replace
from trio_media.testing.carrier.records import RestAsked
from trio_media.testing.carrier.rest_forms import error_body, read_order, read_source

GOOD = {"To": "+15551234567", "From": "+15557654321", "Url": "https://h.example/voice"}


def asked(**changes: str) -> RestAsked:
    form = tuple((name, value) for name, value in (GOOD | changes).items() if value)
    return RestAsked("POST", "/x", form)


def test_what_our_client_asks_for_is_what_is_understood() -> None:
    call = PlaceCall(
        to="sip:a@b",
        from_="desk",
        url="https://h.example/voice",
        status_callback="https://h.example/status",
        status_events=("ringing",),
        ring_timeout_s=20,
        time_limit_s=600,
        machine_detection="Enable",
        amd_callback="https://h.example/amd",
    )
    order = read_order(RestAsked("POST", "/x", place_call("AC1", call).form))
    assert order == Order(
        url=call.url,
        status_callback=call.status_callback,
        status_events=frozenset({"ringing"}),
        ring_timeout_s=20,
        time_limit_s=600,
        machine_detection="Enable",
        amd_callback=call.amd_callback,
    )


def test_little_is_needed() -> None:
    assert read_order(asked()) == Order(url=GOOD["Url"])
    assert read_order(asked(StatusCallbackEvent="no-such")) == Order(url=GOOD["Url"])


def test_machines_are_not_looked_for_where_keys_are_sent() -> None:
    assert read_order(asked(SendDigits="1", MachineDetection="Enable")).machine_detection == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": ""}, 21201),
        ({"From": ""}, 21213),
        ({"To": "12345"}, 21211),
        ({"From": "desk"}, 21212),
        ({"Url": ""}, 21205),
        ({"Twiml": "<Response/>"}, 21205),
        ({"Url": "h.example"}, 21205),
        ({"Url": "https://[x"}, 21205),
        ({"Url": "https:///voice"}, 21205),
        ({"Url": "", "Twiml": "x" * 4_001}, 21205),
        ({"StatusCallback": "h.example"}, 21609),
        ({"AsyncAmd": "true", "AsyncAmdStatusCallback": "x"}, 21609),
        ({"Timeout": "soon"}, 20001),
        ({"TimeLimit": "-1"}, 20001),
    ],
)
def test_a_wrong_form_has_its_code(changes: dict[str, str], code: int) -> None:
    with pytest.raises(RestRefused) as caught:
        read_order(asked(**changes))
    assert (caught.value.code, caught.value.status) == (code, 400)
    body = error_body(caught.value)
    assert (body["code"], body["status"]) == (code, 400)
    assert body["message"]


def test_the_method_of_a_url_is_read() -> None:
    assert read_source(asked(Method="get")) == Replace(url=GOOD["Url"], method="GET")
    assert read_source(asked(Method="")) == Replace(url=GOOD["Url"])
