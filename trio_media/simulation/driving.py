"""A call to the decision core, driven by hand: a test reads like what happens in the call.

The carrier takes every write at once, plays in real time and echoes every mark, unless it is told
otherwise.  Every step is checked by `core.invariants`.
"""

from __future__ import annotations

from typing import TypeVar

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import Invariants
from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Policy
from trio_media.core.units import earliest
from trio_media.simulation.carrier import Carrier

C = TypeVar("C")


@attrs.define(eq=False)
class CoreCall:
    """One call, its core, its carrier and everything that was ordered."""

    policy: Policy = attrs.field(factory=Policy)
    now_ms: int = 0
    has_marks: bool = True
    """The carrier echoes marks."""
    is_stalled: bool = False
    """The carrier's stream takes nothing."""
    is_checked: bool = True
    """Every step is checked by the invariants."""
    is_ready: bool = True
    """The model session is there from the start."""
    core: DecisionCore = attrs.field(init=False)
    invariants: Invariants = attrs.field(init=False)
    carrier: Carrier = attrs.field(factory=Carrier)
    log: list[tuple[int, cm.Command]] = attrs.field(factory=list)
    request: int = 0

    def __attrs_post_init__(self) -> None:
        self.core = DecisionCore(self.policy)
        self.invariants = Invariants(self.policy)
        if self.is_ready:
            self.does(ev.SessionReady(self.core.state.has_server_authority))

    # --- anything ---------------------------------------------------------------------------

    def does(self, event: ev.Event) -> list[cm.Command]:
        """Let something happen, and return what it leads to, the carrier's writes included."""
        out = self._handle(event)
        while self.carrier.is_write_due and not self.is_stalled:
            seq = self.carrier.write(self.now_ms)
            if not self.has_marks:
                self.carrier.marks.clear()
            if seq is not None:
                out += self._handle(ev.CarrierWrote(seq, self.now_ms))
        return out

    def _handle(self, event: ev.Event) -> list[cm.Command]:
        out = self.core.handle(event, self.now_ms)
        if self.is_checked:
            self.invariants.observe(event, out, self.now_ms)
        for command in out:
            self.log.append((self.now_ms, command))
            self.carrier.took(command)
        return out

    def passes(self, duration_ms: int) -> list[cm.Command]:
        """Let time pass, from one deadline or mark to the next."""
        out: list[cm.Command] = []
        end_ms = self.now_ms + duration_ms
        while True:
            marks = (mark.at_ms for mark in self.carrier.marks)
            at_ms = earliest(self.core.next_deadline(), *marks)
            if at_ms is None or at_ms > end_ms:
                break
            self.now_ms = max(self.now_ms, at_ms)
            for mark in self.carrier.due(self.now_ms):
                out += self.does(ev.MarkEchoed(mark.epoch, mark.number))
            out += self.does(ev.TimePassed())
        self.now_ms = end_ms
        return out + self.does(ev.TimePassed())

    # --- the model --------------------------------------------------------------------------

    def asks(
        self,
        *,
        protected: bool = False,
        keep: bool = False,
        greeting: bool = False,
        interrupts: bool = False,
    ) -> int:
        """Have somebody of ours ask the model to speak; return the request."""
        self.request += 1
        say = ev.Say.GREETING if greeting else ev.Say.APPLICATION
        self.does(ev.SpeechRequested(self.request, say, protected, keep, interrupts))
        return self.request

    def opens(self, response_id: str = "R1") -> list[cm.Command]:
        """Have the service answer the newest create."""
        return self.does(ev.ResponseCreated(response_id, self.all(cm.CreateResponse)[-1].token))

    def server_opens(self, response_id: str = "R1") -> list[cm.Command]:
        """Have the service open a response by itself."""
        return self.does(ev.ResponseCreated(response_id, None))

    def speaks(self, length_ms: int, item_id: str = "R1.1") -> list[cm.Command]:
        """Have the model generate audio of an item, named after its response."""
        return self.does(ev.AudioReceived(item_id.split(".")[0], item_id, length_ms))

    def ends(
        self, response_id: str = "R1", ended: ev.Ended = ev.Ended.COMPLETED
    ) -> list[cm.Command]:
        """Have the service end a response."""
        return self.does(ev.ResponseOver(response_id, ended))

    def answers(self, length_ms: int = 1_000, response_id: str = "R1") -> None:
        """Have the model give a whole answer: asked for, opened, generated, over."""
        self.asks()
        self.opens(response_id)
        self.speaks(length_ms, f"{response_id}.1")
        self.ends(response_id)

    def begins_to_answer(self, length_ms: int = 1_000, response_id: str = "R1") -> None:
        """Have the model begin an answer, which goes on."""
        self.asks()
        self.opens(response_id)
        self.speaks(length_ms, f"{response_id}.1")

    def calls_tool(
        self,
        call_id: str,
        response_id: str = "R1",
        *,
        filler_ms: int | None = None,
        gives_way: bool = False,
        protects: bool = False,
        holds: bool = False,
    ) -> list[cm.Command]:
        """Have a response call a tool, by an item named after the call."""
        item_id = f"{response_id}.{call_id}"
        called = ev.ToolCalled(response_id, item_id, call_id, filler_ms, gives_way, protects, holds)
        return self.does(called)

    def refuses(self, refusal: ev.Refusal, command: int | None) -> list[cm.Command]:
        """Have the service refuse a command."""
        return self.does(ev.CommandRefused(refusal, command))

    # --- the caller -------------------------------------------------------------------------

    def caller_begins(self) -> list[cm.Command]:
        """Let the local ear hear an onset."""
        return self.does(ev.LocalSpeechBegan())

    def caller_is_a_voice(self) -> list[cm.Command]:
        """Let the local ear hear that it is a human voice."""
        return self.does(ev.LocalSpeechVoiced())

    def caller_is_sure(self) -> list[cm.Command]:
        """Let the local ear be sure that it is speech."""
        return self.does(ev.LocalSpeechConfirmed())

    def caller_stops(self) -> list[cm.Command]:
        """Let the local ear hear silence."""
        return self.does(ev.LocalSpeechEnded())

    def caller_interrupts(self) -> list[cm.Command]:
        """Let the caller speak, for certain, until they stop."""
        return self.caller_begins() + self.caller_is_sure()

    def server_hears(self, item_id: str = "T1") -> list[cm.Command]:
        """Let the server hear a turn begin."""
        return self.does(ev.ServerSpeechStarted(item_id))

    def server_hears_end(self, item_id: str = "T1") -> list[cm.Command]:
        """Let the server hear a turn end."""
        return self.does(ev.ServerSpeechStopped(item_id))

    def commits(self, item_id: str = "T1") -> list[cm.Command]:
        """Let a turn become an item."""
        return self.does(ev.TurnCommitted(item_id))

    def says(self, item_id: str = "T1") -> list[cm.Command]:
        """Let the caller say a whole turn, as the server hears it."""
        return self.server_hears(item_id) + self.server_hears_end(item_id) + self.commits(item_id)

    def presses(self, keys: str) -> list[cm.Command]:
        """Let the caller press keys, one after the other."""
        return [command for digit in keys for command in self.does(ev.KeyPressed(digit))]

    # --- us ---------------------------------------------------------------------------------

    def interrupts(
        self, reason: ev.Reason = ev.Reason.APPLICATION, *, through: int | None = None
    ) -> int:
        """Have somebody of ours interrupt; return the request."""
        self.request += 1
        self.does(ev.InterruptRequested(self.request, reason, through))
        return self.request

    def adds_text(self) -> int:
        """Have somebody of ours add a text to the conversation; return the request."""
        self.request += 1
        self.does(ev.TextOffered(self.request))
        return self.request

    def plays_clip(self, length_ms: int, *, protected: bool = False) -> int:
        """Have somebody of ours play audio, an item named after the request; return that."""
        self.request += 1
        item_id = f"clip.{self.request}"
        self.does(ev.ClipOffered(self.request, item_id, length_ms, protected))
        return self.request

    def wants_keys(
        self, count: int = 4, terminator: str = "#", first_ms: int = 5_000, between_ms: int = 2_000
    ) -> int:
        """Have somebody of ours want the next keys; return the request."""
        self.request += 1
        self.does(ev.DigitsRequested(self.request, count, terminator, first_ms, between_ms))
        return self.request

    def is_to_end(
        self,
        *,
        words: bool = False,
        final: bool = False,
        leaves: bool = False,
        tool_call_id: str | None = None,
    ) -> int:
        """Have somebody of ours end the call; return the request, that of its words is the next."""
        self.request += 1
        request, self.request = self.request, self.request + words
        said = self.request if words else None
        self.does(ev.EndingRequested(request, "done", said, final, leaves, tool_call_id))
        return request

    def tool_answers(self, call_id: str, *, wants_answer: bool = True) -> list[cm.Command]:
        """Let a tool's result be there."""
        return self.does(ev.ToolAnswered(call_id, wants_answer))

    def holds(self, *, is_held: bool = True) -> list[cm.Command]:
        """Have somebody of ours hold all answers, or let them go."""
        return self.does(ev.AnsweringHeld(is_held))

    # --- what was ordered -------------------------------------------------------------------

    def all(self, kind: type[C]) -> list[C]:
        """Return every command of a kind, in order."""
        return [command for _, command in self.log if isinstance(command, kind)]

    def count(self, kind: type[C]) -> int:
        """Return how many commands of a kind there were."""
        return len(self.all(kind))

    def outcome(self, request: int) -> cm.Outcome | None:
        """Return how an interruption ended; None while it has not."""
        settled = [s for s in self.all(cm.InterruptionSettled) if s.request == request]
        assert len(settled) <= 1
        return settled[0].outcome if settled else None

    def said(self, request: int) -> cm.SpeechOutcome | None:
        """Return what became of words, or of a clip; None while that is not known."""
        found = [e.outcome for e in self.all(cm.SpeechEnded) if e.request == request]
        found += [
            cm.SpeechOutcome.DROPPED for d in self.all(cm.SpeechDropped) if d.request == request
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def keys(self, request: int) -> tuple[str, cm.DigitsOutcome] | None:
        """Return the keys that somebody wanted, and why no more are waited for."""
        found = [
            (c.digits, c.outcome) for c in self.all(cm.DigitsCollected) if c.request == request
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def ending(self, request: int) -> cm.EndingOutcome | None:
        """Return what became of an ending that did not end the call."""
        found = [e.outcome for e in self.all(cm.EndingSettled) if e.request == request]
        assert len(found) <= 1
        return found[0] if found else None
