"""Each promise of the decision core, as a check over the observer's books.

A check raises `BrokenInvariant` with the name of the promise.  Checks of a command run before the
books know of it; checks of a step run after all its commands.
"""

from __future__ import annotations

from collections.abc import Sequence

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.known import KnownItem, KnownResponse
from trio_media.core.ledger import Ledger
from trio_media.core.units import (
    ACTIVE_MS,
    CANCELLING_MS,
    CANCELLING_TOTAL_MS,
    CREATE_RETRY_MS,
    HEARD_ENOUGH_MS,
    RECOVERIES_IN_A_ROW,
    REQUESTED_MS,
)

OPEN_MAX_MS = ACTIVE_MS + CANCELLING_MS  # without progress
SETTLED_MAX_MS = REQUESTED_MS + CANCELLING_TOTAL_MS + CANCELLING_MS  # at the worst
SPEECH = (ev.Reason.LOCAL_SPEECH, ev.Reason.SERVER_SPEECH)


class BrokenInvariant(AssertionError):
    """The core broke a promise."""


def require(is_kept: bool, promise: str, detail: str) -> None:
    """Raise unless a promise is kept."""
    if not is_kept:
        raise BrokenInvariant(f"{promise}: {detail}")


# --- one cancel ------------------------------------------------------------------------------


def cancel_is_due(ledger: Ledger, command: cm.CancelResponse) -> None:
    """At most one cancel a response, by id, of one that is open and not the server's to cancel."""
    response = ledger.with_id(command.response_id)
    require(response is not None, "one cancel", "of an unknown response")
    assert response is not None
    require(response.cancel_command is None, "one cancel", "a second one")
    require(response.is_open, "one cancel", "of a response that is over")
    require(not response.is_server_interrupted, "one cancel", "the server did it")


def _is_stopped(response: KnownResponse) -> bool:
    """Whether everything was done to stop a response that was taken."""
    return (
        not response.is_open
        or response.response_id is None
        or response.is_server_interrupted
        or response.was_cancel_unsent
        or response.cancel_command is not None
    )


def taken_is_stopped(ledger: Ledger, out: Sequence[cm.Command]) -> None:
    """A take stops what is open; a doomed response is stopped when its id appears."""
    for command in out:
        numbers: tuple[int, ...] = ()
        if isinstance(command, cm.Taken):
            numbers = command.responses
        elif isinstance(command, cm.ResponseOpened):
            numbers = (command.response,)
        for number in numbers:
            response = ledger.responses[number]
            is_stopped = not response.is_taken or _is_stopped(response)
            require(is_stopped or ledger.is_lost, "one cancel", f"{number} goes on unheard")


# --- silence ---------------------------------------------------------------------------------


def clears_are_due(out: Sequence[cm.Command]) -> None:
    """One clear a hush, one a take outside a hush, and no audio in front of it."""
    clears = [i for i, c in enumerate(out) if isinstance(c, cm.ClearCarrier)]
    hushes = sum(isinstance(c, cm.Hushed) for c in out)
    takes = sum(isinstance(c, cm.Taken) for c in out)
    require(len(clears) <= hushes + takes, "silence", "a clear for nothing")
    require(len(clears) >= hushes, "silence", "a hush without a clear")
    before = out[: clears[0]] if clears else ()
    audio = any(isinstance(c, cm.PlayAudio) for c in before)
    require(not audio, "silence", "audio in front of the clear")


def clear_cuts_nothing_protected(
    ledger: Ledger, command: cm.ClearCarrier, *, hangs_up: bool, now_ms: int
) -> None:
    """A clear begins an epoch, is not inside a hush, and spares protected speech."""
    require(ledger.hushed_ms is None, "silence", "a clear inside a hush")
    require(command.epoch > ledger.epoch, "silence", "a clear without a new epoch")
    is_held = any(sent.is_protected for sent in ledger.flying) or ledger.shield_until_ms > now_ms
    require(hangs_up or not is_held, "protected", "a clear cuts protected speech")


def audio_may_play(ledger: Ledger, command: cm.PlayAudio) -> None:
    """Nothing hushed, taken, unreceived, out of order, or behind a gap is played."""
    item = ledger.items.get(command.item_id)
    require(item is not None, "truth", "audio of an unknown item")
    assert item is not None
    response = ledger.of_item(item)
    is_taken = response is not None and response.is_taken
    require(not is_taken, "silence", f"{command.item_id} was taken")
    require(ledger.hushed_ms is None, "silence", "audio in a hush")
    require(command.epoch == ledger.epoch, "silence", "audio of another epoch")
    require(command.seq > ledger.last_seq, "silence", "audio out of order")
    require(0 <= command.offset_ms < item.received_ms, "truth", "audio that was never received")
    require(command.offset_ms <= item.sent_ms, "truth", f"{command.item_id}: audio was skipped")
    require(item.heard_ms is None, "truth", f"{command.item_id}: played after its bytes went")
    is_ours = item.is_speech or item.is_clip
    require(is_ours, "silence", "what is played is no speech")


