"""Websocket frames and handshakes, also such as no library would build.

Source: RFC 6455, section 5.2
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

import attrs

KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT: Final = 1
CLOSE: Final = 8


@attrs.frozen
class Frame:
    """One frame."""

    opcode: int
    payload: bytes
    is_final: bool = True
    reserved: int = 0
    """The three reserved bits."""
    is_masked: bool = True
    claimed_bytes: int | None = None
    """How long the payload says it is; None: as long as it is."""

    def encode(self) -> bytes:
        """Give the bytes.  The mask is of zeros."""
        length = len(self.payload) if self.claimed_bytes is None else self.claimed_bytes
        mask_bit = 0x80 if self.is_masked else 0
        head = bytes([(0x80 if self.is_final else 0) | self.reserved << 4 | self.opcode])
        if length < 126:
            head += bytes([mask_bit | length])
        elif length < 1 << 16:
            head += bytes([mask_bit | 126]) + length.to_bytes(2, "big")
        else:
            head += bytes([mask_bit | 127]) + length.to_bytes(8, "big")
        return head + (bytes(4) if self.is_masked else b"") + self.payload


def text_frame(text: str, *, is_masked: bool) -> bytes:
    """Give a whole text message.  Half a surrogate pair is sent as the bytes that it is not."""
    payload = text.encode("utf-8", "surrogatepass")
    return Frame(TEXT, payload, is_masked=is_masked).encode()


def upgrade(path: str = "/twilio/media") -> bytes:
    """Give a client's handshake."""
    return (
        b"GET " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        + KEY
        + b"\r\n\r\n"
    )


def accept_of(head: bytes) -> bytes:
    """Give a server's answer to a client's handshake."""
    key = next(
        (
            line.partition(b":")[2].strip()
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key:")
        ),
        b"",
    )
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
