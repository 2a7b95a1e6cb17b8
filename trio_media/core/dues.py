"""What is due to whoever asked for something: books of the observer, beside those of the `ledger`.

A request to speak is created or dropped, keys reach the model, every tool call has one output and
every result an answer.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev

ANSWERS = (
    cm.Cause.TURN,
    cm.Cause.KEYS,
    cm.Cause.TOOL,
    cm.Cause.RECOVERY,
    cm.Cause.CONTINUATION,
    cm.Cause.EXPLANATION,
)
BY_CALLER = (ev.Reason.LOCAL_SPEECH, ev.Reason.SERVER_SPEECH, ev.Reason.DTMF)


@attrs.define
class Dues:
    """What is due, and to whom."""

    asked: set[int] = attrs.field(factory=set)
    """Requests to speak that were neither created nor dropped."""
    kept: set[int] = attrs.field(factory=set)
    """Requests that an interruption does not drop."""
    greetings: set[int] = attrs.field(factory=set)
    """Requests to greet, from before the caller said anything."""
    has_begun: bool = False
    """The caller said something that counts: nobody greets any more."""
    keys: str = ""
    """Keys that the model does not know."""
    calls: dict[str, str] = attrs.field(factory=dict)
    """Tool calls without an output, and the responses that made them."""
    runs: set[str] = attrs.field(factory=set)
    """Those of them that were run."""
    filled: set[str] = attrs.field(factory=set)
    """Tool calls of which the model may say that it is still at it."""
    giving_way: set[str] = attrs.field(factory=set)
    """Tool calls that an interruption ends."""
    holding: set[str] = attrs.field(factory=set)
    """Tool calls before whose result nothing is answered."""
    posted: set[str] = attrs.field(factory=set)
    """Tool calls that have their output."""
    results: set[str] = attrs.field(factory=set)
    """Responses of which the model got a tool's result that it has not answered."""
    unended: set[int] = attrs.field(factory=set)
    """Requests to speak or to play without an outcome."""
    digits: dict[int, int] = attrs.field(factory=dict)
    """Requests for keys without an outcome, and how many they want."""
    quiet: set[str] = attrs.field(factory=set)
    """Tool calls about whose results nothing need be said."""
    held: bool = False
    """The model answers nothing that is heard."""
    silences: int = 0
    """How often a word was asked for since the last one."""
    answers_again: int = 0
    """Creates of answers that are tried again: so many go out for nothing new."""

    may_continue: bool = False
    """The loss of a session, or the service, cut something off."""

    def saw(self, event: ev.Event, *, has_spoken: bool = False) -> None:
        """Note what was asked for.  ``has_spoken``: a turn of the caller waits for its answer."""
        self._saw_requests(event)
        match event:
            case ev.SpeechRequested(request=request, say=say, protected=protected, keep=keep):
                self.asked.add(request)
                self.unended.add(request)
                if protected or keep:
                    self.kept.add(request)
                if say is ev.Say.GREETING and not (self.has_begun or has_spoken):
                    self.greetings.add(request)
            case ev.KeyPressed(digit=digit):
                self.keys += digit
                self.silences = 0
            case ev.ToolAnswered(call_id=call_id, wants_answer=False):
                self.quiet.add(call_id)
            case ev.AnsweringHeld(is_held=is_held):
                self.held = is_held
            case ev.ToolCalled(response_id=response_id, call_id=call_id):
                if call_id not in self.posted:
                    self.calls.setdefault(call_id, response_id)
                    self._saw_tool(event)
            case _:
                pass

    def _saw_tool(self, event: ev.ToolCalled) -> None:
        if event.filler_ms is not None:
            self.filled.add(event.call_id)
        if event.is_cancelled_by_interruption:
            self.giving_way.add(event.call_id)
        if event.holds_answers:
            self.holding.add(event.call_id)

    def _saw_requests(self, event: ev.Event) -> None:
        match event:
            case ev.TextOffered(request=request):
                self.asked.add(request)
                self.unended.add(request)
            case ev.ClipOffered(request=request) if request is not None:
                self.unended.add(request)
            case ev.EndingRequested(words=words) if words is not None:
                self.asked.add(words)
                self.unended.add(words)
            case ev.DigitsRequested(request=request, count=count):
                self.digits[request] = count
            case ev.DigitsAbandoned(request=request):
                self.digits.pop(request, None)
                self.keys = ""
            case _:
                pass

    def calls_of(self, response_id: str) -> bool:
        """Whether a tool call of a response has no output."""
        return response_id in self.calls.values()

    def took(self, command: cm.Command, over: set[str]) -> None:
        """Note what was done about it.  ``over``: ids of the responses that are over."""
        self._gave(command)
        match command:
            case cm.CreateResponse(request=request, cause=cause):
                if request is not None:
                    self.asked.discard(request)
                self.silences += cause is cm.Cause.SILENCE
                if cause in ANSWERS:
                    self.answers_again, self.may_continue = 0, False
                    self.results -= {r for r in over if not self.calls_of(r)}
            case cm.SendKeys(digits=digits):
                self._keys_known(digits)
                self.has_begun = True
            case cm.PostToolOutput(call_id=call_id, was_run=was_run):
                response_id = self.calls.pop(call_id, None)
                self.runs.discard(call_id)
                self.posted.add(call_id)
                if was_run and response_id is not None and call_id not in self.quiet:
                    self.results.add(response_id)
            case cm.TurnDecided() | cm.Taken():
                self._spoken(command)
            case _:
                pass

    def _spoken(self, command: cm.TurnDecided | cm.Taken) -> None:
        """Note that the caller said something, and whether it counts."""
        if isinstance(command, cm.TurnDecided):
            self.has_begun = self.has_begun or command.fate.startswith(("answered", "left"))
            self.silences = 0
        elif command.reason in BY_CALLER:
            self.silences = 0

    def _gave(self, command: cm.Command) -> None:
        """Note who has their outcome."""
        match command:
            case (
                cm.SpeechDropped(request=request)
                | cm.SpeechEnded(request=request)
                | cm.SendText(request=request)
            ):
                self.asked.discard(request)
                self.unended.discard(request)
            case cm.RunTool(call_id=call_id):
                self.runs.add(call_id)
            case cm.CancelTool(call_id=call_id):
                self.runs.discard(call_id)
            case cm.DigitsCollected(request=request, digits=digits, outcome=outcome):
                self.digits.pop(request, None)
                self._keys_known(digits, is_terminated=outcome is cm.DigitsOutcome.TERMINATED)
            case _:
                pass

    def _keys_known(self, digits: str, *, is_terminated: bool = False) -> None:
        """Keys reached whoever they were for."""
        self.keys = self.keys[len(digits) + is_terminated :]

    def is_told(self, request: int | None) -> bool:
        """Whether whoever asked for this knows what became of it."""
        return request is not None and request not in self.unended

    def again(self, request: int | None, *, is_answer: bool) -> None:
        """A create is to be tried again."""
        if request is not None:
            self.asked.add(request)
        self.answers_again += is_answer

    def lost(self) -> None:
        """The model session is gone: nothing is due any more."""
        self.asked.clear()
        self.calls.clear()
        self.results.clear()
        self.keys = ""

    def unpaid(self, over: set[str]) -> Iterator[str]:
        """Name what is still due, and not for want of a tool's result."""
        if self.asked:
            yield "speech that was asked for was neither created nor dropped"
        if self.unended:
            yield "whoever asked for words does not know what became of them"
        if self.digits:
            yield "somebody waits for keys"
        if self.keys and not self.digits:
            yield "the model does not know of keys"
        if not self.held and any(
            response_id in over and not self.calls_of(response_id) for response_id in self.results
        ):
            yield "a tool's result has no answer"
