"""What is claimed of cancelling, claim by claim, and ten defects that a production server had.

Everything is said to the decision core, which is the only place that orders a cancel; each step is
checked against all invariants as well.
"""

from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import Invariants
from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.core.responses import Cancel, Phase

GREETING_MS = 3_000


class Call:
    """One call: a driver that keeps everything the core ever ordered."""

    def __init__(self, authority: Authority = Authority.CLIENT, ear: Ear = Ear.BOTH) -> None:
        policy = Policy(authority=authority, ear=ear)
        self.core = DecisionCore(policy)
        self.invariants = Invariants(policy)
        self.out: list[cm.Command] = []
        self.written = 0
        self.now_ms = 0
        self.tell(ev.SessionReady(server_acts=authority is Authority.SERVER))

    def tell(self, event: ev.Event) -> list[cm.Command]:
        commands = self.core.handle(event, self.now_ms)
        self.invariants.observe(event, commands, self.now_ms)
        self.out += commands
        played = [c.seq for c in commands if isinstance(c, cm.PlayAudio)]
        if played:  # the carrier takes every write at once
            self.tell(ev.CarrierWrote(played[-1], self.now_ms))
        return commands

    def wait(self, for_ms: int) -> None:
        """Let time pass, stopping at every deadline."""
        end_ms = self.now_ms + for_ms
        while (deadline_ms := self.core.next_deadline()) is not None and deadline_ms <= end_ms:
            self.now_ms = deadline_ms
            self.tell(ev.TimePassed())
        self.now_ms = end_ms
        self.tell(ev.TimePassed())

    def of(self, kind: type[cm.Command]) -> list[cm.Command]:
        return [command for command in self.out if isinstance(command, kind)]

    def ask(self, request: int = 1) -> int:
        """Ask the model to speak; return the token of its create."""
        self.tell(ev.SpeechRequested(request, ev.Say.APPLICATION))
        return self.creates()[-1].token

    def speaking(self, response_id: str = "R1", *, length_ms: int = GREETING_MS) -> None:
        """A response of ours that is generating, with audio."""
        token = self.ask()
        self.tell(ev.ResponseCreated(response_id, token))
        self.hears(response_id, f"{response_id}.1", length_ms)

    def hears(self, response_id: str, item_id: str, length_ms: int) -> None:
        self.tell(ev.ItemAdded(response_id, item_id, is_speech=True))
        self.tell(ev.AudioReceived(response_id, item_id, length_ms))

    def interrupt(self, request: int = 90) -> list[cm.Command]:
        return self.tell(ev.InterruptRequested(request, ev.Reason.APPLICATION))

    def caller_speaks(self) -> None:
        """Long enough to be sure of it."""
        self.tell(ev.LocalSpeechBegan())
        self.wait(320)
        self.tell(ev.LocalSpeechConfirmed())

    def cancels(self) -> list[str]:
        return [c.response_id for c in self.out if isinstance(c, cm.CancelResponse)]

    def cancel_command(self) -> int:
        return [c.command for c in self.out if isinstance(c, cm.CancelResponse)][-1]

    def creates(self) -> list[cm.CreateResponse]:
        return [c for c in self.out if isinstance(c, cm.CreateResponse)]

    def outcomes(self) -> list[cm.Outcome]:
        return [c.outcome for c in self.out if isinstance(c, cm.InterruptionSettled)]

    def played(self, item_id: str) -> int:
        """How much of an item was ever sent to the carrier."""
        spans = [c for c in self.out if isinstance(c, cm.PlayAudio) and c.item_id == item_id]
        return sum(span.length_ms for span in spans)


# --- a cancel goes out only when the response is in progress ----------------------------------


def test_a_response_in_progress_is_cancelled_by_its_id() -> None:
    call = Call()
    call.speaking()
    call.wait(500)
    call.interrupt()
    assert call.cancels() == ["R1"]


def test_nothing_is_cancelled_when_nothing_is_there() -> None:
    call = Call()
    call.interrupt()
    assert call.cancels() == []
    assert call.outcomes() == [cm.Outcome.NOTHING_TO_INTERRUPT]