def mark_is_new(ledger: Ledger, command: cm.SendMark) -> None:
    """A mark names the epoch, and is never reused."""
    require(command.epoch == ledger.epoch, "marks", "a mark of another epoch")
    require(command.number > ledger.last_mark, "marks", "a mark's name was reused")


# --- truth -----------------------------------------------------------------------------------


def heard_is_true(ledger: Ledger, command: cm.ItemHeard) -> None:
    """Said once, and never above what was received or written."""
    item = ledger.items[command.item_id]
    heard_ms, received_ms = command.heard_ms, command.received_ms
    detail = f"{command.item_id}: heard {heard_ms} of {received_ms}"
    require(item.heard_ms is None, "truth", f"{detail}, said twice")
    require(0 <= heard_ms <= received_ms <= item.received_ms, "truth", detail)
    require(heard_ms <= item.written_ms, "truth", f"{detail}, written {item.written_ms}")
    require(heard_ms <= item.audible_ms, "truth", f"{detail}, by real time {item.audible_ms}")


def truncate_is_true(ledger: Ledger, command: cm.TruncateItem) -> None:
    """Once an item, at what was heard."""
    item = _tells(ledger, command.item_id)
    is_true = 0 < command.audio_end_ms <= item.received_ms
    require(is_true, "truth", f"{command.item_id}: {command.audio_end_ms} of {item.received_ms}")


def delete_is_true(ledger: Ledger, command: cm.DeleteItem) -> None:
    """Once an item, unheard, after its response is over; or a void turn's."""
    if command.item_id in ledger.turns:
        state = ledger.turns[command.item_id]
        require(state == "undecided", "truth", f"{command.item_id} is {state}, and deleted")
        return
    item = _tells(ledger, command.item_id)
    require(not item.heard_ms, "truth", f"{command.item_id} was heard, and is deleted")
    response = ledger.of_item(item)
    is_open = response is not None and response.is_open
    require(not is_open, "truth", f"{command.item_id} is deleted before its response is over")


def _tells(ledger: Ledger, item_id: str) -> KnownItem:
    item = ledger.items[item_id]
    require(item.told is None, "truth", f"{item_id} was told already")
    require(item.is_speech, "truth", f"{item_id} is no speech")
    return item


def hearing_was_told(ledger: Ledger, out: Sequence[cm.Command]) -> None:
    """What was heard of an item is what the model was told, or so nearly all that it is left."""
    for command in out:
        if not isinstance(command, cm.ItemHeard) or ledger.is_lost or ledger.is_over:
            continue
        item = ledger.items[command.item_id]
        response = ledger.of_item(item)
        unheard_ms = command.received_ms - command.heard_ms
        name = f"{command.item_id}: heard {command.heard_ms} of {command.received_ms}"
        if response is None or not response.is_taken:
            require(unheard_ms == 0, "truth", f"{name}, and nobody took it")
        elif command.heard_ms and item.told is None:
            is_over = item.is_done or not response.is_open
            is_near = is_over and unheard_ms <= HEARD_ENOUGH_MS
            require(is_near, "truth", f"{name}, and the model does not know")
        elif command.heard_ms:
            require(item.told == command.heard_ms, "truth", f"{name}, told {item.told}")


# --- one answer ------------------------------------------------------------------------------


def create_is_due(ledger: Ledger, command: cm.CreateResponse) -> None:
    """One at a time, in nobody's turn, and after the model knows what was not heard."""
    responses = ledger.responses.values()
    require(not any(r.is_open for r in responses), "one answer", "one is open")
    require(all(r.is_cancel_settled for r in responses), "one answer", "a cancel is unsettled")
    require(not ledger.is_turn("open"), "one answer", "the caller is in a turn")
    require(ledger.hushed_ms is None, "one answer", "the floor is hushed")
    require(ledger.is_ready, "one answer", "the session is not ready")
    require(command.response not in ledger.responses, "one answer", "a number was reused")
    for item_id, item in ledger.items.items():
        response = ledger.of_item(item)
        is_taken = response is not None and response.is_taken
        is_known = item.told is not None or not is_taken or bool(item.heard_ms)
        is_known = is_known or not item.is_speech
        require(is_known, "truth", f"{item_id} was not heard, and the model does not know")
    is_recovery = command.cause is cm.Cause.RECOVERY
    is_many = is_recovery and ledger.recoveries >= RECOVERIES_IN_A_ROW
    require(not is_many, "dead air", "owed answers without end")


