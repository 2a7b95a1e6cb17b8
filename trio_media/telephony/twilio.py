"""Twilio Media Streams: text messages to carrier events, and back.

Rule 1: numbers may come as numbers or strings, names in camelCase or snake_case, because
    carriers that speak this protocol differ in exactly that.
Rule 2: what cannot be acted on but harms nobody is None; what breaks the protocol is the peer's
    fault and says so with evidence.

Source: https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from trio_media.errors import RemoteProtocolError, evidence
from trio_media.telephony.events import (
    CallerMedia,
    CarrierCapabilities,
    CarrierEvent,
    KeyPressed,
    MarkEchoed,
    MediaStreamStarted,
    MediaStreamStopped,
)

TWILIO_CAPABILITIES: Final = CarrierCapabilities(
    has_clear=True,
    has_marks=True,
    frame_bytes=160,  # other multiples were heard to click at the edges of messages
    silence=0xFF,
)

_DIGITS: Final = frozenset("0123456789*#ABCD")
_INBOUND_TRACKS: Final = frozenset({None, "inbound", "inbound_track"})
_MULAW_NAMES: Final = frozenset({"audio/x-mulaw", "audio/mulaw", "audio/pcmu", "pcmu", "mulaw"})
_SAMPLE_RATE_HZ: Final = 8_000
_TIMESTAMP_MS_MAX: Final = 2**53  # the largest whole number that every JSON reader keeps exact

# Identifiers become file names and log fields, and go back on the wire inside a prepared prefix:
# no slash, quote, backslash or control character may get in.
_SID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=+@-]{0,127}")


class _Media(msgspec.Struct, gc=False):
    payload: str
    timestamp: Annotated[int, msgspec.Meta(ge=0, le=_TIMESTAMP_MS_MAX)]
    track: str | None = None


class _Mark(msgspec.Struct, gc=False):
    name: str | int


class _Dtmf(msgspec.Struct, gc=False):
    digit: str | int


class _Message(msgspec.Struct):
    """Every message that we act on.  The sequence number is not used: TCP keeps the order."""

    event: str
    stream_sid: str | None = msgspec.field(name="streamSid", default=None)
    media: _Media | None = None
    mark: _Mark | None = None
    dtmf: _Dtmf | None = None
    start: dict[str, Any] | None = None
    snake_stream_sid: str | None = msgspec.field(name="stream_sid", default=None)
    stream_id: str | None = None


class _Named(msgspec.Struct):
    event: str


# Not strict: only then is "160" a number.
_MESSAGE: Final = msgspec.json.Decoder(_Message, strict=False)
_NAMED: Final = msgspec.json.Decoder(_Named)

# RecursionError: a message of nothing but opening brackets.
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


class TwilioCodec:
    """One media stream of Twilio.  Implements `telephony.events.TelephonyCodec`."""

    def __init__(self) -> None:
        self._stream_sid: str | None = None
        self._media_prefix = ""
        self._mark_prefix = ""
        self._clear = ""

    @property
    def capabilities(self) -> CarrierCapabilities:
        """What Twilio can do."""
        return TWILIO_CAPABILITIES

    def decode(self, message: str | bytes) -> CarrierEvent | None:
        """Translate one websocket message; None for what may be ignored.

        Raises:
            RemoteProtocolError: the message is binary, is not JSON of the documented shape, comes
                before ``start``, belongs to another media stream or holds invalid base64.
        """
        if isinstance(message, bytes):
            raise RemoteProtocolError(f"carrier sent a binary message: {evidence(message)}")
        try:
            decoded = _MESSAGE.decode(message)
        except _UNREADABLE as error:
            if _is_unknown_event(message):
                return None
            raise _blame(f"bad message ({error})", message) from error
        if decoded.event == "media":
            return self._decode_media(decoded, message)
        if decoded.event == "start":
            return self._decode_start(decoded, message)
        if decoded.event == "stop":
            return MediaStreamStopped()
        if decoded.event == "mark":
            return self._decode_mark(decoded, message)
        if decoded.event == "dtmf":
            return self._decode_dtmf(decoded, message)
        return None  # `connected`, and whatever is added later

    def encode_media(self, payload: bytes) -> str:
        """Build the message that plays mu-law audio after all that was sent before it."""
        assert self._stream_sid is not None, "media before the media stream started"
        encoded = binascii.b2a_base64(payload, newline=False).decode("ascii")
        return f'{self._media_prefix}{encoded}"}}}}'

    def encode_mark(self, name: str) -> str:
        """Build the message that comes back when all audio before it was played or cleared."""
        assert self._stream_sid is not None, "mark before the media stream started"
        assert name, "a mark needs a name"
        return f"{self._mark_prefix}{_json(name)}}}}}"

    def encode_clear(self) -> str:
        """Build the message that throws away all audio not yet played."""
        assert self._stream_sid is not None, "clear before the media stream started"
        return self._clear

    def _decode_media(self, decoded: _Message, message: str) -> CallerMedia | None:
        self._check_media_stream(decoded, message)
        media = decoded.media
        if media is None:
            raise _blame("media event without media", message)
        if media.track not in _INBOUND_TRACKS:
            return None
        try:
            payload = binascii.a2b_base64(media.payload, strict_mode=True)
        except ValueError as error:
            raise _blame(f"media payload is not base64 ({error})", message) from error
        if not payload:
            return None
        return CallerMedia(timestamp_ms=media.timestamp, payload=payload)

    def _decode_mark(self, decoded: _Message, message: str) -> MarkEchoed:
        self._check_media_stream(decoded, message)
        if decoded.mark is None:
            raise _blame("mark event without mark", message)
        return MarkEchoed(name=str(decoded.mark.name))

    def _decode_dtmf(self, decoded: _Message, message: str) -> KeyPressed | None:
        self._check_media_stream(decoded, message)
        if decoded.dtmf is None:
            raise _blame("dtmf event without dtmf", message)
        digit = str(decoded.dtmf.digit).upper()
        if digit not in _DIGITS:
            return None  # a hook flash, say: no key of ours, and no reason to end a call
        return KeyPressed(digit=digit)

    def _decode_start(self, decoded: _Message, message: str) -> MediaStreamStarted:
        if self._stream_sid is not None:
            raise _blame("second start", message)
        start = decoded.start
        if start is None:
            raise _blame("start event without start", message)
        _check_media_format(start, message)
        # The top level first: later messages name the media stream there.
        named = _stream_sid_of(decoded)
        started = MediaStreamStarted(
            stream_sid=_sid(
                {"streamSid": named} if named else start, message, "streamSid", "stream_sid"
            ),
            call_sid=_sid(start, message, "callSid", "call_sid"),
            account_sid=_sid(start, message, "accountSid", "account_sid", default=""),
            custom_parameters=_custom_parameters(start, message),
        )
        self._prepare(started.stream_sid)
        return started

    def _prepare(self, stream_sid: str) -> None:
        """Build once what every message to the carrier begins with."""
        sid = _json(stream_sid)
        self._stream_sid = stream_sid
        self._media_prefix = f'{{"event":"media","streamSid":{sid},"media":{{"payload":"'
        self._mark_prefix = f'{{"event":"mark","streamSid":{sid},"mark":{{"name":'
        self._clear = f'{{"event":"clear","streamSid":{sid}}}'

    def _check_media_stream(self, decoded: _Message, message: str) -> None:
        """One websocket is one media stream; what names another is another call's."""
        if self._stream_sid is None:
            raise _blame(f"{decoded.event} before start", message)
        if decoded.stream_sid == self._stream_sid:
            return
        stream_sid = _stream_sid_of(decoded)
        if stream_sid is not None and stream_sid != self._stream_sid:
            raise _blame(f"{decoded.event} of another media stream", message)