def test_a_response_that_is_over_is_not_cancelled() -> None:
    call = Call()
    call.speaking()
    call.tell(ev.ResponseOver("R1", ev.Ended.COMPLETED))
    call.wait(500)
    call.interrupt()
    assert call.cancels() == []
    assert len(call.of(cm.ClearCarrier)) == 1
    assert call.outcomes() == [cm.Outcome.ALREADY_OVER]


def test_a_create_without_an_id_is_cancelled_when_the_id_appears() -> None:
    call = Call()
    token = call.ask()
    call.interrupt()
    assert call.cancels() == []
    call.tell(ev.ResponseCreated("R1", token))
    assert call.cancels() == ["R1"]
    call.hears("R1", "R1.1", 1_000)
    assert call.played("R1.1") == 0


# --- a cancel in flight prevents a second -----------------------------------------------------


def test_a_cancel_in_flight_prevents_a_second() -> None:
    call = Call()
    call.speaking()
    call.interrupt(90)
    call.interrupt(91)
    call.caller_speaks()
    call.tell(ev.KeyPressed("5"))
    assert call.cancels() == ["R1"]
    call.tell(ev.ResponseOver("R1", ev.Ended.CANCELLED))
    assert set(call.outcomes()) == {cm.Outcome.CANCELLED}


# --- the lifecycle is tracked -----------------------------------------------------------------


def test_the_lifecycle_is_tracked() -> None:
    call = Call()
    token = call.ask()
    [response] = call.core.state.book
    phases = [response.phase]
    call.tell(ev.ResponseCreated("R1", token))
    phases.append(response.phase)
    call.interrupt()
    phases.append(response.phase)
    call.tell(ev.ResponseOver("R1", ev.Ended.CANCELLED))
    phases.append(response.phase)
    assert phases == [Phase.REQUESTED, Phase.ACTIVE, Phase.CANCELLING, Phase.OVER]
    assert response.cancel is Cancel.SETTLED


# --- flushing is idempotent -------------------------------------------------------------------


def test_flushing_is_idempotent() -> None:
    call = Call()
    call.speaking()
    call.wait(500)
    for request in range(90, 95):
        call.interrupt(request)
    assert len(call.of(cm.ClearCarrier)) == 1
    assert len(call.of(cm.TruncateItem)) == 1


# --- response_cancel_not_active is handled gracefully -----------------------------------------


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("is_before_the_end", [True, False])
def test_not_active_is_benign_and_settles_the_cancel(
    is_named: bool, is_before_the_end: bool
) -> None:
    call = Call()
    call.speaking()
    call.interrupt()
    number = call.cancel_command() if is_named else None
    error = ev.CommandRefused(ev.Refusal.NOT_ACTIVE, number)
    over = ev.ResponseOver("R1", ev.Ended.COMPLETED)
    for event in (error, over) if is_before_the_end else (over, error):
        call.tell(event)
    [response] = call.core.state.book
    assert response.cancel is Cancel.SETTLED
    assert call.outcomes() == [cm.Outcome.ALREADY_OVER]
    assert call.ask(2) != 0
    assert len(call.creates()) == 2


def test_what_the_server_did_wins_over_already_over() -> None:
    call = Call()
    call.speaking()
    call.interrupt()
    call.tell(ev.CommandRefused(ev.Refusal.NOT_ACTIVE, call.cancel_command()))
    call.tell(ev.ResponseOver("R1", ev.Ended.TURN_DETECTED))
    assert call.outcomes() == [cm.Outcome.SERVER_CANCELLED]


# --- nothing is reset beyond the model's speaking ---------------------------------------------


