"""Twilio's media stream messages, as documented, as clones vary them, and as no peer may send."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_media.errors import EVIDENCE_CHARS_MAX, RemoteProtocolError, evidence
from trio_media.telephony import CARRIERS
from trio_media.telephony.events import (
    CallerMedia,
    CarrierEvent,
    KeyPressed,
    MarkEchoed,
    MediaStreamStarted,
    MediaStreamStopped,
    TelephonyCodec,
)
from trio_media.telephony.twilio import TwilioCodec

_: type[TelephonyCodec] = TwilioCodec  # conformance, checked by mypy

STREAM_SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
CALL_SID = "CA0123456789abcdef0123456789abcdef"
ACCOUNT_SID = "AC0123456789abcdef0123456789abcdef"
FRAME = bytes(range(160))

CONNECTED: dict[str, Any] = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": STREAM_SID,
    "start": {
        "accountSid": ACCOUNT_SID,
        "streamSid": STREAM_SID,
        "callSid": CALL_SID,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "one-shot", "caller": "+15551234567"},
    },
}
MEDIA: dict[str, Any] = {
    "event": "media",
    "sequenceNumber": "4",
    "streamSid": STREAM_SID,
    "media": {
        "track": "inbound",
        "chunk": "2",
        "timestamp": "5",
        "payload": base64.b64encode(FRAME).decode(),
    },
}
DTMF: dict[str, Any] = {
    "event": "dtmf",
    "streamSid": STREAM_SID,
    "sequenceNumber": "5",
    "dtmf": {"track": "inbound_track", "digit": "1"},
}
MARK: dict[str, Any] = {
    "event": "mark",
    "sequenceNumber": "4",
    "streamSid": STREAM_SID,
    "mark": {"name": "3:17"},
}
STOP: dict[str, Any] = {
    "event": "stop",
    "sequenceNumber": "6",
    "streamSid": STREAM_SID,
    "stop": {"accountSid": ACCOUNT_SID, "callSid": CALL_SID},
}
ALL_MESSAGES = [CONNECTED, START, MEDIA, DTMF, MARK, STOP]


def started() -> TwilioCodec:
    codec = TwilioCodec()
    assert codec.decode(json.dumps(START)) is not None
    return codec


def changed(message: dict[str, Any], path: str, value: object) -> str:
    """Set one field of a copy, by its dotted path."""
    copied = copy.deepcopy(message)
    *parents, last = path.split(".")
    inner = copied
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return json.dumps(copied)


def without(message: dict[str, Any], path: str) -> str:
    """Remove one field of a copy, by its dotted path."""
    copied = copy.deepcopy(message)
    *parents, last = path.split(".")
    inner = copied
    for parent in parents:
        inner = inner[parent]
    del inner[last]
    return json.dumps(copied)


def test_a_whole_documented_media_stream_is_understood() -> None:
    codec = CARRIERS["twilio"]()
    decoded = [codec.decode(json.dumps(message)) for message in ALL_MESSAGES]
    assert decoded == [
        None,
        MediaStreamStarted(
            stream_sid=STREAM_SID,
            call_sid=CALL_SID,
            account_sid=ACCOUNT_SID,
            custom_parameters={"token": "one-shot", "caller": "+15551234567"},
        ),
        CallerMedia(timestamp_ms=5, payload=FRAME),
        KeyPressed(digit="1"),
        MarkEchoed(name="3:17"),
        MediaStreamStopped(),
    ]


def test_each_codec_has_a_media_stream_of_its_own() -> None:
    assert CARRIERS["twilio"]() is not CARRIERS["twilio"]()


def test_twilio_can_clear_and_mark_in_frames_of_20_ms() -> None:
    capabilities = TwilioCodec().capabilities
    assert capabilities.has_clear
    assert capabilities.has_marks
    assert capabilities.frame_bytes == 160
    assert capabilities.silence == 0xFF


# What the messages to the carrier look like.


@given(payload=st.binary(max_size=2_000))
@settings(max_examples=50, deadline=None)
def test_media_carries_its_payload_and_nothing_else(payload: bytes) -> None:
    assert json.loads(started().encode_media(payload)) == {
        "event": "media",
        "streamSid": STREAM_SID,
        "media": {"payload": base64.b64encode(payload).decode()},
    }


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@settings(max_examples=50, deadline=None)
def test_a_mark_comes_back_by_the_name_it_was_sent_with(name: str) -> None:
    codec = started()
    sent = codec.encode_mark(name)
    assert json.loads(sent) == {"event": "mark", "streamSid": STREAM_SID, "mark": {"name": name}}
    assert codec.decode(sent) == MarkEchoed(name=name)


def test_clear_names_its_media_stream_only() -> None:
    assert json.loads(started().encode_clear()) == {"event": "clear", "streamSid": STREAM_SID}


def test_what_is_played_can_be_read_back_as_what_is_heard() -> None:
    codec = started()
    sent = json.loads(codec.encode_media(FRAME))
    sent["media"]["timestamp"] = 20
    assert codec.decode(json.dumps(sent)) == CallerMedia(timestamp_ms=20, payload=FRAME)


def test_nothing_can_be_sent_before_start() -> None:
    codec = TwilioCodec()
    with pytest.raises(AssertionError):
        codec.encode_media(FRAME)
    with pytest.raises(AssertionError):
        codec.encode_mark("m")
    with pytest.raises(AssertionError):
        codec.encode_clear()


def test_a_mark_without_a_name_is_a_bug_of_ours() -> None:
    with pytest.raises(AssertionError):
        started().encode_mark("")


# What clones do differently.


def test_snake_case_start_is_understood() -> None:
    codec = TwilioCodec()
    event = codec.decode(
        json.dumps(
            {
                "event": "start",
                "sequence_number": 1,
                "stream_sid": "s1",
                "start": {
                    "stream_sid": "s1",
                    "call_sid": "c1",
                    "account_sid": "a1",
                    "custom_parameters": {"k": "v"},
                    "media_format": {"encoding": "PCMU", "sample_rate": "8000"},
                },
            }
        )
    )
    assert event == MediaStreamStarted(
        stream_sid="s1", call_sid="c1", account_sid="a1", custom_parameters={"k": "v"}
    )
    media = {"event": "media", "stream_sid": "s1", "media": {"payload": "AAAA", "timestamp": 7}}
    assert codec.decode(json.dumps(media)) == CallerMedia(timestamp_ms=7, payload=b"\0\0\0")


@pytest.mark.parametrize("name", ["streamSid", "stream_sid", "stream_id"])
def test_the_media_stream_may_be_named_in_several_spellings(name: str) -> None:
    message = {"event": "mark", name: STREAM_SID, "mark": {"name": "m"}}
    assert started().decode(json.dumps(message)) == MarkEchoed(name="m")


def test_a_message_need_not_name_its_media_stream() -> None:
    assert started().decode(without(MARK, "streamSid")) == MarkEchoed(name="3:17")


def test_the_media_stream_may_be_named_inside_start_only() -> None:
    event = TwilioCodec().decode(without(START, "streamSid"))
    assert isinstance(event, MediaStreamStarted)
    assert event.stream_sid == STREAM_SID


def test_numbers_may_be_told_as_numbers() -> None:
    codec = started()
    assert codec.decode(changed(MEDIA, "media.timestamp", 5)) == CallerMedia(
        timestamp_ms=5, payload=FRAME
    )
    assert codec.decode(changed(DTMF, "dtmf.digit", 1)) == KeyPressed(digit="1")
    assert codec.decode(changed(MARK, "mark.name", 12)) == MarkEchoed(name="12")


@pytest.mark.parametrize("path", ["accountSid", "customParameters", "mediaFormat", "tracks"])
def test_start_may_leave_out_what_is_not_needed(path: str) -> None:
    event = TwilioCodec().decode(without(START, f"start.{path}"))
    assert isinstance(event, MediaStreamStarted)
    assert event.account_sid == ("" if path == "accountSid" else ACCOUNT_SID)
    assert (event.custom_parameters == {}) == (path == "customParameters")


@pytest.mark.parametrize("path", ["encoding", "sampleRate", "channels"])
def test_a_media_format_may_leave_out_what_is_usual(path: str) -> None:
    assert TwilioCodec().decode(without(START, f"start.mediaFormat.{path}")) is not None


def test_a_parameter_that_is_no_string_is_spelled_as_json() -> None:
    event = TwilioCodec().decode(changed(START, "start.customParameters", {"n": 5, "b": True}))
    assert isinstance(event, MediaStreamStarted)
    assert event.custom_parameters == {"n": "5", "b": "true"}


@pytest.mark.parametrize("digit", ["0", "9", "*", "#", "A", "d"])
def test_every_key_is_told(digit: str) -> None:
    event = started().decode(changed(DTMF, "dtmf.digit", digit))
    assert event == KeyPressed(digit=digit.upper())


# What may be ignored.


@pytest.mark.parametrize("digit", ["!", "", "12", "E"])
def test_what_is_no_key_is_ignored(digit: str) -> None:
    assert started().decode(changed(DTMF, "dtmf.digit", digit)) is None


def test_the_sound_that_the_caller_hears_is_ignored() -> None:
    assert started().decode(changed(MEDIA, "media.track", "outbound")) is None


def test_empty_media_is_ignored() -> None:
    assert started().decode(changed(MEDIA, "media.payload", "")) is None


@pytest.mark.parametrize(
    "message",
    ['{"event":"added-later"}', '{"event":"added-later","media":5}', '{"event":"x","start":[]}'],
)
def test_an_unknown_event_is_ignored_whatever_it_holds(message: str) -> None:
    assert TwilioCodec().decode(message) is None
    assert started().decode(message) is None


def test_a_media_stream_may_stop_before_it_started() -> None:
    assert TwilioCodec().decode(json.dumps(STOP)) == MediaStreamStopped()


# What is the peer's fault.


def blamed(codec: TwilioCodec, message: str | bytes, because: str) -> None:
    with pytest.raises(RemoteProtocolError, match=because) as caught:
        codec.decode(message)
    text = str(caught.value)
    assert text.isprintable()
    assert text.endswith(evidence(message))
    assert len(evidence(message)) <= EVIDENCE_CHARS_MAX
    assert len(text) - len(evidence(message)) < 150


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "[]",
        "5",
        "null",
        "hello",
        "{}",
        '{"event":5}',
        '{"event":"media"',
        '{"event":"\ud800"}',
        "[" * 100_000,
        '{"event":"media","x":' + "[" * 100_000,
    ],
    ids=range(12),
)
def test_garbage_is_blamed_on_the_carrier(message: str) -> None:
    blamed(TwilioCodec(), message, "bad message")
    blamed(started(), message, "bad message")


def test_a_binary_message_is_blamed_on_the_carrier() -> None:
    blamed(started(), b"\xff" * 1_000, "binary")
    blamed(started(), json.dumps(MEDIA).encode(), "binary")


@pytest.mark.parametrize("message", [MEDIA, MARK, DTMF], ids=["media", "mark", "dtmf"])
def test_nothing_of_the_call_may_come_before_start(message: dict[str, Any]) -> None:
    blamed(TwilioCodec(), json.dumps(message), "before start")


def test_a_second_start_is_blamed_on_the_carrier() -> None:
    codec = started()
    blamed(codec, json.dumps(START), "second start")
    assert codec.decode(json.dumps(MEDIA)) is not None


@pytest.mark.parametrize("message", [MEDIA, MARK, DTMF], ids=["media", "mark", "dtmf"])
def test_nothing_of_another_call_gets_into_this_one(message: dict[str, Any]) -> None:
    blamed(started(), changed(message, "streamSid", "MZother"), "another media stream")


@pytest.mark.parametrize("payload", ["A", "AAA", "AA\nAA", "AA==AA==", "é", "====", "AA-_"])
def test_invalid_base64_is_blamed_on_the_carrier(payload: str) -> None:
    blamed(started(), changed(MEDIA, "media.payload", payload), "not base64")


@pytest.mark.parametrize("timestamp_ms", [-1, "-1", "x", "", None, 1.5, 2**53 + 1, "9" * 5_000])
def test_a_time_that_is_none_is_blamed_on_the_carrier(timestamp_ms: object) -> None:
    blamed(started(), changed(MEDIA, "media.timestamp", timestamp_ms), "bad message")


@pytest.mark.parametrize(
    ("message", "path"),
    [(MEDIA, "media"), (MARK, "mark"), (DTMF, "dtmf"), (START, "start")],
)
def test_an_event_without_its_object_is_blamed_on_the_carrier(
    message: dict[str, Any], path: str
) -> None:
    codec = TwilioCodec() if path == "start" else started()
    blamed(codec, without(message, path), f"{path} event without {path}")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("encoding", "audio/x-L16"),
        ("encoding", 5),
        ("sampleRate", 16000),
        ("sampleRate", "16000"),
        ("channels", 2),
    ],
)
def test_another_media_format_is_refused(path: str, value: object) -> None:
    blamed(TwilioCodec(), changed(START, f"start.mediaFormat.{path}", value), "mediaFormat is not")


def test_a_media_format_must_be_an_object() -> None:
    blamed(TwilioCodec(), changed(START, "start.mediaFormat", "mulaw"), "mediaFormat is not")


def test_custom_parameters_must_be_an_object() -> None:
    blamed(TwilioCodec(), changed(START, "start.customParameters", ["token"]), "customParameters")


@pytest.mark.parametrize(
    "sid", [None, "", 5, "../../etc/passwd", "a/b", 'a"b', "a\nb", ".hidden", "x" * 129, "ü"]
)
@pytest.mark.parametrize("name", ["callSid", "streamSid"])
def test_an_identifier_that_could_harm_is_refused(name: str, sid: object) -> None:
    message = copy.deepcopy(START)
    if name == "streamSid":
        del message["streamSid"]
    blamed(TwilioCodec(), changed(message, f"start.{name}", sid), f"without a usable {name}")


def test_an_identifier_at_the_top_is_held_to_the_same() -> None:
    blamed(TwilioCodec(), changed(START, "streamSid", "a/b"), "without a usable streamSid")


def test_a_refused_start_starts_nothing() -> None:
    codec = TwilioCodec()
    blamed(codec, changed(START, "start.callSid", ""), "callSid")
    blamed(codec, json.dumps(MEDIA), "before start")


# Whatever comes, the codec decodes it or blames the peer.

EVENT_TYPES = CallerMedia | KeyPressed | MarkEchoed | MediaStreamStarted | MediaStreamStopped | None


def decodes_or_blames(codec: TwilioCodec, message: str | bytes) -> None:
    event: CarrierEvent | None = None
    with contextlib.suppress(RemoteProtocolError):
        event = codec.decode(message)
    assert isinstance(event, EVENT_TYPES)


@given(message=st.text() | st.binary())
@settings(max_examples=300, deadline=None)
def test_any_text_decodes_or_blames_the_carrier(message: str | bytes) -> None:
    decodes_or_blames(TwilioCodec(), message)
    decodes_or_blames(started(), message)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real message with a few of its fields replaced, removed or taken from another."""
    message = copy.deepcopy(draw(st.sampled_from(ALL_MESSAGES)))
    for _ in range(draw(st.integers(1, 3))):
        inner = message
        while nested := [value for value in inner.values() if isinstance(value, dict) and value]:
            if draw(st.booleans()):
                break
            inner = draw(st.sampled_from(nested))
        key = draw(st.sampled_from(sorted(inner)) | st.sampled_from(sorted(START["start"])))
        if draw(st.booleans()):
            inner[key] = copy.deepcopy(draw(json_values | st.sampled_from(ALL_MESSAGES)))
        else:
            inner.pop(key, None)
        if not message:
            break
    return json.dumps(message)


@given(messages=st.lists(mutated(), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_mutated_message_decodes_or_blames_the_carrier(messages: list[str]) -> None:
    for codec in (TwilioCodec(), started()):
        for message in messages:
            decodes_or_blames(codec, message)
