"""Everything that can happen to a call, as the decision core sees it.

Rule 1: past tense, frozen, numbers and names only: no bytes, no text of anybody, no floats.
Rule 2: an event names what it is about; it acts on that and on nothing else.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from trio_media.core.asking import AnsweringHeld as AnsweringHeld
from trio_media.core.asking import ClipOffered as ClipOffered
from trio_media.core.asking import DigitsAbandoned as DigitsAbandoned
from trio_media.core.asking import DigitsRequested as DigitsRequested
from trio_media.core.asking import EndingRequested as EndingRequested
from trio_media.core.asking import HangUpRequested as HangUpRequested
from trio_media.core.asking import InterruptRequested as InterruptRequested
from trio_media.core.asking import LeaveFailed as LeaveFailed
from trio_media.core.asking import Reason as Reason
from trio_media.core.asking import Say as Say
from trio_media.core.asking import SpeechRequested as SpeechRequested
from trio_media.core.asking import TextOffered as TextOffered
from trio_media.core.asking import ToolAnswered as ToolAnswered
from trio_media.core.verdicts import FAULTS as FAULTS
from trio_media.core.verdicts import Ended as Ended
from trio_media.core.verdicts import Refusal as Refusal
from trio_media.core.verdicts import Verdict as Verdict


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
class SessionAway:
    """The model session is gone, and another one is being made: a `SessionReady` tells of it."""


@attrs.frozen
class SessionLost:
    """The model session is gone, and there will be no other."""


@attrs.frozen
class SessionAging:
    """The service ends the session before long: at ``renew_by_ms`` it is renewed at the latest."""

    renew_by_ms: int


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
    SessionAway,
    SessionLost,
    SessionAging,
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
class ConversationResumed:
    """The call went on before, in a media stream that was cut: nothing else has happened yet."""

    is_answer_due: bool = False
    """The caller waits for an answer."""
    was_cut: bool = False
    """The model was speaking, and not at its end."""
    is_owed: bool = False
    """The caller said something of which the model is to hear the sound again; should it make no
    turn of that, they are owed an answer all the same."""


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
    | SessionAway
    | SessionLost
    | SessionAging
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
    | ConversationResumed
    | CallEnded
)
