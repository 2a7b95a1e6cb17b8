"""Where the observer's books and the core's must say the same, though they share no code."""

from __future__ import annotations

from typing import Final

from trio_media.core.ledger import Ledger
from trio_media.core.responses import Item, Phase, Response
from trio_media.core.state import State
from trio_media.core.turns import TurnState

from .well_formed import check

TURNS: Final = {
    TurnState.OPEN: "open",
    TurnState.LAPSED: "lapsed",
    TurnState.JUDGED: "undecided",
    TurnState.COUNTS: "undecided",
    TurnState.ANSWERED: "answered",  # or left
    TurnState.VOID: "void",
}


def agree(ledger: Ledger, state: State) -> None:
    """Require that both know the same of a call that goes on."""
    assert ledger.is_over == state.is_over
    if state.is_over:
        return
    assert ledger.is_lost == state.is_session_lost
    assert not (state.is_session_lost and state.is_session_ready)
    assert (ledger.epoch, ledger.last_seq, ledger.last_mark) == (
        state.playout.epoch,
        state.playout.last_seq,
        state.playout.last_mark,
    )
    hush = state.floor.hush
    assert ledger.hushed_ms == (None if hush is None else hush.since_ms)
    assert ledger.server_acts == state.server_acts
    assert ledger.flags_asked_ms == state.flags_asked_ms
    assert ledger.server_ended_ms <= state.floor.server_ended_ms, "it knows of fewer ends"
    waiting = state.interruptions
    assert set(ledger.waiting_takes) == {i.number for i in waiting}
    assert set(ledger.waiting_requests) == {i.request for i in waiting if i.request is not None}
    unwritten = [sent.seq for sent in state.playout.sent if sent.begins_ms is None]
    assert [sent.seq for sent in ledger.flying] == unwritten
    for record in (ledger, *ledger.responses.values(), *ledger.items.values(), *ledger.playing):
        check(record)
    for turn in state.turns.turns:
        known = ledger.turns[turn.item_id]
        assert {"left": "answered"}.get(known, known) == TURNS[turn.state]
    for response in state.book:
        agree_on_response(ledger, response)
        for item in response.items:
            agree_on_item(ledger, item)


def agree_on_response(ledger: Ledger, response: Response) -> None:
    """Require that both know the same of a response."""
    known = ledger.responses[response.number]
    assert known.number == response.number
    assert known.response_id == response.response_id
    assert known.is_open == response.is_open
    assert known.is_protected == response.is_protected
    assert known.is_server_interrupted == response.is_server_interrupted
    never_came = known.response_id is None  # nothing of it can be heard
    assert response.is_muted or not known.is_taken or never_came
    if known.is_open and response.phase is not Phase.CANCELLING:
        assert known.progress_ms == response.progress_ms


def agree_on_item(ledger: Ledger, item: Item) -> None:
    """Require that both know the same of an item."""
    known = ledger.items[item.item_id]
    assert known.response_id == item.response.response_id
    assert known.is_speech == item.is_speech
    assert known.received_ms == item.received_ms
    assert known.written_ms >= item.heard_ms
    assert known.audible_ms >= item.heard_ms
    if item.is_released and item.is_speech and item.received_ms:
        assert known.heard_ms == item.heard_ms
    else:
        assert known.heard_ms is None
