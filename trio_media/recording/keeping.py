"""Keeping a call: its event log, its recording and its summary, as the configuration asks.

Everything is kept by tasks in the call's own nursery and ends with it; what is queued then is still
written.  A disk that fails costs what it was to hold, never the call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.config import RecordingConfig
from trio_media.core.commands import Command
from trio_media.core.events import Event
from trio_media.core.policy import Policy
from trio_media.recording.disk import DEFAULT_LIMITS, DiskLimits
from trio_media.recording.event_log import EventLog, open_event_log, write_log
from trio_media.recording.log_format import LogHeader
from trio_media.recording.summary import SummaryBuilder
from trio_media.recording.summary_file import keep_summary
from trio_media.recording.wav_writer import StereoRecorder, record
from trio_media.telephony.events import MediaStreamStarted

STREAMS_MAX: Final = 1_000  # of one call; the last one is overwritten then
SECRET_PARAMETERS: Final = frozenset(("token",))  # they open calls; a log is read by others


@attrs.define(eq=False)
class Keeper:
    """Sees everything a call decides, and hands it to whatever keeps it."""

    summary: SummaryBuilder
    log: EventLog | None
    recorder: StereoRecorder | None

    def event(self, event: Event, t_ms: int) -> None:
        """The core is about to handle an event."""
        self.summary.event(event, t_ms)
        if self.log is not None:
            self.log.event(event, t_ms)

    def commands(self, commands: Sequence[Command], t_ms: int) -> None:
        """The core ordered something."""
        if not commands:
            return
        self.summary.commands(commands, t_ms)
        if self.log is not None:
            self.log.commands(commands, t_ms)

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """Something happened that decides nothing."""
        self.summary.note(kind, t_ms, **fields)
        if self.log is not None:
            self.log.note(kind, t_ms, **fields)

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """The caller's voice."""
        if self.recorder is not None:
            self.recorder.write_left(at_ms, payload)

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        """What the carrier plays from a time on."""
        if self.recorder is not None:
            self.recorder.write_right(at_ms, payload)


def keep_call(
    config: RecordingConfig,
    started: MediaStreamStarted,
    policy: Policy,
    *,
    now_ms: Callable[[], int],
    nursery: trio.Nursery,
    limits: DiskLimits = DEFAULT_LIMITS,
) -> list[Keeper]:
    """Begin to keep a call under ``config.dir``; nothing when that is empty.

    The tasks that write run in ``nursery``, and write what is queued when it is cancelled.
    """
    if not config.dir:
        return []
    header = LogHeader(
        call_sid=started.call_sid,
        stream_sid=started.stream_sid,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        policy=policy,
        parameters={
            name: value
            for name, value in started.custom_parameters.items()
            if name not in SECRET_PARAMETERS
        },
    )
    base = _free_name(Path(config.dir), started.call_sid)
    keeper = Keeper(SummaryBuilder(header), None, None)
    lines: trio.MemoryReceiveChannel[bytes] | None = None
    if config.events:
        keeper.log, lines = open_event_log(header)
    if config.audio:
        keeper.recorder = StereoRecorder()
    over = trio.Event()
    nursery.start_soon(_await_end, over)
    nursery.start_soon(_keep, keeper, base, lines, now_ms, over, limits)
    return [keeper]


async def _await_end(over: trio.Event) -> None:
    """Say when the call's nursery is cancelled."""
    try:
        await trio.sleep_forever()
    finally:
        over.set()


async def _keep(
    keeper: Keeper,
    base: Path,
    lines: trio.MemoryReceiveChannel[bytes] | None,
    now_ms: Callable[[], int],
    over: trio.Event,
    limits: DiskLimits,
) -> None:
    """Write until the call is over; then end the recording, the log and the summary, in this order.

    Each may have to tell of the one before.  **Cancellation:** is what ``over`` says; every step of
    a file has a deadline.
    """
    summary_closed = trio.Event()
    summary = base.with_name(f"{base.name}.json")
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as summary_writer:
            keep = functools.partial(keep_summary, limits=limits)
            summary_writer.start_soon(keep, keeper.summary, summary, summary_closed)
            async with trio.open_nursery() as log_writer:
                if keeper.log is not None and lines is not None:
                    path = base.with_name(f"{base.name}.jsonl")
                    log_writer.start_soon(_keep_log, keeper, path, lines, now_ms, limits)
                async with trio.open_nursery() as audio_writer:
                    if keeper.recorder is not None:
                        path = base.with_name(f"{base.name}.wav")
                        audio_writer.start_soon(_keep_audio, keeper, path, now_ms, limits)
                    await over.wait()
                    if keeper.recorder is not None:
                        keeper.recorder.close()
                if keeper.log is not None:
                    keeper.log.close()
            summary_closed.set()


def _free_name(folder: Path, call_sid: str) -> Path:
    """A call whose stream came back must not overwrite what was kept of it before."""
    base = folder / call_sid
    for number in range(2, STREAMS_MAX):
        if not any(base.with_name(f"{base.name}.{end}").exists() for end in ("json", "jsonl")):
            break
        base = folder / f"{call_sid}-{number}"
    return base


async def _keep_log(
    keeper: Keeper,
    path: Path,
    lines: trio.MemoryReceiveChannel[bytes],
    now_ms: Callable[[], int],
    limits: DiskLimits,
) -> None:
    """Write the event log; the summary says when it was lost."""
    assert keeper.log is not None
    stats = keeper.log.stats
    await write_log(path, lines, stats, limits=limits)
    if stats.failure is not None:
        keeper.summary.note("event_log_lost", now_ms(), reason=stats.failure)


async def _keep_audio(
    keeper: Keeper, path: Path, now_ms: Callable[[], int], limits: DiskLimits
) -> None:
    """Write the recording; the log and the summary say when it was lost, or has holes."""
    recorder = keeper.recorder
    assert recorder is not None
    await record(recorder, path, now_ms=now_ms, limits=limits)
    if recorder.failure is not None:
        keeper.note("recording_lost", now_ms(), reason=recorder.failure)
    elif recorder.dropped_bytes:
        keeper.note("recording_holes", now_ms(), ms=recorder.dropped_bytes // BYTES_PER_MS)
