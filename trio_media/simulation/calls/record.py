"""Everything that passed the wires of one call, with both its times.

It is taken at the far ends, from outside: nothing in it was told by the system under test.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

import attrs

from trio_media.simulation.calls.sounds import Span

CARRIER: Final = "carrier"
MODEL: Final = "model"
MORE = TypeVar("MORE")


@attrs.define(eq=False)
class Entry:
    """One message."""

    number: int
    wire: str
    """`CARRIER` or `MODEL`."""
    is_ours: bool
    """It was sent by the system under test."""
    kind: str
    """Its event or type."""
    sent_ms: float
    """When it was handed to the network."""
    came_ms: float | None = None
    """When the other side took it from the network; None: it never did."""
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    """What of it matters."""
    spans: tuple[Span, ...] = ()
    """The model's voice in it."""
    length_ms: int = 0
    """How much audio it holds, silence included."""
    session: int = 0
    """Of the model's, in which it passed; 0: in none."""

    @property
    def near_ms(self) -> float | None:
        """When the system under test sent it, or learned of it; None if it never did."""
        return self.sent_ms if self.is_ours else self.came_ms

    @property
    def at_ms(self) -> float:
        """`near_ms` of a message that was sent or learned, as those of `Record.near` are."""
        assert self.near_ms is not None, "it was never learned"
        return self.near_ms

    def __str__(self) -> str:
        arrow = ">" if self.is_ours else "<"
        came = "never" if self.came_ms is None else f"{self.came_ms:.3f}"
        what = json.dumps(dict(self.fields), sort_keys=True) if self.fields else ""
        voice = " ".join(map(str, self.spans))
        words = " ".join(word for word in (self.kind, what, voice) if word)
        return f"{self.sent_ms:12.3f} {came:>12} {self.wire:7} {arrow} {words}"


@attrs.define(eq=False)
class Session:
    """One session of the model's, as the service has it."""

    began_ms: float
    ended_ms: float | None = None
    """When the service saw the end of it."""
    caller_came: list[int] = attrs.field(factory=list)
    """The numbers of the caller's frames that it was given."""


@attrs.define(eq=False)
class Away:
    """A time without a model session, as the call knew of it."""

    since_ms: float
    until_ms: float | None = None
    """When there was another; None: there was none."""


@attrs.frozen
class Heard:
    """The caller heard a span of the model's voice."""

    at_ms: float
    span: Span


@attrs.frozen
class ClipHeard:
    """The caller heard audio that has no labels: a clip of an application's, or tones."""

    at_ms: float
    audio: bytes
    """Mu-law, 8 kHz."""


@attrs.frozen
class Said:
    """What an item of the model's voice says from its beginning to its end."""

    text: str
    """Empty: nobody knows."""
    length_ms: int
    response_id: str


class Wish(enum.Enum):
    """What an application asked of the call."""

    INTERRUPT = "interrupt"
    SPEAK = "speak"
    PLAY = "play"
    DIGITS = "digits"
    END = "end"
    """When everything was heard."""
    HANG_UP = "hang_up"
    """Now."""


@attrs.define(eq=False)
class Asked:
    """One request of the application, and its outcome."""

    wish: Wish
    asked_ms: float
    outcome: str | None = None
    settled_ms: float | None = None
    is_protected: bool = False
    """What is to be said cannot be interrupted."""
    is_partial: bool = False
    """Only older answers are to be interrupted."""
    token: str | None = None
    """Of the create that has it said."""
    clip: int | None = None
    """The label of what is to be played."""
    length_ms: int = 0
    """How long that is."""
    sound_ms: int = 0
    """How much of it sounds, where it has no label."""
    heard_ms: int = 0
    """What the application was told that the caller heard."""
    digits: str = ""
    """The keys that it was given."""
    has_words: bool = False
    """Something is to be said before the end."""
    is_final: bool = False
    """The caller cannot keep the call."""
    is_leaving: bool = False
    """The call is to be handed over."""


