"""Keeping a call: its event log, its recording and its summary, as the configuration asks.

Everything is kept by tasks in the call's own nursery and ends with it; what is queued then is still
written.  A disk that fails costs what it was to hold, never the call.
"""

from __future__ import annotations

import contextlib
import math
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
from trio_media.facts.masking import commands_without_keys, event_without_keys
from trio_media.facts.privacy import Pauses
from trio_media.recording.disk import (
    DEFAULT_LIMITS,
    LAST_STEP_DEADLINE_S,
    DiskLimits,
    run_last_step,
)
from trio_media.recording.event_log import EventLog, write_log
from trio_media.recording.log_format import (
    CALL_ENDED,
    EVENT_LOG_LOST,
    RECORDING_HOLES,
    RECORDING_LOST,
    LogHeader,
)
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
    masks_keys: bool = False
    """Which keys were pressed is not told, also while nothing is paused."""
    pauses: Pauses = attrs.field(factory=Pauses)

    @property
    def wants_heard_audio(self) -> bool:
        """Whether there is a recording."""
        return self.recorder is not None

    def event(self, event: Event, t_ms: int) -> None:
        """The core is about to handle an event."""
        if self._hides_keys:
            event = event_without_keys(event)
        self.summary.event(event, t_ms)
        if self.log is not None:
            self.log.event(event, t_ms)

    def commands(self, commands: Sequence[Command], t_ms: int) -> None:
        """The core ordered something."""
        if not commands:
            return
        if self._hides_keys:
            commands = commands_without_keys(commands)
        self.summary.commands(commands, t_ms)
        if self.log is not None:
            self.log.commands(commands, t_ms)

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """Something happened that decides nothing."""
        self.pauses.note(kind, t_ms)
        self.summary.note(kind, t_ms, **fields)
        if kind == CALL_ENDED and self.recorder is not None:
            self.recorder.close(t_ms)
        if self.log is not None:
            self.log.note(kind, t_ms, **fields)

    @property
    def _hides_keys(self) -> bool:
        return self.masks_keys or self.pauses.is_paused

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """The caller's voice."""
        if self.recorder is None:
            return
        if self.pauses:
            self._write_recorded(self.recorder.write_left, at_ms, payload)
        else:
            self.recorder.write_left(at_ms, payload)

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        """What the carrier plays from a time on."""
        if self.recorder is None:
            return
        if self.pauses:
            self._write_recorded(self.recorder.write_right, at_ms, payload)
        else:
            self.recorder.write_right(at_ms, payload)

    def _write_recorded(
        self, write: Callable[[int, bytes], None], at_ms: int, payload: bytes
    ) -> None:
        """Write what was not said in a pause."""
        ends_ms = at_ms + -(-len(payload) // BYTES_PER_MS)
        for begins_ms, until_ms in self.pauses.recorded(at_ms, ends_ms):
            first, end = (ms - at_ms for ms in (begins_ms, until_ms))
            write(begins_ms, payload[first * BYTES_PER_MS : end * BYTES_PER_MS])


def keep_call(
    config: RecordingConfig,
    started: MediaStreamStarted,
    policy: Policy,
    *,
    now_ms: Callable[[], int],
    nursery: trio.Nursery,
    resumed_from: str = "",
    limits: DiskLimits = DEFAULT_LIMITS,
) -> list[Keeper]:
    """Begin to keep a call under ``config.dir``; nothing when that is empty.

    ``resumed_from``: the call's media stream before this one, which has files of its own.

    The tasks that write run in ``nursery``, and write what is queued when it is cancelled.
    """
    if not config.dir:
        return []
    header = LogHeader(
        call_sid=started.call_sid,
        stream_sid=started.stream_sid,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        policy=policy,
        resumed_from=resumed_from,
        parameters={
            name: value
            for name, value in started.custom_parameters.items()
            if name not in SECRET_PARAMETERS
        },
    )
    place = _Place(Path(config.dir), started.call_sid)
    keeper = Keeper(SummaryBuilder(header), None, None, masks_keys=config.mask_keys)
    if config.events:
        keeper.log = EventLog(header)
    if config.audio:
        keeper.recorder = StereoRecorder()
    over = trio.Event()
    nursery.start_soon(_await_end, over)
    nursery.start_soon(_keep, keeper, place, now_ms, over, limits)
    return [keeper]


async def _await_end(over: trio.Event) -> None:
    """Say when the call's nursery is cancelled."""
    try:
        await trio.sleep_forever()
    finally:
        over.set()


@attrs.define
class _Place:
    """Where a call is kept."""

    folder: Path
    call_sid: str
    name: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.name = self.call_sid

    def find(self) -> None:
        """Find a name that is free: a stream that came back must not overwrite what was kept.

        Blocks: for a thread.  Raises OSError.
        """
        for number in range(2, STREAMS_MAX):
            if not any(self.path(end).exists() for end in ("json", "jsonl")):
                break
            self.name = f"{self.call_sid}-{number}"

    def path(self, end: str) -> Path:
        """A file of this call."""
        return self.folder / f"{self.name}.{end}"


async def _keep(
    keeper: Keeper,
    place: _Place,
    now_ms: Callable[[], int],
    over: trio.Event,
    limits: DiskLimits,
) -> None:
    """Write until the call is over; then end the recording, the log and the summary, in this order.

    Each may have to tell of the one before.  **Cancellation:** is what ``over`` says; all of them
    then have two seconds, whatever the disk does.
    """
    with trio.CancelScope(shield=True):
        with contextlib.suppress(OSError):  # what fails here fails again, and is logged then
            await run_last_step(place.find, limits)
        log, audio, summary = place.path("jsonl"), place.path("wav"), place.path("json")
        async with trio.open_nursery() as summary_writer:
            summary_writer.start_soon(_keep_summary, keeper, summary, limits)
            async with trio.open_nursery() as log_writer:
                if keeper.log is not None:
                    log_writer.start_soon(_keep_log, keeper, log, now_ms, limits)
                async with trio.open_nursery() as audio_writer:
                    if keeper.recorder is not None:
                        audio_writer.start_soon(_keep_audio, keeper, audio, now_ms, limits)
                    await over.wait()
                    audio_writer.cancel_scope.cancel()
                _end_log(keeper, log_writer.cancel_scope, limits)
            summary_writer.cancel_scope.cancel()


def _end_log(keeper: Keeper, scope: trio.CancelScope, limits: DiskLimits) -> None:
    """Let the log write what there is; a disk that hangs does not hold the call for it."""
    if keeper.log is not None:
        keeper.log.close()
    if not math.isinf(limits.write_deadline_s):  # a virtual clock waits for no thread
        scope.deadline = trio.current_time() + LAST_STEP_DEADLINE_S


async def _keep_log(
    keeper: Keeper, path: Path, now_ms: Callable[[], int], limits: DiskLimits
) -> None:
    """Write the event log; the summary says when it was lost."""
    assert keeper.log is not None
    stats = keeper.log.stats
    try:
        await write_log(path, keeper.log, limits=limits)
    finally:
        if stats.failure is not None:
            keeper.summary.note(EVENT_LOG_LOST, now_ms(), reason=stats.failure)


async def _keep_audio(
    keeper: Keeper, path: Path, now_ms: Callable[[], int], limits: DiskLimits
) -> None:
    """Write the recording; the log and the summary say when it was lost, or has holes."""
    recorder = keeper.recorder
    assert recorder is not None
    try:
        await record(recorder, path, now_ms=now_ms, limits=limits)
    finally:
        if recorder.failure is not None:
            keeper.note(RECORDING_LOST, now_ms(), reason=recorder.failure)
        elif recorder.dropped_bytes:
            keeper.note(RECORDING_HOLES, now_ms(), ms=recorder.dropped_bytes // BYTES_PER_MS)


async def _keep_summary(keeper: Keeper, path: Path, limits: DiskLimits) -> None:
    """Until the call's nursery is cancelled."""
    await keep_summary(keeper.summary, path, trio.Event(), limits=limits)
