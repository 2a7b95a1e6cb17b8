from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.policy import Policy
from trio_media.recording.log_format import LOSSES, LogHeader, read_log
from trio_media.recording.summary import NOTES_MAX, SummaryBuilder, summarise
from trio_media.recording.summary_records import RECORDS_MAX, TEXT_CHARS_MAX

HEADER = LogHeader(
    call_sid="CA1",
    stream_sid="MZ1",
    started_at="2026-03-01T09:30:00Z",
    policy=Policy(),
    parameters={"campaign": "spring"},
)


@pytest.fixture
def builder() -> SummaryBuilder:
    return SummaryBuilder(HEADER)


def speak(builder: SummaryBuilder, number: int, t_ms: int, *, cause: cm.Cause) -> None:
    """A response of 1 s, all received at once, 400 ms of it sent and written 10 ms later."""
    rid, iid = f"resp_{number}", f"item_{number}"
    create = cm.CreateResponse(number, number, cause, number)
    builder.commands([create], t_ms)
    builder.event(ev.ResponseCreated(rid, number), t_ms + 100)
    builder.commands([cm.ResponseOpened(number, rid, cause)], t_ms + 100)
    builder.event(ev.ItemAdded(rid, iid, is_speech=True), t_ms + 150)
    builder.event(ev.AudioReceived(rid, iid, 1_000), t_ms + 200)
    plays = [cm.PlayAudio(10 * number + n, 1, iid, 200 * n, 200) for n in (0, 1)]
    builder.commands(plays, t_ms + 200)
    builder.event(ev.CarrierWrote(10 * number + 1, t_ms + 210), t_ms + 211)


def test_it_says_who_and_when(builder: SummaryBuilder) -> None:
    builder.event(ev.TimePassed(), 1_500)
    summary = builder.build()
    assert summary["call_sid"] == "CA1"
    assert summary["stream_sid"] == "MZ1"
    assert summary["parameters"] == {"campaign": "spring"}
    assert summary["started_at"] == "2026-03-01T09:30:00Z"
    assert summary["duration_ms"] == 1_500
    assert summary["ended"] is None


def test_it_says_how_the_call_ended(builder: SummaryBuilder) -> None:
    builder.commands([cm.EndCall("model_lost")], 10)
    builder.event(ev.CallEnded(), 20)
    assert builder.build()["ended"] == {"by": "us", "reason": "model_lost"}
    builder.note("call_ended", 30, by="admin", reason="drained")
    assert builder.build()["ended"] == {"by": "admin", "reason": "drained"}


def test_a_call_that_the_carrier_ended_says_so(builder: SummaryBuilder) -> None:
    builder.event(ev.CallEnded(), 20)
    assert builder.build()["ended"] == {"by": "carrier", "reason": "call_ended"}


def test_a_turn_has_its_times_its_words_and_its_fate(builder: SummaryBuilder) -> None:
    builder.event(ev.ServerSpeechStarted("t1"), 100)
    builder.event(ev.ServerSpeechStopped("t1"), 900)
    builder.event(ev.TurnCommitted("t1"), 950)
    builder.commands([cm.TurnDecided("t1", "answered")], 960)
    builder.note("caller_text", 1_200, item_id="t1", text="hello")
    builder.event(ev.TurnTranscribed("t1", ev.Verdict.WORDS), 1_200)
    assert builder.build()["turns"] == [
        {
            "item_id": "t1",
            "opened_ms": 100,
            "stopped_ms": 900,
            "committed_ms": 950,
            "transcript": "hello",
            "verdict": "words",
            "fate": "answered",
            "answer_ms": None,
        }
    ]


