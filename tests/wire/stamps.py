"""Audio that says where it comes from, millisecond by millisecond.

A millisecond of mu-law is eight bytes.  Those of the model name the call, the response, the item
and the position in it, so that what a carrier got can be read back exactly.  Those of a silent
caller name the call, so that a model that hears another call's caller knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

from trio_media.call.recorded_lines import packaged

MS_BYTES: Final = 8
FRAME_MS: Final = 20
FRAME_BYTES: Final = FRAME_MS * MS_BYTES
MAGIC: Final = 0xA5
SILENCE: Final = bytes((0xFF,)) * MS_BYTES
CALLS_MAX: Final = 255
VOICES: Final = Path(__file__).parents[2] / "trio_media" / "phone" / "voices"
RECORDED = frozenset(
    line[at : at + MS_BYTES]
    for line in map(packaged, ("reconnect", "lost"))
    for at in range(0, len(line), MS_BYTES)
)
"""What is to be heard of the recorded lines, which have no stamps."""


@attrs.frozen(order=True)
class Stamp:
    """One millisecond of the model's voice."""

    call: int
    response: int
    item: int
    at_ms: int

    @property
    def source(self) -> tuple[int, int]:
        return self.response, self.item


def _stamp(call: int, response: int, item: int, at_ms: int) -> bytes:
    body = bytes((MAGIC, call, response, item, at_ms >> 16, at_ms >> 8 & 0xFF, at_ms & 0xFF))
    return body + bytes((sum(body) & 0xFF,))


def speech_of(call: int, response: int, item: int, length_ms: int, from_ms: int = 0) -> bytes:
    """The voice of one item."""
    positions = range(from_ms, from_ms + length_ms)
    return b"".join(_stamp(call, response, item, at_ms) for at_ms in positions)


def read_speech(payload: bytes) -> list[Stamp | None]:
    """Read a carrier's media; None where it is silence.

    Raises ValueError when it is neither.
    """
    if not payload or len(payload) % FRAME_BYTES:
        raise ValueError(f"{len(payload)} bytes are not whole frames")
    found: list[Stamp | None] = []
    for start in range(0, len(payload), MS_BYTES):
        piece = payload[start : start + MS_BYTES]
        if piece == SILENCE or piece in RECORDED:
            found.append(None)
        elif piece[0] == MAGIC and sum(piece[:7]) & 0xFF == piece[7]:
            at_ms = piece[4] << 16 | piece[5] << 8 | piece[6]
            found.append(Stamp(piece[1], piece[2], piece[3], at_ms))
        elif piece.endswith(SILENCE[:1]) or piece == bytes((MAGIC,)) * MS_BYTES:
            found.append(None)  # the last, broken millisecond of an item
        else:
            raise ValueError(f"nobody said {piece.hex()}")
    return found


def quiet_caller(call: int, length_ms: int = FRAME_MS) -> bytes:
    """Silence, far below any detector, whose lowest bits spell the call."""
    bits = (0xFE if call >> bit & 1 else 0xFF for bit in range(8))
    return bytes(bits) * length_ms


def callers_in(heard: bytes) -> set[int]:
    """The calls whose silence is in what a model heard; loud speech names nobody."""
    found: set[int] = set()
    for start in range(0, len(heard) - MS_BYTES + 1, MS_BYTES):
        piece = heard[start : start + MS_BYTES]
        if piece != SILENCE and all(byte >= 0xFE for byte in piece):
            found.add(sum(1 << bit for bit, byte in enumerate(piece) if byte == 0xFE))
    return found


def voice_clip(name: str) -> bytes:
    """The mu-law bytes of a recorded voice, in whole frames."""
    raw = (VOICES / f"{name}.wav").read_bytes()
    start = raw.index(b"data") + 8
    length_bytes = int.from_bytes(raw[start - 4 : start], "little")
    audio = raw[start : start + length_bytes].replace(b"\xfe", b"\xfd")  # it is no caller's name
    return audio.ljust(len(audio) + -len(audio) % FRAME_BYTES, b"\xff")
