"""What is asked to be said or played has one outcome, by what the caller heard of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import SpeechOutcome
from trio_media.core.units import CREATES_KEPT, HEARD_ENOUGH_MS, REQUESTED_MS

from .driver import SERVER, Call, kinds

HEARD, CUT_OFF, DROPPED = SpeechOutcome.HEARD, SpeechOutcome.CUT_OFF, SpeechOutcome.DROPPED
FAILED, CALL_ENDED = SpeechOutcome.FAILED, SpeechOutcome.CALL_ENDED


def heard_ms(call: Call, request: int) -> int:
    return next(e.heard_ms for e in call.all(cm.SpeechEnded) if e.request == request)


def begins(call: Call, length_ms: int = 1_000) -> int:
    """Words that were asked for are being said."""
    request = call.asks()
    call.opens()
    call.speaks(length_ms)
    return request


# --- heard is neither generated nor sent ------------------------------------------------------


def test_heard_means_heard_neither_generated_nor_sent(call: Call) -> None:
    request = begins(call)
    call.ends()
    call.passes(999)
    assert call.said(request) is None
    call.passes(1)
    assert (call.said(request), heard_ms(call, request)) == (HEARD, 1_000)


def test_words_on_a_carrier_without_marks_are_heard_when_the_mark_is_given_up() -> None:
    call = Call(has_marks=False)
    request = begins(call)
    call.ends()
    call.passes(10_000)
    assert (call.said(request), heard_ms(call, request)) == (HEARD, 1_000)


@pytest.mark.parametrize("ended", [ev.Ended.FAILED, ev.Ended.CANCELLED])
def test_an_incomplete_answer_has_failed_though_what_came_was_heard(
    call: Call, ended: ev.Ended
) -> None:
    request = begins(call)
    call.ends(ended=ended)
    call.passes(2_000)
    assert (call.said(request), heard_ms(call, request)) == (FAILED, 1_000)


def test_a_model_that_says_nothing_has_failed(call: Call) -> None:
    request = call.asks()
    call.opens()
    call.ends()
    assert (call.said(request), heard_ms(call, request)) == (FAILED, 0)


def test_a_create_that_is_rejected_has_failed(call: Call) -> None:
    request = call.asks()
    call.refuses(ev.Refusal.OTHER, 1)
    assert call.said(request) is FAILED


def test_a_create_that_nobody_answers_has_failed(call: Call) -> None:
    request = call.asks()
    call.passes(REQUESTED_MS)
    assert call.said(request) is FAILED
    call.opens()  # after all: doomed, and it has no second outcome
    call.ends(ended=ev.Ended.CANCELLED)
    assert call.said(request) is FAILED


def test_a_create_that_is_kept_out_is_tried_again_and_has_one_outcome(call: Call) -> None:
    request = call.asks()
    call.refuses(ev.Refusal.ALREADY_ACTIVE, 1)
    assert call.said(request) is None
    call.passes(1_000)
    call.opens("R2")
    call.speaks(400, "R2.1")
    call.ends("R2")
    call.passes(1_000)
    assert call.said(request) is HEARD


def test_a_session_lost_in_mid_speech_leaves_words_that_failed(call: Call) -> None:
    request = begins(call)
    call.passes(200)
    call.model_is_lost()
    assert call.said(request) is None
    call.passes(2_000)
    assert (call.said(request), heard_ms(call, request)) == (FAILED, 1_000)


@pytest.mark.parametrize("end", [ev.HangUpRequested(), ev.CallEnded()])
def test_the_end_of_the_call_ends_what_is_said_and_what_waits(call: Call, end: ev.Event) -> None:
    said = begins(call)
    waiting = call.asks()
    clip = call.plays_clip(500)
    call.passes(300)
    call.does(end)
    assert call.said(said) is CALL_ENDED
    assert heard_ms(call, said) == 300
    assert call.said(waiting) in (CALL_ENDED, DROPPED)
    assert call.said(clip) is CALL_ENDED


# --- interrupted at once ----------------------------------------------------------------------


def test_what_was_interrupted_has_its_outcome_at_once_and_its_end_changes_nothing(
    call: Call,
) -> None:
    request = begins(call, 3_000)
    call.passes(500)
    call.caller_interrupts()
    assert (call.said(request), heard_ms(call, request)) == (CUT_OFF, 500)
    call.ends(ended=ev.Ended.COMPLETED)
    assert call.count(cm.SpeechEnded) == 1


def test_words_cut_off_before_anything_was_heard_are_cut_off(call: Call) -> None:
    request = begins(call)
    call.interrupts()
    assert (call.said(request), heard_ms(call, request)) == (CUT_OFF, 0)


def test_words_that_were_asked_for_and_doomed_are_cut_off(call: Call) -> None:
    request = call.asks()
    call.interrupts()
    assert call.said(request) is CUT_OFF
    call.refuses(ev.Refusal.ALREADY_ACTIVE, 1)
    call.passes(2_000)
    assert call.creates() == [cm.Cause.APPLICATION], "nobody wants it any more"


def test_what_was_cut_within_a_moment_of_its_end_was_heard(call: Call) -> None:
    request = begins(call)
    call.ends()
    call.passes(1_000 - HEARD_ENOUGH_MS)
    call.interrupts()
    assert (call.said(request), heard_ms(call, request)) == (HEARD, 1_000 - HEARD_ENOUGH_MS)


def test_what_was_cut_a_moment_earlier_was_not(call: Call) -> None:
    request = begins(call)
    call.ends()
    call.passes(1_000 - HEARD_ENOUGH_MS - 1)
    call.interrupts()
    assert call.said(request) is CUT_OFF


def test_what_was_heard_so_far_of_an_answer_that_goes_on_is_not_all_of_it(call: Call) -> None:
    request = begins(call)
    call.passes(1_000)
    call.interrupts()
    assert call.said(request) is CUT_OFF


def test_so_short_a_word_that_nothing_of_it_was_heard_was_not_heard(call: Call) -> None:
    """Less than the uncertainty of hearing, and yet the model is told that nobody heard it."""
    request = begins(call, HEARD_ENOUGH_MS - 10)
    call.ends()
    call.interrupts()
    assert (call.said(request), call.deletes()) == (CUT_OFF, ["R1.1"])


def test_an_item_without_audio_takes_nothing_from_what_was_heard(call: Call) -> None:
    request = begins(call)
    call.calls_tool("call")
    call.ends()
    call.passes(950)
    call.interrupts()
    assert call.said(request) is HEARD


def test_words_interrupted_by_the_server_are_cut_off() -> None:
    call = Call(SERVER)
    request = begins(call, 3_000)
    call.passes(500)
    call.does(ev.ResponseOver("R1", ev.Ended.TURN_DETECTED))
    assert call.said(request) is CUT_OFF


def test_a_queued_request_that_an_interruption_drops_is_dropped(call: Call) -> None:
    begins(call)
    dropped, kept = call.asks(), call.asks(keep=True)
    call.interrupts()
    assert (call.said(dropped), call.said(kept)) == (DROPPED, None)


def test_words_can_interrupt_what_is_said_and_what_waits(call: Call) -> None:
    said = begins(call, 3_000)
    waiting = call.asks()
    call.passes(300)
    new = call.asks(interrupts=True)
    assert (call.said(said), call.said(waiting), call.said(new)) == (CUT_OFF, DROPPED, None)
    call.ends(ended=ev.Ended.CANCELLED)
    assert call.count(cm.CreateResponse) == 2


def test_words_that_nobody_can_say_interrupt_nothing(call: Call) -> None:
    begins(call)
    call.model_is_lost()
    out = call.does(ev.SpeechRequested(77, ev.Say.APPLICATION, interrupts=True))
    assert kinds(out) == [cm.SpeechDropped]


def test_more_requests_than_anybody_makes_are_dropped_at_once(call: Call) -> None:
    call.server_hears()
    requests = [call.asks() for _ in range(CREATES_KEPT + 1)]
    assert call.said(requests[-1]) is DROPPED
    assert call.said(requests[-2]) is None


# --- guessed ----------------------------------------------------------------------------------


def guesses(call: Call) -> int:
    request = call.asks()
    call.server_opens()
    call.speaks(400)
    return request


def test_words_that_the_server_said_in_our_place_are_asked_for_again(call: Call) -> None:
    request = guesses(call)
    call.refuses(ev.Refusal.ALREADY_ACTIVE, 1)
    call.ends()
    call.passes(1_000)
    assert call.said(request) is None
    assert call.creates() == [cm.Cause.APPLICATION] * 2


def test_words_that_were_refused_and_guessed_have_failed(call: Call) -> None:
    request = guesses(call)
    call.refuses(ev.Refusal.OTHER, 1)
    assert call.said(request) is FAILED
    call.ends()
    call.passes(1_000)
    assert call.said(request) is FAILED


def test_words_that_were_believed_heard_are_not_said_again_when_the_guess_was_wrong(
    call: Call,
) -> None:
    """Whoever asked was told: a second saying would be nobody's."""
    request = guesses(call)
    call.ends()
    call.passes(1_000)
    assert call.said(request) is HEARD
    call.refuses(ev.Refusal.ALREADY_ACTIVE, 1)
    call.passes(2_000)
    assert call.creates() == [cm.Cause.APPLICATION]


