from __future__ import annotations

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.recording.log_format import LogLine, Note, Record
from trio_media.recording.timeline_facts import Fact, Lane, Look
from trio_media.recording.timeline_reader import CallFacts


def facts_of(*lines: tuple[int, Record]) -> CallFacts:
    call = CallFacts()
    for t_ms, record in lines:
        call.read(LogLine(t_ms, record))
    call.finish()
    return call


def shown(call: CallFacts, lane: Lane) -> list[tuple[Look, int, int, str]]:
    return [
        (fact.look, fact.begins_ms, fact.ends_ms, fact.label)
        for fact in call.facts.facts
        if fact.lane is lane
    ]


def test_local_speech_is_a_span_confirmed_from_some_time_on() -> None:
    call = facts_of(
        (100, ev.LocalSpeechBegan()), (420, ev.LocalSpeechConfirmed()), (900, ev.LocalSpeechEnded())
    )
    assert shown(call, Lane.LOCAL) == [
        (Look.ONSET, 100, 900, ""),
        (Look.CONFIRMED, 420, 900, ""),
    ]


def test_speech_that_goes_on_ends_with_the_log() -> None:
    call = facts_of(
        (100, ev.LocalSpeechBegan()), (150, ev.ServerSpeechStarted("t")), (700, ev.TimePassed())
    )
    assert shown(call, Lane.LOCAL) == [(Look.ONSET, 100, 700, "")]
    assert shown(call, Lane.SERVER) == [(Look.TURN, 150, 700, "undecided")]


def test_a_turn_has_its_words_and_its_fate() -> None:
    call = facts_of(
        (100, ev.ServerSpeechStarted("t")),
        (800, ev.ServerSpeechStopped("t")),
        (850, ev.TurnCommitted("t")),
        (850, cm.TurnDecided("t", "answered")),
        (990, Note("caller_text", {"item_id": "t", "text": "hello"})),
    )
    assert shown(call, Lane.SERVER) == [(Look.TURN, 100, 850, '"hello"  answered')]


def test_a_response_shows_what_was_received_and_what_was_heard_until_the_clear() -> None:
    call = facts_of(
        (0, cm.CreateResponse(1, 1, cm.Cause.GREETING, 1)),
        (80, cm.ResponseOpened(1, "r", cm.Cause.GREETING)),
        (100, ev.AudioReceived("r", "i", 600)),
        (200, ev.AudioReceived("r", "i", 600)),
        (200, cm.PlayAudio(1, 1, "i", 0, 200)),
        (200, cm.PlayAudio(2, 1, "i", 200, 200)),
        (201, ev.CarrierWrote(2, 201)),
        (451, cm.ClearCarrier(2)),
        (451, cm.CancelResponse(2, "r")),
        (451, cm.TruncateItem(3, "i", 250)),
        (451, cm.ItemHeard(1, "i", 250, 1_200)),
        (530, cm.ResponseClosed(1, "r", ev.Ended.CANCELLED)),
        (540, Note("model_text", {"item_id": "i", "text": "Welcome"})),
        (9_000, ev.TimePassed()),
    )
    assert shown(call, Lane.GENERATED) == [
        (Look.RESPONSE, 0, 530, "#1 greeting, 1.20 s, cancelled"),
        (Look.RECEIVED, 100, 200, ""),
    ]
    assert shown(call, Lane.HEARD) == [(Look.HEARD, 201, 451, "#1 0.25 of 1.20 s  Welcome")]
    assert shown(call, Lane.CARRIER) == [(Look.CLEAR, 451, 451, "clear")]
    assert shown(call, Lane.MODEL) == [
        (Look.CREATE, 0, 0, "create #1, greeting"),
        (Look.CANCEL, 451, 451, "cancel #1"),
        (Look.TELL, 451, 451, "truncate #1 at 250 ms"),
    ]


def test_what_is_played_again_after_a_hush_is_heard_twice() -> None:
    call = facts_of(
        (0, cm.ResponseOpened(1, "r", cm.Cause.SERVER)),
        (0, ev.AudioReceived("r", "i", 600)),
        (0, cm.PlayAudio(1, 1, "i", 0, 400)),
        (0, ev.CarrierWrote(1, 0)),
        (300, cm.ClearCarrier(2)),
        (500, cm.PlayAudio(2, 2, "i", 200, 200)),
        (500, ev.CarrierWrote(2, 500)),
        (9_000, ev.TimePassed()),
    )
    spans = [(begins, ends) for _, begins, ends, _ in shown(call, Lane.HEARD)]
    assert spans == [(0, 300), (500, 700)]


def test_a_hush_ends_by_a_resume_or_by_a_take_with_its_outcome() -> None:
    call = facts_of(
        (1_000, cm.Hushed(0, None)),
        (1_290, cm.Resumed()),
        (2_000, cm.Hushed(0, None)),
        (2_320, cm.Taken(1, ev.Reason.LOCAL_SPEECH, None, (1,))),
        (
            2_400,
            cm.InterruptionSettled(1, None, ev.Reason.LOCAL_SPEECH, cm.Outcome.CANCELLED, 0),
        ),
        (
            3_000,
            cm.InterruptionSettled(2, 1, ev.Reason.APPLICATION, cm.Outcome.PROTECTED, 0),
        ),
    )
    assert shown(call, Lane.FLOOR) == [
        (Look.HUSH, 1_000, 1_290, "hush 290 ms"),
        (Look.RESUME, 1_290, 1_290, "resume"),
        (Look.HUSH, 2_000, 2_320, "hush 320 ms"),
        (Look.TAKE, 2_320, 2_320, "take: local speech, cancelled in 80 ms"),
        (Look.TAKE, 3_000, 3_000, "interrupt: application, protected"),
    ]


def test_the_first_to_end_the_call_is_right() -> None:
    assert facts_of((1, cm.EndCall("hung_up")), (2, ev.CallEnded())).ended == "ended: hung up by us"
    assert facts_of((2, ev.CallEnded())).ended == "ended: by the carrier"
    assert facts_of((2, ev.TimePassed())).ended == "the log ends before the call does"


def test_facts_are_bounded() -> None:
    call = CallFacts()
    for t_ms in range(60_000):
        call.read(LogLine(t_ms, cm.SendMark(1, t_ms)))
    assert len(call.facts.facts) == 50_000
    assert call.facts.dropped == 10_000
    assert isinstance(call.facts.facts[0], Fact)
