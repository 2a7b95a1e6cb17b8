"""The steps of a log through a decision core of the log's own policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from trio_media.core.commands import Command
from trio_media.core.events import Event
from trio_media.core.invariants import Invariants
from trio_media.core.machine import DecisionCore
from trio_media.core.version import DECISION_VERSION
from trio_media.recording.log_format import LogHeader
from trio_media.replay.steps import Entry, LoggedCall, Step

KEPT_MAX: Final = 1_000  # differences, and broken promises: the first one leads to all the others

# What a programmer's error raises: the core and the observer are to be judged here, not trusted.
_ERRORS: Final = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError),
    *(RuntimeError, TypeError, ValueError),
)

Tell: TypeAlias = Callable[[Entry, Sequence[Command]], None]
"""Told of every entry and, of a step, what the core decides now."""


@attrs.frozen
class Difference:
    """A command of the log, and what the core orders now in its place."""

    line_number: int
    """Of the command or, where the log has none, of the line that it would stand behind."""
    t_ms: int
    event: Event
    was: Command | None
    now: Command | None

    def __str__(self) -> str:
        where = f"line {self.line_number}, {self.t_ms} ms, {self.event}"
        return f"{where}: was {self.was or 'nothing'}, is {self.now or 'nothing'}"


@attrs.frozen
class BrokenPromise:
    """A step of the replay that broke a promise."""

    line_number: int
    t_ms: int
    event: Event
    promise: str

    def __str__(self) -> str:
        return f"line {self.line_number}, {self.t_ms} ms, {self.event}: {self.promise}"


@attrs.define
class Replay:
    """What came of a replay."""

    header: LogHeader
    events: int = 0
    commands: int = 0
    """What the core decided now."""
    end_ms: int = 0
    """The time of the last event."""
    differences: list[Difference] = attrs.field(factory=list)
    """The first `KEPT_MAX` of them."""
    differences_count: int = 0
    broken: list[BrokenPromise] = attrs.field(factory=list)
    """Likewise."""
    broken_count: int = 0
    failure: str | None = None
    """How the core itself failed, which ended the replay; None: it did not."""
    ends_early: str | None = None
    """Why the log ends before the call does; None: it does not."""

    @property
    def is_same_version(self) -> bool:
        """Whether the log says that these decisions made it."""
        return self.header.decision_version == DECISION_VERSION

    @property
    def is_kept(self) -> bool:
        """Whether the log holds: every promise, and its own version every decision."""
        differs = self.is_same_version and self.differences_count > 0
        return not (differs or self.broken_count or self.failure)

    def problems(self) -> list[str]:
        """Everything that is not as in the log, whatever its version, and every broken promise."""
        found = [str(difference) for difference in self.differences]
        found += [f"broken promise: {broken}" for broken in self.broken]
        return found if self.failure is None else [*found, self.failure]


class _Replayer:
    """A core and its observer, and the books of what came of them."""

    def __init__(self, header: LogHeader) -> None:
        self.replay = Replay(header)
        self._core = DecisionCore(header.policy)
        self._invariants = Invariants(header.policy)

    def step(self, step: Step) -> Sequence[Command]:
        """Decide on one event again.  Returns what was decided; nothing if the core failed."""
        replay = self.replay
        replay.events += 1
        replay.end_ms = step.t_ms
        try:
            decided = self._core.handle(step.event, step.t_ms)
        except _ERRORS as error:
            where = f"line {step.line_number}, {step.t_ms} ms, {step.event}"
            replay.failure = f"{where}: the core fails: {type(error).__name__}: {_one_line(error)}"
            return ()
        replay.commands += len(decided)
        self._compare(step, decided)
        self._check(step, decided)
        return decided

    def _compare(self, step: Step, decided: Sequence[Command]) -> None:
        if not step.is_whole:
            decided = decided[: len(step.commands)]
        if list(step.commands) == list(decided):
            return
        for difference in _differences(step, decided):
            self.replay.differences_count += 1
            if len(self.replay.differences) < KEPT_MAX:
                self.replay.differences.append(difference)

    def _check(self, step: Step, decided: Sequence[Command]) -> None:
        try:
            self._invariants.observe(step.event, decided, step.t_ms)
        except _ERRORS as error:  # a broken promise, or the observer has lost count itself
            self.replay.broken_count += 1
            if len(self.replay.broken) < KEPT_MAX:
                promise = _one_line(error) or type(error).__name__
                broken = BrokenPromise(step.line_number, step.t_ms, step.event, promise)
                self.replay.broken.append(broken)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _differences(step: Step, decided: Sequence[Command]) -> Iterator[Difference]:
    """Pair what was with what is, between what both have in common."""
    was, now = step.commands, decided
    for kind, at, until, now_at, now_until in SequenceMatcher(None, was, now, False).get_opcodes():
        if kind == "equal":
            continue
        for index, (old, new) in enumerate(zip_longest(was[at:until], now[now_at:now_until])):
            behind = min(at + index + 1, until)  # the last line of the log that is spoken of
            yield Difference(step.line_number + behind, step.t_ms, step.event, old, new)


def replay_call(call: LoggedCall, tell: Tell | None = None) -> Replay:
    """Replay a log, in memory that does not grow with it; what differs is kept up to `KEPT_MAX`.

    Raises `LogUnreadable` for a line that is corrupt, and OSError.
    """
    replayer = _Replayer(call.header)
    for entry in call.entries():
        decided = replayer.step(entry) if isinstance(entry, Step) else ()
        if tell is not None:
            tell(entry, decided)
        if replayer.replay.failure is not None:
            break
    else:
        replayer.replay.ends_early = call.ends_early
    return replayer.replay


def replay_log(path: Path, tell: Tell | None = None) -> Replay:
    """Replay the log in a file.

    Raises `LogUnreadable` for what is no log, is of a newer format or is corrupt, and OSError.
    """
    return replay_call(LoggedCall.read(path), tell)
