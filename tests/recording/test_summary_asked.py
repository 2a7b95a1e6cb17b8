"""What applications asked of a call, as its summary tells it."""

from __future__ import annotations

from typing import Any

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.policy import Policy
from trio_media.recording.log_format import TOOL_CALLED, TOOL_ENDED, LogHeader
from trio_media.recording.summary import SummaryBuilder
from trio_media.recording.summary_records import RECORDS_MAX

HEADER = LogHeader(call_sid="CA1", stream_sid="MZ1", started_at="", policy=Policy())


def asked(*steps: tuple[int, ev.Event, *tuple[cm.Command, ...]]) -> dict[str, Any]:
    builder = SummaryBuilder(HEADER)
    for t_ms, event, *commands in steps:
        builder.event(event, t_ms)
        builder.commands(commands, t_ms)
    found: dict[str, Any] = builder.build()["asked"]
    return found


TICK = ev.TimePassed()


def test_an_ending_that_was_revoked_and_one_that_ended_the_call() -> None:
    revoked = cm.EndingSettled(1, cm.EndingOutcome.REVOKED)
    found = asked(
        (100, ev.EndingRequested(1, "done", words=2), cm.EndingBegan(1, "done")),
        (900, TICK, revoked),
        (5_000, ev.EndingRequested(3, "abuse", is_final=True), cm.EndingBegan(3, "abuse")),
        (6_500, TICK, cm.EndCall("abuse")),
    )
    first, second = found["endings"]
    assert (first["reason"], first["outcome"], first["took_ms"]) == ("done", "revoked", 800)
    assert (second["is_final"], second["outcome"], second["took_ms"]) == (True, "ended", 1_500)


def test_a_call_that_was_handed_over_and_one_that_nobody_took() -> None:
    request = ev.EndingRequested(1, "transfer", leaves=True)
    steps = ((0, request, cm.EndingBegan(1, "transfer")), (200, TICK, cm.Leave(1)))
    [ending] = asked(*steps)["endings"]
    assert (ending["leaves"], ending["outcome"]) == (True, "handed over")
    failed = cm.EndingSettled(1, cm.EndingOutcome.FAILED)
    [ending] = asked(*steps, (900, ev.LeaveFailed(1), failed))["endings"]
    assert (ending["outcome"], ending["took_ms"]) == ("failed", 900)


def test_an_ending_that_came_too_late_is_not_told_of_the_first() -> None:
    late = cm.EndingSettled(2, cm.EndingOutcome.REPLACED)
    [ending] = asked(
        (0, ev.EndingRequested(1), cm.EndingBegan(1, "hung_up")),
        (10, ev.EndingRequested(2), late),
    )["endings"]
    assert ending["outcome"] is None


def test_an_ending_by_silence_is_nobodys() -> None:
    found = asked(
        (0, TICK, cm.CreateResponse(1, 1, cm.Cause.SILENCE, 1)),
        (9_000, TICK, cm.EndingBegan(None, "silence")),
    )
    assert found["silences_asked"] == 1
    [ending] = found["endings"]
    assert (ending["request"], ending["reason"]) == (None, "silence")


def test_a_tool_has_its_name_its_outcome_and_its_time() -> None:
    builder = SummaryBuilder(HEADER)
    builder.commands([cm.RunTool("a"), cm.RunTool("b"), cm.RunTool("c")], 100)
    builder.note(TOOL_CALLED, 110, call_id="a", name="weather")
    builder.note(TOOL_ENDED, 700, call_id="a", name="weather", outcome="done", took_ms=590)
    builder.commands([cm.CancelTool("b")], 900)
    builder.note(TOOL_ENDED, 910, call_id="b", name="slow", outcome="cancelled", took_ms=800)
    builder.note(TOOL_ENDED, 910, call_id="nobody", outcome="done")
    tools = builder.build()["asked"]["tools"]
    told = [(t["call_id"], t["name"], t["outcome"], t["took_ms"]) for t in tools]
    assert told == [
        ("a", "weather", "done", 600),
        ("b", None, "cancelled", 800),
        ("c", None, None, None),
    ]
    assert builder.build()["counters"]["tools_cancelled"] == 1


def test_a_tool_that_is_named_before_it_is_known_to_run_is_the_same() -> None:
    builder = SummaryBuilder(HEADER)
    builder.note(TOOL_CALLED, 90, call_id="a", name="weather")
    builder.commands([cm.RunTool("a")], 100)
    [tool] = builder.build()["asked"]["tools"]
    assert (tool["name"], tool["t_ms"]) == ("weather", 90)


def test_keys_are_counted_and_never_told() -> None:
    collected = cm.DigitsCollected(1, "4711", cm.DigitsOutcome.TERMINATED)
    found = asked(
        (0, ev.DigitsRequested(1, 6, "#", 5_000, 2_000)),
        (4_000, ev.KeyPressed("#"), collected),
        (5_000, ev.DigitsRequested(2, 6, "#", 5_000, 2_000)),
        (5_000, TICK, cm.DigitsCollected(9, "", cm.DigitsOutcome.TIMED_OUT)),
    )
    first, second = found["digits"]
    assert (first["count"], first["collected"], first["outcome"]) == (6, 4, "terminated")
    assert first["took_ms"] == 4_000
    assert second["outcome"] is None
    assert "4711" not in str(found)


def test_what_became_of_words_is_counted() -> None:
    heard = cm.SpeechEnded(1, cm.SpeechOutcome.HEARD, 900)
    found = asked((0, TICK, heard, cm.SpeechDropped(2), cm.SpeechDropped(3)))
    assert found["words"] == {"heard": 1, "dropped": 2}


def test_what_there_is_no_room_for_is_counted() -> None:
    builder = SummaryBuilder(HEADER)
    builder.commands([cm.RunTool(f"call{n}") for n in range(RECORDS_MAX + 1)], 0)
    builder.note(TOOL_CALLED, 1, call_id=f"call{RECORDS_MAX}", name="late")
    builder.commands([cm.EndCall("hung_up"), cm.EndingSettled(1, cm.EndingOutcome.FAILED)], 2)
    assert len(builder.build()["asked"]["tools"]) == RECORDS_MAX
    assert builder.build()["counters"]["records_dropped"] == 2