def test_a_response_has_its_items_with_what_was_heard_of_them(builder: SummaryBuilder) -> None:
    speak(builder, 1, 0, cause=cm.Cause.GREETING)
    builder.note("model_text_delta", 205, item_id="item_1", text="Good ")
    builder.note("model_text_delta", 206, item_id="item_1", text="morning")
    builder.event(ev.TimePassed(), 410)
    item = builder.build()["responses"][0]["items"][0]
    assert (item["heard_ms"], item["is_decided"]) == (200, False)
    builder.commands(
        [
            cm.ClearCarrier(2),
            cm.CancelResponse(2, "resp_1"),
            cm.TruncateItem(3, "item_1", 321),
            cm.ItemHeard(1, "item_1", 321, 1_000),
        ],
        530,
    )
    builder.commands([cm.ResponseClosed(1, "resp_1", ev.Ended.CANCELLED)], 610)
    assert builder.build()["responses"] == [
        {
            "number": 1,
            "cause": "greeting",
            "asked_ms": 0,
            "response_id": "resp_1",
            "opened_ms": 100,
            "cancelled_ms": 530,
            "closed_ms": 610,
            "ended": "cancelled",
            "items": [
                {
                    "item_id": "item_1",
                    "received_ms": 1_000,
                    "heard_ms": 321,
                    "is_decided": True,
                    "text": "Good morning",
                    "truncated_ms": 321,
                    "is_deleted": False,
                }
            ],
        }
    ]


def test_what_played_when_the_caller_hung_up_counts_until_then(builder: SummaryBuilder) -> None:
    speak(builder, 1, 0, cause=cm.Cause.GREETING)
    builder.event(ev.CallEnded(), 460)
    builder.event(ev.TimePassed(), 9_000)
    assert builder.build()["responses"][0]["items"][0]["heard_ms"] == 250


def test_audio_of_a_response_nobody_heard_of_finds_its_response(builder: SummaryBuilder) -> None:
    builder.event(ev.AudioReceived("resp_9", "item_9", 300), 10)
    builder.commands([cm.ResponseOpened(1, "resp_9", cm.Cause.SERVER)], 10)
    builder.event(ev.AudioReceived("resp_9", "item_9", 300), 20)
    response = builder.build()["responses"][0]
    assert response["cause"] == "server"
    assert [item["received_ms"] for item in response["items"]] == [600]


def test_every_barge_in_has_its_outcome(builder: SummaryBuilder) -> None:
    builder.commands([cm.ClearCarrier(2), cm.Hushed(700, "item_1")], 1_000)
    builder.commands([cm.Taken(1, ev.Reason.LOCAL_SPEECH, None, (1, 2))], 1_320)
    settled = cm.InterruptionSettled(1, None, ev.Reason.LOCAL_SPEECH, cm.Outcome.CANCELLED, 700)
    builder.commands([settled], 1_410)
    nothing = cm.Outcome.NOTHING_TO_INTERRUPT
    builder.commands([cm.InterruptionSettled(2, 5, ev.Reason.APPLICATION, nothing, 0)], 2_000)
    builder.commands([cm.Taken(3, ev.Reason.DTMF, None, (3,))], 3_000)
    first, second, third = builder.build()["barge_ins"]
    assert first == {
        "t_ms": 1_000 + 320,
        "reason": "local_speech",
        "responses": [1, 2],
        "hush_to_take_ms": 320,
        "request": None,
        "heard_ms": 700,
        "outcome": "cancelled",
        "settle_ms": 90,
    }
    assert (second["outcome"], second["request"]) == ("nothing_to_interrupt", 5)
    assert (third["outcome"], third["hush_to_take_ms"]) == (None, None)


def test_hushes_say_whether_they_were_false(builder: SummaryBuilder) -> None:
    builder.commands([cm.ClearCarrier(2), cm.Hushed(700, "item_1")], 1_000)
    builder.commands([cm.Resumed()], 1_290)
    builder.commands([cm.ClearCarrier(3), cm.Hushed(900, "item_1")], 2_000)
    # It has not got the floor yet: something that was not meant is still audible.
    builder.commands([cm.Taken(1, ev.Reason.TOOL, 1, (1,), has_floor=False)], 2_100)
    assert builder.build()["hushes"][1]["ended"] is None
    builder.commands([cm.Taken(2, ev.Reason.LOCAL_SPEECH, None, (2,))], 2_320)
    hushes = builder.build()["hushes"]
    assert [(h["t_ms"], h["length_ms"], h["ended"]) for h in hushes] == [
        (1_000, 290, "resumed"),
        (2_000, 320, "taken"),
    ]


