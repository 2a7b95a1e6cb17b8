"""The promises, as code: an observer of one call's events and commands.

It shares nothing with the decision core but the vocabulary, keeps its own, simpler books
(``ledger``), and says which promise (``promises``) was broken.  The tests run it over everything; a
call runs it when asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from trio_media.core import asked, evidence, promises, unanswered
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.known import Flying
from trio_media.core.ledger import Ledger
from trio_media.core.policy import Policy
from trio_media.core.promises import BrokenInvariant
from trio_media.core.state import MODEL_COMMANDS

__all__ = ["BrokenInvariant", "Invariants"]


@attrs.define
class Invariants:
    """Call `observe` with every event and what the core made of it."""

    policy: Policy
    ledger: Ledger = attrs.field(
        default=attrs.Factory(lambda self: Ledger(self.policy), takes_self=True)
    )

    def observe(self, event: ev.Event, out: Sequence[cm.Command], now_ms: int) -> None:
        """Check one step.

        Raises `BrokenInvariant` with the name of the promise.
        """
        ledger = self.ledger
        promises.require(not (ledger.is_over and out), "end", "commands after the end")
        if ledger.is_over:
            return
        before = evidence.Before.of(ledger, now_ms)
        ledger.saw(event, now_ms)
        unanswered.try_comes(ledger, now_ms)  # a create in this step may be late
        asked.about_to_end(ledger, event, out)
        promises.clears_are_due(out)
        for command in out:
            if isinstance(command, MODEL_COMMANDS):
                promises.told_to_a_session(ledger)
            if isinstance(command, cm.CreateResponse):
                evidence.create_has_a_reason(ledger, command, out)
                asked.create_has_a_reason(ledger, command)
            note = NOTES.get(type(command))
            if note is not None:
                note(ledger, command, event, now_ms)
            ledger.dues.took(command, ledger.over())
            ledger.faults.took(command)
        _heard_to_the_end(ledger, out)
        evidence.step_does_its_duty(ledger, event, out, before, now_ms)
        promises.taken_is_stopped(ledger, out)
        promises.hearing_was_told(ledger, out)
        asked.caller_keeps_the_call(ledger, out)
        asked.interrupted_tools_end(ledger, event, out)
        evidence.cancels_have_a_reason(ledger, out, before)
        evidence.takes_have_a_reason(ledger, event, out)
        promises.nothing_lasts(ledger, now_ms)
        promises.owed_is_paid(ledger, now_ms)
        unanswered.faults_are_met(ledger, out, now_ms)
        unanswered.try_comes(ledger, now_ms)
        asked.silence_is_told(ledger, now_ms)
        if isinstance(event, ev.CallEnded) or ledger.is_over:
            ledger.is_over = True
            promises.end_is_the_end(ledger)


# --- each command: checked, then noted -------------------------------------------------------


def _plays(ledger: Ledger, command: cm.PlayAudio, event: ev.Event, now_ms: int) -> None:
    promises.audio_may_play(ledger, command)
    item = ledger.items[command.item_id]
    response = ledger.of_item(item)
    is_protected = response is not None and response.is_protected
    end_ms = command.offset_ms + command.length_ms
    item.sent_ms = max(item.sent_ms, min(end_ms, item.received_ms))
    if item.first_seq is None:
        item.first_seq = command.seq
    ledger.last_seq = command.seq
    ledger.flying.append(
        Flying(
            command.seq,
            command.item_id,
            command.offset_ms,
            command.length_ms,
            ledger.last_mark + 1,
            is_protected,
        )
    )
    if is_protected:
        ledger.shield_mark = ledger.last_mark + 1


def _marks(ledger: Ledger, command: cm.SendMark, event: ev.Event, now_ms: int) -> None:
    promises.mark_is_new(ledger, command)
    ledger.last_mark = command.number


def _clears(ledger: Ledger, command: cm.ClearCarrier, event: ev.Event, now_ms: int) -> None:
    hangs_up = isinstance(event, ev.HangUpRequested) or ledger.ending is not None
    if isinstance(event, ev.InterruptRequested):
        hangs_up = event.reason is ev.Reason.HANG_UP
    promises.clear_cuts_nothing_protected(ledger, command, hangs_up=hangs_up, now_ms=now_ms)
    ledger.cleared(command.epoch, now_ms)


def _hushes(ledger: Ledger, command: cm.Hushed, event: ev.Event, now_ms: int) -> None:
    promises.require(ledger.hushed_ms is None, "hush", "hushed twice")
    ledger.hushed(command, now_ms)


def _resumes(ledger: Ledger, command: cm.Resumed, event: ev.Event, now_ms: int) -> None:
    promises.require(ledger.hushed_ms is not None, "hush", "resumed without a hush")
    ledger.hushed_ms = None


def _takes(ledger: Ledger, command: cm.Taken, event: ev.Event, now_ms: int) -> None:
    promises.take_is_meant(ledger, command)
    if command.has_floor:
        ledger.hushed_ms = None
    ledger.waiting_takes[command.interruption] = now_ms
    is_new = False
    for number in command.responses:
        is_new = is_new or not ledger.responses[number].is_taken
        ledger.responses[number].is_taken = True
    ledger.has_caller_taken |= is_new and command.reason in (*promises.SPEECH, ev.Reason.DTMF)
    if command.reason is not ev.Reason.HANG_UP:
        asked.goes_on(ledger)
    if command.reason not in promises.SPEECH:
        ledger.owed_ms = None  # it may have dropped the answer with what else was queued
    elif is_new and not ledger.is_lost:
        ledger.owed_ms = now_ms


def _settles(ledger: Ledger, command: cm.InterruptionSettled, event: ev.Event, now_ms: int) -> None:
    promises.settled_once(ledger, command)
    ledger.waiting_takes.pop(command.interruption, None)
    if command.request is not None:
        del ledger.waiting_requests[command.request]


def _heard(ledger: Ledger, command: cm.ItemHeard, event: ev.Event, now_ms: int) -> None:
    promises.heard_is_true(ledger, command)
    ledger.items[command.item_id].heard_ms = command.heard_ms


def _heard_to_the_end(ledger: Ledger, out: Sequence[cm.Command]) -> None:
    """After a response that nobody took, and that was heard to its end, nothing is in a row."""
    for command in out:
        if not isinstance(command, cm.ItemHeard):
            continue
        item = ledger.items[command.item_id]
        response = ledger.of_item(item)
        if response is None or response.is_taken or response.is_open:
            continue
        of_it = [i for i in ledger.items.values() if i.response_id == item.response_id]
        if all(i.heard_ms == i.received_ms for i in of_it if i.received_ms and i.is_speech):
            ledger.recoveries = 0


def _creates(ledger: Ledger, command: cm.CreateResponse, event: ev.Event, now_ms: int) -> None:
    promises.create_is_due(ledger, command)
    ledger.created(command, now_ms)


def _opens(ledger: Ledger, command: cm.ResponseOpened, event: ev.Event, now_ms: int) -> None:
    ledger.opened(command, event, now_ms)


def _closes(ledger: Ledger, command: cm.ResponseClosed, event: ev.Event, now_ms: int) -> None:
    evidence.close_has_a_reason(ledger, command, event, now_ms)
    response = ledger.responses[command.response]
    unanswered.closes(ledger, command, has_begun=ledger.has_begun(response))
    ledger.closed(response)
    response.was_completed = command.ended is ev.Ended.COMPLETED
    if command.ended is not ev.Ended.LOST:
        asked.goes_on(ledger)
    if command.ended is ev.Ended.REJECTED and response.is_recovery:
        ledger.recoveries = max(0, ledger.recoveries - 1)
    if response.response_id is None:
        response.is_taken = True  # none of it is heard when it appears after all
        ledger.was_speaking = ledger.was_speaking and asked.is_speaking(ledger)


def _meets(ledger: Ledger, command: cm.FaultMet, event: ev.Event, now_ms: int) -> None:
    response = ledger.responses[command.response]
    unanswered.meets(ledger, command, has_begun=ledger.has_begun(response))


def _cancels(ledger: Ledger, command: cm.CancelResponse, event: ev.Event, now_ms: int) -> None:
    promises.cancel_is_due(ledger, command)
    response = ledger.with_id(command.response_id)
    assert response is not None
    response.cancel_command = command.command
    response.is_cancel_settled = False
    if response.stopped_ms is None:
        response.stopped_ms = response.progress_ms = now_ms


def _truncates(ledger: Ledger, command: cm.TruncateItem, event: ev.Event, now_ms: int) -> None:
    promises.truncate_is_true(ledger, command)
    ledger.items[command.item_id].told = command.audio_end_ms


def _deletes(ledger: Ledger, command: cm.DeleteItem, event: ev.Event, now_ms: int) -> None:
    promises.delete_is_true(ledger, command)
    if command.item_id not in ledger.turns:
        ledger.items[command.item_id].told = -1


def _posts(ledger: Ledger, command: cm.PostToolOutput, event: ev.Event, now_ms: int) -> None:
    promises.posted_once(ledger, command)


def _keys(ledger: Ledger, command: cm.SendKeys, event: ev.Event, now_ms: int) -> None:
    asked.keys_are_the_models(ledger, command)
    ledger.owed_ms = None
    ledger.recoveries = 0


def _drops(ledger: Ledger, command: cm.SpeechDropped, event: ev.Event, now_ms: int) -> None:
    asked.speech_ends_once(ledger, command)
    evidence.drop_has_a_reason(ledger, command, event)


def _runs(ledger: Ledger, command: cm.RunTool, event: ev.Event, now_ms: int) -> None:
    evidence.tool_has_a_reason(ledger, command)


def _flags(ledger: Ledger, command: cm.SetTurnFlags, event: ev.Event, now_ms: int) -> None:
    ledger.flags_asked_ms = now_ms


def _decides(ledger: Ledger, command: cm.TurnDecided, event: ev.Event, now_ms: int) -> None:
    promises.turn_has_one_fate(ledger, command)
    fate = command.fate.split()[0]
    ledger.turns[command.item_id] = fate
    ledger.awaits_server |= command.fate == "answered by the server"
    if fate in ("answered", "left"):
        ledger.owed_ms = None
        ledger.recoveries = 0
    elif fate == "lapsed":
        ledger.server_ended_ms = now_ms


def _says_again(ledger: Ledger, command: cm.SayAgain, event: ev.Event, now_ms: int) -> None:
    promises.require(isinstance(event, ev.SessionAway), "lost", "a session hears a turn twice")
    ledger.owed_ms = now_ms


def _ends(ledger: Ledger, command: cm.EndCall, event: ev.Event, now_ms: int) -> None:
    asked.ends(ledger, event, now_ms)
    ledger.is_over = True


NOTES: Final[Mapping[type[cm.Command], Callable[[Ledger, Any, ev.Event, int], None]]] = {
    cm.PlayAudio: _plays,
    cm.SendMark: _marks,
    cm.ClearCarrier: _clears,
    cm.CreateResponse: _creates,
    cm.CancelResponse: _cancels,
    cm.TruncateItem: _truncates,
    cm.DeleteItem: _deletes,
    cm.SendKeys: _keys,
    cm.SetTurnFlags: _flags,
    cm.PostToolOutput: _posts,
    cm.EndCall: _ends,
    cm.Hushed: _hushes,
    cm.Resumed: _resumes,
    cm.Taken: _takes,
    cm.InterruptionSettled: _settles,
    cm.ItemHeard: _heard,
    cm.ResponseOpened: _opens,
    cm.ResponseClosed: _closes,
    cm.FaultMet: _meets,
    cm.TurnDecided: _decides,
    cm.SpeechDropped: _drops,
    cm.RunTool: _runs,
    cm.SayAgain: _says_again,
    **asked.NOTES,
}