def test_a_guess_that_was_cut_off_is_not_said_again(call: Call) -> None:
    request = guesses(call)
    call.interrupts()
    call.refuses(ev.Refusal.ALREADY_ACTIVE, 1)
    call.ends(ended=ev.Ended.CANCELLED)
    call.passes(2_000)
    assert call.said(request) is CUT_OFF
    assert call.creates() == [cm.Cause.APPLICATION]


# --- texts ------------------------------------------------------------------------------------


def test_a_text_is_sent_at_once_and_nobody_speaks(call: Call) -> None:
    request = call.adds_text()
    assert [text.request for text in call.all(cm.SendText)] == [request]
    assert call.creates() == []


def test_a_text_waits_for_the_session() -> None:
    call = Call(is_ready=False)
    first, second = call.adds_text(), call.adds_text()
    assert call.count(cm.SendText) == 0
    call.confirms(server_acts=False)
    call.confirms(server_acts=False)
    assert [text.request for text in call.all(cm.SendText)] == [first, second]


def test_texts_that_wait_when_the_session_is_lost_are_dropped() -> None:
    call = Call(is_ready=False)
    request = call.adds_text()
    call.plays_clip(500)
    call.model_is_lost()
    assert call.said(request) is DROPPED
    assert call.said(call.adds_text()) is DROPPED


