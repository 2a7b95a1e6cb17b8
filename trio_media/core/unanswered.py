"""The promises about answers that the model does not give.

Whoever waits for an answer that failed is not left alone: it is asked for again, goes on, or is
explained, within a bound and not without end; or the caller is told to say it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.known import KnownResponse, is_wanted
from trio_media.core.ledger import Ledger
from trio_media.core.promises import keeps_all_back, require
from trio_media.core.units import (
    CONTINUATIONS,
    CREATE_RETRY_MS,
    FAULT_TRIES,
    RATE_PAUSE_MS,
    RATE_TRIES,
    SERVER_CREATE_MS,
    SORRIES_IN_A_ROW,
)

TRIED: Final = (cm.Remedy.RETRY, cm.Remedy.CONTINUE, cm.Remedy.EXPLAIN)
PAUSE_MS_MAX: Final = (RATE_PAUSE_MS << RATE_TRIES - 1) + CREATE_RETRY_MS + SERVER_CREATE_MS
FAULTS_MAX: Final = max(RATE_TRIES, FAULT_TRIES) + CONTINUATIONS + 1


# --- what is done about a fault ----------------------------------------------------------------


def closes(ledger: Ledger, command: cm.ResponseClosed, *, has_begun: bool) -> None:
    """Note that a response is over, before it is known what is done about it."""
    books, response = ledger.faults, ledger.responses[command.response]
    if has_begun:
        books.sorries = 0
    if command.ended in ev.FAULTS and not response.is_taken:
        books.unmet.add(command.response)
        return
    books.settled()
    if command.ended is ev.Ended.COMPLETED:
        books.faults = 0


def meets(ledger: Ledger, command: cm.FaultMet, *, has_begun: bool) -> None:
    """Check what is done about a fault, and note it."""
    books, response = ledger.faults, ledger.responses[command.response]
    _require(response.number in books.unmet, f"{response.number} ended in no fault")
    books.unmet.discard(response.number)
    if command.remedy in TRIED:
        _tries_again(ledger, response, command, has_begun=has_begun)
        return
    books.settled()
    books.faults = 0
    if command.remedy is cm.Remedy.LEAVE:
        is_fine = has_begun or command.ended is ev.Ended.CUT_SHORT or _may_leave(ledger, response)
        _require(is_fine, f"{response.number} failed, and nobody hears of it")


def _tries_again(
    ledger: Ledger, response: KnownResponse, command: cm.FaultMet, *, has_begun: bool
) -> None:
    books = ledger.faults
    books.faults += 1
    _require(books.faults <= FAULTS_MAX, "tried again without end")
    books.was_tried, books.is_tried = True, response.is_awaited
    ledger.dues.may_continue = True
    if command.remedy is not cm.Remedy.RETRY:
        return
    _require(not has_begun, f"{response.number} begins anew, and was heard")
    _require(is_wanted(ledger.ending, response), f"{response.number} is wanted by nobody")
    response.is_guessed = False
    ledger.recoveries = max(0, ledger.recoveries - response.is_recovery)
    ledger.again(response)


def _may_leave(ledger: Ledger, response: KnownResponse) -> bool:
    """Whether nobody waits for it any more, or others see to them."""
    dues = ledger.dues
    is_late = response.request is not None and dues.has_begun  # a greeting
    is_besides = bool(dues.keys) or ledger.faults.is_answer_due or dues.answers_again > 0
    is_besides = is_besides or ledger.is_turn("open", "undecided")
    is_free = not response.is_awaited or dues.held or ledger.ending is not None
    return is_free or is_late or is_besides


def says_sorry(ledger: Ledger) -> None:
    """The caller is asked to say it again, for a reason and not for ever."""
    books = ledger.faults
    _require(books.sorries < SORRIES_IN_A_ROW, "sorry without end")
    books.sorries += 1


# --- promised --------------------------------------------------------------------------------


def _require(is_kept: bool, detail: str) -> None:
    require(is_kept, "dead air", detail)


_DONE: Final[Mapping[cm.Remedy, Callable[[Any], bool]]] = {
    cm.Remedy.SAY: lambda c: c == cm.PlayRecorded(cm.Recorded.SORRY),
    cm.Remedy.END: lambda c: isinstance(c, cm.EndModelSession) and c.is_final,
}


def faults_are_met(ledger: Ledger, out: Sequence[cm.Command], now_ms: int) -> None:
    """Whatever fails has its remedy in the same step, and words of ours are said in it."""
    books = ledger.faults
    left = ", ".join(map(str, sorted(books.unmet)))
    _require(not left, f"{left} failed, and nothing is done about it")
    met = [command for command in out if isinstance(command, cm.FaultMet)]
    for command in met:
        is_done = _DONE.get(command.remedy)
        if is_done is not None:
            _require(any(map(is_done, out)), f"{command.response} failed, and nothing is said")
    is_sorry = cm.PlayRecorded(cm.Recorded.SORRY) in out
    _require(not is_sorry or bool(met), "sorry for nothing")
    if any(command.remedy in TRIED for command in met) and not any(
        isinstance(command, cm.CreateResponse) for command in out
    ):
        books.since_ms = now_ms


def try_comes(ledger: Ledger, now_ms: int) -> None:
    """Another try goes out when its pause is over, unless something keeps it back."""
    books = ledger.faults
    if books.since_ms is None or keeps_all_back(ledger):
        books.free_ms = None
        return
    if books.free_ms is None:
        books.free_ms = now_ms
    due_ms = max(books.since_ms, books.free_ms) + PAUSE_MS_MAX
    _require(now_ms <= due_ms, "an answer that failed is not asked for again")
