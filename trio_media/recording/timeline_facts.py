"""What a picture of a call is made of: spans and marks on lanes."""

from __future__ import annotations

import enum
from typing import Final

import attrs

FACTS_MAX: Final = 50_000  # more than a picture can show


class Lane(enum.Enum):
    """Whose line of the picture it is on, from top to bottom."""

    LOCAL = "caller, local ear"
    SERVER = "caller, server"
    GENERATED = "model generates"
    HEARD = "caller hears"
    FLOOR = "floor"
    CARRIER = "to the carrier"
    MODEL = "to the model"
    NOTES = "notes"


class Look(enum.Enum):
    """What kind of thing it is."""

    ONSET = "local speech"
    CONFIRMED = "confirmed"
    TURN = "turn, for the server"
    KEY = "key"
    RESPONSE = "response"
    RECEIVED = "its audio received"
    HEARD = "heard"
    HUSH = "hush"
    RESUME = "resume"
    TAKE = "take"
    CLEAR = "clear"
    MARK = "mark sent"
    ECHO = "mark echoed"
    CREATE = "create"
    CANCEL = "cancel"
    TELL = "truncate, delete"
    OTHER = "other"


@attrs.define(eq=False)
class Fact:
    """A span, or a mark when it begins and ends at once."""

    lane: Lane
    look: Look
    begins_ms: int
    ends_ms: int
    label: str = ""
    number: int = 0
    """The response that it is about; 0: none."""


@attrs.define
class Facts:
    """All of them, as many as a picture can show."""

    facts: list[Fact] = attrs.field(factory=list)
    dropped: int = 0

    def mark(self, lane: Lane, look: Look, t_ms: int, label: str = "", number: int = 0) -> Fact:
        """Add something that happened at a time."""
        return self.span(lane, look, t_ms, t_ms, label, number)

    def span(
        self,
        lane: Lane,
        look: Look,
        begins_ms: int,
        ends_ms: int,
        label: str = "",
        number: int = 0,
    ) -> Fact:
        """Add something that lasted.  It may be changed later; without room it is only counted."""
        fact = Fact(lane, look, begins_ms, ends_ms, label, number)
        if len(self.facts) < FACTS_MAX:
            self.facts.append(fact)
        else:
            self.dropped += 1
        return fact


def seconds(length_ms: int) -> str:
    """Give a length for people: ``1.75 s``."""
    return f"{length_ms / 1_000:.2f} s"
