"""Everything the decision core can order, and the notes it leaves.

Rule 1: a command takes effect in the core before it is on any wire.
Rule 2: commands to one wire go out in the order in which they stand.
Rule 3: a note orders nothing; it says what was decided, for the log and for whoever waits.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs

from trio_media.core.events import Ended, Reason


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


# --- to the carrier --------------------------------------------------------------------------


@attrs.frozen
class PlayAudio:
    """Send a span of an item's audio to the carrier, padded to whole frames."""

    seq: int
    """Counts up over the call; the writer reports its progress by it."""
    epoch: int
    item_id: str
    offset_ms: int
    length_ms: int


@attrs.frozen
class SendMark:
    """Send a mark behind all audio sent so far."""

    epoch: int
    number: int
    """Never reused in the call."""


@attrs.frozen
class ClearCarrier:
    """Throw away all audio that is not written yet, and have the carrier throw away the rest."""

    epoch: int
    """The epoch that begins now."""


# --- to the model ----------------------------------------------------------------------------


@attrs.frozen
class CreateResponse:
    """Have the model speak."""

    command: int
    token: int
    cause: Cause
    response: int
    """The number of the response that this will be."""
    request: int | None = None
    """Whose request it is; the shell knows the words."""
    protected: bool = False
    """The caller cannot interrupt it."""


@attrs.frozen
class CancelResponse:
    """Stop the generation of a response."""

    command: int
    response_id: str


@attrs.frozen
class TruncateItem:
    """Tell the model that only the first ``audio_end_ms`` were heard."""

    command: int
    item_id: str
    audio_end_ms: int


@attrs.frozen
class DeleteItem:
    """Tell the model that an item was not heard at all, or that a turn was none."""

    command: int
    item_id: str


@attrs.frozen
class SendKeys:
    """Tell the model which keys the caller pressed."""

    command: int
    digits: str


@attrs.frozen
class SendText:
    """Add a text of ours to the conversation."""

    command: int
    request: int
    """Whose it is; the shell knows the words."""


@attrs.frozen
class SetTurnFlags:
    """Let the server interrupt and answer by itself, or forbid it."""

    command: int
    server_acts: bool


@attrs.frozen
class PostToolOutput:
    """Give the model the result of a tool."""

    command: int
    call_id: str
    was_run: bool
    """False: the call was interrupted before it was run; the model is told so."""


# --- to the shell ----------------------------------------------------------------------------


@attrs.frozen
class RunTool:
    """Run the tool that a complete function call asks for."""

    call_id: str


@attrs.frozen
class CancelTool:
    """Stop a tool: the model was told that there is no result."""

    call_id: str


@attrs.frozen
class ReleaseAudio:
    """An item's bytes are needed no more."""

    item_id: str


@attrs.frozen
class EndModelSession:
    """The model session is not what we think it is: close it."""

    reason: str


@attrs.frozen
class Leave:
    """Hand the call over to others: everything was heard."""

    request: int | None


@attrs.frozen
class EndCall:
    """End the call now."""

    reason: str


# --- notes -----------------------------------------------------------------------------------


@attrs.frozen
class Hushed:
    """The model was silenced on weak evidence; nothing is decided."""

    heard_ms: int
    """What the caller heard of the item that was playing."""
    item_id: str | None


@attrs.frozen
class Resumed:
    """The caller did not want the floor: the model goes on."""

    was_false: bool = True
    """The hush was wrong: nobody spoke.  False: a voice, too short to be an interruption, or one
    whose answer was over before it was decided."""


@attrs.frozen
class Taken:
    """The caller, or somebody for them, has the floor."""

    interruption: int
    reason: Reason
    request: int | None
    responses: tuple[int, ...]
    """Numbers of the responses concerned, oldest first."""
    has_floor: bool = True
    """False: something that was not meant is open or audible, so a hush goes on."""


@attrs.frozen
class InterruptionSettled:
    """An interruption ended."""

    interruption: int
    request: int | None
    reason: Reason
    outcome: Outcome
    heard_ms: int
    """What was heard of the newest response concerned."""


@attrs.frozen
class ItemHeard:
    """What the caller heard of an item, known once it is decided."""

    response: int
    item_id: str
    heard_ms: int
    received_ms: int


@attrs.frozen
class ResponseOpened:
    """A response's id became known."""

    response: int
    response_id: str
    cause: Cause


@attrs.frozen
class ResponseClosed:
    """A response's generation is over."""

    response: int
    response_id: str | None
    ended: Ended


@attrs.frozen
class SpeechDropped:
    """A request to speak that waits, or a text, will not be carried out."""

    request: int


@attrs.frozen
class SpeechEnded:
    """What was asked for was said, or not: what of it the caller heard is known."""

    request: int
    outcome: SpeechOutcome
    heard_ms: int


@attrs.frozen
class DigitsCollected:
    """Keys that were asked for are there, or are waited for no longer."""

    request: int
    digits: str
    outcome: DigitsOutcome


@attrs.frozen
class EndingBegan:
    """The call ends, or is handed over, when everything was heard."""

    request: int | None
    reason: str


@attrs.frozen
class EndingSettled:
    """The call does not end as it was going to."""

    request: int | None
    outcome: EndingOutcome


@attrs.frozen
class TurnDecided:
    """A caller's turn is answered, void, or will not be answered."""

    item_id: str
    fate: str


Command: TypeAlias = (
    PlayAudio
    | SendMark
    | ClearCarrier
    | CreateResponse
    | CancelResponse
    | TruncateItem
    | DeleteItem
    | SendKeys
    | SendText
    | SetTurnFlags
    | PostToolOutput
    | RunTool
    | CancelTool
    | ReleaseAudio
    | EndModelSession
    | Leave
    | EndCall
    | Hushed
    | Resumed
    | Taken
    | InterruptionSettled
    | ItemHeard
    | ResponseOpened
    | ResponseClosed
    | SpeechDropped
    | SpeechEnded
    | DigitsCollected
    | EndingBegan
    | EndingSettled
    | TurnDecided
)
