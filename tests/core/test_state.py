from __future__ import annotations

from trio_media.core import commands as cm
from trio_media.core.policy import Authority, Policy
from trio_media.core.responses import Item
from trio_media.core.state import State
from trio_media.simulation.driving import CoreCall


def test_commands_are_numbered_over_the_whole_call() -> None:
    state = State(Policy())
    assert [state.number_command() for _ in range(3)] == [1, 2, 3]


def test_a_lost_session_is_told_nothing_but_the_rest_is() -> None:
    state = State(Policy())
    state.is_session_lost = True
    state.tell(cm.DeleteItem(1, "I"))
    state.tell(cm.Resumed())
    assert state.out == [cm.Resumed()]


def test_authority_is_the_operators_choice() -> None:
    assert State(Policy(authority=Authority.SERVER)).has_server_authority
    assert not State(Policy()).has_server_authority


def test_exposed_is_what_is_open_or_audible_and_neither_taken_nor_protected() -> None:
    call = CoreCall()
    state = call.core.state
    call.answers(400, "R1")
    call.asks(protected=True)
    call.opens("R2")
    assert [r.number for r in state.exposed()] == [1]
    call.interrupts()
    assert state.exposed() == []
    assert state.is_occupied()  # by what is protected
    call.ends("R2")
    assert not state.is_occupied()


def test_what_was_heard_is_said_once_and_only_of_speech() -> None:
    call = CoreCall()
    call.begins_to_answer(400)
    state = call.core.state
    item = state.book.responses[0].items[0]
    state.note_heard(item)
    state.note_heard(item)
    call_item = Item("call", item.response, is_speech=False)
    state.note_heard(call_item)
    assert state.out == [
        cm.ItemHeard(1, "R1.1", 0, 400),
        cm.ReleaseAudio("R1.1"),
        cm.ReleaseAudio("call"),
    ]
