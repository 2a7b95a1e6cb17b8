"""A logged call in lines for people: what happened, what was decided, what was heard.

Told is the log, as the call was.  What comes many times a second is not told: time, audio on its
way and the marks behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.recording import log_format
from trio_media.recording.log_format import LogHeader, Note
from trio_media.recording.timeline_facts import seconds
from trio_media.recording.timeline_reader import DRAWN_ELSEWHERE
from trio_media.replay.hearing import Hearing
from trio_media.replay.steps import Entry, Noted

TEXT_CHARS_MAX: Final = 100  # of a transcript or a note; a line is for the eye
# What these say is told by an event or a command as well, or is for machines.
TOLD_ELSEWHERE: Final = (*DRAWN_ELSEWHERE, log_format.MODEL_TEXT_DELTA)


def printable(line: str) -> str:
    """Replace what no terminal should be sent: names and words in a log are anybody's."""
    return "".join(char if char.isprintable() else "?" for char in line)


def tell_line(t_ms: int, who: str, what: str) -> str:
    """Give a line of the call."""
    return printable(f"{t_ms / 1_000:8.2f} s  {who:<7} {what}")


def tell_header(header: LogHeader) -> str:
    """Say whose log it is, and what was chosen."""
    policy = header.policy
    return printable(
        f"call {header.call_sid or 'without a name'}, {header.started_at or 'at some time'}, "
        f"trio_media {header.package_version}, decisions {header.decision_version or 'unknown'}, "
        f"authority {policy.authority.value}, ear {policy.ear.value}"
    )


