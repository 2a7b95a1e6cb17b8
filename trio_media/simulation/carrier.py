"""A carrier, as small as it can be: a buffer that plays in real time, and marks that come back."""

from __future__ import annotations

import attrs

from trio_media.core import commands as cm

LATE_MS = 900  # a late mark: later than any network explains, sooner than one that is lost


@attrs.frozen
class Due:
    """A mark that will come back."""

    epoch: int
    number: int
    at_ms: int


@attrs.define
class Carrier:
    """What was sent to the carrier, and what it will say about it."""

    unwritten: list[cm.PlayAudio | cm.SendMark] = attrs.field(factory=list)
    marks: list[Due] = attrs.field(factory=list)
    stale: list[Due] = attrs.field(factory=list)
    """Marks that a clear sends back."""
    buffer_ends_ms: int = 0
    epoch: int = 1

    def took(self, command: cm.Command) -> None:
        """Take a command to the carrier, and none other."""
        if isinstance(command, cm.PlayAudio | cm.SendMark):
            self.unwritten.append(command)
        elif isinstance(command, cm.ClearCarrier):
            self.epoch = command.epoch
            self.unwritten.clear()
            self.stale = self.marks[:1]  # one is as good as many
            self.marks.clear()
            self.buffer_ends_ms = 0

    @property
    def is_write_due(self) -> bool:
        """Whether audio waits for the carrier's stream to take it."""
        return bool(self.unwritten)

    def write(self, now_ms: int) -> int | None:
        """Have the stream take everything; return the last message's number, if audio was in it."""
        seq = None
        for command in self.unwritten:
            if isinstance(command, cm.PlayAudio):
                seq = command.seq
                self.buffer_ends_ms = max(self.buffer_ends_ms, now_ms) + command.length_ms
            else:
                at_ms = max(self.buffer_ends_ms, now_ms)
                self.marks.append(Due(command.epoch, command.number, at_ms))
        self.unwritten.clear()
        return seq

    def due(self, now_ms: int) -> list[Due]:
        """Take the marks that come back by now."""
        due = [mark for mark in self.marks if mark.at_ms <= now_ms]
        self.marks = [mark for mark in self.marks if mark.at_ms > now_ms]
        return due

    def delay_first(self) -> None:
        """The oldest mark is late."""
        self.marks[0] = attrs.evolve(self.marks[0], at_ms=self.marks[0].at_ms + LATE_MS)
        self.marks.sort(key=lambda mark: mark.at_ms)

    def form(self, now_ms: int, last_mark: int) -> tuple[object, ...]:
        """Return what of it matters for its future."""
        return (
            len(self.unwritten),
            tuple((last_mark - mark.number, mark.at_ms - now_ms) for mark in self.marks),
            bool(self.stale),
            max(self.buffer_ends_ms - now_ms, 0),
        )
