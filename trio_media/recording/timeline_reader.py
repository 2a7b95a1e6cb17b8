"""A call's log, read for a picture: each line becomes a span, a mark, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.recording import log_format
from trio_media.recording.log_format import LogHeader, LogLine, Note
from trio_media.recording.timeline_facts import Fact, Facts, Lane, Look
from trio_media.recording.timeline_speech import SpeechFacts

# What these say stands in the lanes already, or is for machines.
DRAWN_ELSEWHERE: Final = ("started", "model_ready", "local_speech", "response_done", "truncated")
TEXT_CHARS_MAX: Final = 200  # of a transcript or a note: more finds no room


class CallFacts:
    """Takes in a log line by line; after `finish`, ``facts`` is complete."""

    def __init__(self) -> None:
        self.header: LogHeader | None = None
        self.facts = Facts()
        self.speech = SpeechFacts(self.facts)
        self.end_ms = 0
        self.ended = "the log ends before the call does"
        self._is_over = False
        self.open: dict[Look, Fact] = {}
        self.turns: dict[str, Fact] = {}
        self.fates: dict[str, str] = {}
        self.takes: dict[int, Fact] = {}
        self._texts: dict[str, str] = {}

    def read(self, line: LogLine) -> None:
        """Take in a line."""
        record = line.record
        if isinstance(record, LogHeader):
            self.header = record
            return
        self.end_ms = max(self.end_ms, line.t_ms)
        if isinstance(record, Note):
            self._note(record, line.t_ms)
            return
        act = _ACTS.get(type(record))
        if act is not None:
            act(self, record, line.t_ms)

    def finish(self) -> None:
        """Close what is open, and complete the labels."""
        self.speech.finish(self.end_ms)
        for look in list(self.open):
            self.close(look, self.end_ms)
        for item_id, turn in self.turns.items():
            said = self._texts.get(item_id)
            fate = self.fates.get(item_id, "undecided")
            turn.label = fate if said is None else f'"{said}"  {fate}'

    def close(self, look: Look, t_ms: int) -> Fact | None:
        """End a span of which there is one at a time."""
        fact = self.open.pop(look, None)
        if fact is not None:
            fact.ends_ms = t_ms
        return fact

    def over(self, reason: str) -> None:
        """Note how the call ended; the first to say so is right."""
        if not self._is_over:
            self._is_over = True
            self.ended = f"ended: {reason}"

    def _note(self, note: Note, t_ms: int) -> None:
        match note.kind, note.fields:
            case log_format.CALLER_TEXT, {"item_id": str(item_id), "text": str(text)}:
                self._texts[item_id] = text[:TEXT_CHARS_MAX]
            case log_format.MODEL_TEXT, {"item_id": str(item_id), "text": str(text)}:
                self.speech.transcribed(item_id, text[:TEXT_CHARS_MAX])
            case log_format.MODEL_TEXT_DELTA, _:
                pass
            case log_format.CALL_ENDED, fields:
                self.over(f"{fields.get('reason', '')} by {fields.get('by', '')}")
            case kind, _ if kind in DRAWN_ELSEWHERE:
                pass
            case kind, fields:
                rest = ", ".join(f"{key} {field}" for key, field in fields.items())
                label = f"{kind} {rest}"[:TEXT_CHARS_MAX]
                self.facts.mark(Lane.NOTES, Look.OTHER, t_ms, label)


# --- the caller ------------------------------------------------------------------------------


def _heard_ms(event: ev.LocalSpeechBegan | ev.LocalSpeechConfirmed, t_ms: int) -> int:
    """When the caller's audio said so, which may be before it was judged."""
    return t_ms if event.at_ms is None else min(event.at_ms, t_ms)


def _local_began(call: CallFacts, event: ev.LocalSpeechBegan, t_ms: int) -> None:
    _local_ended(call, event, t_ms)
    began_ms = _heard_ms(event, t_ms)
    call.open[Look.ONSET] = call.facts.span(Lane.LOCAL, Look.ONSET, began_ms, t_ms)


def _local_confirmed(call: CallFacts, event: ev.LocalSpeechConfirmed, t_ms: int) -> None:
    if Look.CONFIRMED not in call.open:
        began_ms = _heard_ms(event, t_ms)
        call.open[Look.CONFIRMED] = call.facts.span(Lane.LOCAL, Look.CONFIRMED, began_ms, t_ms)


def _local_ended(call: CallFacts, event: object, t_ms: int) -> None:
    call.close(Look.ONSET, t_ms)
    call.close(Look.CONFIRMED, t_ms)