@attrs.define(eq=False)
class Record:
    """One call, seen from outside."""

    entries: list[Entry] = attrs.field(factory=list)
    heard: list[Heard] = attrs.field(factory=list)
    """In the order in which it was heard."""
    clips: list[ClipHeard] = attrs.field(factory=list)
    """What was heard of audio without labels."""
    said: dict[int, Said] = attrs.field(factory=dict)
    """What each item of the model's voice says, by its label."""
    caller_sent: list[tuple[float, int]] = attrs.field(factory=list)
    """Frames of the caller's: when, and their numbers."""
    caller_came: list[tuple[float, int]] = attrs.field(factory=list)
    """... and those that the model was given."""
    voiced_ms: list[tuple[float, float]] = attrs.field(factory=list)
    """When the caller spoke, or coughed: from, until."""
    faults: list[tuple[float, str]] = attrs.field(factory=list)
    """What went wrong with the networks, and when."""
    asked: list[Asked] = attrs.field(factory=list)
    """What the application, its agent and its tools asked of the call."""
    told: list[tuple[str, str]] = attrs.field(factory=list)
    """What a simulated application was told of what it asked: the wish, and its outcome."""
    waiting: list[str] = attrs.field(factory=list)
    """What they still waited for when all was over."""
    account: list[tuple[float, str]] = attrs.field(factory=list)
    """What the carrier's account was asked, and when: ``hang up``, ``redirect``, ``place``."""
    fillers: set[str] = attrs.field(factory=set)
    """What tools have the model say while they run."""
    ended_ms: float | None = None
    """When the call returned."""
    end_reason: str = ""
    left_open: list[str] = attrs.field(factory=list)
    """Connections that the call left behind."""
    crash: str = ""
    carrier_closed_ms: float | None = None
    """When the carrier's side saw the end of its connection."""
    sessions: list[Session] = attrs.field(factory=list)
    """Those of the model's that came to be: the first has the number 1."""
    aways: list[Away] = attrs.field(factory=list)
    lost_ms: float | None = None
    """When the call gave up having a session."""

    def add(self, wire: str, kind: str, *, is_ours: bool, sent_ms: float, **more: Any) -> Entry:  # noqa: ANN401
        """Add a message."""
        entry = Entry(len(self.entries) + 1, wire, is_ours, kind, sent_ms, **more)
        self.entries.append(entry)
        return entry

    def note_heard(self, heard: Heard | ClipHeard | None) -> None:
        """The caller heard something, or nothing."""
        if isinstance(heard, Heard):
            self.heard.append(heard)
        elif heard is not None:
            self.clips.append(heard)

    def since(self, began_ms: float) -> Record:
        """Return the same call with its times told from ``began_ms`` on."""

        def told(at_ms: float | None) -> float | None:
            return None if at_ms is None else round(at_ms - began_ms, 3)

        def shifted(times: list[tuple[float, MORE]]) -> list[tuple[float, MORE]]:
            return [(round(at_ms - began_ms, 3), more) for at_ms, more in times]

        return attrs.evolve(
            self,
            entries=[
                attrs.evolve(e, sent_ms=round(e.sent_ms - began_ms, 3), came_ms=told(e.came_ms))
                for e in self.entries
            ],
            heard=[attrs.evolve(h, at_ms=round(h.at_ms - began_ms, 3)) for h in self.heard],
            clips=[attrs.evolve(c, at_ms=round(c.at_ms - began_ms, 3)) for c in self.clips],
            account=shifted(self.account),
            caller_sent=shifted(self.caller_sent),
            caller_came=shifted(self.caller_came),
            voiced_ms=[(a - began_ms, b - began_ms) for a, b in self.voiced_ms],
            faults=shifted(self.faults),
            asked=[
                attrs.evolve(
                    a, asked_ms=round(a.asked_ms - began_ms, 3), settled_ms=told(a.settled_ms)
                )
                for a in self.asked
            ],
            ended_ms=told(self.ended_ms),
            carrier_closed_ms=told(self.carrier_closed_ms),
            sessions=[
                attrs.evolve(s, began_ms=round(s.began_ms - began_ms, 3), ended_ms=told(s.ended_ms))
                for s in self.sessions
            ],
            aways=[
                attrs.evolve(a, since_ms=round(a.since_ms - began_ms, 3), until_ms=told(a.until_ms))
                for a in self.aways
            ],
            lost_ms=told(self.lost_ms),
        )

    def near(self) -> list[Entry]:
        """Return the messages in the order in which the system under test sent or learned them.

        Where both times are the same nobody knows, and what it learned stands first.
        """
        known = [entry for entry in self.entries if entry.near_ms is not None]
        return sorted(known, key=lambda e: (e.at_ms, e.is_ours, e.number))

    def lines(self) -> Iterator[str]:
        """Yield the trace: the same call gives the same lines, byte for byte."""
        yield from map(str, self.entries)
        for heard in self.heard:
            yield f"{heard.at_ms:12.3f} heard {heard.span}"
        for clip in self.clips:
            yield f"{clip.at_ms:12.3f} heard {len(clip.audio)} bytes of a clip"
        for at_ms, request in self.account:
            yield f"{at_ms:12.3f} account {request}"
        for name, frames in (("sent", self.caller_sent), ("came", self.caller_came)):
            for at_ms, number in frames:
                yield f"{at_ms:12.3f} caller {name} {number}"
        for at_ms, fault in self.faults:
            yield f"{at_ms:12.3f} fault {fault}"
        for asked in self.asked:
            yield f"{asked.asked_ms:12.3f} {asked.wish.value} {asked.outcome} {asked.settled_ms}"
        yield f"ended {self.ended_ms} {self.end_reason} {self.crash}"
