"""Audio of which every piece says what it is, so that nothing can be mistaken on its way.

A millisecond of the model's voice is eight bytes of mu-law: which item it belongs to, and which of
its milliseconds it is.  So is one of the clips that simulated applications play, by labels of their
own.  Audio without labels is a clip of somebody's.  A frame of the caller's says its number, and
what is to be heard in it; that of a beep is a real tone.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.core.units import FRAME_MS

FRAME_BYTES: Final = FRAME_MS * BYTES_PER_MS
ITEMS_MAX: Final = 2**16 - 1
CLIPS_FROM: Final = 60_000  # labels from here on are those of clips; no call has so many items
MS_MAX: Final = 2**24 - 1
LABEL: Final = 0x2A  # begins and ends a millisecond of the model's voice; no silence looks like it
TORN: Final = re.compile(rb"\x2a{3}.{5}\x2a{3}", re.DOTALL)  # labels, elsewhere than they begin
Bytes = npt.NDArray[np.uint8]


@attrs.frozen(order=True)
class Span:
    """Milliseconds ``start_ms`` to ``end_ms`` (exclusive) of an item of the model's voice, or of a
    clip."""

    item: int
    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.end_ms - self.start_ms

    @property
    def name(self) -> str:
        """What it is a part of: ``item_7``, or ``clip_1``."""
        is_clip = self.item >= CLIPS_FROM
        return f"clip_{self.item - CLIPS_FROM}" if is_clip else f"item_{self.item}"

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


def clip_audio(number: int, length_ms: int) -> bytes:
    """Return a clip with labels, as a simulated application plays it."""
    return model_audio(CLIPS_FROM + number, 0, length_ms)


def pieces_of(payload: bytes) -> list[tuple[int, Span | bytes]]:
    """Find what is to be heard in audio: where (ms from its start) each piece begins.

    What has no label is given as it is; silence is left out.
    Raises `ValueError` for the model's voice that was torn on its way.
    """
    if len(payload) % BYTES_PER_MS:
        raise ValueError(f"{len(payload)} bytes are no whole milliseconds")
    rows: Any = np.frombuffer(payload, np.uint8).reshape(-1, BYTES_PER_MS).astype(np.int64)
    is_voice = (rows[:, 0] == LABEL) & (rows[:, 6] == LABEL) & (rows[:, 7] == LABEL)
    is_silent = (rows == 0xFF).all(axis=1)
    # What differs from its neighbour in any of these begins a new piece.
    kind = np.where(is_voice, 1, np.where(is_silent, 0, 2))
    item = np.where(is_voice, (rows[:, 1] << 8) + rows[:, 2], 0)
    ms = (rows[:, 3] << 16) + (rows[:, 4] << 8) + rows[:, 5]
    is_break = (np.diff(kind) != 0) | (np.diff(item) != 0) | (is_voice[1:] & (np.diff(ms) != 1))
    starts = [0, *(np.flatnonzero(is_break) + 1)]
    ends = [*starts[1:], len(rows)]
    pieces: list[tuple[int, Span | bytes]] = []
    for start, end in zip(starts, ends, strict=True):
        if end > start and is_voice[start]:
            pieces.append(
                (int(start), Span(int(item[start]), int(ms[start]), int(ms[end - 1]) + 1))
            )
        elif end > start and not is_silent[start]:
            pieces.append((int(start), _unlabelled(payload, start, end)))
    return pieces


def _unlabelled(payload: bytes, start_ms: int, end_ms: int) -> bytes:
    piece = payload[start_ms * BYTES_PER_MS : end_ms * BYTES_PER_MS]
    if TORN.search(piece):
        raise ValueError(f"the model's voice was torn: {piece[:16].hex()}")
    return piece


def spans_of(payload: bytes) -> list[tuple[int, Span]]:
    """Find the model's voice in audio: where (ms from its start) each span begins.

    Raises `ValueError` for anything that is neither voice nor silence: it was torn on its way.
    """
    return list(_spans(payload))


def _spans(payload: bytes) -> Iterator[tuple[int, Span]]:
    for start_ms, piece in pieces_of(payload):
        if isinstance(piece, bytes):
            raise ValueError("audio that is neither the model's nor silence")
        yield start_ms, piece


class Sound(enum.Enum):
    """What is to be heard in a frame of the caller's: its first byte."""

    QUIET = 0xFF
    COUGH = 0x90
    """Loud, and no voice."""
    VOICE = 0x00
    BEEP = 0xA6
    """Of an answering machine: a tone of 1 kHz."""


BEEP_PERIOD: Final = bytes((0xA6, 0x9E, 0xA6, 0xFE, 0x26, 0x1E, 0x26, 0x7E))
"""A millisecond of the tone, in even bytes: their last bits tell the frame's number."""
_FILL: Final = {sound: bytes((sound.value,)) * (FRAME_BYTES - 5) for sound in Sound}
_SILENT_MS: Final = b"\xff" * BYTES_PER_MS
NUMBER_BITS: Final = 32


def caller_frame(number: int, sound: Sound) -> bytes:
    """Return a frame of the caller's, by its number in the call."""
    if sound is Sound.BEEP:
        return _beep_frame(number)
    return bytes((sound.value,)) + number.to_bytes(4) + _FILL[sound]


def _beep_frame(number: int) -> bytes:
    frame = bytearray(BEEP_PERIOD * FRAME_MS)
    for bit in range(NUMBER_BITS):
        frame[bit + 1] |= number >> bit & 1
    return bytes(frame)


def sound_of(payload: bytes) -> Sound:
    """What is to be heard in a frame of the caller's, or in silence that somebody filled in."""
    return Sound(payload[0])


def _number_of(frame: bytes) -> int:
    if frame[:1] != bytes((Sound.BEEP.value,)):
        return int.from_bytes(frame[1:5])
    return sum((byte & 1) << bit for bit, byte in enumerate(frame[1 : NUMBER_BITS + 1]))


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
        number = _number_of(frame)
        if len(frame) < FRAME_BYTES or frame != caller_frame(number, sound_of(frame)):
            raise ValueError(f"a frame of the caller's was torn: {frame[:8].hex()}")
        pieces.append(CallerPiece(number, sound_of(frame), FRAME_MS))
        place += FRAME_BYTES
    if silent_ms:
        pieces.append(CallerPiece(None, Sound.QUIET, silent_ms))
    return pieces
