from __future__ import annotations

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.policy import Authority, Policy
from trio_media.core.units import FLAGS_MS, FLAGS_TRIES
from trio_media.simulation.driving import CoreCall

SERVER = Policy(authority=Authority.SERVER)


def flags(call: CoreCall) -> list[bool]:
    return [command.server_acts for command in call.all(cm.SetTurnFlags)]


def confirm(call: CoreCall, *, server_acts: bool) -> None:
    call.does(ev.SessionReady(server_acts))


def test_under_our_authority_protected_speech_needs_nothing() -> None:
    call = CoreCall()
    call.asks(protected=True)
    assert flags(call) == []
    assert call.count(cm.CreateResponse) == 1


def test_protected_speech_begins_when_the_server_confirmed_that_it_will_not_act() -> None:
    call = CoreCall(SERVER)
    call.asks(protected=True)
    assert flags(call) == [False]
    assert call.count(cm.CreateResponse) == 0
    confirm(call, server_acts=False)
    assert call.count(cm.CreateResponse) == 1
    assert flags(call) == [False]


def test_the_authority_is_given_back_once_it_was_heard() -> None:
    call = CoreCall(SERVER)
    call.asks(protected=True)
    confirm(call, server_acts=False)
    call.opens()
    call.speaks(1_000)
    call.ends()
    call.passes(999)
    assert flags(call) == [False]
    call.passes(1)
    assert flags(call) == [False, True]
    confirm(call, server_acts=True)
    call.passes(10_000)
    assert flags(call) == [False, True]


def test_the_authority_is_given_back_only_when_no_turn_waits() -> None:
    call = CoreCall(SERVER)
    call.asks(protected=True)
    confirm(call, server_acts=False)
    call.opens("R1")
    call.speaks(200, "R1.1")
    call.ends("R1")
    call.server_hears("T1")
    call.passes(2_000)
    assert flags(call) == [False]
    call.commits("T1")
    assert call.all(cm.CreateResponse)[-1].cause is cm.Cause.TURN
    assert flags(call) == [False, True]  # answered by us: it is the server's turn again


def test_the_next_protected_speech_keeps_it() -> None:
    call = CoreCall(SERVER)
    call.asks(protected=True)
    call.asks(protected=True)
    confirm(call, server_acts=False)
    call.opens("R1")
    call.speaks(200, "R1.1")
    call.ends("R1")
    call.passes(200)
    assert flags(call) == [False]
    assert call.count(cm.CreateResponse) == 2


def test_speech_is_not_lost_when_the_service_does_not_confirm() -> None:
    call = CoreCall(SERVER)
    call.asks(protected=True)
    call.passes(FLAGS_MS - 1)
    assert call.count(cm.CreateResponse) == 0
    call.passes(1)
    assert call.count(cm.CreateResponse) == 1
    assert not call.core.state.book.responses[0].is_protected


def test_the_authority_is_asked_back_again_when_nobody_confirms() -> None:
    call = CoreCall(SERVER)
    confirm(call, server_acts=False)
    assert flags(call) == [True]
    call.passes(FLAGS_MS)
    assert flags(call) == [True, True]


def test_a_service_that_never_confirms_is_asked_a_few_times_and_we_act_in_its_place() -> None:
    call = CoreCall(SERVER)
    confirm(call, server_acts=False)
    call.passes(20 * FLAGS_MS)
    assert flags(call) == [True] * FLAGS_TRIES
    assert call.core.next_deadline() is None
    call.says("T1")
    assert call.all(cm.CreateResponse)[-1].cause is cm.Cause.TURN


def test_a_service_that_confirmed_once_is_asked_anew() -> None:
    call = CoreCall(SERVER)
    for _ in range(2 * FLAGS_TRIES):
        confirm(call, server_acts=False)
        call.passes(100)
        confirm(call, server_acts=True)
    assert flags(call) == [True] * 2 * FLAGS_TRIES


def test_what_waits_protected_stays_so_when_nobody_confirms_that_the_server_may_act() -> None:
    call = CoreCall(SERVER)
    confirm(call, server_acts=False)
    call.server_hears("T1")
    call.asks(protected=True)
    call.passes(FLAGS_MS)
    assert [queued.is_protected for queued in call.core.state.creates.queue] == [True]


def test_what_waits_unprotected_is_not_changed_when_nobody_confirms() -> None:
    call = CoreCall(SERVER)
    call.asks(protected=True)
    call.does(ev.HangUpRequested())
    assert call.core.state.creates.queue == []
    call = CoreCall(SERVER)
    call.asks(protected=True)
    call.server_hears("T1")
    call.passes(FLAGS_MS)
    call.commits("T1")
    call.passes(1_500)
    assert call.count(cm.CreateResponse) == 1


def test_what_waits_behind_a_held_answer_loses_its_protection_all_the_same() -> None:
    """Else it would be asked for, and not be said, for ever."""
    call = CoreCall(SERVER)
    call.server_opens("R1")
    call.calls_tool("slow", holds=True)
    call.ends("R1")
    call.presses("1")
    call.passes(1_500)
    assert [queued.cause for queued in call.core.state.creates.queue] == [cm.Cause.KEYS]
    request = call.asks(protected=True)
    call.passes(FLAGS_MS)
    create = call.all(cm.CreateResponse)[-1]
    assert (create.request, create.protected) == (request, False)


def test_protected_speech_waits_while_the_server_is_given_its_authority_back() -> None:
    """It would act in the middle of it."""
    call = CoreCall(SERVER)
    confirm(call, server_acts=False)
    assert flags(call) == [True]
    call.asks(protected=True)
    assert call.count(cm.CreateResponse) == 0
    confirm(call, server_acts=True)
    assert flags(call) == [True, False]
    confirm(call, server_acts=False)
    assert call.count(cm.CreateResponse) == 1
