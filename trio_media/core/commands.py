"""Everything the decision core can order, and the notes it leaves.

Rule 1: a command takes effect in the core before it is on any wire.
Rule 2: commands to one wire go out in the order in which they stand.
Rule 3: a note orders nothing; it says what was decided, for the log and for whoever waits.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from trio_media.core.notes import DigitsCollected as DigitsCollected
from trio_media.core.notes import EndingBegan as EndingBegan
from trio_media.core.notes import EndingSettled as EndingSettled
from trio_media.core.notes import FaultMet as FaultMet
from trio_media.core.notes import Hushed as Hushed
from trio_media.core.notes import InterruptionSettled as InterruptionSettled
from trio_media.core.notes import ItemHeard as ItemHeard
from trio_media.core.notes import ResponseClosed as ResponseClosed
from trio_media.core.notes import ResponseOpened as ResponseOpened
from trio_media.core.notes import Resumed as Resumed
from trio_media.core.notes import SpeechDropped as SpeechDropped
from trio_media.core.notes import SpeechEnded as SpeechEnded
from trio_media.core.notes import Taken as Taken
from trio_media.core.notes import TurnDecided as TurnDecided
from trio_media.core.outcomes import Cause as Cause
from trio_media.core.outcomes import DigitsOutcome as DigitsOutcome
from trio_media.core.outcomes import EndingOutcome as EndingOutcome
from trio_media.core.outcomes import Outcome as Outcome
from trio_media.core.outcomes import Recorded as Recorded
from trio_media.core.outcomes import Remedy as Remedy
from trio_media.core.outcomes import SpeechOutcome as SpeechOutcome

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
class SayAgain:
    """Give the next model session the sound of these turns: of their words nothing is known."""

    item_ids: tuple[str, ...]


@attrs.frozen
class PlayRecorded:
    """Play words of ours to the caller: answered by a `ClipOffered`, where there are any."""

    words: Recorded


@attrs.frozen
class EndModelSession:
    """The model session is not what we think it is: close it, and make another."""

    reason: str
    is_final: bool = False
    """Make no other: none would answer."""


@attrs.frozen
class RenewSession:
    """The model session is about to be too old, and nothing goes on in it: make another."""


@attrs.frozen
class Leave:
    """Hand the call over to others: everything was heard."""

    request: int | None


@attrs.frozen
class EndCall:
    """End the call now."""

    reason: str


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
    | SayAgain
    | PlayRecorded
    | EndModelSession
    | RenewSession
    | Leave
    | EndCall
    | Hushed
    | Resumed
    | Taken
    | InterruptionSettled
    | ItemHeard
    | ResponseOpened
    | ResponseClosed
    | FaultMet
    | SpeechDropped
    | SpeechEnded
    | DigitsCollected
    | EndingBegan
    | EndingSettled
    | TurnDecided
)