def test_the_callers_turn_survives_a_cancel_and_is_answered() -> None:
    call = Call()
    call.speaking()
    call.wait(300)
    call.tell(ev.ServerSpeechStarted("T1"))
    call.caller_speaks()
    call.tell(ev.ResponseOver("R1", ev.Ended.CANCELLED))
    assert call.core.state.turns.in_progress
    call.tell(ev.LocalSpeechEnded())
    call.tell(ev.ServerSpeechStopped("T1"))
    call.tell(ev.TurnCommitted("T1"))
    assert [create.cause for create in call.creates()][-1] is cm.Cause.TURN


def test_the_session_and_a_kept_request_survive_a_cancel() -> None:
    call = Call()
    call.speaking()
    call.tell(ev.SpeechRequested(7, ev.Say.APPLICATION, keep=True))
    call.interrupt()
    call.tell(ev.ResponseOver("R1", ev.Ended.CANCELLED))
    assert call.core.state.is_session_ready
    assert call.creates()[-1].request == 7


def test_the_intent_to_hang_up_survives_everything() -> None:
    call = Call()
    call.speaking()
    call.interrupt()
    call.tell(ev.HangUpRequested())
    assert [c.reason for c in call.out if isinstance(c, cm.EndCall)] == ["hung_up"]
    assert call.tell(ev.ResponseOver("R1", ev.Ended.CANCELLED)) == []


# --- a failed cancel can be retried -----------------------------------------------------------


def test_a_cancel_of_which_no_byte_was_written_is_ordered_again() -> None:
    call = Call()
    call.speaking()
    call.interrupt()
    call.tell(ev.CommandUnsent(call.cancel_command()))
    call.wait(200)
    assert call.cancels() == ["R1", "R1"]
    assert (
        call.cancel_command()
        != [c.command for c in call.out if isinstance(c, cm.CancelResponse)][0]
    )


def test_a_cancel_that_the_service_rejects_is_not_sent_twice() -> None:
    call = Call()
    call.speaking()
    call.interrupt()
    call.tell(ev.CommandRefused(ev.Refusal.OTHER, call.cancel_command()))
    call.wait(5_000)
    assert call.cancels() == ["R1"]
    assert call.outcomes() == [cm.Outcome.FAILED]


# --- all cancel state is gone when the call closes --------------------------------------------


def test_all_cancel_state_is_gone_when_the_call_closes() -> None:
    call = Call()
    call.speaking()
    call.interrupt()
    call.tell(ev.CallEnded())
    assert call.outcomes() == [cm.Outcome.CALL_ENDED]
    assert call.core.next_deadline() is None
    assert call.core.state.interruptions == []
    assert call.core.state.book.open() == []


# --- one guard serves every cancel path -------------------------------------------------------


def by_application(call: Call) -> None:
    call.interrupt()


def by_local_speech(call: Call) -> None:
    call.caller_speaks()


def by_key(call: Call) -> None:
    call.tell(ev.KeyPressed("1"))


def by_long_server_speech(call: Call) -> None:
    call.tell(ev.ServerSpeechStarted("T9"))
    call.wait(1_300)


def by_stall(call: Call) -> None:
    call.wait(30_100)


PATHS = [by_application, by_local_speech, by_key, by_long_server_speech, by_stall]


@pytest.mark.parametrize("first", PATHS)
@pytest.mark.parametrize("second", PATHS)
def test_one_guard_serves_every_cancel_path(first, second) -> None:
    call = Call()
    call.speaking(length_ms=60_000)
    first(call)
    second(call)
    assert call.cancels() == ["R1"]


# --- ten defects of a production server -------------------------------------------------------


def test_muting_here_and_cancelling_there_are_separate_facts() -> None:
    """A failed send once left the id marked as cancelled for ever: never sent, never retried."""
    call = Call()
    call.speaking()
    call.interrupt()
    call.tell(ev.CommandUnsent(call.cancel_command()))
    [response] = call.core.state.book
    assert response.is_muted
    assert response.cancel is Cancel.UNSENT
    call.wait(200)
    assert response.cancel is Cancel.OUT


def test_a_decision_not_to_cancel_records_nothing() -> None:
    """The duplicate check once recorded the id before a later guard skipped the cancel."""
    call = Call(Authority.SERVER)
    call.speaking()
    call.tell(ev.ServerSpeechStarted("T1"))
    [response] = call.core.state.book
    assert response.cancel is Cancel.NONE
    assert response.is_muted


