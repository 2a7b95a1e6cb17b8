"""What a carrier tells us, whatever carrier it is.

Rule 1: one event means one thing on every carrier; a codec translates, nobody else branches.
Rule 2: everything is frozen and holds decoded values: no base64, no strings of digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

import attrs


@attrs.frozen(kw_only=True)
class MediaStreamStarted:
    """The carrier's media stream is open; nothing may be sent to it before this."""

    stream_sid: str
    call_sid: str
    account_sid: str
    """Empty where the carrier does not say."""
    custom_parameters: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class CallerMedia:
    """A piece of the caller's voice."""

    timestamp_ms: int
    """Presentation time of the first sample, from the start of the media stream."""
    payload: bytes
    """Raw mu-law, 8 kHz mono; any length, normally 160 B = 20 ms."""


@attrs.frozen(kw_only=True)
class KeyPressed:
    """The caller pressed a key."""

    digit: str
    """One of ``0-9 * # A-D``."""


@attrs.frozen(kw_only=True)
class MarkEchoed:
    """Everything sent before the mark was played, or was cleared: the two look the same."""

    name: str


@attrs.frozen(kw_only=True)
class MediaStreamStopped:
    """The carrier ended the media stream; it closes the socket next."""


CarrierEvent: TypeAlias = (
    MediaStreamStarted | CallerMedia | KeyPressed | MarkEchoed | MediaStreamStopped
)


@attrs.frozen(kw_only=True)
class CarrierCapabilities:
    """What a carrier can do.  The rest of the package asks this, never the carrier's name."""

    has_clear: bool
    """Buffered audio can be thrown away at the carrier."""
    has_marks: bool
    """Marks come back when the audio before them was played."""
    frame_bytes: int
    """Audio is sent in multiples of this: 160 B of mu-law = 20 ms."""
    silence: int
    """The byte that is silence in this carrier's encoding: 0xFF in mu-law."""


class TelephonyCodec(Protocol):
    """Bytes to events and commands to bytes, for one media stream.  No I/O, no clock, no logging.

    ``decode`` raises `RemoteProtocolError` for anything the carrier's protocol does not allow, and
    returns None for what may be ignored.  The encoders may be called only after
    `MediaStreamStarted` was decoded (``AssertionError`` otherwise).
    """

    @property
    def capabilities(self) -> CarrierCapabilities: ...
    def decode(self, message: str | bytes) -> CarrierEvent | None: ...
    def encode_media(self, payload: bytes) -> str: ...
    def encode_mark(self, name: str) -> str: ...
    def encode_clear(self) -> str: ...