def test_the_interruptions_are_summed_up(builder: SummaryBuilder) -> None:
    def hush(t_ms: int) -> None:
        builder.event(ev.LocalSpeechBegan(t_ms - 40), t_ms)
        builder.commands([cm.ClearCarrier(2), cm.Hushed(700, "item_1")], t_ms)

    hush(1_000)
    builder.event(ev.LocalSpeechEnded(1_100), 1_110)
    builder.commands([cm.Resumed()], 1_300)
    hush(3_000)
    builder.commands([cm.Resumed(was_false=False)], 3_600)
    hush(5_000)
    builder.commands([cm.Taken(1, ev.Reason.LOCAL_SPEECH, None, (1,))], 5_610)
    settled = cm.InterruptionSettled(1, None, ev.Reason.LOCAL_SPEECH, cm.Outcome.CANCELLED, 700)
    builder.commands([settled], 5_700)
    summed = builder.build()["interruptions"]
    assert (summed["hushes"], summed["false_hushes"], summed["short_voices"]) == (3, 1, 1)
    assert summed["silenced_for_nothing_ms"] == 900
    assert summed["takes"] == {"local_speech": 1}
    assert summed["outcomes"] == {"cancelled": 1}
    assert summed["onset_to_hush"]["max_ms"] == 40
    assert summed["onset_to_take"]["max_ms"] == 650
    assert summed["hush_to_take"]["max_ms"] == 610
    assert summed["hush_to_resume"] == {
        "count": 2,
        "median_ms": 300,
        "p95_ms": 600,
        "max_ms": 600,
    }
    first, second, third = builder.build()["hushes"]
    assert (first["was_false"], second["was_false"], third["was_false"]) == (True, False, False)
    assert third["onset_to_hush_ms"] == 40


def delays(builder: SummaryBuilder, name: str) -> Any:
    return builder.build()["latencies"][name]


def test_latency_from_a_turns_commit_to_the_first_audio_of_its_answer(
    builder: SummaryBuilder,
) -> None:
    speak(builder, 1, 0, cause=cm.Cause.GREETING)
    builder.event(ev.LocalSpeechBegan(), 900)
    builder.event(ev.LocalSpeechEnded(), 950)
    builder.event(ev.TurnCommitted("t1"), 1_000)
    assert delays(builder, "commit_to_audio")["count"] == 0
    builder.commands([cm.TurnDecided("t1", "answered")], 1_000)
    speak(builder, 2, 1_000, cause=cm.Cause.TURN)
    assert delays(builder, "commit_to_audio")["max_ms"] == 210
    assert delays(builder, "quiet_to_audio")["max_ms"] == 260
    speak(builder, 3, 3_000, cause=cm.Cause.APPLICATION)
    assert delays(builder, "commit_to_audio")["count"] == 1
    assert builder.build()["latencies"]["first_audio_ms"] == 210


def test_a_void_turn_has_no_latency_and_gives_none_to_the_next(builder: SummaryBuilder) -> None:
    builder.event(ev.TurnCommitted("t1"), 1_000)
    builder.commands([cm.TurnDecided("t1", "void")], 1_200)
    speak(builder, 1, 5_000, cause=cm.Cause.RECOVERY)
    assert delays(builder, "commit_to_audio")["count"] == 0


def test_latency_of_an_answer_that_the_server_creates(builder: SummaryBuilder) -> None:
    builder.event(ev.TurnCommitted("t1"), 1_000)
    builder.commands([cm.TurnDecided("t1", "answered by the server")], 1_000)
    builder.commands([cm.ResponseOpened(1, "r", cm.Cause.SERVER)], 1_100)
    builder.event(ev.AudioReceived("r", "i", 200), 1_300)
    builder.commands([cm.PlayAudio(1, 1, "i", 0, 200)], 1_300)
    builder.event(ev.CarrierWrote(1, 1_333), 1_334)
    assert delays(builder, "commit_to_audio")["max_ms"] == 333


def test_an_answer_cut_off_before_it_was_written_has_no_latency(builder: SummaryBuilder) -> None:
    builder.event(ev.TurnCommitted("t1"), 1_000)
    builder.commands([cm.TurnDecided("t1", "answered by the server")], 1_000)
    builder.commands([cm.ResponseOpened(1, "r", cm.Cause.SERVER)], 1_100)
    builder.event(ev.AudioReceived("r", "i", 200), 1_300)
    builder.commands([cm.PlayAudio(1, 1, "i", 0, 200)], 1_300)
    builder.commands([cm.ClearCarrier(2), cm.Hushed(0, "i")], 1_310)
    builder.commands([cm.PlayAudio(2, 2, "j", 0, 200)], 1_400)
    builder.event(ev.CarrierWrote(2, 1_400), 1_400)
    assert delays(builder, "commit_to_audio")["count"] == 0


