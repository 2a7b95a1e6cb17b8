"""What the wires of a call showed: all that is measured."""

from __future__ import annotations

from typing import Final

import attrs

FRAME_MS: Final = 20
FRAME_BYTES: Final = 160


@attrs.frozen
class Spoken:
    """One utterance of the caller, as it was said, in ms of the call."""

    name: str
    onset_ms: int
    end_ms: int


@attrs.define
class Seen:
    """What the wires showed, in ms of the call."""

    spoken: list[Spoken] = attrs.field(factory=list)
    """The clips."""
    wakes: list[Spoken] = attrs.field(factory=list)
    """What the caller said because the model had been silent for too long."""
    clears_ms: list[int] = attrs.field(factory=list)
    takes_ms: list[int] = attrs.field(factory=list)
    """When the model was told that it is interrupted: by a cancel, a truncation or both."""
    answers_ms: list[int] = attrs.field(factory=list)
    """When the model began to answer."""
    audible: list[bool] = attrs.field(factory=list)
    """Whether the phone played something of the model, frame by frame; a pause in it is part of it.
    Frame n is played when it is over, n + 1 frames into the call."""