def turn_has_one_fate(ledger: Ledger, command: cm.TurnDecided) -> None:
    """A turn is answered at most once, and never when it was void."""
    state = ledger.turns.get(command.item_id)
    is_new = state not in ("answered", "void", "left")
    require(is_new, "one answer", f"{command.item_id} was {state}, and is {command.fate}")


def told_to_a_session(ledger: Ledger) -> None:
    """Nothing is told to a session that is gone."""
    require(not ledger.is_lost, "lost", "told to a lost session")


def posted_once(ledger: Ledger, command: cm.PostToolOutput) -> None:
    """Each tool call has one output."""
    require(command.call_id not in ledger.dues.posted, "tools", "posted twice")


# --- no dead air -----------------------------------------------------------------------------


def nothing_lasts(ledger: Ledger, now_ms: int) -> None:
    """Every wait has an end."""
    hushed_ms = 0 if ledger.hushed_ms is None else now_ms - ledger.hushed_ms
    require(hushed_ms <= ledger.policy.hush_max_ms, "dead air", "a hush outlived hush_max_ms")
    for response in ledger.responses.values():
        is_late = response.is_open and now_ms > response.progress_ms + OPEN_MAX_MS
        require(not is_late, "dead air", f"{response.number} is open without progress")
    for since_ms in (*ledger.waiting_requests.values(), *ledger.waiting_takes.values()):
        is_late = now_ms > since_ms + SETTLED_MAX_MS
        require(not is_late, "outcome", "an interruption without an outcome")


def owed_is_paid(ledger: Ledger, now_ms: int) -> None:
    """An owed answer comes when both ends of the speech are past, and nothing keeps it back."""
    if ledger.owed_ms is None or keeps_back(ledger):
        ledger.free_ms = None
        return
    if ledger.free_ms is None:
        ledger.free_ms = now_ms
    quiet_ms = max(ledger.local_ended_ms, ledger.server_ended_ms, ledger.owed_ms)
    due_ms = max(quiet_ms + ledger.policy.recover_ms, ledger.free_ms, ledger.owed_from_ms)
    due_ms += CREATE_RETRY_MS
    require(now_ms <= due_ms, "dead air", "an owed answer does not come")


def keeps_back(ledger: Ledger) -> bool:
    """Whether something keeps an owed answer back."""
    return ledger.recoveries >= RECOVERIES_IN_A_ROW or keeps_all_back(ledger)


def keeps_all_back(ledger: Ledger) -> bool:
    """Whether something keeps back whatever is to be said."""
    responses = ledger.responses.values()
    return (
        ledger.is_lost
        or ledger.is_over
        or not ledger.is_ready
        or ledger.is_heard
        or ledger.hushed_ms is not None
        or ledger.flags_asked_ms is not None
        or ledger.is_turn("open", "undecided")
        or ledger.dues.held
        or bool(ledger.dues.runs & ledger.dues.holding)
        or ledger.ending is not None
        or any(r.is_open or not r.is_cancel_settled or r.is_protected for r in responses)
    )


# --- outcomes --------------------------------------------------------------------------------


def take_is_meant(ledger: Ledger, command: cm.Taken) -> None:
    """Protected speech is taken by a hang-up alone."""
    if command.reason is ev.Reason.HANG_UP:
        return
    for number in command.responses:
        is_protected = ledger.responses[number].is_protected
        require(not is_protected, "protected", f"{number} was taken")


def settled_once(ledger: Ledger, command: cm.InterruptionSettled) -> None:
    """Exactly one outcome, for an interruption that somebody waits for."""
    if command.request is not None:
        is_waiting = command.request in ledger.waiting_requests
        require(is_waiting, "outcome", "an outcome nobody waits for")
    nothing = (cm.Outcome.NOTHING_TO_INTERRUPT, cm.Outcome.PROTECTED, cm.Outcome.ALREADY_OVER)
    is_known = command.interruption in ledger.waiting_takes or command.outcome in nothing
    require(is_known, "outcome", "two outcomes")


def end_is_the_end(ledger: Ledger) -> None:
    """Whoever waits has an outcome when the call ends."""
    books = (ledger.waiting_takes, ledger.waiting_requests, ledger.dues.unended, ledger.dues.digits)
    is_waited = any(books)
    require(not is_waited, "outcome", "no outcome at the end")
