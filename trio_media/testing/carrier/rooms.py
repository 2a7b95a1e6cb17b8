"""The conferences of a simulated carrier: who is in which, and when one is over."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Participant:
    """One call in a conference."""

    call_sid: str
    starts: bool
    """``startConferenceOnEnter``"""
    ends: bool
    """``endConferenceOnExit``"""


@attrs.define(eq=False, kw_only=True)
class Room:
    """One conference, from its first participant to its end."""

    name: str
    present: list[Participant] = attrs.field(factory=list)
    came: list[Participant] = attrs.field(factory=list)
    """All who were ever there, in order."""
    is_over: bool = False

    @property
    def is_started(self) -> bool:
        """Whether they hear each other; else they hear what they wait with."""
        return any(participant.starts for participant in self.came)

    @property
    def call_sids(self) -> list[str]:
        """Who is there now, in the order in which they came."""
        return [participant.call_sid for participant in self.present]

    def join(self, participant: Participant) -> None:
        """Somebody comes."""
        self.present.append(participant)
        self.came.append(participant)

    def leave(self, participant: Participant) -> None:
        """Somebody goes; with the last one, or with one who ends it, the conference is over."""
        self.present.remove(participant)
        self.is_over |= participant.ends or not self.present


@attrs.define(eq=False)
class Rooms:
    """All conferences, those that are over too."""

    _all: list[Room] = attrs.field(factory=list)

    def enter(self, name: str, participant: Participant) -> Room:
        """Come into the conference of that name; it begins, if there is none."""
        room = self.find(name)
        if room is None or room.is_over:
            room = Room(name=name)
            self._all.append(room)
        room.join(participant)
        return room

    def find(self, name: str) -> Room | None:
        """Give the last conference of that name, over or not; None: there was none."""
        return next((room for room in reversed(self._all) if room.name == name), None)
