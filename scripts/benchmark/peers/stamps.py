"""Marks in the audio itself, by which a frame is known again at the other end of a bridge.

The lowest bit of mu-law samples carries them, which nobody hears and no detector minds: 72 samples,
9 bytes: 7 bits of magic, 1 flag, the time of sending in microseconds (32 bits), the number of the
frame or answer (16) and of the call or model session (16).  All processes of a run share
CLOCK_MONOTONIC, so a latency needs no message back.

Rule 1: this runs in the environment of the load, which has none of our packages.
"""

from __future__ import annotations

import time
from binascii import a2b_base64, b2a_base64
from typing import Final

FRAME_BYTES: Final = 160  # 20 ms of mu-law
SAMPLES: Final = 72
STAMP_CHARS: Final = 96  # of base64
MAGIC: Final = 0b1011001
WRAP: Final = 1 << 32
LOUD: Final = 0x4F  # as mu-law has it, where less is louder

_SPREAD: Final = [bytes((value >> shift) & 1 for shift in range(7, -1, -1)) for value in range(256)]
_EVEN: Final = bytes(value & 0xFE for value in range(256))
_DIGITS: Final = bytes(0x30 | (value & 1) for value in range(256))


class Blank:
    """A frame (or more) of audio, ready to be stamped again and again."""

    def __init__(self, audio: bytes) -> None:
        assert len(audio) >= FRAME_BYTES, len(audio)
        self.audio = audio
        self._head = int.from_bytes(audio[:SAMPLES].translate(_EVEN), "big")
        self._tail = b2a_base64(audio[SAMPLES:], newline=False).decode()

    def stamped(self, flag: bool, number: int, of: int) -> str:
        """Return the base64 of the audio, stamped with the present time."""
        value = (
            ((MAGIC << 1 | flag) << 64)
            | (now_us() << 32)
            | ((number & 0xFFFF) << 16)
            | (of & 0xFFFF)
        )
        spread = b"".join([_SPREAD[byte] for byte in value.to_bytes(9, "big")])
        head = (self._head | int.from_bytes(spread, "big")).to_bytes(SAMPLES, "big")
        return b2a_base64(head, newline=False).decode() + self._tail


def now_us() -> int:
    """Return the machine's monotonic time in microseconds, modulo `WRAP`."""
    return time.monotonic_ns() // 1_000 % WRAP


def since_us(then_us: int) -> int:
    return (now_us() - then_us) % WRAP


def read(audio: bytes) -> tuple[bool, int, int, int] | None:
    """Return flag, time in us, number and call of stamped audio; None: there is no stamp."""
    if len(audio) < SAMPLES:
        return None
    value = int(audio[:SAMPLES].translate(_DIGITS), 2)
    if value >> 65 != MAGIC:
        return None
    return (
        bool(value >> 64 & 1),
        value >> 32 & 0xFFFF_FFFF,
        value >> 16 & 0xFFFF,
        value & 0xFFFF,
    )


def is_loud(audio: bytes) -> bool:
    """Tell whether mu-law is more than silence and noise: above 900 of 32,768."""
    return any(byte & 0x7F < LOUD for byte in audio[::7])


def read_base64(payload: bytes) -> tuple[bool, int, int, int] | None:
    """As `read`, of the beginning of base64."""
    return read(a2b_base64(payload[:STAMP_CHARS])) if len(payload) >= STAMP_CHARS else None


def between(message: bytes, key: bytes) -> bytes:
    """Return the string value of the first ``key`` (with its quotes) in a JSON message."""
    begin = message.index(b'"', message.index(key) + len(key)) + 1
    return message[begin : message.index(b'"', begin)]
