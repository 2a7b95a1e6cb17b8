"""A hostile carrier: frames, messages and orders of messages on the media socket."""

from __future__ import annotations

import base64
from typing import Any, Final

from frames import Frame
from hypothesis import strategies as st
from plans import CarrierDial, Message
from shapes import ENDINGS, frames, messages, nearly

CALLS: Final = ("CA0123", "CA0123", "CA4567", "..", "CA-1_x")
STREAM: Final = "MZ0123"
_sizes_bytes = st.sampled_from([160, 160, 160, 0, 1, 159, 161, 320, 8_000, 60_000])
_times_ms = st.one_of(st.integers(0, 2_000), st.sampled_from([0, 2**53, 2**53 - 1, 10**9]))


def _media(size_bytes: int, byte: int, at_ms: int) -> dict[str, Any]:
    payload = base64.b64encode(bytes([byte]) * size_bytes).decode()
    media = {"track": "inbound", "timestamp": str(at_ms), "payload": payload}
    return {"event": "media", "streamSid": STREAM, "sequenceNumber": "3", "media": media}


def _start(call_sid: str) -> dict[str, Any]:
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": STREAM,
        "start": {
            "streamSid": STREAM,
            "accountSid": "AC0",
            "callSid": call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1},
            "customParameters": {"caller": "+15551234567", "called": "+15557654321"},
        },
    }


START: Final = Message(_start("CA0123"))
MEDIA: Final = Message(_media(160, 0x20, 20))
STOP: Final = Message({"event": "stop", "streamSid": STREAM, "stop": {"callSid": "CA0123"}})
_marks = st.sampled_from(["1", "e1-1", "1:1", "0", "x", "m1", "e0m1", "1-200"])
right = st.one_of(
    st.builds(_start, st.sampled_from(CALLS)),
    st.builds(_media, _sizes_bytes, st.sampled_from([0xFF, 0x20, 0x80]), _times_ms),
    st.builds(_media, st.just(160), st.just(0x20), _times_ms),
    _marks.map(lambda name: {"event": "mark", "streamSid": STREAM, "mark": {"name": name}}),
    st.sampled_from("0123456789*#AZ").map(
        lambda digit: {"event": "dtmf", "streamSid": STREAM, "dtmf": {"digit": digit}}
    ),
    st.just(STOP.content),
    st.just({"event": "connected", "protocol": "Call", "version": "1.0.0"}),
)
talk = st.lists(right.map(Message), max_size=6).map(tuple)
_begun = st.one_of(st.just(()), st.just((START,)), st.just((START, MEDIA, MEDIA)))


def _dial(
    begun: tuple[Message, ...], rest: list[Message | Frame | bytes], ending: Any
) -> CarrierDial:
    return CarrierDial((*begun, *rest), ending)


_bytes = st.one_of(frames, st.binary(max_size=60), right.map(Message))
byte_level = st.builds(_dial, _begun, st.lists(_bytes, max_size=5), ENDINGS)
message_level = st.builds(_dial, _begun, st.lists(messages(right), max_size=5), ENDINGS)
sequence_level = st.builds(
    _dial,
    st.one_of(_begun, st.just((START,))),
    st.lists(st.one_of(right.map(Message), right.map(Message), nearly(right, 1)), max_size=25),
    ENDINGS,
)
