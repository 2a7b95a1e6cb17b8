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
    """What was being said was cut off, by the loss of the model session or by the service."""
    EXPLANATION = "explanation"
    """The service withheld an answer: the model says that it cannot speak about that."""


class Recorded(enum.Enum):
    """Words of ours that are played where the model cannot speak: the shell has the recordings."""

    ONE_MOMENT = "one_moment"
    """The model is away, and comes back."""
    GOODBYE = "goodbye"
    """It does not come back."""
    SORRY = "sorry"
    """It is there, and gives no answer."""


class Remedy(enum.Enum):
    """What is done about an answer that the model did not give, or not all of it."""

    RETRY = "retry"
    """It is asked for again."""
    CONTINUE = "continue"
    """It goes on where it was cut off."""
    EXPLAIN = "explain"
    """The model says that it cannot speak about that."""
    SAY = "say"
    """Words of ours ask the caller to say it again."""
    LEAVE = "leave"
    """Nothing: enough of it was heard, or others see to it."""
    END = "end"
    """The model answers nothing any more: the call goes on as one that has lost it."""


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
