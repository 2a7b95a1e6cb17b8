"""The notes that the decision core leaves: they order nothing, and say what was decided.

Rule 1: whoever waits for something learns what became of it from one note, and from no other.
"""

from __future__ import annotations

import attrs

from trio_media.core.events import Ended, Reason
from trio_media.core.outcomes import (
    Cause,
    DigitsOutcome,
    EndingOutcome,
    Outcome,
    Remedy,
    SpeechOutcome,
)


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
class FaultMet:
    """A response that nobody took ended as it should not have."""

    response: int
    response_id: str | None
    ended: Ended
    remedy: Remedy


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
