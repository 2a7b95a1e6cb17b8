"""A call as spans, read as an exporter gets them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from trio_media.call.record import CallObserver
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.recording.spans import CUT, OPEN_MAX, CallSpans, Traced

BEGAN_NS = 1_700_000_000_000_000_000

_: type[CallObserver] = CallSpans


class Watched:
    """The spans of one call."""

    def __init__(self, *, has_texts: bool = False) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        traced = Traced(
            call_sid="CA1",
            provider="openai",
            model="gpt-realtime",
            began_unix_ns=BEGAN_NS,
            has_texts=has_texts,
        )
        self.spans = CallSpans(provider.get_tracer("test"), traced)

    def at(self, t_ms: int, *told: ev.Event | cm.Command) -> None:
        for one in told:
            if type(one).__module__.endswith(("events", "asking")):
                self.spans.event(one, t_ms)  # type: ignore[arg-type]
            else:
                self.spans.commands([one], t_ms)  # type: ignore[list-item]

    def named(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.exporter.get_finished_spans() if span.name == name]
        return span

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.exporter.get_finished_spans()]


def times_ms(span: ReadableSpan) -> tuple[int, int]:
    assert span.start_time is not None
    assert span.end_time is not None
    began_ns, ended_ns = span.start_time - BEGAN_NS, span.end_time - BEGAN_NS
    return began_ns // 1_000_000, ended_ns // 1_000_000


def attributes(span: ReadableSpan) -> Mapping[str, Any]:
    assert span.attributes is not None
    return span.attributes


def marks(span: ReadableSpan) -> dict[str, tuple[int, dict[str, Any]]]:
    return {
        event.name: ((event.timestamp - BEGAN_NS) // 1_000_000, dict(event.attributes or {}))
        for event in span.events
    }


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    assert child.parent is not None
    assert parent.context is not None
    return child.parent.span_id == parent.context.span_id


def an_answered_turn(watched: Watched) -> None:
    watched.at(1_000, ev.ServerSpeechStarted("T1"))
    watched.at(1_800, ev.ServerSpeechStopped("T1"))
    watched.at(2_000, ev.TurnCommitted("T1"))
    watched.at(2_100, cm.TurnDecided("T1", "answered"))
    watched.at(2_100, cm.CreateResponse(1, 1, cm.Cause.TURN, 7))
    watched.at(2_200, cm.ResponseOpened(7, "R7", cm.Cause.TURN))
    watched.at(2_350, ev.AudioReceived("R7", "I7", 20))
    watched.at(2_500, ev.AudioReceived("R7", "I7", 20))


def test_a_turn_its_answer_and_the_tool_that_it_calls_are_in_each_other() -> None:
    watched = Watched()
    an_answered_turn(watched)
    watched.at(2_600, ev.ToolCalled("R7", "F7", "C1"))
    watched.spans.note("response_done", 2_700, response_id="R7", usage=dict(USAGE), code="")
    watched.at(2_700, cm.ResponseClosed(7, "R7", ev.Ended.COMPLETED))
    watched.spans.note("tool_called", 2_710, call_id="C1", name="look_up")
    watched.spans.note("tool_ended", 3_000, call_id="C1", name="look_up", outcome="done", took_ms=9)
    watched.spans.note("call_ended", 4_000, by="us", reason="hung_up")

    call, turn = watched.named("call"), watched.named("turn")
    answer, tool = watched.named("chat gpt-realtime"), watched.named("execute_tool look_up")
    assert is_child(turn, call)
    assert is_child(answer, turn)
    assert is_child(tool, answer)
    assert [times_ms(span) for span in (call, turn, answer, tool)] == [
        (0, 4_000),
        (1_000, 2_100),
        (2_100, 2_700),
        (2_710, 3_000),
    ]
    assert marks(turn) == {"speech_stopped": (1_800, {}), "committed": (2_000, {})}
    assert attributes(turn)["trio_media.turn.fate"] == "answered"
    assert attributes(call)["trio_media.end_reason"] == "hung_up"
    assert (call.kind, answer.kind, tool.kind) == (
        SpanKind.SERVER,
        SpanKind.CLIENT,
        SpanKind.INTERNAL,
    )


USAGE = {"input_tokens": 40, "output_tokens": 60, "total_tokens": 100}


def test_attributes_are_those_of_the_conventions() -> None:
    watched = Watched()
    an_answered_turn(watched)
    watched.spans.note("response_done", 2_700, response_id="R7", usage=dict(USAGE), code="")
    watched.at(2_700, cm.ResponseClosed(7, "R7", ev.Ended.COMPLETED))
    assert dict(attributes(watched.named("chat gpt-realtime"))) == {
        "gen_ai.conversation.id": "CA1",
        "gen_ai.operation.name": "chat",
        "gen_ai.output.type": "speech",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-realtime",
        "gen_ai.response.finish_reasons": ("completed",),
        "gen_ai.response.id": "R7",
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 40,
        "gen_ai.usage.output_tokens": 60,
        "trio_media.response.cause": "turn",
    }
    watched.spans.note("tool_called", 3_000, call_id="C1", name="look_up")
    watched.spans.note("tool_ended", 3_100, call_id="C1", name="look_up", outcome="late", took_ms=9)
    tool = watched.named("execute_tool look_up")
    assert tool.status.status_code is StatusCode.ERROR
    assert dict(attributes(tool)) == {
        "error.type": "late",
        "gen_ai.conversation.id": "CA1",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.provider.name": "openai",
        "gen_ai.tool.call.id": "C1",
        "gen_ai.tool.name": "look_up",
        "gen_ai.tool.type": "function",
        "trio_media.tool.outcome": "late",
    }


@pytest.mark.parametrize(
    ("ended", "is_error"),
    [
        (ev.Ended.CANCELLED, False),
        (ev.Ended.TURN_DETECTED, False),
        (ev.Ended.FAILED, True),
        (ev.Ended.LOST, True),
    ],
)
def test_a_response_that_did_not_come_about_is_an_error(ended: ev.Ended, is_error: bool) -> None:
    watched = Watched()
    an_answered_turn(watched)
    watched.at(2_700, cm.ResponseClosed(7, "R7", ended))
    answer = watched.named("chat gpt-realtime")
    assert (answer.status.status_code is StatusCode.ERROR) is is_error
    assert attributes(answer).get("error.type") == (ended.value if is_error else None)


def test_what_the_server_creates_by_itself_is_the_answer_of_its_turn() -> None:
    watched = Watched()
    watched.at(1_000, ev.TurnCommitted("T1"))
    watched.at(1_000, cm.TurnDecided("T1", "answered by the server"))
    watched.at(1_100, cm.ResponseOpened(3, "R3", cm.Cause.SERVER))
    watched.at(1_900, cm.ResponseClosed(3, "R3", ev.Ended.COMPLETED))
    assert is_child(watched.named("chat gpt-realtime"), watched.named("turn"))


def test_what_nobody_said_is_a_child_of_the_call() -> None:
    watched = Watched()
    watched.at(0, cm.CreateResponse(1, 1, cm.Cause.GREETING, 1))
    watched.at(100, cm.ResponseOpened(1, "R1", cm.Cause.GREETING))
    watched.at(200, cm.ResponseOpened(2, "clip", cm.Cause.CLIP))
    watched.at(900, cm.ResponseClosed(1, "R1", ev.Ended.COMPLETED))
    watched.spans.note("call_ended", 1_000, by="us", reason="hung_up")
    assert is_child(watched.named("chat gpt-realtime"), watched.named("call"))
    assert watched.names == ["chat gpt-realtime", "call"]
    assert marks(watched.named("call")) == {"clip": (200, {})}


def test_hushes_and_interruptions_are_marks_on_the_call() -> None:
    watched = Watched()
    watched.at(500, cm.Hushed(300, "I1"))
    watched.at(700, cm.Resumed(was_false=False))
    settled = cm.InterruptionSettled(1, None, ev.Reason.LOCAL_SPEECH, cm.Outcome.CANCELLED, 420)
    watched.at(900, settled)
    watched.spans.note("model_lost", 950, reason="Incorrect API key provided: sk-secret")
    watched.spans.end(1_000, "hung_up")
    assert marks(watched.named("call")) == {
        "hush": (500, {"heard_ms": 300}),
        "resume": (700, {"was_false": False}),
        "interruption": (
            900,
            {"reason": "local_speech", "outcome": "cancelled", "heard_ms": 420},
        ),
        "model_lost": (950, {}),
    }


@pytest.mark.parametrize("has_texts", [False, True])
def test_words_are_told_when_asked_for_alone(has_texts: bool) -> None:
    watched = Watched(has_texts=has_texts)
    watched.at(90, ev.KeyPressed("4"))
    watched.spans.note("caller_text", 100, item_id="T1", text="My card is 4111.")
    watched.spans.note("model_text", 200, item_id="I1", text="Thank you.")
    watched.spans.end(1_000, "hung_up")
    told = watched.named("call").to_json()
    assert ("4111" in told) is has_texts
    assert ("Thank you." in told) is has_texts


def test_whatever_is_open_ends_with_the_call_and_once() -> None:
    watched = Watched()
    an_answered_turn(watched)
    watched.at(3_000, ev.ServerSpeechStarted("T2"))
    watched.spans.note("tool_called", 3_100, call_id="C1", name="look_up")
    watched.spans.end(3_500)
    watched.spans.end(9_000, "hung_up")
    watched.spans.note("tool_ended", 9_100, call_id="C1", name="look_up", outcome="done", took_ms=9)
    assert sorted(watched.names) == [
        "call",
        "chat gpt-realtime",
        "execute_tool look_up",
        "turn",
        "turn",
    ]
    call = watched.named("call")
    assert attributes(call)["trio_media.end_reason"] == CUT
    assert call.status.status_code is StatusCode.ERROR
    for span in watched.exporter.get_finished_spans():
        if times_ms(span)[1] == 3_500 and span is not call:
            assert attributes(span)["trio_media.cut_by_end"] is True


def test_nothing_piles_up_and_nothing_unknown_is_in_the_way() -> None:
    watched = Watched()
    for number in range(OPEN_MAX + 5):
        watched.at(number, ev.ServerSpeechStarted(f"T{number}"))
        watched.spans.note("tool_called", number, call_id=f"C{number}", name="look_up")
        watched.spans.note("response_done", number, response_id=f"R{number}", usage={}, code="")
    watched.at(100, ev.ServerSpeechStopped("gone"), ev.TurnFailed("gone"), ev.TurnFailed(None))
    watched.at(100, ev.AudioReceived("gone", "I", 20), ev.ToolCalled("gone", "F", "C"))
    watched.at(100, ev.TimePassed(), cm.TurnDecided("gone", "void"), cm.ReleaseAudio("I"))
    watched.at(100, cm.ResponseClosed(99, None, ev.Ended.LOST), cm.PostToolOutput(1, "C", True))
    watched.spans.note("tool_ended", 100, call_id="gone", name="look_up", outcome="done", took_ms=1)
    watched.spans.note("stalled", 100, leg="model")
    watched.spans.caller_audio(100, b"")
    watched.spans.heard_audio(100, b"")
    watched.spans.end(200, "hung_up")
    assert len(watched.names) == 2 * OPEN_MAX + 1
    assert not watched.spans.wants_heard_audio
