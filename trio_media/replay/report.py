"""The verdict on a replay, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from trio_media.core.version import DECISION_VERSION
from trio_media.recording.timeline_facts import seconds
from trio_media.replay.replaying import BrokenPromise, Difference, Replay
from trio_media.replay.telling import printable

SHOWN_MAX: Final = 100  # differences, and broken promises; the first one is what matters


def report_problems(replay: Replay) -> Iterator[str]:
    """List what differs and what broke."""
    if replay.differences:
        versions = f"decisions {replay.header.decision_version or 'unknown'} in the log"
        yield f"differences ({versions}, {DECISION_VERSION} here):"
        yield from _listed(replay.differences, replay.differences_count)
    if replay.broken:
        yield "broken promises:"
        yield from _listed(replay.broken, replay.broken_count)
    if replay.differences and replay.broken and not replay.is_same_version:
        first_line = replay.differences[0].line_number
        yield f"from line {first_line} on, the events answer other commands than today's"
    if replay.failure is not None:
        yield printable(replay.failure)


def report_verdict(replay: Replay) -> str:
    """Say in a line what was replayed and what came of it."""
    replayed = f"replayed {replay.events} events, {replay.commands} commands"
    line = f"{replayed}, {seconds(replay.end_ms)}: {_verdict(replay)}"
    if replay.ends_early is not None:
        line += f"; the log ends early: {replay.ends_early}"
    return line


def _verdict(replay: Replay) -> str:
    if replay.failure is not None:
        return "the core failed"
    broken = "no promise broken"
    if replay.broken_count:
        broken = f"{_counted(replay.broken_count, 'step')} broke a promise"
    if not replay.differences_count:
        return f"identical, {broken}"
    differences = _counted(replay.differences_count, "difference")
    of_version = "" if replay.is_same_version else " to another version of the decisions"
    return f"{differences}{of_version}, {broken}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _listed(found: Sequence[Difference | BrokenPromise], count: int) -> Iterator[str]:
    for one in found[:SHOWN_MAX]:
        yield printable(f"  {one}")
    if count > SHOWN_MAX:
        yield f"  and {count - SHOWN_MAX} more"