def _turn_began(call: CallFacts, event: ev.ServerSpeechStarted, t_ms: int) -> None:
    if event.item_id not in call.turns:
        fact = call.facts.span(Lane.SERVER, Look.TURN, t_ms, t_ms)
        call.turns[event.item_id] = call.open[Look.TURN] = fact


def _turn_ended(
    call: CallFacts, event: ev.ServerSpeechStopped | ev.TurnCommitted, t_ms: int
) -> None:
    fact = call.turns.get(event.item_id)
    if fact is None:
        fact = call.turns[event.item_id] = call.facts.span(Lane.SERVER, Look.TURN, t_ms, t_ms)
    fact.ends_ms = t_ms
    if call.open.get(Look.TURN) is fact:
        del call.open[Look.TURN]


def _turn_decided(call: CallFacts, command: cm.TurnDecided, t_ms: int) -> None:
    call.fates[command.item_id] = command.fate
    fact = call.turns.get(command.item_id)
    if fact is not None and call.open.get(Look.TURN) is fact:
        call.close(Look.TURN, t_ms)


def _key(call: CallFacts, event: ev.KeyPressed, t_ms: int) -> None:
    call.facts.mark(Lane.LOCAL, Look.KEY, t_ms, f"key {event.digit}")


# --- the floor -------------------------------------------------------------------------------


def _hushed(call: CallFacts, command: cm.Hushed, t_ms: int) -> None:
    call.open[Look.HUSH] = call.facts.span(Lane.FLOOR, Look.HUSH, t_ms, t_ms, "hush")


def _hush_over(call: CallFacts, t_ms: int) -> None:
    fact = call.close(Look.HUSH, t_ms)
    if fact is not None:
        fact.label = f"hush {fact.ends_ms - fact.begins_ms} ms"


def _resumed(call: CallFacts, command: cm.Resumed, t_ms: int) -> None:
    _hush_over(call, t_ms)
    call.facts.mark(Lane.FLOOR, Look.RESUME, t_ms, "resume" if command.was_false else "short")


def _taken(call: CallFacts, command: cm.Taken, t_ms: int) -> None:
    if command.has_floor:
        _hush_over(call, t_ms)
    label = f"take: {_words(command.reason.value)}"
    number = command.responses[-1] if command.responses else 0
    fact = call.facts.mark(Lane.FLOOR, Look.TAKE, t_ms, label, number)
    call.takes[command.interruption] = fact


def _settled(call: CallFacts, command: cm.InterruptionSettled, t_ms: int) -> None:
    outcome = _words(command.outcome.value)
    fact = call.takes.pop(command.interruption, None)
    if fact is None:
        label = f"interrupt: {_words(command.reason.value)}, {outcome}"
        call.facts.mark(Lane.FLOOR, Look.TAKE, t_ms, label)
        return
    settle_ms = t_ms - fact.begins_ms
    fact.label += f", {outcome}" + (f" in {settle_ms} ms" if settle_ms else "")


def _words(name: str) -> str:
    return name.replace("_", " ")


# --- the wires -------------------------------------------------------------------------------


def _cleared(call: CallFacts, command: cm.ClearCarrier, t_ms: int) -> None:
    call.speech.cleared(t_ms)
    call.facts.mark(Lane.CARRIER, Look.CLEAR, t_ms, "clear")


def _marked(call: CallFacts, command: cm.SendMark, t_ms: int) -> None:
    call.facts.mark(Lane.CARRIER, Look.MARK, t_ms)


def _echoed(call: CallFacts, event: ev.MarkEchoed, t_ms: int) -> None:
    call.facts.mark(Lane.CARRIER, Look.ECHO, t_ms)


def _created(call: CallFacts, command: cm.CreateResponse, t_ms: int) -> None:
    label = f"create #{command.response}, {command.cause.value}"
    call.facts.mark(Lane.MODEL, Look.CREATE, t_ms, label, command.response)
    call.speech.created(command, t_ms)


def _cancelled(call: CallFacts, command: cm.CancelResponse, t_ms: int) -> None:
    number = call.speech.number_of(command.response_id)
    call.facts.mark(Lane.MODEL, Look.CANCEL, t_ms, f"cancel #{number}", number)


def _truncated(call: CallFacts, command: cm.TruncateItem, t_ms: int) -> None:
    number = call.speech.number_of_item(command.item_id)
    label = f"truncate #{number} at {command.audio_end_ms} ms"
    call.facts.mark(Lane.MODEL, Look.TELL, t_ms, label, number)


