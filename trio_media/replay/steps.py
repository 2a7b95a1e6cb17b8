"""A log as steps: each an event with the commands that it led to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias, get_args

import attrs

from trio_media.core import events as ev
from trio_media.core.commands import Command
from trio_media.errors import LogCutOff, LogUnreadable
from trio_media.recording.log_format import (
    CALL_ENDED,
    LINES_DROPPED,
    LogHeader,
    LogLine,
    Note,
    read_log,
)

ENDS_BEFORE_THE_CALL: Final = "it does not say how the call ended"
_EVENTS: Final = get_args(ev.Event)
_COMMANDS: Final = get_args(Command)
_IN_THE_PAST: Final = (
    ev.CarrierWrote,
    ev.LocalSpeechBegan,
    ev.LocalSpeechVoiced,
    ev.LocalSpeechConfirmed,
    ev.LocalSpeechEnded,
)


@attrs.frozen
class Step:
    """An event, and what the log says that it led to."""

    line_number: int
    """Of the event; its commands stand in the lines directly behind it."""
    t_ms: int
    event: ev.Event
    commands: tuple[Command, ...]
    is_whole: bool = True
    """False: the log ends or has a hole directly behind it, so more commands may have followed."""


@attrs.frozen
class Noted:
    """A note between two steps."""

    t_ms: int
    note: Note


Entry: TypeAlias = Step | Noted


class LoggedCall:
    """A log, from its header on.  ``lines`` are all of its lines in order, none left out."""

    def __init__(self, lines: Iterator[LogLine]) -> None:
        header = next(lines).record
        assert isinstance(header, LogHeader)
        self.header = header
        self.ends_early: str | None = ENDS_BEFORE_THE_CALL
        """After `entries`: why what followed is unknown; None: the log is there to the end."""
        self._lines = lines
        self._last_ms = 0
        self._line_number = 1
        self._pending: Step | None = None
        self._commands: list[Command] = []

    @classmethod
    def read(cls, path: Path) -> LoggedCall:
        """Begin to read a log.

        Raises `LogUnreadable` for what is no log, or one of a newer format, and OSError.
        """
        return cls(read_log(path))

    def entries(self) -> Iterator[Entry]:
        """Yield the steps and the notes in their order, once, up to the end or to a hole.

        Raises `LogUnreadable` for a line that is corrupt or stands where it cannot, and OSError.  A
        last line that is cut off only ends the log.
        """
        try:
            for line in self._lines:
                self._line_number += 1
                if isinstance(line.record, Note):
                    has_hole = line.record.kind == LINES_DROPPED
                    yield from self._end_step(is_whole=not has_hole)
                    if has_hole:
                        self.ends_early = f"lines were dropped at line {self._line_number}"
                        return
                    if line.record.kind == CALL_ENDED:
                        self.ends_early = None
                    yield Noted(line.t_ms, line.record)
                elif isinstance(line.record, _EVENTS):
                    yield from self._end_step(is_whole=True)
                    self._begin_step(line.t_ms, line.record)
                else:
                    self._add_command(line)
        except LogCutOff as cut:
            self.ends_early = f"line {cut.line_number} is cut off"
        yield from self._end_step(is_whole=False)

    def _begin_step(self, t_ms: int, event: ev.Event) -> None:
        if t_ms < self._last_ms:
            raise self._unreadable(f"time goes back, from {self._last_ms} to {t_ms} ms")
        if isinstance(event, _IN_THE_PAST) and event.at_ms is not None and event.at_ms > t_ms:
            raise self._unreadable(f"it is told at {t_ms} ms, before it was: at {event.at_ms} ms")
        self._last_ms = t_ms
        self._pending = Step(self._line_number, t_ms, event, ())

    def _add_command(self, line: LogLine) -> None:
        step, command = self._pending, line.record
        if not isinstance(command, _COMMANDS):
            raise self._unreadable("a second header")
        if step is None:
            raise self._unreadable(f"{type(command).__name__} follows no event")
        if line.t_ms != step.t_ms:
            raise self._unreadable(f"a command at {line.t_ms} ms of an event at {step.t_ms} ms")
        self._commands.append(command)

    def _end_step(self, *, is_whole: bool) -> Iterator[Step]:
        step, self._pending = self._pending, None
        if step is not None:
            commands, self._commands = tuple(self._commands), []
            yield attrs.evolve(step, commands=commands, is_whole=is_whole)

    def _unreadable(self, reason: str) -> LogUnreadable:
        return LogUnreadable(self._line_number, reason)
