"""The application of a simulated call, its agent's tool, and the carrier's account: data."""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs


@attrs.frozen
class Interrupts:
    """The application interrupts."""

    at_ms: int


@attrs.frozen
class Says:
    """The application has the model say something."""

    at_ms: int
    protected: bool = False
    keep: bool = False
    interrupts: bool = False


@attrs.frozen
class Plays:
    """The application plays a clip."""

    at_ms: int
    length_ms: int
    protected: bool = False


BETWEEN_KEYS_MS: Final = 1_200  # that a collection waits for each further key


@attrs.frozen
class Collects:
    """The application asks for the caller's next keys."""

    at_ms: int
    count: int
    first_ms: int = 4_000


@attrs.frozen
class EndsWhenHeard:
    """The application ends the call, or hands it over, when everything was heard."""

    at_ms: int
    has_words: bool = False
    is_final: bool = False
    leaves: bool = False


@attrs.frozen
class Ends:
    """The application hangs up now."""

    at_ms: int


ApplicationAct: TypeAlias = Interrupts | Says | Plays | Collects | EndsWhenHeard | Ends


class Does(enum.Enum):
    """What a tool does besides taking its time."""

    NOTHING = "nothing"
    FAILS = "fails"
    SAYS = "says"
    """It has the model say something, and waits until that was heard."""
    ENDS = "ends"
    """It ends the call when everything was heard."""


@attrs.frozen
class Marks:
    """The agent's tool, and how the call goes on around it."""

    takes_ms: int = 400
    does: Does = Does.NOTHING
    filler_after_ms: int | None = 3_000
    cancel_on_interrupt: bool = False
    protect_speech: bool = False
    hold_answers: bool = False
    idempotent: bool = False


class Carrier(enum.Enum):
    """What the carrier's account does about a redirect or a hang-up."""

    NONE = "none"
    """There is no account."""
    OBEYS = "obeys"
    REFUSES = "refuses"
    LOST = "lost"
    SILENT = "silent"
