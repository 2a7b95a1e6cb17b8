"""The promises, as code: an observer of one call's events and commands.

It shares nothing with the decision core but the vocabulary, keeps its own, simpler books, and says
which promise was broken.  The tests run it over everything; a call runs it when asked to.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.policy import Policy


class BrokenInvariant(AssertionError):
    """The core broke a promise."""


@attrs.define
class _Item:
    response_id: str
    is_speech: bool
    received_ms: int = 0
    heard_ms: int | None = None
    told: str | None = None


@attrs.define
class _Response:
    response_id: str | None = None
    is_open: bool = True
    is_taken: bool = False
    server_interrupted: bool = False
    cancel_command: int | None = None
    cancel_settled: bool = True


@attrs.define
class Invariants:
    """Call `observe` with every event and what the core made of it."""

    policy: Policy
    responses: dict[int, _Response] = attrs.field(factory=dict)
    over_ids: set[str] = attrs.field(factory=set)
    items: dict[str, _Item] = attrs.field(factory=dict)
    open_turns: set[str] = attrs.field(factory=set)
    turn_items: set[str] = attrs.field(factory=set)
    answered_turns: set[str] = attrs.field(factory=set)
    waiting_requests: set[int] = attrs.field(factory=set)
    waiting_interruptions: set[int] = attrs.field(factory=set)
    posted_calls: set[str] = attrs.field(factory=set)
    epoch: int = 1
    hushed_at_ms: int | None = None
    clears_owed: int = 0
    server_acts: bool = False
    session_lost: bool = False
    is_over: bool = False
    sent_seq: int = 0
    last_mark: int = 0

    def observe(self, event: ev.Event, out: Sequence[cm.Command], now_ms: int) -> None:
        """Check one step.

        Raises `BrokenInvariant` with the name of the promise.
        """
        self._event(event)
        self._require(not (self.is_over and out), "end", "commands after the end")
        self._clears(out)
        for command in out:
            self._command(command, now_ms)
        hushed_ms = 0 if self.hushed_at_ms is None else now_ms - self.hushed_at_ms
        self._require(hushed_ms <= self.policy.hush_max_ms, "hush", "a hush outlived hush_max_ms")
        if isinstance(event, ev.CallEnded) or self.is_over:
            self._require(not self.waiting_interruptions, "outcome", "no outcome at the end")
            self.is_over = True

    # --- what happened ----------------------------------------------------------------------

    def _event(self, event: ev.Event) -> None:
        match event:
            case ev.ResponseOver(response_id=rid) if rid is not None:
                self.over_ids.add(rid)
                for response in self._with_id(rid):
                    self._closed(response)
            case ev.ItemAdded(response_id=rid, item_id=iid, is_speech=is_speech):
                self.items.setdefault(iid, _Item(rid, is_speech))
            case ev.AudioReceived(response_id=rid, item_id=iid, length_ms=length_ms):
                self.items.setdefault(iid, _Item(rid, is_speech=True)).received_ms += length_ms
            case ev.ToolCalled(response_id=rid, item_id=iid):
                self.items.setdefault(iid, _Item(rid, is_speech=False)).is_speech = False
            case ev.SessionReady(server_acts=acts):
                self.server_acts = acts
            case ev.CommandUnsent(command=command):
                for response in self.responses.values():
                    if response.cancel_command == command:
                        response.cancel_command = None
            case ev.InterruptRequested(request=request) if not self.is_over:
                self.waiting_requests.add(request)
            case _:
                self._turn_event(event)

    def _turn_event(self, event: ev.Event) -> None:
        match event:
            case ev.ServerSpeechStarted(item_id=iid):
                if iid not in self.turn_items:
                    self.open_turns.add(iid)
                    self.turn_items.add(iid)
                    for response in self.responses.values():
                        has_id = response.response_id is not None
                        if self.server_acts and response.is_open and has_id:
                            response.server_interrupted = True
            case ev.TurnCommitted(item_id=iid):
                self.open_turns.discard(iid)
                self.turn_items.add(iid)
            case ev.TurnFailed(item_id=None):
                self.open_turns.clear()
            case ev.TurnFailed(item_id=iid):
                self.open_turns.discard(str(iid))
            case ev.SessionLost():
                self.session_lost = True
                for response in self.responses.values():
                    self._closed(response)
            case _:
                pass

    def _with_id(self, response_id: str) -> list[_Response]:
        return [r for r in self.responses.values() if r.response_id == response_id]

    def _closed(self, response: _Response) -> None:
        response.is_open = False
        response.cancel_settled = True

    # --- what was decided -------------------------------------------------------------------

    def _clears(self, out: Sequence[cm.Command]) -> None:
        """One clear per hush, one per take outside a hush, and no audio in front of it."""
        clears = [i for i, c in enumerate(out) if isinstance(c, cm.ClearCarrier)]
        hushes = sum(isinstance(c, cm.Hushed) for c in out)
        takes = sum(isinstance(c, cm.Taken) for c in out)
        self._require(len(clears) <= hushes + takes, "silence", "a clear for nothing")
        self._require(len(clears) >= hushes, "silence", "a hush without a clear")
        before = out[: clears[0]] if clears else ()
        audio = any(isinstance(c, cm.PlayAudio) for c in before)
        self._require(not audio, "silence", "audio in front of the clear")

    def _command(self, command: cm.Command, now_ms: int) -> None:
        match command:
            case cm.PlayAudio():
                self._plays(command)
            case cm.SendMark(epoch=epoch, number=number):
                self._require(epoch == self.epoch, "marks", "a mark of another epoch")
                self._require(number > self.last_mark, "marks", "a mark's name was reused")
                self.last_mark = number
            case cm.ClearCarrier(epoch=epoch):
                self._require(self.hushed_at_ms is None, "silence", "a clear inside a hush")
                self._require(epoch > self.epoch, "silence", "a clear without a new epoch")
                self.epoch = epoch
            case cm.Hushed():
                self._require(self.hushed_at_ms is None, "hush", "hushed twice")
                self.hushed_at_ms = now_ms
            case cm.Resumed():
                self._require(self.hushed_at_ms is not None, "hush", "resumed without a hush")
                self.hushed_at_ms = None
            case cm.Taken():
                self._taken(command)
            case cm.InterruptionSettled():
                self._settled(command)
            case cm.ItemHeard(item_id=iid, heard_ms=heard_ms, received_ms=received_ms):
                is_true = 0 <= heard_ms <= received_ms <= self.items[iid].received_ms
                self._require(is_true, "truth", f"{iid}: heard {heard_ms} of {received_ms}")
                self.items[iid].heard_ms = heard_ms
            case cm.EndCall():
                self.is_over = True
            case _:
                self._model_command(command)

    def _model_command(self, command: cm.Command) -> None:
        told = (cm.CreateResponse, cm.CancelResponse, cm.TruncateItem, cm.DeleteItem)
        if isinstance(command, told):
            self._require(not self.session_lost, "lost", "told to a lost session")
        match command:
            case cm.CreateResponse(response=number):
                self._creates(number)
            case cm.ResponseOpened(response=number, response_id=rid):
                response = self.responses.setdefault(number, _Response())
                response.response_id = rid
                response.is_open = rid not in self.over_ids
            case cm.CancelResponse():
                self._cancels(command)
            case cm.TruncateItem(item_id=iid, audio_end_ms=end_ms):
                item = self._tells(iid, "truncated")
                is_true = 0 < end_ms <= item.received_ms
                self._require(is_true, "truth", f"{iid}: {end_ms} of {item.received_ms}")
            case cm.DeleteItem(item_id=iid):
                self._deletes(iid)
            case cm.ResponseClosed(response=number):
                self._closed(self.responses[number])
            case cm.PostToolOutput(call_id=call_id):
                self._require(call_id not in self.posted_calls, "tools", "posted twice")
                self.posted_calls.add(call_id)
            case cm.TurnDecided(item_id=iid, fate=fate):
                self.open_turns.discard(iid)
                if fate.startswith("answered"):
                    self._require(iid not in self.answered_turns, "answer", "a turn, twice")
                    self.answered_turns.add(iid)
            case _:
                pass

    def _plays(self, command: cm.PlayAudio) -> None:
        item = self.items[command.item_id]
        self._require(self.hushed_at_ms is None, "silence", "audio in a hush")
        self._require(command.epoch == self.epoch, "silence", "audio of another epoch")
        self._require(command.seq > self.sent_seq, "silence", "audio out of order")
        self.sent_seq = command.seq
        is_there = command.offset_ms < item.received_ms
        self._require(is_there, "truth", "audio that was never received")
        taken = any(r.is_taken for r in self._with_id(item.response_id))
        self._require(not taken, "silence", f"{command.item_id} was taken")
        self._require(item.is_speech, "silence", "what is played is no speech")

    def _taken(self, command: cm.Taken) -> None:
        self.hushed_at_ms = None if command.has_floor else self.hushed_at_ms
        self.waiting_interruptions.add(command.interruption)
        for number in command.responses:
            self.responses[number].is_taken = True

    def _settled(self, command: cm.InterruptionSettled) -> None:
        number = command.interruption
        if command.request is not None:
            is_waiting = command.request in self.waiting_requests
            self._require(is_waiting, "outcome", "an outcome nobody waits for")
            self.waiting_requests.discard(command.request)
        nothing = (cm.Outcome.NOTHING_TO_INTERRUPT, cm.Outcome.PROTECTED, cm.Outcome.ALREADY_OVER)
        is_known = number in self.waiting_interruptions or command.outcome in nothing
        self._require(is_known, "outcome", "two outcomes")
        self.waiting_interruptions.discard(number)

    def _creates(self, number: int) -> None:
        self._require(
            not any(r.is_open for r in self.responses.values()), "one answer", "one is open"
        )
        unsettled = any(not r.cancel_settled for r in self.responses.values())
        self._require(not unsettled, "one answer", "a cancel is unsettled")
        self._require(not self.open_turns, "one answer", "the caller is in a turn")
        self._require(self.hushed_at_ms is None, "one answer", "the floor is hushed")
        for iid, item in self.items.items():
            taken = any(r.is_taken for r in self._with_id(item.response_id))
            unheard = item.is_speech and item.heard_ms in (0, None)
            known = item.told is not None or not taken or not unheard
            self._require(known, "truth", f"{iid} was not heard, and the model does not know")
        self.responses[number] = _Response()

    def _cancels(self, command: cm.CancelResponse) -> None:
        found = self._with_id(command.response_id)
        self._require(len(found) == 1, "one cancel", "of an unknown response")
        response = found[0]
        self._require(response.cancel_command is None, "one cancel", "a second one")
        is_over = command.response_id in self.over_ids or not response.is_open
        self._require(not is_over, "one cancel", "of a response that is over")
        self._require(not response.server_interrupted, "one cancel", "the server did it")
        response.cancel_command = command.command
        response.cancel_settled = False

    def _tells(self, item_id: str, what: str) -> _Item:
        item = self.items[item_id]
        self._require(item.told is None, "truth", f"{item_id} was {item.told} already")
        self._require(item.is_speech, "truth", f"{item_id} is no speech")
        item.told = what
        return item

    def _deletes(self, item_id: str) -> None:
        if item_id in self.turn_items:
            return
        item = self._tells(item_id, "deleted")
        self._require(not item.heard_ms, "truth", f"{item_id} was heard, and is deleted")
        is_open = any(r.is_open for r in self._with_id(item.response_id))
        self._require(not is_open, "truth", f"{item_id} is deleted before its response is over")

    def _require(self, is_kept: bool, promise: str, detail: str) -> None:
        if not is_kept:
            raise BrokenInvariant(f"{promise}: {detail}")
