"""What applications, tools and the shell ask of a call: the events that are ours.

Rule 1: whoever waits for what becomes of it is known by a number, ``request``, used once in a call.
Rule 2: words are the shell's: the core knows whose they are, and not what they say.
"""

from __future__ import annotations

import enum

import attrs


class Reason(enum.Enum):
    """Why the model is interrupted."""

    LOCAL_SPEECH = "local_speech"
    SERVER_SPEECH = "server_speech"
    DTMF = "dtmf"
    APPLICATION = "application"
    TOOL = "tool"
    HANG_UP = "hang_up"


class Say(enum.Enum):
    """What somebody of ours asks the model to say."""

    GREETING = "greeting"
    APPLICATION = "application"


@attrs.frozen
class InterruptRequested:
    """Somebody of ours interrupts the model."""

    request: int
    reason: Reason
    through: int | None = None
    """The newest response that the asker knew of; later ones are not meant.  None: all."""


@attrs.frozen
class SpeechRequested:
    """Somebody of ours wants the model to speak."""

    request: int
    say: Say
    protected: bool = False
    keep: bool = False
    """True: an interruption does not drop it while it waits."""
    interrupts: bool = False
    """What is being said, and what waits to be, is interrupted for it."""


@attrs.frozen
class TextOffered:
    """Somebody of ours adds a text to the conversation; nobody speaks because of it."""

    request: int


@attrs.frozen
class ClipOffered:
    """Audio of ours is to be played to the caller: tones, a recorded line.  The model never knows
    of it."""

    request: int | None
    """None: nobody waits for what becomes of it."""
    item_id: str
    length_ms: int
    protected: bool = False


@attrs.frozen
class DigitsRequested:
    """The next keys are somebody's of ours, and not for the model."""

    request: int
    count: int
    """So many keys complete it."""
    terminator: str
    """This key completes it, too; empty: none does."""
    first_ms: int
    """How long the first key is waited for, once the model is silent."""
    between_ms: int
    """How long each further key is waited for."""


@attrs.frozen
class DigitsAbandoned:
    """Nobody waits for those keys any more."""

    request: int


@attrs.frozen
class ToolAnswered:
    """A tool's result is there."""

    call_id: str
    wants_answer: bool = True
    """False: the model is told, and need not say anything about it."""


@attrs.frozen
class AnsweringHeld:
    """The model is not to answer what is heard, or may again.  What we ask it to say, it says."""

    is_held: bool


@attrs.frozen
class HangUpRequested:
    """We end the call now."""


@attrs.frozen
class EndingRequested:
    """We end the call, or leave it to others, when everything was heard."""

    request: int | None
    """None: nobody waits for it."""
    reason: str = "hung_up"
    """A name, why."""
    words: int | None = None
    """Whose words are said before; None: there are none."""
    is_final: bool = False
    """The caller cannot keep the call by speaking; words said before cannot be interrupted."""
    leaves: bool = False
    """The call goes on with others: when everything was heard, the shell hands it over."""
    tool_call_id: str | None = None
    """The tool call that asks for it, whose result it does not wait for."""


@attrs.frozen
class LeaveFailed:
    """The call could not be handed over to others."""

    request: int | None
    """Whose request that was; None: it was for want of a model."""
