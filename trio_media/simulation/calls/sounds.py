"""Audio of which every piece says what it is, so that nothing can be mistaken on its way.

A millisecond of the model's voice is eight bytes of mu-law: which item it belongs to, and which of
its milliseconds it is.  A frame of the caller's says its number, and what is to be heard in it.
"""

from __future__ import annotations

import enum
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.core.units import FRAME_MS

FRAME_BYTES: Final = FRAME_MS * BYTES_PER_MS
ITEMS_MAX: Final = 2**16 - 1
MS_MAX: Final = 2**24 - 1
LABEL: Final = 0x2A  # begins and ends a millisecond of the model's voice; no silence looks like it
Bytes = npt.NDArray[np.uint8]


@attrs.frozen(order=True)
class Span:
    """Milliseconds ``start_ms`` to ``end_ms`` (exclusive) of an item of the model's voice."""

    item: int
    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.end_ms - self.start_ms

    def __str__(self) -> str:
        return f"{self.item}[{self.start_ms}:{self.end_ms}]"


def model_audio(item: int, start_ms: int, length_ms: int) -> bytes:
    """Return a piece of an item's voice."""
    assert 0 < item <= ITEMS_MAX, item
    assert 0 <= start_ms <= start_ms + length_ms <= MS_MAX, (start_ms, length_ms)
    labels: Bytes = np.full((length_ms, BYTES_PER_MS), LABEL, np.uint8)
    labels[:, 1], labels[:, 2] = item >> 8, item & 0xFF
    ms = np.arange(start_ms, start_ms + length_ms)
    labels[:, 3], labels[:, 4], labels[:, 5] = ms >> 16, ms >> 8 & 0xFF, ms & 0xFF
    return labels.tobytes()


def spans_of(payload: bytes) -> list[tuple[int, Span]]:
    """Find the model's voice in audio: where (ms from its start) each span begins.

    Raises `ValueError` for anything that is neither voice nor silence: it was torn on its way.
    """
    if len(payload) % BYTES_PER_MS:
        raise ValueError(f"{len(payload)} bytes are no whole milliseconds")
    rows: Any = np.frombuffer(payload, np.uint8).reshape(-1, BYTES_PER_MS).astype(np.int64)
    is_voice = (rows[:, 0] == LABEL) & (rows[:, 6] == LABEL) & (rows[:, 7] == LABEL)
    if not (is_voice | (rows == 0xFF).all(axis=1)).all():
        raise ValueError("audio that is neither the model's nor silence")
    places = np.flatnonzero(is_voice)
    if not len(places):
        return []
    items = (rows[places, 1] << 8) + rows[places, 2]
    ms = (rows[places, 3] << 16) + (rows[places, 4] << 8) + rows[places, 5]
    breaks = np.flatnonzero((np.diff(items) != 0) | (np.diff(ms) != 1) | (np.diff(places) != 1)) + 1
    starts, ends = [0, *breaks], [*breaks, len(places)]
    return [
        (int(places[a]), Span(int(items[a]), int(ms[a]), int(ms[b - 1]) + 1))
        for a, b in zip(starts, ends, strict=True)
    ]


class Sound(enum.Enum):
    """What is to be heard in a frame of the caller's."""

    QUIET = 0xFF
    COUGH = 0x90
    """Loud, and no voice."""
    VOICE = 0x00


_FILL: Final = {sound: bytes((sound.value,)) * (FRAME_BYTES - 5) for sound in Sound}
_SILENT_MS: Final = b"\xff" * BYTES_PER_MS


def caller_frame(number: int, sound: Sound) -> bytes:
    """Return a frame of the caller's, by its number in the call."""
    return bytes((sound.value,)) + number.to_bytes(4) + _FILL[sound]


def sound_of(payload: bytes) -> Sound:
    """What is to be heard in a frame of the caller's, or in silence that somebody filled in."""
    return Sound(payload[0])


@attrs.frozen
class CallerPiece:
    """A frame of the caller's, or silence that somebody filled in."""

    number: int | None
    """None: filled in."""
    sound: Sound
    length_ms: int


def caller_pieces(payload: bytes) -> list[CallerPiece]:
    """Find the frames of the caller's in audio.

    Raises `ValueError` for anything that is neither a frame nor silence: it was torn on its way.
    """
    pieces: list[CallerPiece] = []
    place, silent_ms = 0, 0
    while place < len(payload):
        if payload.startswith(_SILENT_MS, place):
            place += BYTES_PER_MS
            silent_ms += 1
            continue
        if silent_ms:
            pieces.append(CallerPiece(None, Sound.QUIET, silent_ms))
            silent_ms = 0
        frame = payload[place : place + FRAME_BYTES]
        number = int.from_bytes(frame[1:5])
        if len(frame) < FRAME_BYTES or frame != caller_frame(number, sound_of(frame)):
            raise ValueError(f"a frame of the caller's was torn: {frame[:8].hex()}")
        pieces.append(CallerPiece(number, sound_of(frame), FRAME_MS))
        place += FRAME_BYTES
    if silent_ms:
        pieces.append(CallerPiece(None, Sound.QUIET, silent_ms))
    return pieces