class Teller:
    """Takes in a log entry by entry, and gives the lines that each is worth."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        """How the interruptions ended, by their outcomes."""
        self.hushes = 0
        self._hearing = Hearing()
        self._end_ms = 0
        self._numbers: dict[str, int] = {}
        self._playing: tuple[int, str] | None = None
        self._taken_ms: dict[int, int] = {}

    def tell(self, entry: Entry) -> Iterator[str]:
        """Give the lines for an entry: none, one or several."""
        t_ms = entry.t_ms
        if isinstance(entry, Noted):
            what = _note(entry.note)
            if what is not None:
                yield tell_line(t_ms, "note", what)
            return
        self._end_ms = t_ms
        self._hearing.event(entry.event, t_ms)
        told = _EVENTS.get(type(entry.event))
        if told is not None:
            who, say = told
            yield tell_line(t_ms, who, say(entry.event))
        # What was decided first, then what follows from it.
        for command in sorted(entry.commands, key=lambda c: not isinstance(c, cm.Taken)):
            self._hearing.command(command, t_ms)
            what = self._decided(command, t_ms)
            if what is not None:
                yield tell_line(t_ms, "us", what)

    def summary(self) -> Iterator[str]:
        """Sum the call up, in lines.  Ends it."""
        hearing = self._hearing
        heard_ms, received_ms = hearing.heard_ms, hearing.received_ms
        for item in hearing.end(self._end_ms):
            heard_ms += item.heard_ms
            received_ms += item.received_ms
            spans = f"{seconds(item.heard_ms)} of {seconds(item.received_ms)}"
            yield tell_line(self._end_ms, "call", f"{item.item_id} still plays: {spans} were heard")
        yield f"heard: {seconds(heard_ms)} of {seconds(received_ms)} that the model spoke"
        ends = ", ".join(f"{count} {_words(name)}" for name, count in self.outcomes.most_common())
        count = self.outcomes.total()
        yield f"interruptions: {count}{f' ({ends})' * bool(ends)}; hushes: {self.hushes}"

    def _decided(self, command: cm.Command, t_ms: int) -> str | None:
        match command:
            case cm.PlayAudio(epoch=epoch, item_id=item_id, offset_ms=offset_ms):
                if (epoch, item_id) == self._playing:
                    return None
                self._playing = (epoch, item_id)
                return f"play {item_id} from {seconds(offset_ms)} on"
            case cm.ResponseOpened(response=number, response_id=response_id, cause=cause):
                self._numbers[response_id] = number
                return f"response #{number} is {response_id} ({cause.value})"
            case cm.CancelResponse(response_id=response_id):
                return f"cancel #{self._numbers.get(response_id, 0)} {response_id}"
            case cm.Hushed():
                self.hushes += 1
            case cm.Taken(interruption=interruption):
                self._taken_ms[interruption] = t_ms
            case cm.InterruptionSettled():
                return self._settled(command, t_ms)
            case _:
                pass
        say = _COMMANDS.get(type(command))
        return None if say is None else say(command)

    def _settled(self, command: cm.InterruptionSettled, t_ms: int) -> str:
        self.outcomes[command.outcome.value] += 1
        took_ms = t_ms - self._taken_ms.pop(command.interruption, t_ms)
        return (
            f"interruption {command.interruption} ({_words(command.reason.value)}): "
            f"{_words(command.outcome.value)} after {took_ms} ms, "
            f"{seconds(command.heard_ms)} of it were heard"
        )


def _note(note: Note) -> str | None:
    if note.kind in TOLD_ELSEWHERE:
        return None
    match note.kind, note.fields:
        case log_format.CALLER_TEXT, {"text": str(text)}:
            return f'the caller said "{_clip(text)}"'
        case log_format.MODEL_TEXT, {"text": str(text)}:
            return f'the model says "{_clip(text)}"'
        case log_format.CALL_ENDED, fields:
            return _clip(f"the call is over: {fields.get('reason', '')} by {fields.get('by', '')}")
        case kind, fields:
            told = ", ".join(f"{name} {field}" for name, field in fields.items())
            return _clip(f"{_words(kind)}: {told}" if told else _words(kind))


def _clip(text: str) -> str:
    return text if len(text) <= TEXT_CHARS_MAX else text[:TEXT_CHARS_MAX] + " …"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _responses(numbers: Sequence[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers) or "what was to come"


def _over(event: ev.ResponseOver) -> str:
    return f"{event.response_id or 'a response'} is generated: {_words(event.ended.value)}"


def _refused(event: ev.CommandRefused) -> str:
    which = "something" if event.command is None else f"command {event.command}"
    return f"refuses {which}: {_words(event.refusal.value)}"


def _ready(event: ev.SessionReady) -> str:
    return f"the session is ready, {'the server acts' if event.server_acts else 'we act'}"


def _resumed(command: cm.Resumed) -> str:
    return f"resume: it was {'nothing' if command.was_false else 'short'}, the model goes on"


def _tool_posted(command: cm.PostToolOutput) -> str:
    return f"give the result of tool call {command.call_id}{'' if command.was_run else ': not run'}"


def _digits_asked(event: ev.DigitsRequested) -> str:
    end = f", or up to {event.terminator}" if event.terminator else ""
    return f"want the next {event.count} keys{end}"


def _ending_asked(event: ev.EndingRequested) -> str:
    what = "hand the call over" if event.leaves else "end the call"
    words = " after some words" if event.words is not None else ""
    final = ", whatever the caller says" if event.is_final else ""
    return f"want to {what}{words}{final}: {_words(event.reason)}"


def _collected(command: cm.DigitsCollected) -> str:
    return (
        f"request {command.request} has {len(command.digits)} keys: {_words(command.outcome.value)}"
    )


def _always(what: str) -> Callable[[Any], str]:
    return lambda record: what


_EVENTS: Final[Mapping[type[Any], tuple[str, Callable[[Any], str]]]] = {
    ev.KeyPressed: ("caller", lambda event: f"presses {event.digit}"),
    ev.LocalSpeechBegan: ("caller", _always("makes a sound")),
    ev.LocalSpeechVoiced: ("caller", _always("it is a voice")),
    ev.LocalSpeechConfirmed: ("caller", _always("it is speech")),
    ev.LocalSpeechEnded: ("caller", _always("is quiet")),
    ev.SessionReady: ("model", _ready),
    ev.SessionAway: ("model", _always("the session is lost, another one is being made")),
    ev.SessionLost: ("model", _always("the session is lost")),
    ev.ConversationResumed: ("caller", _always("is back: the call goes on")),
    ev.SessionAging: (
        "model",
        lambda event: f"the session is to be renewed by {seconds(event.renew_by_ms)}",
    ),
    ev.ServerSpeechStarted: ("model", lambda event: f"hears the caller begin: {event.item_id}"),
    ev.ServerSpeechStopped: ("model", lambda event: f"hears the caller stop: {event.item_id}"),
    ev.TurnCommitted: ("model", lambda event: f"turn {event.item_id} is committed"),
    ev.TurnFailed: ("model", lambda event: f"turn {event.item_id or 'in progress'} failed"),
    ev.TurnTranscribed: ("model", lambda event: f"turn {event.item_id}: {event.verdict.value}"),
    ev.ToolCalled: ("model", lambda event: f"calls a tool: {event.call_id}"),
    ev.ResponseOver: ("model", _over),
    ev.CommandRefused: ("model", _refused),
    ev.CommandUnsent: ("us", lambda event: f"command {event.command} could not be sent"),
    ev.InterruptRequested: (
        "us",
        lambda event: f"interrupt, asks the {_words(event.reason.value)}",
    ),
    ev.SpeechRequested: ("us", lambda event: f"want the model to speak: {event.say.value}"),
    ev.ServiceToolRan: ("model", _always("ran a tool of its own")),
    ev.TextOffered: ("us", _always("add a text to the conversation")),
    ev.ClipOffered: ("us", lambda event: f"play a clip of {seconds(event.length_ms)}"),
    ev.DigitsRequested: ("us", _digits_asked),
    ev.DigitsAbandoned: ("us", lambda event: f"request {event.request} waits for no keys any more"),
    ev.AnsweringHeld: (
        "us",
        lambda event: "hold all answers" if event.is_held else "let answers go again",
    ),
    ev.EndingRequested: ("us", _ending_asked),
    ev.LeaveFailed: ("us", _always("nobody took the call over")),
    ev.ToolAnswered: ("us", lambda event: f"tool call {event.call_id} has its result"),
    ev.HangUpRequested: ("us", _always("hang up")),
    ev.CallEnded: ("call", _always("over")),
}

_COMMANDS: Final[Mapping[type[Any], Callable[[Any], str]]] = {
    cm.ClearCarrier: _always("clear what the carrier holds"),
    cm.CreateResponse: lambda c: f"ask the model to speak: #{c.response} ({c.cause.value})",
    cm.TruncateItem: lambda c: f"tell the model: {seconds(c.audio_end_ms)} of {c.item_id}",
    cm.DeleteItem: lambda c: f"delete {c.item_id}",
    cm.SendKeys: lambda c: f"tell the model the keys {c.digits}",
    cm.SetTurnFlags: lambda c: f"ask that {'the server act' if c.server_acts else 'we act alone'}",
    cm.PostToolOutput: _tool_posted,
    cm.RunTool: lambda c: f"run tool call {c.call_id}",
    cm.CancelTool: lambda c: f"cancel tool call {c.call_id}",
    cm.SendText: lambda c: f"tell the model the text of request {c.request}",
    cm.Leave: _always("hand the call over"),
    cm.SayAgain: lambda c: f"let the next session hear {', '.join(c.item_ids)} again",
    cm.PlayRecorded: lambda c: f"play words of ours: {_words(c.words.value)}",
    cm.RenewSession: _always("renew the model session"),
    cm.EndModelSession: lambda c: f"end the model session: {c.reason}",
    cm.EndCall: lambda c: f"end the call: {_words(c.reason)}",
    cm.Hushed: lambda c: f"hush: silence at {seconds(c.heard_ms)} of {c.item_id}, undecided",
    cm.Resumed: _resumed,
    cm.Taken: lambda c: f"take ({_words(c.reason.value)}): {_responses(c.responses)}",
    cm.ItemHeard: lambda c: (
        f"heard: {seconds(c.heard_ms)} of {seconds(c.received_ms)} of {c.item_id} (#{c.response})"
    ),
    cm.ResponseClosed: lambda c: f"#{c.response} is over: {_words(c.ended.value)}",
    cm.FaultMet: lambda c: f"#{c.response} was {_words(c.ended.value)}: {c.remedy.value}",
    cm.SpeechDropped: lambda c: f"request {c.request} to speak is dropped",
    cm.SpeechEnded: lambda c: (
        f"request {c.request} is {_words(c.outcome.value)}: {seconds(c.heard_ms)} were heard"
    ),
    cm.DigitsCollected: _collected,
    cm.EndingBegan: lambda c: f"the call is about to end: {_words(c.reason)}",
    cm.EndingSettled: lambda c: f"the call does not end so: {_words(c.outcome.value)}",
    cm.TurnDecided: lambda c: f"turn {c.item_id}: {c.fate}",
}
