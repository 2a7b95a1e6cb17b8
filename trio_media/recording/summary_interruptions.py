"""Who silenced the model, what came of it, and what it cost: the interruption figures of a call."""

from __future__ import annotations

from collections import Counter
from typing import Any

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.recording.summary_latencies import Delay
from trio_media.recording.summary_records import BargeInRecord, HushRecord, Kept


class Interruptions:
    """Every hush and every interruption, and the figures over them."""

    def __init__(self) -> None:
        self.kept: Kept[int, BargeInRecord] = Kept()
        self.hushes: Kept[int, HushRecord] = Kept()
        self._count = 0
        self._onset_ms: int | None = None
        """When the caller's speech that goes on began."""
        self._hushed_ms: int | None = None
        self._onset_to_hush = Delay()
        self._onset_to_take = Delay()
        self._hush_to_take = Delay()
        self._hush_to_resume = Delay()
        self._false_hushes = 0
        self._short_voices = 0
        self._silenced_ms = 0
        self._takes: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()

    @property
    def dropped(self) -> int:
        """Mentions of records that there was no room for."""
        return self.kept.dropped + self.hushes.dropped

    def event(self, event: ev.Event, t_ms: int) -> None:
        """Take in an event."""
        match event:
            case ev.LocalSpeechBegan(at_ms=at_ms):
                self._onset_ms = t_ms if at_ms is None else at_ms
            case ev.LocalSpeechEnded():
                self._onset_ms = None
            case _:
                pass

    def command(self, command: cm.Command, t_ms: int) -> None:
        """Take in what the core ordered."""
        match command:
            case cm.Hushed():
                self._hushed(command, t_ms)
            case cm.Resumed(was_false=was_false):
                self._resumed(t_ms, was_false=was_false)
            case cm.Taken():
                self._taken(command, t_ms)
            case cm.InterruptionSettled():
                self._settled(command, t_ms)
            case _:
                pass

    def _hushed(self, command: cm.Hushed, t_ms: int) -> None:
        self._count += 1
        self._hushed_ms = t_ms
        record = HushRecord(t_ms, command.item_id, command.heard_ms)
        if self._onset_ms is not None:
            record.onset_to_hush_ms = t_ms - self._onset_ms
            self._onset_to_hush.add(record.onset_to_hush_ms)
        self.hushes.get_or_make(self._count, lambda: record)

    def _resumed(self, t_ms: int, *, was_false: bool) -> None:
        length_ms = self._hush_over(t_ms, "resumed", was_false=was_false)
        if length_ms is None:
            return
        self._hush_to_resume.add(length_ms)
        self._silenced_ms += length_ms
        self._false_hushes += was_false
        self._short_voices += not was_false

    def _taken(self, command: cm.Taken, t_ms: int) -> None:
        hush_ms = None if self._hushed_ms is None else t_ms - self._hushed_ms
        reason = command.reason.value
        self._takes[reason] += 1
        if command.reason is ev.Reason.LOCAL_SPEECH:
            if self._onset_ms is not None:
                self._onset_to_take.add(t_ms - self._onset_ms)
            if hush_ms is not None:
                self._hush_to_take.add(hush_ms)
        numbers = list(command.responses)
        self.kept.get_or_make(
            command.interruption,
            lambda: BargeInRecord(t_ms, reason, numbers, hush_ms, command.request),
        )
        if command.has_floor:
            self._hush_over(t_ms, "taken")

    def _settled(self, command: cm.InterruptionSettled, t_ms: int) -> None:
        self._outcomes[command.outcome.value] += 1
        # One that found nothing to interrupt was never taken.
        record = self.kept.get_or_make(
            command.interruption,
            lambda: BargeInRecord(t_ms, command.reason.value, [], None, command.request),
        )
        if record is not None:
            record.heard_ms = command.heard_ms
            record.outcome = command.outcome.value
            record.settle_ms = t_ms - record.t_ms

    def _hush_over(self, t_ms: int, ended: str, *, was_false: bool = False) -> int | None:
        """Note how a hush ended; return how long it was, None when there was none."""
        if self._hushed_ms is None:
            return None
        length_ms = t_ms - self._hushed_ms
        self._hushed_ms = None
        hush = self.hushes.get(self._count)
        if hush is not None:
            hush.length_ms, hush.ended, hush.was_false = length_ms, ended, was_false
        return length_ms

    def build(self) -> dict[str, Any]:
        """Give the figures."""
        return {
            "hushes": self._count,
            "false_hushes": self._false_hushes,
            "short_voices": self._short_voices,
            "silenced_for_nothing_ms": self._silenced_ms,
            "takes": dict(self._takes),
            "outcomes": dict(self._outcomes),
            "onset_to_hush": self._onset_to_hush.build(),
            "onset_to_take": self._onset_to_take.build(),
            "hush_to_take": self._hush_to_take.build(),
            "hush_to_resume": self._hush_to_resume.build(),
        }
