"""A log as a test: one file for pytest, and beside it the log, stripped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from trio_media.core.commands import Command
from trio_media.core.version import DECISION_VERSION
from trio_media.errors import ConfigError
from trio_media.recording.log_format import LogHeader, encode_line
from trio_media.replay.steps import Entry, Step
from trio_media.replay.stripping import Stripper, strip_header

LOG_SUFFIX: Final = ".jsonl"
TEST: Final = '''"""A call that was: it replays to the same decisions, and they keep every promise.

Made by ``trio-media replay --as-test``; the log beside it says nothing of who spoke or of what was
said.  When decisions change and are meant to: make it again from that log, with ``--force``.
"""

from __future__ import annotations

from pathlib import Path

from trio_media.replay import replay_log


def test_the_call_replays_to_the_same_decisions() -> None:
    replay = replay_log(Path(__file__).with_suffix(".jsonl"))
    assert replay.events > 0
    assert replay.problems() == []
'''


@attrs.frozen
class Place:
    """Where a test and its log go."""

    test: Path

    @property
    def log(self) -> Path:
        """The log, beside the test."""
        return self.test.with_suffix(LOG_SUFFIX)

    def check(self, *, may_overwrite: bool) -> None:
        """Refuse a place that is no Python file or, unless it may be overwritten, not free.

        Raises `ConfigError`.
        """
        if self.test.suffix != ".py":
            raise ConfigError(f"--as-test {self.test}: a test is a file that ends in .py")
        for path in (self.test, self.log):
            if path.is_dir():
                raise ConfigError(f"--as-test {self.test}: {path} is a directory")
            if path.exists() and not may_overwrite:
                raise ConfigError(
                    f"--as-test {self.test}: {path} exists already; --force overwrites it"
                )


class LogAsTest:
    """Takes in a replay, and writes it down as a test when it is over.

    The test is held to the log's decisions where these decisions made it, and to today's where
    others did: what a replay of it says is then news.
    """

    def __init__(self, header: LogHeader) -> None:
        self._header = strip_header(header, DECISION_VERSION)
        self._is_same = header.decision_version == DECISION_VERSION
        self._stripper = Stripper()

    def take(self, entry: Entry, decided: Sequence[Command]) -> None:
        """Take in an entry, and what is decided on it now."""
        if self._is_same and isinstance(entry, Step):
            decided = entry.commands
        self._stripper.take(entry, decided)

    def write(self, place: Place) -> None:
        """Write both files; the old ones, if any, stay whole until the new ones are.

        Raises `ConfigError` for a log without a step, and when the disk does not want to.
        """
        if not self._stripper.lines:
            raise ConfigError(f"--as-test {place.test}: nothing is decided in this log")
        self._stripper.finish()
        lines = [encode_line(self._header, 0)]
        lines += [encode_line(line.record, line.t_ms) for line in self._stripper.lines]
        try:
            _replace(place.log, b"".join(lines))
            _replace(place.test, TEST.encode())
        except OSError as exc:
            raise ConfigError(f"--as-test {place.test}: {exc.strerror or exc}") from exc


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.write_bytes(content)
    unfinished.replace(path)
