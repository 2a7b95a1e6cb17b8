"""The observer's books: simple, and right about what anybody could know."""

from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.known import KnownResponse
from trio_media.core.ledger import Ledger
from trio_media.core.policy import Ear, Policy

from .driver import SERVER, Call, active


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(Policy())


def test_the_books_and_the_core_agree_about_a_call(call: Call) -> None:
    active(call)
    call.server_opens("R2")
    call.speaks(600, "R2.1")
    call.ends("R1")
    call.passes(2_000)
    ledger = call.invariants.ledger
    for response in call.core.state.book:
        known = ledger.with_id(response.response_id)
        assert known is not None
        assert (known.number, known.is_open) == (response.number, response.is_open)
        for item in response.items:
            assert ledger.items[item.item_id].received_ms == item.received_ms
            assert item.heard_ms <= ledger.items[item.item_id].written_ms


def test_audio_of_what_is_over_or_done_is_not_received(call: Call) -> None:
    call.begins_to_answer(400)
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.speaks(100)
    call.ends()
    call.speaks(100, "R1.2")
    ledger = call.invariants.ledger
    assert ledger.items["R1.1"].received_ms == 400
    assert ledger.items["R1.2"].received_ms == 0


def test_audio_of_an_unknown_response_is_received(ledger: Ledger) -> None:
    ledger.saw(ev.AudioReceived("R1", "R1.1", 100), 0)
    assert ledger.items["R1.1"].received_ms == 100
    assert ledger.of_item(ledger.items["R1.1"]) is None


def test_nothing_of_the_model_is_seen_once_its_session_is_lost(ledger: Ledger) -> None:
    ledger.responses[1] = KnownResponse(1, 0, response_id="R1")
    ledger.saw(ev.SessionLost(), 10)
    assert not ledger.responses[1].is_open
    ledger.saw(ev.AudioReceived("R1", "R1.1", 100), 20)
    assert ledger.items == {}
    ledger.saw(ev.KeyPressed("1"), 30)


def test_nothing_is_owed_once_the_session_is_lost(ledger: Ledger) -> None:
    ledger.owed_ms = 5
    ledger.saw(ev.SessionLost(), 10)
    assert ledger.owed_ms is None


def test_what_the_local_ear_hears_counts_unless_the_server_alone_is_believed() -> None:
    for ear in Ear:
        ledger = Ledger(Policy(ear=ear))
        ledger.saw(ev.LocalSpeechBegan(), 10)
        assert ledger.is_heard is (ear is not Ear.SERVER)
        ledger.saw(ev.LocalSpeechEnded(), 20)
        assert not ledger.is_heard
        assert ledger.local_ended_ms == 20


def test_a_commit_leaves_a_turn_that_has_its_fate_alone(ledger: Ledger) -> None:
    for item_id, before, after in [
        ("T1", "open", "undecided"),
        ("T2", "lapsed", "undecided"),
        ("T3", "answered", "answered"),
        ("T4", "void", "void"),
    ]:
        ledger.turns[item_id] = before
        ledger.saw(ev.TurnCommitted(item_id), 0)
        assert ledger.turns[item_id] == after
    ledger.saw(ev.TurnCommitted("T5"), 0)
    assert ledger.turns["T5"] == "undecided"
    ledger.saw(ev.ServerSpeechStarted("T5"), 0)
    assert ledger.turns["T5"] == "undecided"


def test_the_server_interrupts_only_what_is_open_and_has_an_id() -> None:
    call = Call(SERVER)
    call.answers(5_000)
    call.asks()
    call.server_hears()
    ledger = call.invariants.ledger
    assert not ledger.responses[1].is_server_interrupted
    assert not ledger.responses[2].is_server_interrupted


def test_a_terminal_event_that_is_repeated_says_nothing_new() -> None:
    call = Call(SERVER)
    active(call)
    call.ends("R1", ev.Ended.TURN_DETECTED)
    call.server_opens("R2")
    call.ends("R1", ev.Ended.TURN_DETECTED)
    assert not call.invariants.ledger.responses[2].is_server_interrupted


def test_a_terminal_event_that_names_nothing_closes_nothing(ledger: Ledger) -> None:
    ledger.responses[1] = KnownResponse(1, 0, response_id="R1")
    ledger.saw(ev.ResponseOver(None, ev.Ended.FAILED), 0)
    ledger.saw(ev.ResponseOver("R9", ev.Ended.FAILED), 0)
    assert ledger.responses[1].is_open


