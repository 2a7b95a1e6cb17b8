"""Hush, then decide: what a silenced call goes on doing, and what ends the silence."""

from __future__ import annotations

import itertools

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.policy import Authority, Policy
from trio_media.core.state import MODEL_COMMANDS
from trio_media.core.units import FALSE_HUSH_WINDOW_MS, WEAK_IGNORED_MS

from .driver import SERVER, Call, active, hushed, over_audible


@pytest.mark.parametrize("duration_ms", [0, 100, 500])
def test_a_hush_fixes_the_position_and_tells_the_model_nothing(
    call: Call, duration_ms: int
) -> None:
    active(call)
    out = call.caller_begins() + call.passes(duration_ms)
    assert call.all(cm.Hushed) == [cm.Hushed(400, "R1.1")]
    assert not [c for c in out if isinstance(c, MODEL_COMMANDS)]
    call.caller_is_sure()
    assert call.truncates() == {"R1.1": 400}
    assert call.count(cm.ClearCarrier) == 1


def test_a_hush_belongs_to_the_floor_and_not_to_a_response(call: Call) -> None:
    """Deltas, creates in flight and terminal events are accounted as usual; none is played."""
    hushed(call)
    played = call.count(cm.PlayAudio)
    call.speaks(1_000)
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.server_opens("R2")
    call.speaks(500, "R2.1")
    call.ends("R1")
    call.ends("R2")
    assert call.count(cm.PlayAudio) == played
    assert call.core.state.book.open() == []
    call.caller_stops()
    call.passes(10_000)
    assert call.heard() == {"R1.1": 6_000, "R2.1": 500}


def test_queued_creates_wait_for_the_end_of_a_hush(call: Call) -> None:
    over_audible(call)
    call.caller_begins()
    call.asks()
    assert call.count(cm.CreateResponse) == 1
    call.caller_stops()
    call.passes(200)
    assert call.count(cm.CreateResponse) == 2


def test_a_resume_goes_on_100_ms_before_the_position_and_skips_nothing(call: Call) -> None:
    call.answers(5_000)
    call.passes(430)
    before = len(call.played())
    call.coughs()
    call.passes(10_000)
    again = call.played()[before:]
    assert again[0][0] == 320, "100 ms before, in whole frames"
    assert all(one[1] == next_one[0] for one, next_one in itertools.pairwise(again))
    assert again[-1][1] == 5_000


def test_audio_played_twice_never_raises_the_heard_position(call: Call) -> None:
    active(call)
    call.coughs()
    item = call.response().items[0]
    heard_ms = []
    for _ in range(4):
        call.passes(50)
        heard_ms.append(item.heard_ms)
    assert heard_ms == [400, 400, 450, 500]


def test_a_take_after_a_resume_tells_the_position_of_before_it(call: Call) -> None:
    active(call)
    call.coughs()
    call.passes(40)
    call.interrupts()
    assert call.truncates() == {"R1.1": 400}


def test_audio_after_a_pause_is_a_beginning_whose_echo_is_guarded(call: Call) -> None:
    call.begins_to_answer(600)
    call.passes(2_000)
    call.speaks(2_000)
    call.passes(10)
    call.caller_begins()
    assert not call.is_hushed
    call.passes(190)
    assert call.is_hushed


def test_audio_after_a_gap_that_nobody_notices_is_no_beginning(call: Call) -> None:
    call.begins_to_answer(600)
    call.passes(700)
    call.speaks(2_000)
    call.passes(10)
    call.caller_begins()
    assert call.is_hushed


def test_the_end_of_a_hush_is_bounded_also_while_the_server_is_waited_for() -> None:
    call = Call(Policy(authority=Authority.SERVER, hush_max_ms=300))
    hushed(call)
    call.caller_is_sure()
    call.passes(300)
    assert not call.is_hushed
    assert call.count(cm.Taken) == 1


def test_under_the_servers_authority_a_hush_without_evidence_resumes() -> None:
    call = Call(SERVER)
    hushed(call)
    call.caller_stops()
    call.passes(200)
    assert call.count(cm.Resumed) == 1


def test_under_the_servers_authority_a_hush_never_resumes_once_the_server_heard_the_caller() -> (
    None
):
    call = Call(SERVER)
    hushed(call)
    call.server_hears()
    call.caller_stops()
    call.passes(2_000)
    assert call.count(cm.Resumed) == 0
    assert call.cancels() == []


def test_speech_that_was_sure_before_the_servers_answer_opened_takes_after_the_grace() -> None:
    call = Call(SERVER)
    call.caller_interrupts()
    call.server_opens()
    assert call.is_hushed
    call.passes(599)
    assert call.cancels() == []
    call.passes(1)
    assert call.cancels() == ["R1"]


def test_a_turn_that_is_known_already_is_no_new_evidence(call: Call) -> None:
    call.says()
    call.opens()
    call.speaks(9_000)
    call.server_hears()
    call.passes(4_000)
    assert call.count(cm.Taken) == 0


def test_the_servers_silence_time_is_part_of_what_long_speech_means(call: Call) -> None:
    call.does(ev.SessionReady(server_acts=False, silence_ms=200))
    active(call)
    call.server_hears()
    call.passes(899)
    assert call.count(cm.Taken) == 0
    call.passes(1)
    assert call.all(cm.Taken)[0].reason is ev.Reason.SERVER_SPEECH


def test_a_process_that_stood_still_sees_the_end_of_a_hush_before_the_next_onset(
    call: Call,
) -> None:
    hushed(call)
    call.caller_stops()
    call.now_ms += 5_000
    out = call.does(ev.LocalSpeechBegan())
    floor = [type(c) for c in out if isinstance(c, cm.Resumed | cm.Hushed)]
    assert floor == [cm.Resumed, cm.Hushed]


def speaks_for_long(call: Call) -> None:
    """A minute of speech, of which a second was heard."""
    call.answers(60_000)
    call.passes(1_000)


def test_two_false_hushes_within_10_s_make_weak_evidence_count_for_nothing(call: Call) -> None:
    speaks_for_long(call)
    call.coughs()
    call.passes(FALSE_HUSH_WINDOW_MS - 250)
    call.coughs()
    call.coughs()
    assert call.count(cm.Hushed) == 2


def test_two_false_hushes_further_apart_are_two_accidents(call: Call) -> None:
    speaks_for_long(call)
    call.coughs()
    call.passes(FALSE_HUSH_WINDOW_MS - 249)
    call.coughs()
    call.coughs()
    assert call.count(cm.Hushed) == 3


@pytest.mark.parametrize(("after_ms", "counts"), [(WEAK_IGNORED_MS - 1, 2), (WEAK_IGNORED_MS, 3)])
def test_weak_evidence_is_ignored_for_10_s_and_then_counts_again(
    call: Call, after_ms: int, counts: int
) -> None:
    speaks_for_long(call)
    call.coughs()
    call.coughs()
    call.passes(after_ms)
    call.caller_begins()
    assert call.count(cm.Hushed) == counts
