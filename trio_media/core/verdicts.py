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
    """The service made no answer, or not all of it, for no reason of ours; or it is malformed."""
    RATE_LIMITED = "rate_limited"
    """... because we ask for too much at the moment."""
    FILTERED = "filtered"
    """The service withheld what was to be said."""
    CUT_SHORT = "cut_short"
    """It grew longer than the service lets it."""
    REJECTED = "rejected"
    """Its create was refused: it never was."""
    DEADLINE = "deadline"
    """Nothing came in time: closed by us."""
    LOST = "lost"
    """The model session went away."""


FAULTS = (Ended.FAILED, Ended.RATE_LIMITED, Ended.FILTERED, Ended.CUT_SHORT)
"""Ends that leave whoever waits for the answer without it, or without all of it."""


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
