"""A log without what the core does not need: whose call it was, when, and what was said in it.

The core compares names and never reads them, and it passes keys on without looking at them.  So a
stripped log replays as the whole one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import attrs

from trio_media.core.commands import Command, EndCall, EndingBegan
from trio_media.core.events import DigitsRequested, EndingRequested, Event
from trio_media.recording.log_format import CALL_ENDED, LogHeader, LogLine, Note
from trio_media.replay.steps import Entry, Noted, Step

NAMES: Final = frozenset(
    ("item_id", "item_ids", "response_id", "call_id", "tool_call_id")
)  # given by the model service
KEYS: Final = frozenset(("digit", "digits"))  # may be a card's number
KEY: Final = "0"
NO_DIGITS: Final = "#*ABCD"  # keys that are no number, and may end one: what they do is kept
REASONS: Final = frozenset(("hung_up", "model_lost", "silence"))  # of ours; others are anybody's
CUT_HERE: Final = "cut_here"  # the step before is whole; what followed is not in this log

WITH_REASONS: Final = (EndingRequested, EndingBegan, EndCall)

R = TypeVar("R", Event, Command)


def strip_header(header: LogHeader, decision_version: int) -> LogHeader:
    """Keep the policy, under the version of the decisions that stand in the log."""
    return LogHeader(
        call_sid="",
        stream_sid="",
        started_at="",
        policy=header.policy,
        package_version=header.package_version,
        decision_version=decision_version,
    )


class Stripper:
    """Takes in a log entry by entry; ``lines`` are what is left of it."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self._names: dict[str, str] = {}
        self._is_ended = False
        self._is_whole = False

    def take(self, entry: Entry, commands: Sequence[Command]) -> None:
        """Take in a step, with the commands that are to stand in the log, or a note."""
        if isinstance(entry, Noted):
            self._is_ended = self._is_ended or entry.note.kind == CALL_ENDED
        else:
            self._is_whole = entry.is_whole
            self._take_step(entry, commands)

    def finish(self) -> None:
        """Close the last step by a note if it is whole, so that it is in the new log too."""
        if self.lines and self._is_whole:
            end = Note(CALL_ENDED if self._is_ended else CUT_HERE)
            self.lines.append(LogLine(self.lines[-1].t_ms, end))

    def _take_step(self, step: Step, commands: Sequence[Command]) -> None:
        self.lines.append(LogLine(step.t_ms, self._strip(step.event)))
        self.lines += [LogLine(step.t_ms, self._strip(command)) for command in commands]

    def _strip(self, record: R) -> R:
        """Give names a number in their order of coming, all in one row: same stays same."""
        changes: dict[str, Any] = {}
        for field, content in attrs.asdict(record, recurse=False).items():
            if field == "item_ids":
                changes[field] = tuple(map(self._name, content))
            if not isinstance(content, str):
                continue
            if field in NAMES:
                changes[field] = self._name(content)
            elif field in KEYS:
                changes[field] = "".join(key if key in NO_DIGITS else KEY for key in content)
            elif field == "reason" and isinstance(record, WITH_REASONS):
                is_ours = content in REASONS
                changes[field] = content if is_ours else self._name(content)
        if isinstance(record, DigitsRequested) and record.terminator not in NO_DIGITS:
            changes["terminator"] = ""  # a digit, and digits are all the same here
        whole: Any = record  # which of them it is, and so which fields it has, is known only here
        stripped: R = attrs.evolve(whole, **changes)
        return stripped

    def _name(self, content: str) -> str:
        return self._names.setdefault(content, f"name_{len(self._names) + 1}")