def _stream_sid_of(decoded: _Message) -> str | None:
    return decoded.stream_sid or decoded.snake_stream_sid or decoded.stream_id or None


def _is_unknown_event(message: str) -> bool:
    """Whether a message that we cannot read is one that we would not have read anyway."""
    try:
        named = _NAMED.decode(message)
    except _UNREADABLE:
        return False
    return named.event not in {"start", "media", "mark", "dtmf", "stop"}


def _either(start: Mapping[str, Any], camel: str, snake: str) -> object:
    value = start.get(camel)
    return start.get(snake) if value is None else value


def _sid(
    start: Mapping[str, Any], message: str, camel: str, snake: str, default: str | None = None
) -> str:
    value = _either(start, camel, snake)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or _SID.fullmatch(value) is None:
        raise _blame(f"start without a usable {camel}", message)
    return value


def _check_media_format(start: Mapping[str, Any], message: str) -> None:
    """Refuse anything but mu-law, 8 kHz, mono.  A format that is not told is that of Twilio."""
    media_format = _either(start, "mediaFormat", "media_format")
    if media_format is None:
        return
    if not isinstance(media_format, dict):
        raise _blame("mediaFormat is not an object", message)
    encoding = media_format.get("encoding")
    if encoding is not None and str(encoding).lower() not in _MULAW_NAMES:
        raise _blame("mediaFormat is not mu-law", message)
    sample_rate_hz = _either(media_format, "sampleRate", "sample_rate")
    if sample_rate_hz is not None and str(sample_rate_hz) != str(_SAMPLE_RATE_HZ):
        raise _blame("mediaFormat is not 8000 Hz", message)
    channels = media_format.get("channels")
    if channels is not None and str(channels) != "1":
        raise _blame("mediaFormat is not mono", message)


def _custom_parameters(start: Mapping[str, Any], message: str) -> dict[str, str]:
    parameters = _either(start, "customParameters", "custom_parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise _blame("customParameters is not an object", message)
    return {
        name: value if isinstance(value, str) else _json(value)
        for name, value in parameters.items()
    }


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode("utf-8")


def _blame(reason: str, message: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"carrier: {reason}: {evidence(message)}")