def test_latency_from_onset_to_clear_and_from_cancel_to_its_end(builder: SummaryBuilder) -> None:
    builder.event(ev.LocalSpeechBegan(), 1_000)
    builder.commands([cm.ClearCarrier(2), cm.Hushed(0, None)], 1_150)
    builder.commands([cm.CancelResponse(1, "r1"), cm.CancelResponse(2, "r2")], 1_300)
    builder.commands([cm.ResponseClosed(1, "r1", ev.Ended.CANCELLED)], 1_380)
    builder.commands([cm.ResponseClosed(2, "r2", ev.Ended.CANCELLED)], 1_400)
    builder.commands([cm.ResponseClosed(3, "r3", ev.Ended.COMPLETED)], 1_900)
    # A key clears without an onset.
    builder.commands([cm.ClearCarrier(3), cm.Taken(1, ev.Reason.DTMF, None, (1,))], 2_000)
    assert delays(builder, "onset_to_clear") == {
        "count": 1,
        "median_ms": 150,
        "p95_ms": 150,
        "max_ms": 150,
    }
    assert delays(builder, "cancel_to_settled") == {
        "count": 2,
        "median_ms": 80,
        "p95_ms": 100,
        "max_ms": 100,
    }


def test_a_take_that_cleared_nothing_is_no_reaction(builder: SummaryBuilder) -> None:
    builder.commands([cm.ClearCarrier(2)], 900)
    builder.event(ev.LocalSpeechBegan(), 1_000)
    builder.commands([cm.Taken(1, ev.Reason.LOCAL_SPEECH, None, (1,))], 1_320)
    assert delays(builder, "onset_to_clear")["count"] == 0


def test_other_notes_are_kept_as_they_are_and_bounded(builder: SummaryBuilder) -> None:
    builder.note("model_leg", 5, state="open", what=object())
    builder.note("large", 6, text="x" * 100_000)
    for t_ms in range(2 * NOTES_MAX):
        builder.note("tick", t_ms)
    summary = builder.build()
    assert summary["notes"][0] == {
        "t_ms": 5,
        "note": "model_leg",
        "state": "open",
        "what": "<object>",
    }
    assert summary["notes"][1] == {"t_ms": 6, "note": "large"}
    assert len(summary["notes"]) == NOTES_MAX
    assert summary["counters"]["notes"] == 2 * NOTES_MAX + 2


def test_what_was_lost_of_the_call_is_told_once_however_much_else_there_was(
    builder: SummaryBuilder,
) -> None:
    builder.note("recording_holes", 1, ms=20)
    for t_ms in range(2 * NOTES_MAX):
        builder.note("tick", t_ms)
    for _ in range(100):
        for kind in sorted(LOSSES):
            builder.note(kind, 9_000, reason="the disk is full")
    notes = builder.build()["notes"]
    assert [note for note in notes if note["note"] in LOSSES] == [
        {"t_ms": 1, "note": "recording_holes", "ms": 20},
        {"t_ms": 9_000, "note": "event_log_lost", "reason": "the disk is full"},
        {"t_ms": 9_000, "note": "recording_lost", "reason": "the disk is full"},
    ]
    assert len(notes) == NOTES_MAX + 2


def test_a_summary_is_bounded_and_counts_what_it_leaves_out(builder: SummaryBuilder) -> None:
    for number in range(RECORDS_MAX + 7):
        builder.event(ev.ServerSpeechStarted(f"t{number}"), number)
    builder.note("caller_text", 1, item_id="t0", text="x" * 3 * TEXT_CHARS_MAX)
    summary = builder.build()
    assert len(summary["turns"]) == RECORDS_MAX
    assert summary["counters"]["records_dropped"] == 7
    assert len(summary["turns"][0]["transcript"]) == TEXT_CHARS_MAX


