"""The calls that are over, from what was kept of them under ``[recording] dir``.

Rule 1: the disk is read in threads, a few at a time, and each reading has a deadline.
Rule 2: a name that comes from outside reaches no file but those of one call.
Rule 3: what is read is bounded: of the folder, of a file, and of the files at a time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import msgspec
import trio

from trio_media.console.problems import Problem
from trio_media.console.views import CallDetail, CallView, InterruptionView, ToolView
from trio_media.facts.failures import Failure
from trio_media.facts.transcript import Spoken
from trio_media.facts.usage import Usage, usage_fields
from trio_media.recording.retention import Deleted, delete_call

FILES_MAX: Final = 100_000  # of the folder that are looked at
SUMMARY_BYTES_MAX: Final = 32 << 20
KEPT_MAX: Final = 2_000  # calls whose line in the list is remembered
THREADS_MAX: Final = 2
READ_S: Final = 5.0
CALL_SID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
CUT: Final = "cut"
"""How a call ended that could not say so: its process was killed, or ended it by force."""
_NAME: Final = re.compile(r"([A-Za-z0-9_-]{1,64})\.json")
T = TypeVar("T")


@attrs.define
class _BargeIn:
    t_ms: int
    reason: str
    outcome: str | None = None
    heard_ms: int | None = None
    hush_to_take_ms: int | None = None
    settle_ms: int | None = None


@attrs.define
class _Turn:
    opened_ms: int
    answer_ms: int | None = None


@attrs.define
class _Tool:
    t_ms: int
    name: str | None = None
    outcome: str | None = None
    took_ms: int | None = None


@attrs.define
class _Asked:
    tools: list[_Tool] = attrs.field(factory=list)


@attrs.define
class _Hush:
    onset_to_hush_ms: int | None = None


@attrs.define
class Summary:
    """What is read of a summary."""

    call_sid: str
    started_at: str
    duration_ms: int
    ended: dict[str, str] | None = None
    ended_in_words: str | None = None
    parameters: dict[str, str] = attrs.field(factory=dict)
    turns: list[_Turn] = attrs.field(factory=list)
    transcript: list[Spoken] = attrs.field(factory=list)
    asked: _Asked = attrs.field(factory=_Asked)
    usage: dict[str, Any] = attrs.field(factory=lambda: usage_fields(Usage()))
    failures: list[Failure] = attrs.field(factory=list)
    failures_dropped: int = 0
    barge_ins: list[_BargeIn] = attrs.field(factory=list)
    hushes: list[_Hush] = attrs.field(factory=list)
    latencies: dict[str, Any] = attrs.field(factory=dict)
    counters: dict[str, int] = attrs.field(factory=dict)


class Directory:
    """The folder of kept calls.  ``folder`` None: nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._limiter = trio.CapacityLimiter(THREADS_MAX)
        self._kept: dict[tuple[str, int, int], CallView] = {}

    async def newest(self, limit: int, *, without: AbstractSet[str]) -> Sequence[CallView]:
        """Give the newest calls that are over, newest first.

        ``without``: calls that are live.  Raises `Problem` when the disk is too slow.
        """
        return await self._read(lambda: self._newest(limit, without), [])

    async def find(self, call_sid: str) -> tuple[CallView, CallDetail] | None:
        """Give a call that is over; None where nothing is known of it."""
        return await self._read(lambda: self._find(call_sid), None)

    async def file(self, call_sid: str, end: str) -> Path | None:
        """Give the newest file of a call, by its ending (``jsonl``, ``wav``)."""
        return await self._read(lambda: self._file(call_sid, end), None)

    async def forget(self, call_sid: str) -> Deleted:
        """Delete everything that is kept of a call that is over.

        Raises `Problem` when the disk is too slow: then it may be deleted all the same.
        """
        return await self._read(lambda: self._forget(call_sid), Deleted())

    async def _read(self, read: Callable[[], T], nothing: T) -> T:
        if self._folder is None:
            return nothing
        with trio.move_on_after(READ_S):
            try:
                return await trio.to_thread.run_sync(
                    read, abandon_on_cancel=True, limiter=self._limiter
                )
            except OSError:
                return nothing
        raise Problem(503, "the disk is too slow", headers={"Retry-After": "5"})

    # --- in threads --------------------------------------------------------------------------

    def _newest(self, limit: int, without: AbstractSet[str]) -> list[CallView]:
        assert self._folder is not None
        found: list[tuple[int, int, str]] = []
        with os.scandir(self._folder) as entries:
            for count, entry in enumerate(entries):
                if count >= FILES_MAX:
                    break
                if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime_ns, status.st_size, entry.name))
        views: dict[str, CallView] = {}
        for changed_ns, size_bytes, name in sorted(found, reverse=True):
            if len(views) >= limit:
                break
            view = self._view(name, changed_ns, size_bytes)
            if view is not None and view.call_sid not in without:
                views.setdefault(view.call_sid, view)
        return sorted(views.values(), key=lambda view: view.started_at, reverse=True)

    def _view(self, name: str, changed_ns: int, size_bytes: int) -> CallView | None:
        key = (name, changed_ns, size_bytes)
        view = self._kept.get(key)
        if view is None:
            summary = self._summary(name)
            if summary is None:
                return None
            view = self._shown(name.removesuffix(".json"), summary)
            while len(self._kept) >= KEPT_MAX:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[key] = view
        return view

    def _summary(self, name: str) -> Summary | None:
        assert self._folder is not None
        path = self._folder / name
        try:
            if path.stat().st_size > SUMMARY_BYTES_MAX:
                return None
            return msgspec.json.decode(path.read_bytes(), type=Summary)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None  # removed, or not ours

    def _find(self, call_sid: str) -> tuple[CallView, CallDetail] | None:
        for name in self._names(call_sid):
            summary = self._summary(f"{name}.json")
            if summary is not None:
                return self._shown(name, summary), detail_of(summary)
        return None

    def _file(self, call_sid: str, end: str) -> Path | None:
        assert self._folder is not None
        for name in self._names(call_sid):
            path = self._folder / f"{name}.{end}"
            if path.is_file():
                return path
        return None

    def _forget(self, call_sid: str) -> Deleted:
        assert self._folder is not None
        names = self._names(call_sid)
        for key in [key for key in list(self._kept) if key[0].removesuffix(".json") in names]:
            self._kept.pop(key, None)
        return delete_call(self._folder, names)

    def _names(self, call_sid: str) -> list[str]:
        """Give what the files of a call are called, the newest media stream first."""
        assert self._folder is not None
        if not CALL_SID.fullmatch(call_sid):
            return []
        names = [call_sid]
        for number in range(2, 1_000):
            name = f"{call_sid}-{number}"
            if not any((self._folder / f"{name}.{end}").exists() for end in ("json", "jsonl")):
                break
            names.append(name)
        return names[::-1]

    def _shown(self, name: str, summary: Summary) -> CallView:
        assert self._folder is not None
        given, barge_ins = summary.parameters, [shown_barge_in(one) for one in summary.barge_ins]
        is_outbound = given.get("direction", "").startswith("outbound")
        median_ms = (summary.latencies.get("commit_to_audio") or {}).get("median_ms")
        return CallView(
            call_sid=summary.call_sid,
            state="ended",
            direction="outbound" if is_outbound else "inbound",
            caller=given.get("caller", ""),
            called=given.get("called", ""),
            started_at=summary.started_at,
            duration_ms=summary.duration_ms,
            turn_latency_ms=median_ms if isinstance(median_ms, int) else None,
            interruptions=len(barge_ins),
            last_interruption=barge_ins[-1] if barge_ins else None,
            end_reason=CUT if summary.ended is None else summary.ended.get("reason"),
            end_in_words=summary.ended_in_words,
            cost=cost if isinstance(cost := summary.usage.get("cost"), str) else None,
            currency=str(summary.usage.get("currency", "")),
            failures_count=len(summary.failures) + summary.failures_dropped,
            has_log=(self._folder / f"{name}.jsonl").is_file(),
            has_recording=(self._folder / f"{name}.wav").is_file(),
        )


def shown_barge_in(one: _BargeIn) -> InterruptionView:
    """Show an interruption of a summary."""
    return InterruptionView(
        at_ms=one.t_ms, reason=one.reason, outcome=one.outcome, heard_ms=one.heard_ms
    )


def detail_of(summary: Summary) -> CallDetail:
    """Show what a summary tells of a call."""
    taken: dict[str, list[int | None]] = {
        "onset_to_hush": [hush.onset_to_hush_ms for hush in summary.hushes],
        "hush_to_take": [one.hush_to_take_ms for one in summary.barge_ins],
        "interruption_settled": [one.settle_ms for one in summary.barge_ins],
        "turn_to_audio": [turn.answer_ms for turn in summary.turns],
    }
    return CallDetail(
        transcript=summary.transcript,
        counters=summary.counters,
        latencies_ms={
            kind: [one for one in samples if one is not None] for kind, samples in taken.items()
        },
        barge_ins=[shown_barge_in(one) for one in summary.barge_ins],
        tools=[
            ToolView(at_ms=tool.t_ms, name=tool.name, outcome=tool.outcome, took_ms=tool.took_ms)
            for tool in summary.asked.tools
        ],
        failures=summary.failures,
        usage=summary.usage,
    )
