"""Why the model speaks, and how what was asked for ended: the names that orders and notes use."""

from __future__ import annotations

import enum


class Cause(enum.Enum):
    """Why a response is created."""

    TURN = "turn"
    """The caller said something."""
    KEYS = "keys"
    TOOL = "tool"
    """All tool results of a response are there."""
    RECOVERY = "recovery"
    """An interruption that nothing followed: the model must not fall silent."""
    GREETING = "greeting"
    APPLICATION = "application"
    SILENCE = "silence"
    """Nobody has said anything for long."""
    FILLER = "filler"
    """A tool takes its time."""
    GOODBYE = "goodbye"
    """The call is about to end."""
    CLIP = "clip"
    """It is none of the model's: audio of ours."""
    SERVER = "server"
    """The server created it by itself."""
    CONTINUATION = "continuation"
    """The loss of the model session cut off what was being said."""


class Recorded(enum.Enum):
    """Words of ours that are played where the model cannot speak: the shell has the recordings."""

    ONE_MOMENT = "one_moment"
    """The model is away, and comes back."""
    GOODBYE = "goodbye"
    """It does not come back."""


class Outcome(enum.Enum):
    """How an interruption ended: exactly one of these."""

    CANCELLED = "cancelled"
    ALREADY_OVER = "already_over"
    SERVER_CANCELLED = "server_cancelled"
    NOTHING_TO_INTERRUPT = "nothing_to_interrupt"
    PROTECTED = "protected"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CALL_ENDED = "call_ended"


class SpeechOutcome(enum.Enum):
    """What became of a request to speak, or to play: exactly one of these."""

    HEARD = "heard"
    """To the end."""
    CUT_OFF = "cut_off"
    """Interrupted, whether or not something of it was heard."""
    DROPPED = "dropped"
    """Nobody began to say it."""
    FAILED = "failed"
    """The model said nothing, or not all of it."""
    CALL_ENDED = "call_ended"


class DigitsOutcome(enum.Enum):
    """Why no more keys are waited for."""

    COMPLETE = "complete"
    """As many as were asked for."""
    TERMINATED = "terminated"
    """By the key that ends them, which is not one of them."""
    TIMED_OUT = "timed_out"
    CALL_ENDED = "call_ended"


class EndingOutcome(enum.Enum):
    """What became of a request to end the call, or to hand it over."""

    ENDED = "ended"
    """The call is over, by this request or by anything else."""
    REVOKED = "revoked"
    """The caller spoke, and keeps the call."""
    REPLACED = "replaced"
    """A newer request ends the call in its place."""
    FAILED = "failed"
    """Nobody took the call over: it goes on."""
