"""What applications asked of a call, and what came of it: endings, tools, keys, words, silences."""

from __future__ import annotations

from collections import Counter
from typing import Any

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.recording import log_format
from trio_media.recording.summary_records import (
    DigitsRecord,
    EndingRecord,
    Kept,
    ToolRecord,
    clip,
)


class Asked:
    """Every ending, tool and request for keys, and the figures over the rest."""

    def __init__(self) -> None:
        self.endings: Kept[int, EndingRecord] = Kept()
        self.tools: Kept[str, ToolRecord] = Kept()
        self.digits: Kept[int, DigitsRecord] = Kept()
        self._request: ev.EndingRequested | None = None
        self._began = 0
        self._silences = 0
        self._words: Counter[str] = Counter()

    @property
    def dropped(self) -> int:
        """Mentions of records that there was no room for."""
        return self.endings.dropped + self.tools.dropped + self.digits.dropped

    def event(self, event: ev.Event, t_ms: int) -> None:
        """Take in an event, before the commands that it leads to."""
        self._request = event if isinstance(event, ev.EndingRequested) else None
        if isinstance(event, ev.DigitsRequested):
            wanted = DigitsRecord(t_ms, event.count)
            self.digits.get_or_make(event.request, lambda: wanted)

    def command(self, command: cm.Command, t_ms: int) -> None:
        """Take in what the core ordered."""
        match command:
            case cm.EndingBegan():
                self._ending_began(command, t_ms)
            case cm.Leave() | cm.EndCall():
                self._ending_goes(command, t_ms)
            case cm.EndingSettled():
                self._ending_settled(command, t_ms)
            case cm.RunTool(call_id=call_id):
                self.tools.get_or_make(call_id, lambda: ToolRecord(call_id, t_ms))
            case cm.CancelTool(call_id=call_id):
                self._tool_ended(call_id, "cancelled", t_ms)
            case cm.DigitsCollected():
                self._collected(command, t_ms)
            case cm.SpeechEnded(outcome=outcome):
                self._words[outcome.value] += 1
            case cm.SpeechDropped():
                self._words[cm.SpeechOutcome.DROPPED.value] += 1
            case cm.CreateResponse(cause=cm.Cause.SILENCE):
                self._silences += 1
            case _:
                pass

    def note(self, kind: str, t_ms: int, fields: dict[str, object]) -> None:
        """Take in what the core does not know of tools: their names, and how they ended."""
        match kind, fields:
            case log_format.TOOL_CALLED, {"call_id": str(call_id), "name": name}:
                tool = self.tools.get_or_make(call_id, lambda: ToolRecord(call_id, t_ms))
                if tool is not None:
                    tool.name = clip(name)
            case log_format.TOOL_ENDED, {"call_id": str(call_id), "outcome": outcome}:
                self._tool_ended(call_id, clip(outcome), t_ms)
            case _:
                pass

    def build(self) -> dict[str, Any]:
        """Give what was asked for, and the figures."""
        return {
            "endings": self.endings.all(),
            "tools": self.tools.all(),
            "digits": self.digits.all(),
            "silences_asked": self._silences,
            "words": dict(self._words),
        }

    def _ending_began(self, command: cm.EndingBegan, t_ms: int) -> None:
        self._began += 1
        request = self._request
        record = EndingRecord(t_ms, clip(command.reason), command.request)
        if request is not None and request.request == command.request:
            record.is_final, record.leaves = request.is_final, request.leaves
        self.endings.get_or_make(self._began, lambda: record)

    def _ending_goes(self, command: cm.Leave | cm.EndCall, t_ms: int) -> None:
        record = self.endings.get(self._began)
        if record is not None and record.outcome is None:
            record.outcome = "handed over" if isinstance(command, cm.Leave) else "ended"
            record.took_ms = t_ms - record.t_ms

    def _ending_settled(self, command: cm.EndingSettled, t_ms: int) -> None:
        record = self.endings.get(self._began)
        if record is not None and record.request == command.request:
            record.outcome = command.outcome.value
            record.took_ms = t_ms - record.t_ms

    def _tool_ended(self, call_id: str, outcome: str, t_ms: int) -> None:
        tool = self.tools.get(call_id)
        if tool is not None and tool.outcome is None:
            tool.outcome, tool.took_ms = outcome, t_ms - tool.t_ms

    def _collected(self, command: cm.DigitsCollected, t_ms: int) -> None:
        """Keep how many keys there were, and not which: they may be a card's number."""
        wanted = self.digits.get(command.request)
        if wanted is not None:
            wanted.collected, wanted.outcome = len(command.digits), command.outcome.value
            wanted.took_ms = t_ms - wanted.t_ms
