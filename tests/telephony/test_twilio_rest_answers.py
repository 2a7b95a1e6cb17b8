"""The answers of the REST API."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.errors import RemoteProtocolError, RestRefused
from trio_media.telephony.twilio_rest_answers import (
    MESSAGE_CHARS_MAX,
    CallResource,
    Meaning,
    meaning_of,
    read_answer,
)

SID = "CA" + "1" * 32


def test_a_call_resource_is_read() -> None:
    body = {
        "sid": SID,
        "status": "completed",
        "direction": "outbound-api",
        "to": "+15551234567",
        "from": "+15557654321",
        "answered_by": "human",
        "duration": "12",
        "price": None,
        "subresource_uris": {"streams": "/x"},
    }
    assert read_answer(200, json.dumps(body).encode()) == CallResource(
        sid=SID,
        status="completed",
        direction="outbound-api",
        to="+15551234567",
        from_="+15557654321",
        answered_by="human",
        duration_s=12,
    )


@pytest.mark.parametrize("duration", [None, "", "x", "-1", "٣"])
def test_what_is_missing_or_null_is_empty(duration: str | None) -> None:
    body = json.dumps({"sid": SID, "status": None, "from": None, "duration": duration})
    assert read_answer(201, body.encode()) == CallResource(sid=SID)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"sid": 1}', b'{"sid": ""}', b'{"sid": "a/b"}', b"\xff"],
)
def test_an_answer_that_is_none_is_the_peers_fault(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="call resource"):
        read_answer(200, body)


def test_a_refusal_carries_twilios_code_and_words() -> None:
    body = json.dumps({"code": 21211, "message": "m" * 999, "more_info": "x", "status": 400})
    with pytest.raises(RestRefused, match=r"400 \(21211\)") as caught:
        read_answer(400, body.encode())
    assert (caught.value.code, caught.value.status) == (21211, 400)
    assert caught.value.message == "m" * MESSAGE_CHARS_MAX


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"\xff\xfe", b'{"code": "x"}'])
def test_a_refusal_in_another_language_counts_by_its_status(body: bytes) -> None:
    with pytest.raises(RestRefused) as caught:
        read_answer(502, body)
    assert (caught.value.code, caught.value.status) == (0, 502)
    assert len(caught.value.message) <= MESSAGE_CHARS_MAX


def test_a_refusal_without_words_is_read() -> None:
    with pytest.raises(RestRefused) as caught:
        read_answer(404, b'{"code": null, "message": null}')
    assert (caught.value.code, caught.value.message) == (0, "")


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        (20404, 404, Meaning.GONE),
        (20404, 400, Meaning.GONE),
        (0, 404, Meaning.GONE),
        (21220, 400, Meaning.NOT_IN_PROGRESS),
        (21220, 404, Meaning.NOT_IN_PROGRESS),
        (20429, 400, Meaning.TOO_MANY),
        (0, 429, Meaning.TOO_MANY),
        (0, 500, Meaning.BROKEN),
        (20503, 503, Meaning.BROKEN),
        (20003, 401, Meaning.REFUSED),
        (21211, 400, Meaning.REFUSED),
        (0, 302, Meaning.REFUSED),
    ],
)
def test_the_meaning_of_a_refusal(code: int, status: int, meaning: Meaning) -> None:
    assert meaning_of(RestRefused(code, status, "")) is meaning


@given(st.integers(100, 599), st.binary(max_size=200))
def test_any_answer_is_read_or_is_somebodys_fault(status: int, body: bytes) -> None:
    with pytest.raises((RestRefused, RemoteProtocolError)):
        read_answer(status, body)