def test_protected_speech_is_held_until_real_time_or_the_mark_behind_it_has_passed(
    call: Call,
) -> None:
    call.asks(protected=True)
    call.opens()
    call.speaks(400)
    call.ends()
    ledger = call.invariants.ledger
    assert ledger.shield_until_ms == 400
    ledger.saw(ev.MarkEchoed(1, 1), 100)
    assert ledger.shield_until_ms == 400, "that mark is in the middle of it"
    ledger.saw(ev.MarkEchoed(1, 2), 300)
    assert ledger.shield_until_ms == 0


def test_protection_that_the_service_does_not_confirm_is_none(ledger: Ledger) -> None:
    ledger.saw(ev.SpeechRequested(1, ev.Say.GREETING, protected=True), 0)
    ledger.saw(ev.SpeechRequested(2, ev.Say.GREETING), 0)
    assert ledger.protected_requests == {1}
    ledger.flags_asked_ms, ledger.server_acts = 0, True
    ledger.saw(ev.TimePassed(), 4_999)
    assert ledger.lapses == 0
    ledger.saw(ev.TimePassed(), 5_000)
    assert ledger.lapses == 1
    ledger.flags_asked_ms = 5_000
    ledger.saw(ev.TimePassed(), 10_000)
    assert ledger.lapses == 1, "no more than there are requests"


def test_a_hush_of_nothing_in_particular_moves_nothing_back(call: Call) -> None:
    active(call)
    ledger = call.invariants.ledger
    sent_ms = ledger.items["R1.1"].sent_ms
    for item_id in (None, "R9.1"):
        ledger.hushed(cm.Hushed(0, item_id), call.now_ms)
        assert ledger.items["R1.1"].sent_ms == sent_ms


def test_an_unsent_command_that_is_no_cancel_changes_no_cancel(call: Call) -> None:
    active(call)
    call.interrupts()
    call.invariants.ledger.saw(ev.CommandUnsent(999), call.now_ms)
    assert call.invariants.ledger.responses[1].cancel_command is not None


def test_nothing_is_held_behind_a_clear(ledger: Ledger) -> None:
    ledger.plays_until_ms = ledger.shield_until_ms = 500
    ledger.cleared(2, 0)
    assert (ledger.epoch, ledger.plays_until_ms, ledger.shield_until_ms) == (2, 0, 0)


def test_a_hush_lets_what_is_behind_the_item_that_was_playing_begin_anew(call: Call) -> None:
    call.begins_to_answer(600)
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.speaks(400, "R1.2")
    call.passes(300)
    ledger = call.invariants.ledger
    assert (ledger.items["R1.1"].sent_ms, ledger.items["R1.2"].sent_ms) == (600, 400)
    call.caller_begins()
    assert call.all(cm.Hushed) == [cm.Hushed(300, "R1.1")]
    assert (ledger.items["R1.1"].sent_ms, ledger.items["R1.2"].sent_ms) == (300, 0)


def test_the_servers_own_response_pays_what_is_owed_if_it_is_more_than_an_end() -> None:
    own = cm.ResponseOpened(1, "R1", cm.Cause.SERVER)
    asked = cm.ResponseOpened(1, "R1", cm.Cause.TURN)
    its_end, another_end = (
        ev.ResponseOver("R1", ev.Ended.FAILED),
        ev.ResponseOver("R0", ev.Ended.FAILED),
    )
    for command, event, is_open, owed_ms in [
        (own, ev.ResponseCreated("R1", None), True, None),
        (own, its_end, False, 5),
        (own, another_end, True, None),
        (asked, ev.ResponseCreated("R1", None), True, 5),
    ]:
        ledger = Ledger(Policy(), owed_ms=5)
        ledger.opened(command, event, 10)
        assert (ledger.responses[1].is_open, ledger.owed_ms) == (is_open, owed_ms)


def test_the_end_of_the_servers_speech_is_noted(ledger: Ledger) -> None:
    ledger.saw(ev.ServerSpeechStopped("T1"), 7)
    assert ledger.server_ended_ms == 7


def test_a_terminal_event_of_an_unknown_response_says_that_the_server_interrupts_all() -> None:
    ledger = Ledger(Policy(), server_acts=True)
    ledger.responses[1] = KnownResponse(1, 0, response_id="R1")
    ledger.saw(ev.ResponseOver("R9", ev.Ended.TURN_DETECTED), 0)
    assert ledger.responses[1].is_server_interrupted


def test_what_was_played_is_held_no_longer_though_no_mark_says_so(call: Call) -> None:
    call.has_marks = False
    call.begins_to_answer(2_000)
    call.passes(500)
    playing = call.invariants.ledger.playing
    assert (playing[0].offset_ms, playing[0].begins_ms) == (400, 400)
