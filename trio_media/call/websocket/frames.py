"""The frames of audio, written and cut by hand.  Pure.

Nearly all frames of a call are one whole, unfragmented text; the library takes several times as
long for them.  All others, and whatever is not as it should be, are the library's.

Source: RFC 6455, section 5.2.
"""

from __future__ import annotations

import os
from typing import Final

import attrs

FINAL_TEXT: Final = 0x81
MASKED: Final = 0x80
SHORT_MAX: Final = 125  # longer payloads have their length in two bytes more, ...
LONG_MIN: Final = 65_536  # ... or in eight
HEAD_BYTES_MAX: Final = 14
KEY_BYTES: Final = 4
KEYS_AT_ONCE: Final = 256  # from the system's random numbers; one by one they cost most of a frame

_REAL_OPCODES: Final = frozenset({0, 1, 2, 8, 9, 10})
_CONTROL_MIN: Final = 8


def xor_mask(payload: bytes, key: bytes) -> bytes:
    """Mask, or unmask."""
    length = len(payload)
    mask = (key * (length // KEY_BYTES + 1))[:length]
    masked = int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")
    return masked.to_bytes(length, "little")


@attrs.define
class MaskingKeys:
    """Keys that nobody can foresee, each used once.  Source: RFC 6455, section 5.3."""

    _keys: bytes = b""
    _used_bytes: int = 0

    def next(self) -> bytes:
        """Give the next key."""
        start = self._used_bytes
        if start == len(self._keys):
            self._keys, start = os.urandom(KEYS_AT_ONCE * KEY_BYTES), 0
        self._used_bytes = start + KEY_BYTES
        return self._keys[start : start + KEY_BYTES]


KEYS: Final = MaskingKeys()
"""Of the process."""


def text_frame(text: str, key: bytes | None) -> bytes:
    """Write one whole text; ``key``: with which a client masks it."""
    payload = text.encode()
    length, masked = len(payload), 0 if key is None else MASKED
    if length <= SHORT_MAX:
        head = bytes((FINAL_TEXT, masked | length))
    elif length < LONG_MIN:
        head = bytes((FINAL_TEXT, masked | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((FINAL_TEXT, masked | 127)) + length.to_bytes(8, "big")
    return head + payload if key is None else head + key + xor_mask(payload, key)


@attrs.frozen
class Cut:
    """Where a frame is in some bytes."""

    payload_start: int
    end: int
    """May lie behind the bytes that are here."""
    is_plain: bool
    """It is one whole text, as it should be."""


def cut(received: bytes | bytearray, start: int, *, masked: bool, max_bytes: int) -> Cut | None:
    """Find the frame that begins at ``start``; None: its head is not all here.

    Raises `Odd` for one that is not for us to judge.
    """
    here = len(received) - start
    if here < 2:
        return None
    first, second = received[start], received[start + 1]
    length, payload_start = second & 0x7F, start + 2
    if length > SHORT_MAX:
        length_bytes = 2 if length == 126 else 8
        payload_start += length_bytes
        if here < 2 + length_bytes:
            return None
        length = int.from_bytes(received[start + 2 : payload_start], "big")
    if masked:
        payload_start += KEY_BYTES
    if first == FINAL_TEXT and bool(second & MASKED) is masked and length <= max_bytes:
        return Cut(payload_start, payload_start + length, True)
    opcode = first & 0x0F
    is_odd = first & 0x70 or opcode not in _REAL_OPCODES or bool(second & MASKED) is not masked
    if is_odd or length > (SHORT_MAX if opcode >= _CONTROL_MIN else max_bytes):
        raise Odd
    return Cut(payload_start, payload_start + length, False)


class Odd(Exception):
    """A frame that ends a conversation, or may."""
