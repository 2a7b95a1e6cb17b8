"""The phone's wire against the documented shapes."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.errors import RemoteProtocolError
from trio_media.phone.wire import (
    CallIdentity,
    ServerClear,
    ServerMark,
    ServerMedia,
    decode,
    encode_dtmf,
    encode_mark,
    encode_media,
    new_identity,
)

SID = "MZ1"
IDENTITY = CallIdentity(call_sid="CA1", stream_sid=SID, account_sid="AC1")


def test_the_three_messages_of_a_server_are_read() -> None:
    media = '{"event":"media","streamSid":"MZ1","media":{"payload":"/38A","track":"x"},"new":1}'
    assert decode(media, stream_sid=SID) == ServerMedia(b"\xff\x7f\x00")
    mark = '{"streamSid":"MZ1","event":"mark","mark":{"name":"a b"}}'
    assert decode(mark, stream_sid=SID) == ServerMark("a b")
    assert decode('{"event":"clear","streamSid":"MZ1"}', stream_sid=SID) == ServerClear()


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ("", "truncated"),
        ("[]", "array"),
        ("null", "null"),
        ('{"streamSid":"MZ1"}', "event"),
        ('{"event":"clear"}', "sid"),
        ('{"event":"clear","streamSid":"MZ2"}', "sid"),
        ('{"event":"media","streamSid":"MZ1"}', "not a message"),
        ('{"event":"media","streamSid":"MZ1","media":{}}', "payload"),
        ('{"event":"media","streamSid":"MZ1","media":{"payload":7}}', "payload"),
        ('{"event":"media","streamSid":"MZ1","media":{"payload":"abc"}}', "payload"),
        ('{"event":"media","streamSid":"MZ1","media":{"payload":"ab\\ncd"}}', "payload"),
        ('{"event":"media","streamSid":"MZ1","media":{"payload":"\\u00e9"}}', "payload"),
        ('{"event":"mark","streamSid":"MZ1"}', "not a message"),
        ('{"event":"stop","streamSid":"MZ1"}', "not a message"),
        (b"\x00\x01", "binary message of 2 bytes"),
    ],
)
def test_what_a_carrier_refuses_is_named(message: str | bytes, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        decode(message, stream_sid=SID)


@given(st.text())
def test_any_text_is_read_or_blamed_on_the_server(message: str) -> None:
    try:
        decode(message, stream_sid=SID)
    except RemoteProtocolError:
        return


@given(st.binary(max_size=300), st.integers(1, 10**6))
def test_media_is_what_the_carrier_writes(payload: bytes, number: int) -> None:
    text = encode_media(
        IDENTITY, number, chunk=number - 1, timestamp_ms=20 * number, payload=payload
    )
    assert json.loads(text) == {
        "event": "media",
        "sequenceNumber": str(number),
        "streamSid": SID,
        "media": {
            "track": "inbound",
            "chunk": str(number - 1),
            "timestamp": str(20 * number),
            "payload": base64.b64encode(payload).decode(),
        },
    }


@given(st.text())
def test_any_name_of_a_mark_comes_back_unchanged(name: str) -> None:
    assert json.loads(encode_mark(IDENTITY, 4, name)) == {
        "event": "mark",
        "sequenceNumber": "4",
        "streamSid": SID,
        "mark": {"name": name},
    }


def test_an_unknown_key_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        encode_dtmf(IDENTITY, 1, "E")


def test_identities_differ_and_look_like_the_carriers() -> None:
    one, other = new_identity(), new_identity(account_sid="AC9", caller="+1", called="+2")
    assert one.call_sid != other.call_sid
    assert one.stream_sid != other.stream_sid
    assert (one.call_sid[:2], one.stream_sid[:2], one.account_sid[:2]) == ("CA", "MZ", "AC")
    assert {len(one.call_sid), len(one.stream_sid), len(one.account_sid)} == {34}
    assert (other.account_sid, other.caller, other.called) == ("AC9", "+1", "+2")
