from __future__ import annotations

from typing import Any

import pytest

from trio_media.agent.watching import ENDINGS_KEPT, CallWatch, Interruption
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import EndingOutcome, Outcome


class Told:
    """What hooks were told, and a watch that tells them."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.watch = CallWatch(self.tell)

    def tell(self, *args: Any) -> None:
        self.told.append(args)

    def see(self, event: ev.Event, *commands: cm.Command) -> None:
        self.watch.event(event, 10)
        self.watch.commands(commands, 10)


PLAY = cm.PlayAudio(1, 1, "M1", 0, 200)
NOW = ev.TimePassed()


def test_the_model_speaks_from_its_first_audio_until_it_is_heard_or_thrown_away() -> None:
    told = Told()
    watch = told.watch
    assert not watch.is_model_speaking
    told.see(NOW, PLAY)
    assert watch.is_model_speaking
    told.see(NOW, cm.Hushed(100, "M1"))
    assert not watch.is_model_speaking
    told.see(NOW, cm.Resumed())
    assert watch.is_model_speaking
    told.see(NOW, cm.ReleaseAudio("M1"))
    assert not watch.is_model_speaking


def test_after_a_take_the_next_answer_is_heard() -> None:
    told = Told()
    told.see(NOW, PLAY, cm.Hushed(100, "M1"))
    told.see(NOW, cm.ReleaseAudio("M1"), cm.Taken(1, ev.Reason.DTMF, None, (1,)))
    assert not told.watch.is_model_speaking
    told.see(NOW, cm.PlayAudio(2, 2, "M2", 0, 200))
    assert told.watch.is_model_speaking


@pytest.mark.parametrize("begins", [ev.LocalSpeechVoiced(), ev.LocalSpeechConfirmed()])
def test_the_caller_speaks_as_heard_here(begins: ev.Event) -> None:
    told = Told()
    told.see(ev.LocalSpeechBegan())
    assert not told.watch.is_caller_speaking, "it may be a cough"
    told.see(begins)
    assert told.watch.is_caller_speaking
    told.see(ev.LocalSpeechEnded())
    assert not told.watch.is_caller_speaking


@pytest.mark.parametrize(
    "ends",
    [
        ev.ServerSpeechStopped("C1"),
        ev.TurnCommitted("C1"),
        ev.TurnFailed(None),
        ev.SessionLost(),
    ],
)
def test_the_caller_speaks_as_heard_by_the_server(ends: ev.Event) -> None:
    told = Told()
    told.see(ev.ServerSpeechStarted("C1"))
    assert told.watch.is_caller_speaking
    told.see(ends)
    assert not told.watch.is_caller_speaking


def test_the_model_is_there_from_its_session_on() -> None:
    told = Told()
    assert not told.watch.is_ready
    told.see(ev.SessionReady(server_acts=False))
    assert told.watch.is_ready
    told.see(ev.SessionLost())
    assert not told.watch.is_ready


@pytest.mark.parametrize("outcome", [EndingOutcome.REVOKED, EndingOutcome.FAILED])
def test_a_call_is_ending_until_it_goes_on_after_all(outcome: EndingOutcome) -> None:
    told = Told()
    told.see(NOW, cm.EndingBegan(1, "end_call"))
    assert told.watch.is_ending
    assert told.told == [("ending", "end_call")]
    told.see(NOW, cm.EndingSettled(1, EndingOutcome.REPLACED))
    assert told.watch.is_ending, "another end took its place"
    told.see(NOW, cm.EndingSettled(2, outcome))
    assert not told.watch.is_ending


def test_it_knows_why_a_call_was_handed_over_until_that_fails() -> None:
    told = Told()
    for request in (1, 2):
        told.see(ev.EndingRequested(request, f"reason {request}"))
    assert told.watch.left_as is None
    told.see(NOW, cm.Leave(2))
    assert told.watch.left_as == "reason 2"
    told.see(ev.LeaveFailed(2))
    assert told.watch.left_as is None
    told.see(NOW, cm.Leave(None))
    assert told.watch.left_as == "", "nobody knows why"


def test_old_reasons_are_forgotten() -> None:
    told = Told()
    for request in range(3 * ENDINGS_KEPT):
        told.see(ev.EndingRequested(request, "x"))
    assert len(told.watch._reasons) == ENDINGS_KEPT


@pytest.mark.parametrize("outcome", list(Outcome))
def test_hooks_are_told_of_interruptions_that_interrupted_something(outcome: Outcome) -> None:
    told = Told()
    reason = ev.Reason.LOCAL_SPEECH
    told.see(NOW, cm.InterruptionSettled(1, None, reason, outcome, 300))
    interrupted = outcome not in (Outcome.NOTHING_TO_INTERRUPT, Outcome.PROTECTED)
    expected = [("interrupted", Interruption(reason, outcome, 300))] if interrupted else []
    assert told.told == expected


def test_hooks_are_told_what_was_said_and_which_keys_were_pressed_in_order() -> None:
    told = Told()
    told.see(ev.KeyPressed("5"))
    told.watch.note("model_text", 5, item_id="M1", text="Hello.")
    told.see(NOW, PLAY, cm.ItemHeard(1, "M1", 200, 200))
    told.see(ev.ServerSpeechStarted("C1"))
    told.see(ev.TurnCommitted("C1"))
    told.see(ev.TurnTranscribed("C1", ev.Verdict.WORDS))
    assert told.told == [("dtmf", "5"), ("model_spoke", "Hello.")]
    told.watch.note("caller_text", 5, item_id="C1", text="Hi.")
    assert told.told[2:] == [("caller_spoke", "Hi.")]
    assert [entry.text for entry in told.watch.transcript.entries] == ["Hello.", "Hi."]


def test_other_notes_and_audio_mean_nothing_here() -> None:
    told = Told()
    told.watch.note("model_ready", 5)
    told.watch.caller_audio(5, b"")
    told.watch.heard_audio(5, b"")
    assert not told.told
