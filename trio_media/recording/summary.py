"""The summary of a call: who, when, how it ended, what was said, and how fast it all was.

Rule 1: it is built from what the event log holds and from nothing else, so a log that was left
behind gives the same summary.
Rule 2: it is bounded.  What goes beyond is counted, not kept.
Rule 3: all times are ms on the call's clock, except ``started_at``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.endings import end_in_words
from trio_media.facts.failures import Failures
from trio_media.facts.transcript import Spoken, Transcript
from trio_media.facts.usage import Spending, usage_fields
from trio_media.recording import log_format
from trio_media.recording.log_format import LogHeader, LogLine, Note, encode_line
from trio_media.recording.summary_asked import Asked
from trio_media.recording.summary_interruptions import Interruptions
from trio_media.recording.summary_latencies import Latencies
from trio_media.recording.summary_records import Kept, TurnRecord, clip
from trio_media.recording.summary_speech import ModelSpeech

SUMMARY_VERSION: Final = 1
NOTES_MAX: Final = 200  # other than transcripts; they explain a call, and are all in the log
NOTE_BYTES_MAX: Final = 2_000  # of one of them

_COUNTED: Final = {
    ev.KeyPressed: "keys",
    ev.MarkEchoed: "marks_echoed",
    ev.CommandRefused: "commands_refused",
    ev.CommandUnsent: "commands_unsent",
    ev.SessionAway: "model_sessions_lost",
    ev.SessionLost: "models_given_up",
    cm.RenewSession: "model_sessions_renewed",
    cm.PlayRecorded: "recorded_words",
    cm.CreateResponse: "creates",
    cm.CancelResponse: "cancels",
    cm.TruncateItem: "truncates",
    cm.DeleteItem: "deletes",
    cm.ClearCarrier: "clears",
    cm.SendMark: "marks_sent",
    cm.RunTool: "tool_runs",
    cm.CancelTool: "tools_cancelled",
    cm.Hushed: "hushes",
    cm.Resumed: "resumes",
    cm.Taken: "takes",
}
_OF_TIME: Final = frozenset((ev.TimePassed, ev.MarkEchoed))
"""Most of what happens: it is counted, and tells nothing."""
_OF_AUDIO: Final = frozenset((ev.AudioReceived, ev.CarrierWrote))
"""Nearly all of the rest: it is about what is said, and how soon."""


class SummaryBuilder:
    """Takes in what the log takes in.  Never raises for what a call did."""

    def __init__(self, header: LogHeader) -> None:
        self._header = header
        self._now_ms = 0
        self._ended: dict[str, str] | None = None
        self._turns = _Turns()
        self._speech = ModelSpeech()
        self._interruptions = Interruptions()
        self._latencies = Latencies(self._turns.answered)
        self._asked = Asked()
        self._transcript = Transcript(_untold)
        self._failures = Failures()
        self._spending = Spending()
        self._counts: Counter[str] = Counter()
        self._notes: list[dict[str, Any]] = []
        self.changes = 0
        """Grows with everything taken in."""

    def event(self, event: ev.Event, t_ms: int) -> None:
        """Take in an event, before the commands that it leads to."""
        self._moved(t_ms)
        kind = type(event)
        self._counts["events"] += 1
        self._count(kind)
        self._asked.event(event, t_ms)
        if kind in _OF_TIME:
            return
        self._speech.event(event, t_ms)
        self._transcript.event(event, t_ms)
        self._latencies.event(event, t_ms)
        if kind in _OF_AUDIO:
            return
        self._turns.event(event, t_ms)
        self._interruptions.event(event, t_ms)
        if isinstance(event, ev.CallEnded) and self._ended is None:
            self._ended = {"by": "carrier", "reason": "call_ended"}
        self._transcript.advance(t_ms)

    def commands(self, commands: Sequence[cm.Command], t_ms: int) -> None:
        """Take in what the core made of the event, in its order."""
        self._moved(t_ms)
        self._counts["commands"] += len(commands)
        for command in commands:
            self._count(type(command))
            if isinstance(command, cm.SendMark):
                continue
            self._speech.command(command, t_ms)
            self._transcript.commands(command, t_ms)
            self._latencies.command(command, t_ms)
            if isinstance(command, cm.PlayAudio):
                continue
            self._interruptions.command(command, t_ms)
            self._asked.command(command, t_ms)
            if isinstance(command, cm.TurnDecided):
                self._turns.decided(command)
            elif isinstance(command, cm.EndCall) and self._ended is None:
                self._ended = {"by": "us", "reason": command.reason}

    def note(self, kind: str, /, t_ms: int, **fields: object) -> None:
        """Take in something that the core does not know of.

        Kinds that are no transcript and not the call's end are kept as they are, up to a number;
        what of the call was lost is always told once, for it is known last.
        """
        self._moved(t_ms)
        self._asked.note(kind, t_ms, fields)
        match kind, fields:
            case log_format.CALLER_TEXT, {"item_id": str(item_id), "text": str(text)}:
                self._turns.transcribed(item_id, text, t_ms)
                self._transcript.note(kind, item_id, clip(text), t_ms=t_ms)
            case log_format.MODEL_TEXT, {"item_id": str(item_id), "text": str(text)}:
                self._speech.transcribed(item_id, text, is_more=False)
                self._transcript.note(kind, item_id, clip(text), t_ms=t_ms)
            case log_format.MODEL_TEXT_DELTA, {"item_id": str(item_id), "text": str(text)}:
                self._speech.transcribed(item_id, text, is_more=True)
            case log_format.CALL_ENDED, _:
                self._ended = {name: clip(fields.get(name, "")) for name in ("by", "reason")}
                self._transcript.end(t_ms)
            case log_format.USAGE, _:
                self._spending.note(fields)
            case log_format.FAILURE, _:
                self._failures.note(fields, t_ms)
            case _:
                self._counts["notes"] += 1
                if len(self._notes) < NOTES_MAX or self._is_untold_loss(kind):
                    self._notes.append(_plain_note(kind, t_ms, fields))

    def _is_untold_loss(self, kind: str) -> bool:
        return kind in log_format.LOSSES and all(kind != note["note"] for note in self._notes)

    def read(self, line: LogLine) -> None:
        """Take in a line of a log."""
        record = line.record
        if isinstance(record, Note):
            self.note(record.kind, line.t_ms, **record.fields)
        elif isinstance(record, ev.Event):
            self.event(record, line.t_ms)
        elif not isinstance(record, LogHeader):
            self.commands([record], line.t_ms)

    def build(self) -> dict[str, Any]:
        """Give the summary so far, of nothing but what JSON can hold."""
        self._speech.advance(self._now_ms)
        self._transcript.advance(self._now_ms)
        header, ended = self._header, self._ended
        in_words = None if ended is None else end_in_words(ended["reason"], ended["by"])
        summary = {
            "summary_version": SUMMARY_VERSION,
            "call_sid": header.call_sid,
            "stream_sid": header.stream_sid,
            "resumed_from": header.resumed_from,
            "parameters": dict(header.parameters),
            "started_at": header.started_at,
            "duration_ms": self._now_ms,
            "ended": ended,
            "ended_in_words": in_words,
            "transcript": list(self._transcript.entries),
            "turns": self._turns.kept.all(),
            "responses": self._speech.responses.all(),
            "barge_ins": self._interruptions.kept.all(),
            "hushes": self._interruptions.hushes.all(),
            "interruptions": self._interruptions.build(),
            "asked": self._asked.build(),
            "latencies": self._latencies.build(),
            "usage": usage_fields(self._spending.usage()),
            "failures": self._failures.kept,
            "failures_dropped": self._failures.dropped,
            "counters": self._counters(),
            "notes": self._notes,
            "package_version": header.package_version,
        }
        plain: dict[str, Any] = msgspec.to_builtins(summary)
        return plain

    def _moved(self, t_ms: int) -> None:
        self._now_ms = max(self._now_ms, t_ms)
        self.changes += 1

    def _count(self, kind: type[ev.Event | cm.Command]) -> None:
        name = _COUNTED.get(kind)
        if name is not None:
            self._counts[name] += 1

    def _counters(self) -> dict[str, int]:
        names = ("events", "commands", "notes", *_COUNTED.values())
        dropped = self._turns.kept.dropped + self._speech.dropped
        dropped += self._interruptions.dropped + self._asked.dropped
        return {
            **{name: self._counts[name] for name in names},
            "audio_received_ms": self._speech.received_ms,
            "audio_sent_ms": self._speech.sent_ms,
            "records_dropped": dropped,
        }


def _untold(_spoken: Spoken) -> None:
    """Nobody is told of each entry: all of them are built."""


def _plain_note(kind: str, t_ms: int, fields: Mapping[str, object]) -> dict[str, Any]:
    """Give a note as its line in the log has it, or without its fields when they are too much."""
    try:
        line = encode_line(Note(kind, fields), t_ms)
    except (TypeError, ValueError, OverflowError, RecursionError):
        line = b""
    if not 0 < len(line) <= NOTE_BYTES_MAX:
        return {"t_ms": t_ms, "note": clip(kind)}
    plain: dict[str, Any] = msgspec.json.decode(line)
    return plain


class _Turns:
    """What the caller said."""

    def __init__(self) -> None:
        self.kept: Kept[str, TurnRecord] = Kept()

    def event(self, event: ev.Event, t_ms: int) -> None:
        match event:
            case ev.ServerSpeechStarted(item_id=item_id):
                self._find(item_id, t_ms)
            case ev.ServerSpeechStopped(item_id=item_id):
                if (turn := self._find(item_id, t_ms)) is not None:
                    turn.stopped_ms = t_ms
            case ev.TurnCommitted(item_id=item_id):
                if (turn := self._find(item_id, t_ms)) is not None:
                    turn.committed_ms = t_ms
            case ev.TurnTranscribed(item_id=item_id, verdict=verdict):
                if (turn := self._find(item_id, t_ms)) is not None:
                    turn.verdict = verdict.value
            case _:
                pass

    def decided(self, command: cm.TurnDecided) -> None:
        if (turn := self.kept.get(command.item_id)) is not None:
            turn.fate = command.fate

    def answered(self, item_id: str, took_ms: int) -> None:
        if (turn := self.kept.get(item_id)) is not None:
            turn.answer_ms = took_ms

    def transcribed(self, item_id: str, text: str, t_ms: int) -> None:
        if (turn := self._find(item_id, t_ms)) is not None:
            turn.transcript = clip(text)

    def _find(self, item_id: str, t_ms: int) -> TurnRecord | None:
        return self.kept.get_or_make(item_id, lambda: TurnRecord(item_id, t_ms))


def summarise(lines: Iterable[LogLine]) -> dict[str, Any]:
    """Give the summary of a call by its log, as `log_format.read_log` yields it: header first."""
    remaining = iter(lines)
    header = next(remaining).record
    assert isinstance(header, LogHeader), "a log begins with its header"
    builder = SummaryBuilder(header)
    for line in remaining:
        builder.read(line)
    return builder.build()