def test_every_path_to_a_cancel_has_the_same_outcome() -> None:
    """Other call sites once swallowed the failure and left the id marked as sent."""
    for path in PATHS[:4]:
        call = Call()
        call.speaking()
        path(call)
        call.tell(ev.CommandUnsent(call.cancel_command()))
        call.wait(200)
        assert call.cancels() == ["R1", "R1"], path.__name__


def test_a_late_error_touches_only_the_response_it_is_about() -> None:
    """The generic error branch once wiped the id of the new reply, which no one could cancel."""
    call = Call()
    call.speaking()
    call.interrupt()
    first = call.cancel_command()
    call.tell(ev.ResponseOver("R1", ev.Ended.CANCELLED))
    token = call.ask(2)
    call.tell(ev.ResponseCreated("R2", token))
    call.tell(ev.CommandRefused(ev.Refusal.NOT_ACTIVE, first))
    call.interrupt(95)
    assert call.cancels() == ["R1", "R2"]


def test_many_detectors_make_one_cancel() -> None:
    """Several paths once cancelled the same id: duplicates, and storms of errors."""
    call = Call()
    call.speaking()
    call.tell(ev.ServerSpeechStarted("T1"))
    call.caller_speaks()
    call.wait(2_000)
    call.interrupt()
    assert call.cancels() == ["R1"]


def test_speech_that_is_generated_but_not_heard_can_be_interrupted() -> None:
    """The end of audio once cleared the active id with seconds of speech still queued."""
    call = Call()
    call.speaking()
    call.tell(ev.ItemAudioDone("R1", "R1.1"))
    call.tell(ev.ResponseOver("R1", ev.Ended.COMPLETED))
    call.wait(1_000)
    call.caller_speaks()
    assert len(call.of(cm.ClearCarrier)) == 1
    [truncate] = [c for c in call.out if isinstance(c, cm.TruncateItem)]
    assert 0 < truncate.audio_end_ms <= 1_100


def test_only_the_terminal_event_ends_a_response() -> None:
    """The end of an item once ended the response, which had a function call to come."""
    call = Call()
    call.speaking()
    call.tell(ev.ItemAudioDone("R1", "R1.1"))
    call.tell(ev.ItemAdded("R1", "R1.call", is_speech=False))
    call.interrupt()
    assert call.cancels() == ["R1"]


def test_a_terminal_event_ends_its_own_response_only() -> None:
    """The end of an old response once cleared the new one's id."""
    call = Call(Authority.SERVER)
    call.speaking()
    call.tell(ev.ResponseCreated("R2", None))
    call.tell(ev.ResponseOver("R1", ev.Ended.COMPLETED))
    call.hears("R2", "R2.1", 500)
    call.interrupt()
    assert call.cancels() == ["R2"]


def test_an_error_that_names_nothing_changes_nothing() -> None:
    """Any error once cleared the id, the pending create and the greeting."""
    call = Call()
    call.speaking()
    call.tell(ev.SpeechRequested(5, ev.Say.APPLICATION))
    before = (call.core.state.book.open(), list(call.core.state.creates.queue))
    for refusal in (ev.Refusal.OTHER, ev.Refusal.ALREADY_ACTIVE, ev.Refusal.NOT_ACTIVE):
        assert call.tell(ev.CommandRefused(refusal, None)) == []
    assert (call.core.state.book.open(), list(call.core.state.creates.queue)) == before


def test_a_long_answer_that_goes_on_is_not_given_up() -> None:
    """The timer once counted from the creation: a long answer was declared over while it spoke."""
    call = Call()
    call.speaking(length_ms=1_000)
    for _ in range(8):
        call.wait(20_000)
        call.tell(ev.AudioReceived("R1", "R1.1", 1_000))
    assert call.cancels() == []
    call.interrupt()
    assert call.cancels() == ["R1"]