def test_texts_that_wait_when_the_call_ends_have_an_outcome() -> None:
    call = Call(is_ready=False)
    request = call.adds_text()
    call.does(ev.CallEnded())
    assert call.said(request) is CALL_ENDED


def test_more_texts_than_anybody_adds_are_dropped() -> None:
    call = Call(is_ready=False)
    requests = [call.adds_text() for _ in range(CREATES_KEPT + 1)]
    assert call.said(requests[-1]) is DROPPED


# --- clips ------------------------------------------------------------------------------------


def test_a_clip_is_played_and_the_model_never_knows(call: Call) -> None:
    request = call.plays_clip(500)
    call.passes(600)
    assert (call.said(request), heard_ms(call, request)) == (HEARD, 500)
    assert [r.item_id for r in call.all(cm.ReleaseAudio)] == ["clip.1"]
    assert call.count(cm.ItemHeard) == 0


def test_a_clip_that_is_taken_is_cut_and_nobody_is_told(call: Call) -> None:
    request = call.plays_clip(2_000)
    call.passes(400)
    call.caller_interrupts()
    assert (call.said(request), heard_ms(call, request)) == (CUT_OFF, 400)
    assert call.count(cm.ClearCarrier) == 1
    assert not call.truncates()
    assert not call.deletes()
    assert [r.item_id for r in call.all(cm.ReleaseAudio)] == ["clip.1"]


def test_a_clip_is_hushed_and_goes_on(call: Call) -> None:
    request = call.plays_clip(2_000)
    call.passes(400)
    call.coughs()
    call.passes(3_000)
    assert call.said(request) is HEARD
    assert call.played("clip.1")[-1][1] == 2_000


def test_a_clip_waits_for_the_answer_that_is_open(call: Call) -> None:
    said = begins(call, 400)
    clip = call.plays_clip(400)
    call.passes(1_000)
    assert call.played("clip.2") == []
    call.ends()
    call.passes(1_000)
    assert (call.said(said), call.said(clip)) == (HEARD, HEARD)


def test_answers_wait_for_a_clip_and_are_created_meanwhile(call: Call) -> None:
    call.plays_clip(2_000)
    said = begins(call, 400)
    assert call.played() == []
    call.ends()
    call.passes(3_000)
    assert call.said(said) is HEARD


def test_a_protected_clip_is_not_interrupted(call: Call) -> None:
    clip = call.plays_clip(2_000, protected=True)
    call.passes(300)
    call.caller_interrupts()
    assert call.outcome(call.interrupts()) is cm.Outcome.PROTECTED
    call.passes(3_000)
    assert call.said(clip) is HEARD
    assert call.count(cm.ClearCarrier) == 0


def test_a_clip_is_played_out_when_the_session_is_lost(call: Call) -> None:
    clip = call.plays_clip(2_000)
    call.passes(300)
    call.model_is_lost()
    call.passes(3_000)
    assert call.said(clip) is HEARD
    assert call.all(cm.EndCall) == [cm.EndCall("model_lost")]


def test_a_clip_of_nothing_has_failed(call: Call) -> None:
    assert call.said(call.plays_clip(0)) is FAILED


def test_a_clip_that_was_heard_makes_no_owed_answer_one_of_few(call: Call) -> None:
    """It says nothing about whether the model was understood."""
    call.core.state.owed.in_a_row = 2
    call.plays_clip(400)
    call.passes(1_000)
    assert call.core.state.owed.in_a_row == 2


def test_the_newest_interruption_of_a_clip_means_what_was_known(call: Call) -> None:
    first = call.plays_clip(1_000)
    second = call.plays_clip(1_000)
    call.interrupts(through=1)
    assert (call.said(first), call.said(second)) == (CUT_OFF, None)
    call.passes(2_000)
    assert call.said(second) is HEARD


OFTEN: dict[str, Callable[[Call], int]] = {"words": begins, "a clip": lambda c: c.plays_clip(1_000)}


@pytest.mark.parametrize("what", OFTEN)
def test_a_hush_at_the_end_of_what_is_said_does_not_take_it_from_the_caller(
    call: Call, what: str
) -> None:
    request = OFTEN[what](call)
    call.ends()
    call.passes(900)
    call.caller_begins()
    assert call.said(request) is None
    call.passes(50)
    call.caller_stops()
    call.passes(2_000)
    assert (call.said(request), heard_ms(call, request)) == (HEARD, 1_000)
