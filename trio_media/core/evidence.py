"""What every decision needs, and what every event obliges to: more promises over the books.

A response is closed, cancelled or taken, and a create goes out, for a reason that can be seen from
outside.  An interruption takes everything that it means, a refusal closes what was refused, a tool
call has its output: in the same step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.known import KnownResponse
from trio_media.core.ledger import Ledger
from trio_media.core.promises import require
from trio_media.core.units import (
    ACTIVE_MS,
    CANCEL_RETRY_MS,
    CANCELLING_MS,
    CANCELLING_TOTAL_MS,
    CREATES_KEPT,
    LOCAL_SPEECH_MAX_MS,
    REQUESTED_MS,
)

_REASONS = {
    ev.Reason.DTMF: (ev.KeyPressed, ev.InterruptRequested),
    ev.Reason.APPLICATION: (ev.InterruptRequested,),
    ev.Reason.TOOL: (ev.InterruptRequested,),
    ev.Reason.HANG_UP: (ev.InterruptRequested, ev.HangUpRequested),
}


# --- what a decision needs -------------------------------------------------------------------


@attrs.frozen
class Before:
    """What was so before an event: a deadline is older than the event that comes with it."""

    silent: frozenset[int]
    """Numbers of the responses that made no progress for so long."""
    unsent: frozenset[int]
    """Those whose cancel was not written, and should have been ordered again."""
    open: frozenset[int]

    @classmethod
    def of(cls, ledger: Ledger, now_ms: int) -> Before:
        """Look at the books."""
        responses = ledger.responses.values()
        return cls(
            frozenset(r.number for r in responses if now_ms >= r.progress_ms + ACTIVE_MS),
            frozenset(r.number for r in responses if _is_cancel_late(r, now_ms)),
            frozenset(r.number for r in responses if r.is_open),
        )


def _is_cancel_late(response: KnownResponse, now_ms: int) -> bool:
    return (
        response.was_cancel_unsent
        and response.is_open
        and response.cancel_command is None
        and not response.is_server_interrupted
        and now_ms > response.unsent_ms + CANCEL_RETRY_MS
    )


def cancels_have_a_reason(ledger: Ledger, out: Sequence[cm.Command], before: Before) -> None:
    """A cancel is of what was taken, or of what was silent."""
    for command in out:
        if not isinstance(command, cm.CancelResponse):
            continue
        response = ledger.with_id(command.response_id)
        assert response is not None  # a promise of its own
        is_due = response.is_taken or response.was_cancel_unsent or response.number in before.silent
        require(is_due, "one cancel", f"{response.number} was neither taken nor silent")


def close_has_a_reason(
    ledger: Ledger, command: cm.ResponseClosed, event: ev.Event, now_ms: int
) -> None:
    """A response is over when the service says so of it, or after its deadline."""
    response = ledger.responses[command.response]
    name = f"{command.response} is closed as {command.ended.value}"
    match command.ended:
        case ev.Ended.REJECTED:
            is_due = isinstance(event, ev.CommandRefused | ev.CommandUnsent)
        case ev.Ended.DEADLINE:
            is_due = _is_given_up(response, now_ms)
        case ev.Ended.LOST:
            is_end = isinstance(event, ev.CallEnded) or ledger.ending is not None
            is_gone = ledger.is_lost or isinstance(event, ev.SessionAway)
            is_due = is_gone or is_end or _hangs_up(event)
        case _ if isinstance(event, ev.ClipOffered):
            is_due = command.response_id == event.item_id
        case _:
            is_due = isinstance(event, ev.ResponseOver) and _names(event, command.response_id)
    require(is_due, "one answer", f"{name} at a {type(event).__name__}")


def _is_given_up(response: KnownResponse, now_ms: int) -> bool:
    if response.response_id is None:
        return now_ms >= response.progress_ms + REQUESTED_MS
    since_ms = response.progress_ms if response.stopped_ms is None else response.stopped_ms
    return (
        now_ms >= response.progress_ms + CANCELLING_MS or now_ms >= since_ms + CANCELLING_TOTAL_MS
    )


def _hangs_up(event: ev.Event) -> bool:
    is_asked = isinstance(event, ev.InterruptRequested) and event.reason is ev.Reason.HANG_UP
    return is_asked or isinstance(event, ev.HangUpRequested)


def _names(event: ev.ResponseOver, response_id: str | None) -> bool:
    return event.response_id in (None, response_id) or event.token is not None


def takes_have_a_reason(ledger: Ledger, event: ev.Event, out: Sequence[cm.Command]) -> None:
    """Weak evidence takes nothing, and what was not meant is not taken."""
    for command in out:
        if isinstance(command, cm.Taken):
            _take_has_a_reason(ledger, command, event)


def _take_has_a_reason(ledger: Ledger, command: cm.Taken, event: ev.Event) -> None:
    match command.reason:
        case ev.Reason.LOCAL_SPEECH:
            has_words = isinstance(event, ev.TurnTranscribed)
            require(ledger.is_voiced or has_words, "evidence", "an onset took the floor")
        case ev.Reason.SERVER_SPEECH:
            is_terminal = isinstance(event, ev.ResponseOver)
            is_heard = is_terminal or ledger.is_turn("open")
            require(is_heard, "evidence", "the server heard nobody")
        case _:
            is_asked = isinstance(event, _REASONS[command.reason]) or _takes_for_words(event)
            is_end = command.reason is ev.Reason.HANG_UP and ledger.ending is not None
            is_asked = is_asked or is_end
            require(is_asked, "evidence", f"nobody asked for {command.reason.value}")
    through = event.through if isinstance(event, ev.InterruptRequested) else None
    is_meant = through is None or all(number <= through for number in command.responses)
    require(is_meant, "evidence", f"{command.responses} were not meant")


def _takes_for_words(event: ev.Event) -> bool:
    return isinstance(event, ev.SpeechRequested) and event.interrupts


def create_has_a_reason(
    ledger: Ledger, command: cm.CreateResponse, out: Sequence[cm.Command]
) -> None:
    """A create answers a turn once, all results of a response together, and whoever asked."""
    dues = ledger.dues
    if command.cause is cm.Cause.TURN:
        is_new = any(isinstance(c, cm.TurnDecided) and c.fate == "answered" for c in out)
        require(is_new or dues.answers_again > 0, "one answer", "of no turn")
    elif command.cause is cm.Cause.TOOL:
        is_complete = any(not dues.calls_of(r) for r in dues.results & ledger.over())
        detail = "of a tool's result while others are awaited"
        require(is_complete or dues.answers_again > 0, "one answer", detail)
    elif command.cause in (cm.Cause.CONTINUATION, cm.Cause.EXPLANATION):
        require(dues.may_continue, "one answer", "goes on with what nobody cut off")
    elif command.cause is cm.Cause.GREETING:
        has_spoken = dues.has_begun or ledger.is_turn("undecided")
        is_void = has_spoken and command.request in dues.greetings
        require(not is_void, "one answer", "a greeting after the caller spoke")
    is_sure = not command.protected or not ledger.server_acts
    require(is_sure, "protected", "created before the server is known not to act")
    request = command.request
    if request is not None and request in ledger.protected_requests and not command.protected:
        require(ledger.lapses > 0, "protected", "created without the protection asked for")
        ledger.lapses -= 1
        ledger.protected_requests.discard(request)


def drop_has_a_reason(ledger: Ledger, command: cm.SpeechDropped, event: ev.Event) -> None:
    """What was to be kept is dropped by the end, the loss of the session, or for want of room."""
    request = command.request
    is_asked = ledger.is_lost or request in ledger.dues.asked
    require(is_asked, "one answer", f"request {request} is dropped, and was not queued")
    is_free = request not in ledger.dues.kept or request in ledger.dues.greetings
    is_end = ledger.is_lost or _hangs_up(event) or ledger.ending is not None
    is_full = len(ledger.dues.asked) > CREATES_KEPT
    require(is_free or is_end or is_full, "one answer", f"request {request} was to be kept")


def tool_has_a_reason(ledger: Ledger, command: cm.RunTool) -> None:
    """A tool that was interrupted before it ran is not run."""
    response = ledger.with_id(ledger.dues.calls.get(command.call_id))
    is_taken = response is not None and response.is_taken
    require(not is_taken, "tools", f"{command.call_id} is run for a response that was taken")


# --- what an event obliges to ----------------------------------------------------------------


def step_does_its_duty(
    ledger: Ledger, event: ev.Event, out: Sequence[cm.Command], before: Before, now_ms: int
) -> None:
    """What must follow from an event at once."""
    _ends_are_ends(event, out, before)
    if ledger.is_lost or ledger.is_over:
        return
    match event:
        case ev.TimePassed():
            for number in before.unsent:
                is_out = ledger.responses[number].cancel_command is not None
                require(is_out, "one cancel", "one that was not written is not ordered again")
        case ev.ToolCalled() | ev.ToolAnswered():
            _tool_is_served(ledger, event)
        case ev.CommandRefused(command=command) if command is not None:
            for response in ledger.responses.values():
                is_asked = response.create_command == command and response.response_id is None
                is_left = is_asked and response.is_open
                require(not is_left, "one answer", "a refused create is open")
        case ev.InterruptRequested(through=None) | ev.KeyPressed() | ev.LocalSpeechConfirmed():
            if _takes_everything(ledger, event, now_ms):
                new = {c.response for c in out if isinstance(c, cm.CreateResponse)}  # after it
                old = {r.number for r in _untaken(ledger)} - new
                left = ", ".join(str(number) for number in sorted(old))
                require(not left, "silence", f"{left} goes on after an interruption")
        case _:
            pass


def _ends_are_ends(event: ev.Event, out: Sequence[cm.Command], before: Before) -> None:
    """A hang-up ends the call, a lost session every response."""
    if isinstance(event, ev.HangUpRequested):
        require(any(isinstance(c, cm.EndCall) for c in out), "end", "a hang-up ends nothing")
    if isinstance(event, ev.SessionLost | ev.SessionAway):
        closed = {c.response for c in out if isinstance(c, cm.ResponseClosed)}
        left = ", ".join(map(str, sorted(before.open - closed)))
        require(not left, "lost", f"{left} is open without a session")


def _tool_is_served(ledger: Ledger, event: ev.ToolCalled | ev.ToolAnswered) -> None:
    """A call is run or answered, and a result goes to the model."""
    dues, call_id = ledger.dues, event.call_id
    if isinstance(event, ev.ToolCalled):
        is_served = call_id in dues.posted | dues.runs
        require(is_served, "tools", f"{call_id} is neither run nor answered")
    else:
        is_told = call_id not in dues.calls
        require(is_told, "tools", f"the model does not get the result of {call_id}")


def _takes_everything(ledger: Ledger, event: ev.Event, now_ms: int) -> bool:
    match event:
        case ev.KeyPressed():
            return ledger.policy.dtmf_interrupts
        case ev.LocalSpeechConfirmed():
            is_fresh = now_ms < ledger.local_began_ms + LOCAL_SPEECH_MAX_MS
            return ledger.is_heard and is_fresh and not ledger.server_acts
        case _:
            return True


def _untaken(ledger: Ledger) -> Iterator[KnownResponse]:
    """The responses that are open or heard, and were not taken."""
    for response in ledger.responses.values():
        if response.is_open and not response.is_taken and not response.is_protected:
            yield response
    for audio in (*ledger.flying, *ledger.playing):
        of_it = ledger.of_item(ledger.items[audio.item_id])
        if of_it is not None and not of_it.is_taken and not of_it.is_protected:
            yield of_it


def unpaid(ledger: Ledger) -> Iterator[str]:
    """Name what is still due to somebody when the call has come to rest."""
    if ledger.is_lost or ledger.is_over:
        return
    yield from ledger.dues.unpaid(ledger.over())
    if ledger.is_turn("open", "undecided"):
        yield "a turn is open or undecided"
    for item_id, item in ledger.items.items():
        response = ledger.of_item(item)
        is_due = response is not None and item.is_speech
        if is_due and item.received_ms and item.heard_ms is None:
            yield f"what was heard of {item_id} is not known"
