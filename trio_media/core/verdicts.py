"""What the model service, and what was said, amount to: the names that events use."""

from __future__ import annotations

import enum


class Ended(enum.Enum):
    """How a response's generation ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    TURN_DETECTED = "turn_detected"
    """The server cancelled it because it heard the caller."""
    FAILED = "failed"
    """Failed, incomplete or malformed: over, for no reason of ours."""
    REJECTED = "rejected"
    """Its create was refused: it never was."""
    DEADLINE = "deadline"
    """Nothing came in time: closed by us."""
    LOST = "lost"
    """The model session went away."""


class Verdict(enum.Enum):
    """What a transcript says about a caller's turn."""

    WORDS = "words"
    BACKCHANNEL = "backchannel"
    EMPTY = "empty"


class Refusal(enum.Enum):
    """What an error of the model service says."""

    NOT_ACTIVE = "not_active"
    ALREADY_ACTIVE = "already_active"
    OTHER = "other"
