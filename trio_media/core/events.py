"""Everything that can happen to a call, as the decision core sees it.

Rule 1: past tense, frozen, numbers and names only: no bytes, no text of anybody, no floats.
Rule 2: an event names what it is about; it acts on that and on nothing else.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs


class Reason(enum.Enum):
    """Why the model is interrupted."""

    LOCAL_SPEECH = "local_speech"
    SERVER_SPEECH = "server_speech"
    DTMF = "dtmf"
    APPLICATION = "application"
    TOOL = "tool"
    HANG_UP = "hang_up"


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


class Say(enum.Enum):
    """What somebody of ours asks the model to say."""

    GREETING = "greeting"
    APPLICATION = "application"


@attrs.frozen
class TimePassed:
    """A deadline came, or the shell just wants the time to be known."""


# --- the carrier -----------------------------------------------------------------------------


@attrs.frozen
class CarrierWrote:
    """The carrier's stream took the audio up to ``seq``, at ``at_ms``."""

    seq: int
    at_ms: int


@attrs.frozen
class MarkEchoed:
    """A mark came back: played, or cleared."""

    epoch: int
    number: int


@attrs.frozen
class KeyPressed:
    """The caller pressed a key."""

    digit: str


# --- the ear ---------------------------------------------------------------------------------


@attrs.frozen
class LocalSpeechBegan:
    """Weak evidence: an onset."""

    at_ms: int | None = None
    """The end of the caller's audio that decided it, which may be judged late; None: now."""


@attrs.frozen
class LocalSpeechVoiced:
    """Better evidence: what began is a human voice.  It may still be a mere "mhm"."""

    at_ms: int | None = None


@attrs.frozen
class LocalSpeechConfirmed:
    """Strong evidence: what began is speech that wants the floor."""

    at_ms: int | None = None


@attrs.frozen
class LocalSpeechEnded:
    """The caller is quiet again, as heard here."""

    at_ms: int | None = None


# --- the model -------------------------------------------------------------------------------


@attrs.frozen
class SessionReady:
    """The model service confirmed the session, at the start or after a change."""

    server_acts: bool
    """``interrupt_response`` and ``create_response`` are in force."""
    silence_ms: int = 500
    """Silence after which the server ends a turn."""
    transcribes: bool = True


@attrs.frozen
class SessionLost:
    """The model session is gone."""


@attrs.frozen
class ServerSpeechStarted:
    """The server hears the caller; a turn opens."""

    item_id: str


@attrs.frozen
class ServerSpeechStopped:
    """The server hears that the caller has stopped."""

    item_id: str


@attrs.frozen
class TurnCommitted:
    """What the caller said became an item of the conversation."""

    item_id: str


@attrs.frozen
class TurnFailed:
    """A turn will not be committed or not be understood."""

    item_id: str | None
    """None: whichever turn is open."""


@attrs.frozen
class TurnTranscribed:
    """A turn's transcript came."""

    item_id: str
    verdict: Verdict


@attrs.frozen
class ResponseCreated:
    """A response is open."""

    response_id: str
    token: int | None
    """The token of our create; None when the server does not say whose it is."""


@attrs.frozen
class ItemAdded:
    """A response has a new item."""

    response_id: str
    item_id: str
    is_speech: bool
    """False: a function call or something else that is never truncated or deleted."""


@attrs.frozen
class AudioReceived:
    """``length_ms`` more of an item's audio came, whole milliseconds."""

    response_id: str
    item_id: str
    length_ms: int


@attrs.frozen
class ItemAudioDone:
    """An item gets no more audio."""

    response_id: str
    item_id: str


@attrs.frozen
class ToolCalled:
    """A function call item is complete.  What its tool asks for comes with it."""

    response_id: str
    item_id: str
    call_id: str
    filler_ms: int | None = None
    """Silence after which the model says that it is still at it; None: never."""
    is_cancelled_by_interruption: bool = False
    """An interruption, or a turn of the caller that counts, ends it without its result."""
    is_protecting: bool = False
    """What the model says about it cannot be interrupted: the filler and the answer."""
    holds_answers: bool = False
    """The caller's turns are not answered before its result is there."""


@attrs.frozen
class ServiceToolRan:
    """The service itself ran a tool for a response; who speaks about it then is not settled."""

    response_id: str


@attrs.frozen
class ResponseOver:
    """A response's generation is over."""

    response_id: str | None
    """None: the event was too malformed to say."""
    ended: Ended
    token: int | None = None


@attrs.frozen
class CommandRefused:
    """The service rejected a command of ours, or says that something is wrong."""

    refusal: Refusal
    command: int | None
    """The command's number; None when the service does not say."""


OF_THE_MODEL = (
    SessionReady,
    SessionLost,
    ServerSpeechStarted,
    ServerSpeechStopped,
    TurnCommitted,
    TurnFailed,
    TurnTranscribed,
    ResponseCreated,
    ItemAdded,
    AudioReceived,
    ItemAudioDone,
    ToolCalled,
    ServiceToolRan,
    ResponseOver,
    CommandRefused,
)
"""What a model session says: nothing, once it is lost."""

# --- us --------------------------------------------------------------------------------------


@attrs.frozen
class CommandUnsent:
    """A command was refused by the model's outbox: no byte of it was written."""

    command: int


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

    request: int
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

    request: int


@attrs.frozen
class CallEnded:
    """The call is over, whoever ended it.  Nothing follows."""


Event: TypeAlias = (
    TimePassed
    | CarrierWrote
    | MarkEchoed
    | KeyPressed
    | LocalSpeechBegan
    | LocalSpeechVoiced
    | LocalSpeechConfirmed
    | LocalSpeechEnded
    | SessionReady
    | SessionLost
    | ServerSpeechStarted
    | ServerSpeechStopped
    | TurnCommitted
    | TurnFailed
    | TurnTranscribed
    | ResponseCreated
    | ItemAdded
    | AudioReceived
    | ItemAudioDone
    | ToolCalled
    | ServiceToolRan
    | ResponseOver
    | CommandRefused
    | CommandUnsent
    | InterruptRequested
    | SpeechRequested
    | TextOffered
    | ClipOffered
    | DigitsRequested
    | DigitsAbandoned
    | ToolAnswered
    | AnsweringHeld
    | HangUpRequested
    | EndingRequested
    | LeaveFailed
    | CallEnded
)