def test_a_summary_is_json_whatever_was_noted(builder: SummaryBuilder) -> None:
    builder.note("caller_text", 1, item_id="t1", text="\ud800 broken")
    builder.note("odd", 2, of={(1, 2): 3}, n=10**400)
    builder.note("caller_text", 3, text="of nothing")
    text = msgspec.json.encode(builder.build())
    assert json.loads(text)["turns"][0]["transcript"] == "? broken"


def test_a_log_gives_the_summary_that_the_call_gave(lively_log: Path, lively: Any) -> None:
    builder = SummaryBuilder(lively.header)
    for line in lively.lines:
        builder.read(line)
    summary = summarise(read_log(lively_log))
    assert summary == builder.build()
    assert summary["ended"] == {"by": "us", "reason": "hung_up"}
    assert [turn["fate"] for turn in summary["turns"]] == ["answered"] * 3
    assert [b["reason"] for b in summary["barge_ins"]] == [
        "local_speech",
        "local_speech",
        "dtmf",
        "hang_up",
    ]
    assert all(b["outcome"] for b in summary["barge_ins"])
    assert summary["counters"]["hushes"] == 3
    assert summary["counters"]["resumes"] == 1
    assert summary["latencies"]["commit_to_audio"]["count"] == 3


def test_it_has_what_was_said_in_the_order_in_which_it_was_said(builder: SummaryBuilder) -> None:
    speak(builder, 1, 0, cause=cm.Cause.APPLICATION)
    builder.note("model_text", 230, item_id="item_1", text="one two three four five")
    builder.event(ev.ServerSpeechStarted("t1"), 400)
    builder.commands([cm.ItemHeard(1, "item_1", 400, 1_000)], 450)
    builder.event(ev.TurnCommitted("t1"), 900)
    builder.note("caller_text", 1_200, item_id="t1", text="hello")
    builder.event(ev.TurnTranscribed("t1", ev.Verdict.WORDS), 1_200)
    assert builder.build()["transcript"] == [
        {"role": "model", "text": "one two", "at_ms": 200, "heard_ms": 400, "was_cut": True},
        {"role": "caller", "text": "hello", "at_ms": 400, "heard_ms": 0, "was_cut": False},
    ]


def test_what_plays_when_the_call_ends_was_heard_until_then(builder: SummaryBuilder) -> None:
    speak(builder, 1, 0, cause=cm.Cause.APPLICATION)
    builder.note("model_text", 230, item_id="item_1", text="one two three four five")
    builder.note("call_ended", 410, by="carrier", reason="caller_hung_up")
    (said,) = builder.build()["transcript"]
    assert (said["text"], said["heard_ms"]) == ("one", 200)


def test_it_says_in_words_how_the_call_ended(builder: SummaryBuilder) -> None:
    assert builder.build()["ended_in_words"] is None
    builder.note("call_ended", 410, by="carrier", reason="caller_hung_up")
    assert builder.build()["ended_in_words"] == "The caller hung up."


def test_it_adds_up_what_was_used_and_what_failed(builder: SummaryBuilder) -> None:
    used = {"what": "response", "model": "m", "tokens": {"text_in": 5}, "audio_ms": 0}
    for _ in range(2):
        builder.note("usage", 10, **used, cost="0.01", currency="USD")
    builder.note("failure", 20, what="model_lost", detail="1006", done="reconnect")
    summary = builder.build()
    assert (summary["usage"]["cost"], summary["usage"]["currency"]) == ("0.02", "USD")
    assert summary["usage"]["models"][0]["tokens"] == {"text_in": 10}
    assert summary["failures"] == [
        {"at_ms": 20, "what": "model_lost", "detail": "1006", "done": "reconnect"}
    ]
    assert summary["failures_dropped"] == 0
    assert summary["notes"] == []


def test_a_turn_says_how_long_its_answer_took(builder: SummaryBuilder) -> None:
    builder.event(ev.TurnCommitted("t1"), 1_000)
    builder.commands([cm.TurnDecided("t1", "answered")], 1_000)
    speak(builder, 1, 1_000, cause=cm.Cause.TURN)
    builder.event(ev.TurnCommitted("t2"), 3_000)
    assert [turn["answer_ms"] for turn in builder.build()["turns"]] == [210, None]
