"""The client's side of RFC 6455, as far as a carrier needs it.  Bytes in, messages out; no I/O.

Rule 1: the phone has its own, so that no server is ever tested against its own library.
Rule 2: the peer's mistakes raise `RemoteProtocolError`; a refusal is `CallNotAccepted`.

Source: https://www.rfc-editor.org/rfc/rfc6455
"""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Sequence
from typing import Final, TypeAlias

import attrs

from trio_media.errors import CallRefused, RemoteProtocolError

HEAD_BYTES_MAX: Final = 16 * 1024  # of the server's answer to the handshake
MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024  # ten minutes of audio in one message are 6.4 MB
FRAGMENTS_MAX: Final = 10_000  # of one message; empty ones would otherwise be free
BODY_CHARS_MAX: Final = 200  # of a refusal's body: its reason

OP_CONTINUATION: Final = 0x0
OP_TEXT: Final = 0x1
OP_BINARY: Final = 0x2
OP_CLOSE: Final = 0x8
OP_PING: Final = 0x9
OP_PONG: Final = 0xA
_CONTROL: Final = frozenset({OP_CLOSE, OP_PING, OP_PONG})
_ACCEPT_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

CLOSE_NORMAL: Final = 1000
CLOSE_NO_CODE: Final = 1005
CLOSE_ABNORMAL: Final = 1006


class CallNotAccepted(CallRefused):
    """The server answered the handshake with something else than 101."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}".strip())
        self.status = status


@attrs.frozen
class Ping:
    """To be answered with a pong of the same payload."""

    payload: bytes


@attrs.frozen
class Close:
    """The peer closes."""

    code: int
    reason: str


Received: TypeAlias = str | bytes | Ping | Close


class Handshake:
    """One opening handshake."""

    def __init__(self) -> None:
        self._key = base64.b64encode(os.urandom(16))
        self._buffer = b""

    def request(self, host: str, resource: str, headers: Sequence[tuple[str, str]]) -> bytes:
        """Return the request to write.  ``headers`` come after those of the handshake."""
        lines = [
            f"GET {resource} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {self._key.decode()}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in headers),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def feed(self, piece: bytes) -> bytes | None:
        """Take in bytes; return those after the answer once it is complete and is a 101.

        Raises `CallNotAccepted`, or `RemoteProtocolError` for what is no answer at all.
        """
        self._buffer += piece
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            if len(self._buffer) > HEAD_BYTES_MAX:
                raise RemoteProtocolError(f"a handshake of more than {HEAD_BYTES_MAX} bytes")
            return None
        status_line, *lines = head.decode("latin-1").split("\r\n")
        version, _, status_reason = status_line.partition(" ")
        status, _, reason = status_reason.partition(" ")
        if not version.startswith("HTTP/1.") or not status.isdecimal():
            raise RemoteProtocolError(f"not an HTTP answer: {status_line[:80]!r}")
        if status != "101":
            body = rest.decode("utf-8", "replace")[:BODY_CHARS_MAX].strip()
            raise CallNotAccepted(int(status), f"{reason}: {body}" if body else reason)
        self._check({k.strip().lower(): v.strip() for k, _, v in (s.partition(":") for s in lines)})
        return rest

    def _check(self, headers: dict[str, str]) -> None:
        digest = hashlib.sha1(self._key + _ACCEPT_GUID, usedforsecurity=False).digest()
        if headers.get("upgrade", "").lower() != "websocket":
            raise RemoteProtocolError("a 101 without `Upgrade: websocket`")
        if headers.get("sec-websocket-accept", "") != base64.b64encode(digest).decode():
            raise RemoteProtocolError("a 101 whose Sec-WebSocket-Accept is wrong")
        for offer in ("sec-websocket-protocol", "sec-websocket-extensions"):
            if headers.get(offer):
                raise RemoteProtocolError(f"a 101 with {offer}, which was not asked for")


class FrameReader:
    """Cuts the server's bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._fragments: list[bytes] = []
        self._fragments_bytes = 0
        self._opcode = OP_CONTINUATION

    def feed(self, piece: bytes) -> list[Received]:
        """Take in bytes and return what they complete, in order."""
        self._buffer += piece
        received: list[Received] = []
        while (frame := self._next_frame()) is not None:
            is_final, opcode, payload = frame
            if opcode in _CONTROL:
                if opcode != OP_PONG:  # nobody waits for a pong
                    received.append(_control(opcode, payload))
            elif (message := self._join(is_final, opcode, payload)) is not None:
                received.append(message)
        return received

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[0], buffer[1]
        is_final, opcode, length = bool(first & 0x80), first & 0x0F, second & 0x7F
        if first & 0x70 or second & 0x80:
            raise RemoteProtocolError("a frame with reserved bits or a mask")
        if opcode in _CONTROL and (not is_final or length > 125):
            raise RemoteProtocolError("a control frame that is fragmented or too long")
        offset = 2 + {126: 2, 127: 8}.get(length, 0)
        if len(buffer) < offset:
            return None
        if length == 126:
            (length,) = struct.unpack_from("!H", buffer, 2)
        elif length == 127:
            (length,) = struct.unpack_from("!Q", buffer, 2)
        if length + self._fragments_bytes > MESSAGE_BYTES_MAX:
            raise RemoteProtocolError(f"a message of more than {MESSAGE_BYTES_MAX} bytes")
        if len(buffer) < offset + length:
            return None
        payload = bytes(buffer[offset : offset + length])
        del buffer[: offset + length]
        return is_final, opcode, payload

    def _join(self, is_final: bool, opcode: int, payload: bytes) -> str | bytes | None:
        if opcode not in (OP_CONTINUATION, OP_TEXT, OP_BINARY):
            raise RemoteProtocolError(f"a frame of the unknown kind {opcode:#x}")
        if (opcode == OP_CONTINUATION) != (self._opcode != OP_CONTINUATION):
            raise RemoteProtocolError("fragments of messages in disorder")
        self._opcode = self._opcode or opcode
        self._fragments.append(payload)
        self._fragments_bytes += len(payload)
        if len(self._fragments) > FRAGMENTS_MAX:
            raise RemoteProtocolError(f"a message in more than {FRAGMENTS_MAX} fragments")
        if not is_final:
            return None
        whole, kind = b"".join(self._fragments), self._opcode
        self._fragments, self._fragments_bytes, self._opcode = [], 0, OP_CONTINUATION
        return whole if kind == OP_BINARY else _text(whole)


def encode_frame(opcode: int, payload: bytes) -> bytes:
    """Return one whole frame, masked as a client's must be."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 65_536:
        head = struct.pack("!BBH", 0x80 | opcode, 0xFE, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, length)
    mask = os.urandom(4)
    # One XOR of long integers is the fastest mask that needs no extension module.
    stretched = int.from_bytes((mask * (length // 4 + 1))[:length])
    return head + mask + (int.from_bytes(payload) ^ stretched).to_bytes(length)


def encode_close(code: int = CLOSE_NORMAL) -> bytes:
    """Return a close frame."""
    return encode_frame(OP_CLOSE, b"" if code == CLOSE_NO_CODE else struct.pack("!H", code))


def _control(opcode: int, payload: bytes) -> Ping | Close:
    if opcode == OP_PING:
        return Ping(payload)
    if len(payload) < 2:
        return Close(CLOSE_NO_CODE, "")
    return Close(int.from_bytes(payload[:2]), payload[2:].decode("utf-8", "replace"))


def _text(payload: bytes) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise RemoteProtocolError(f"a text message that is not UTF-8: {payload[:80]!r}") from exc
