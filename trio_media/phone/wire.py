"""The messages of Twilio's Media Streams, as the carrier writes and reads them.

Rule 1: written for the phone alone, from the carrier's documentation, so that a mistake in the
server's codec has no mirror here.
Rule 2: what breaks the protocol is the server's fault and says so; nothing else is raised.

Source: https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import binascii
import secrets
from collections.abc import Mapping
from typing import Final, TypeAlias

import attrs
import msgspec

from trio_media.errors import RemoteProtocolError

EVIDENCE_CHARS: Final = 80  # of a bad message: enough to find it, too little to fill a log
DIGITS: Final = frozenset("0123456789*#ABCD")


@attrs.frozen(kw_only=True)
class CallIdentity:
    """Who calls whom, under which names."""

    call_sid: str
    stream_sid: str
    account_sid: str
    caller: str = "+15550100001"
    called: str = "+15550100002"


def new_identity(*, account_sid: str = "", caller: str = "", called: str = "") -> CallIdentity:
    """Return an identity that no other call has.  Empty arguments are made up."""
    default = CallIdentity(
        call_sid="CA" + secrets.token_hex(16),
        stream_sid="MZ" + secrets.token_hex(16),
        account_sid=account_sid or "AC" + secrets.token_hex(16),
    )
    return attrs.evolve(default, caller=caller or default.caller, called=called or default.called)


@attrs.frozen
class ServerMedia:
    """Audio for the caller to hear."""

    payload: bytes
    """Raw mu-law of any length."""


@attrs.frozen
class ServerMark:
    """A name to echo once everything before it was played."""

    name: str


@attrs.frozen
class ServerClear:
    """Throw away what is buffered."""


ServerMessage: TypeAlias = ServerMedia | ServerMark | ServerClear


class _Media(msgspec.Struct):
    payload: str


class _Mark(msgspec.Struct):
    name: str


class _Incoming(msgspec.Struct, rename="camel"):
    event: str
    stream_sid: str = ""
    media: _Media | None = None
    mark: _Mark | None = None


_incoming: Final = msgspec.json.Decoder(_Incoming)


def decode(message: str | bytes, *, stream_sid: str) -> ServerMessage:
    """Read one message of the server.

    Raises `RemoteProtocolError` for all that the carrier would refuse: anything but ``media``,
    ``mark`` and ``clear``, another stream's sid, binary frames, and payloads that are not base64.
    """
    if isinstance(message, bytes):
        raise RemoteProtocolError(f"a binary message of {len(message)} bytes")
    try:
        incoming = _incoming.decode(message)
    except (msgspec.DecodeError, UnicodeError) as exc:
        raise RemoteProtocolError(f"{exc}: {message[:EVIDENCE_CHARS]!r}") from exc
    if incoming.stream_sid != stream_sid:
        raise RemoteProtocolError(f"not this stream's sid: {message[:EVIDENCE_CHARS]!r}")
    if incoming.event == "media" and incoming.media is not None:
        return ServerMedia(_audio(incoming.media.payload))
    if incoming.event == "mark" and incoming.mark is not None:
        return ServerMark(incoming.mark.name)
    if incoming.event == "clear":
        return ServerClear()
    raise RemoteProtocolError(f"not a message to a carrier: {message[:EVIDENCE_CHARS]!r}")


def _audio(payload: str) -> bytes:
    try:
        return binascii.a2b_base64(payload, strict_mode=True)
    except ValueError as exc:  # binascii.Error, and letters outside ASCII
        raise RemoteProtocolError(f"payload: {exc}: {payload[:EVIDENCE_CHARS]!r}") from exc


def encode_connected() -> str:
    """Write the first message, which has no sequence number."""
    return '{"event":"connected","protocol":"Call","version":"1.0.0"}'


def encode_start(identity: CallIdentity, sequence: int, parameters: Mapping[str, str]) -> str:
    """Write the second message, which names the call."""
    start = {
        "accountSid": identity.account_sid,
        "streamSid": identity.stream_sid,
        "callSid": identity.call_sid,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": dict(parameters),
    }
    return _numbered("start", identity, sequence, {"start": start})


def encode_media(
    identity: CallIdentity, sequence: int, *, chunk: int, timestamp_ms: int, payload: bytes
) -> str:
    """Write a piece of the caller's voice.  Numbers are strings on this wire."""
    audio = binascii.b2a_base64(payload, newline=False).decode("ascii")
    return (
        f'{{"event":"media","sequenceNumber":"{sequence}","media":{{"track":"inbound",'
        f'"chunk":"{chunk}","timestamp":"{timestamp_ms}","payload":"{audio}"}},'
        f'"streamSid":"{identity.stream_sid}"}}'
    )


def encode_dtmf(identity: CallIdentity, sequence: int, digit: str) -> str:
    """Write one key of the caller's keypad."""
    assert digit in DIGITS, digit
    # The track is called otherwise here than in media.
    return _numbered("dtmf", identity, sequence, {"dtmf": _track_digit(digit)})


def encode_mark(identity: CallIdentity, sequence: int, name: str) -> str:
    """Write the echo of a mark."""
    return _numbered("mark", identity, sequence, {"mark": {"name": name}})


def encode_stop(identity: CallIdentity, sequence: int) -> str:
    """Write the last message."""
    stop = {"accountSid": identity.account_sid, "callSid": identity.call_sid}
    return _numbered("stop", identity, sequence, {"stop": stop})


def _track_digit(digit: str) -> dict[str, str]:
    return {"track": "inbound_track", "digit": digit}


def _numbered(
    event: str, identity: CallIdentity, sequence: int, body: Mapping[str, Mapping[str, object]]
) -> str:
    message = {
        "event": event,
        "sequenceNumber": str(sequence),
        "streamSid": identity.stream_sid,
        **body,
    }
    return msgspec.json.encode(message).decode("utf-8")