def _deleted(call: CallFacts, command: cm.DeleteItem, t_ms: int) -> None:
    number = call.speech.number_of_item(command.item_id)
    what = f"an item of #{number}" if number else "a turn" * (command.item_id in call.turns)
    call.facts.mark(Lane.MODEL, Look.TELL, t_ms, f"delete {what or 'an item'}", number)


def _keys_sent(call: CallFacts, command: cm.SendKeys, t_ms: int) -> None:
    call.facts.mark(Lane.MODEL, Look.KEY, t_ms, f"keys {command.digits}")


def _flags_set(call: CallFacts, command: cm.SetTurnFlags, t_ms: int) -> None:
    who = "the server acts" if command.server_acts else "we act"
    call.facts.mark(Lane.MODEL, Look.OTHER, t_ms, who)


def _tool_answered(call: CallFacts, command: cm.PostToolOutput, t_ms: int) -> None:
    label = "tool's result" if command.was_run else "tool not run"
    call.facts.mark(Lane.MODEL, Look.OTHER, t_ms, label)


# --- the ends --------------------------------------------------------------------------------


def _session_away(call: CallFacts, event: ev.SessionAway, t_ms: int) -> None:
    call.facts.mark(Lane.NOTES, Look.OTHER, t_ms, "model away")


def _words_played(call: CallFacts, command: cm.PlayRecorded, t_ms: int) -> None:
    call.facts.mark(Lane.NOTES, Look.OTHER, t_ms, f"plays: {_words(command.words.value)}")


def _session_lost(call: CallFacts, event: ev.SessionLost, t_ms: int) -> None:
    call.facts.mark(Lane.NOTES, Look.OTHER, t_ms, "model session lost")


def _session_ended(call: CallFacts, command: cm.EndModelSession, t_ms: int) -> None:
    call.facts.mark(Lane.NOTES, Look.OTHER, t_ms, f"model session ended: {command.reason}")


def _end_call(call: CallFacts, command: cm.EndCall, t_ms: int) -> None:
    call.over(f"{_words(command.reason)} by us")
    call.facts.mark(Lane.NOTES, Look.OTHER, t_ms, f"call ended: {_words(command.reason)}")


def _call_ended(call: CallFacts, event: ev.CallEnded, t_ms: int) -> None:
    call.over("by the carrier")
    call.speech.cleared(t_ms)
    call.facts.mark(Lane.NOTES, Look.OTHER, t_ms, "call over")


_ACTS: Final[Mapping[type[Any], Callable[[CallFacts, Any, int], None]]] = {
    ev.LocalSpeechBegan: _local_began,
    ev.LocalSpeechConfirmed: _local_confirmed,
    ev.LocalSpeechEnded: _local_ended,
    ev.ServerSpeechStarted: _turn_began,
    ev.ServerSpeechStopped: _turn_ended,
    ev.TurnCommitted: _turn_ended,
    cm.TurnDecided: _turn_decided,
    ev.KeyPressed: _key,
    cm.Hushed: _hushed,
    cm.Resumed: _resumed,
    cm.Taken: _taken,
    cm.InterruptionSettled: _settled,
    cm.ClearCarrier: _cleared,
    cm.SendMark: _marked,
    ev.MarkEchoed: _echoed,
    cm.CreateResponse: _created,
    cm.CancelResponse: _cancelled,
    cm.TruncateItem: _truncated,
    cm.DeleteItem: _deleted,
    cm.SendKeys: _keys_sent,
    cm.SetTurnFlags: _flags_set,
    cm.PostToolOutput: _tool_answered,
    ev.SessionAway: _session_away,
    ev.SessionLost: _session_lost,
    cm.PlayRecorded: _words_played,
    cm.EndModelSession: _session_ended,
    cm.EndCall: _end_call,
    ev.CallEnded: _call_ended,
    ev.AudioReceived: lambda call, event, t_ms: call.speech.received(event, t_ms),
    ev.CarrierWrote: lambda call, event, t_ms: call.speech.wrote(event, t_ms),
    cm.PlayAudio: lambda call, command, t_ms: call.speech.played(command, t_ms),
    cm.ResponseOpened: lambda call, command, t_ms: call.speech.opened(command, t_ms),
    cm.ResponseClosed: lambda call, command, t_ms: call.speech.closed(command, t_ms),
    cm.ItemHeard: lambda call, command, t_ms: call.speech.heard(command, t_ms),
}
