"""Each server event in both dialects, whole and broken; the SDK says that ours are real ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from trio_media.realtime import events
from trio_media.realtime.events import ItemKind, ModelEvent, ResponseStatus
from trio_media.realtime.openai import OpenAiCodec
from trio_media.realtime.openai_events import event_of

SERVER_EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

IN_ITEM = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
SPEECH_ITEM = {
    "id": "item_1",
    "object": "realtime.item",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_audio", "transcript": "Hello."}],
}
CALL_ITEM = {
    "id": "item_2",
    "object": "realtime.item",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "look_up",
    "arguments": '{"id":7}',
}
ERROR = {"type": "server_error", "code": "x", "message": "m", "param": None}
TRANSCRIPTION = "conversation.item.input_audio_transcription"


def response(**fields: object) -> dict[str, Any]:
    return {"id": "resp_1", "object": "realtime.response", "output": [], **fields}


def decode(type_name: str, **fields: object) -> ModelEvent | None:
    message = json.dumps({"type": type_name, "event_id": "event_1", **fields})
    return OpenAiCodec("ga").decode(message)


REAL: list[tuple[str, dict[str, Any], ModelEvent | None]] = [
    (
        "session.created",
        {"session": {"type": "realtime", "id": "sess_1", "expires_at": 1_756_310_470}},
        events.SessionCreated(session_id="sess_1", expires_at_s=1_756_310_470),
    ),
    (
        "input_audio_buffer.speech_started",
        {"audio_start_ms": 1000, "item_id": "item_1"},
        events.SpeechStarted(item_id="item_1", audio_start_ms=1000),
    ),
    (
        "input_audio_buffer.speech_stopped",
        {"audio_end_ms": 2000, "item_id": "item_1"},
        events.SpeechStopped(item_id="item_1", audio_end_ms=2000),
    ),
    (
        "input_audio_buffer.committed",
        {"previous_item_id": None, "item_id": "item_1"},
        events.InputCommitted(item_id="item_1"),
    ),
    ("input_audio_buffer.cleared", {}, events.InputCleared()),
    (
        f"{TRANSCRIPTION}.completed",
        {
            "item_id": "item_1",
            "content_index": 0,
            "transcript": "Hi!",
            "usage": {"type": "duration", "seconds": 1.0},
        },
        events.InputTranscribed(
            item_id="item_1", text="Hi!", usage={"type": "duration", "seconds": 1.0}
        ),
    ),
    (
        f"{TRANSCRIPTION}.failed",
        {"item_id": "item_1", "content_index": 0, "error": {"code": "audio_unintelligible"}},
        events.InputTranscriptionFailed(item_id="item_1", code="audio_unintelligible"),
    ),
    (
        "response.created",
        {"response": response(status="in_progress", metadata={"trio_media": "c1", "x": "y"})},
        events.ResponseCreated(response_id="resp_1", token="c1"),
    ),
    (
        "response.output_item.added",
        {"response_id": "resp_1", "output_index": 0, "item": SPEECH_ITEM},
        events.OutputItemAdded(response_id="resp_1", item_id="item_1", kind=ItemKind.SPEECH),
    ),
    (
        "response.output_item.done",
        {"response_id": "resp_1", "output_index": 1, "item": CALL_ITEM},
        events.OutputItemDone(
            response_id="resp_1",
            item_id="item_2",
            kind=ItemKind.FUNCTION_CALL,
            completed=True,
            call_id="call_1",
            name="look_up",
            arguments='{"id":7}',
        ),
    ),
    (
        "response.output_audio.delta",
        {**IN_ITEM, "delta": "f38="},
        events.AudioDelta(
            response_id="resp_1", item_id="item_1", content_index=0, payload=b"\x7f\x7f"
        ),
    ),
    (
        "response.output_audio.done",
        IN_ITEM,
        events.AudioDone(response_id="resp_1", item_id="item_1"),
    ),
    (
        "response.output_audio_transcript.delta",
        {**IN_ITEM, "delta": "Hel"},
        events.OutputTranscriptDelta(response_id="resp_1", item_id="item_1", text="Hel"),
    ),
    (
        "response.output_audio_transcript.done",
        {**IN_ITEM, "transcript": "Hello."},
        events.OutputTranscriptDone(response_id="resp_1", item_id="item_1", text="Hello."),
    ),
    (
        "response.done",
        {"response": response(status="completed", usage={"total_tokens": 9})},
        events.ResponseDone(
            response_id="resp_1", status=ResponseStatus.COMPLETED, usage={"total_tokens": 9}
        ),
    ),
    (
        "conversation.item.truncated",
        {"item_id": "item_1", "content_index": 0, "audio_end_ms": 1500},
        events.ItemTruncated(item_id="item_1", audio_end_ms=1500),
    ),
    ("conversation.item.deleted", {"item_id": "item_1"}, events.ItemDeleted(item_id="item_1")),
    ("conversation.item.added", {"item": SPEECH_ITEM}, None),
    ("conversation.item.done", {"item": SPEECH_ITEM}, None),
    ("conversation.item.created", {"item": SPEECH_ITEM}, None),
    (f"{TRANSCRIPTION}.delta", {"item_id": "item_1", "delta": "H"}, None),
    ("rate_limits.updated", {"rate_limits": []}, None),
    ("response.content_part.added", {**IN_ITEM, "part": {"type": "audio"}}, None),
    ("response.output_text.delta", {**IN_ITEM, "delta": "H"}, None),
    (
        "response.function_call_arguments.done",
        {
            "response_id": "resp_1",
            "item_id": "item_2",
            "output_index": 1,
            "call_id": "call_1",
            "name": "look_up",
            "arguments": "{}",
        },
        None,
    ),
]


@pytest.mark.parametrize(("type_name", "fields", "event"), REAL, ids=[row[0] for row in REAL])
def test_real_events_are_translated(
    type_name: str, fields: dict[str, Any], event: ModelEvent | None
) -> None:
    real = SERVER_EVENTS.validate_python({"type": type_name, "event_id": "event_1", **fields})
    assert real.type == type_name
    assert decode(type_name, **fields) == event


@pytest.mark.parametrize(
    ("beta", "ga"),
    [
        ("response.audio.delta", "response.output_audio.delta"),
        ("response.audio.done", "response.output_audio.done"),
        ("response.audio_transcript.delta", "response.output_audio_transcript.delta"),
        ("response.audio_transcript.done", "response.output_audio_transcript.done"),
    ],
)
def test_names_of_the_older_dialect_mean_the_same(beta: str, ga: str) -> None:
    fields = next(fields for type_name, fields, _ in REAL if type_name == ga)
    event = decode(beta, **fields)
    assert event is not None
    assert event == decode(ga, **fields)


# How a response ends.


@pytest.mark.parametrize(
    ("fields", "status", "error_code"),
    [
        ({"status": "completed"}, ResponseStatus.COMPLETED, None),
        ({"status": "cancelled"}, ResponseStatus.CANCELLED, None),
        ({"status": "canceled"}, ResponseStatus.CANCELLED, None),
        (
            {"status": "cancelled", "status_details": {"reason": "client_cancelled"}},
            ResponseStatus.CANCELLED,
            None,
        ),
        (
            {"status": "cancelled", "status_details": {"reason": "turn_detected"}},
            ResponseStatus.TURN_DETECTED,
            None,
        ),
        (
            {"status": "incomplete", "status_details": {"reason": "content_filter"}},
            ResponseStatus.FILTERED,
            "content_filter",
        ),
        (
            {"status": "failed", "status_details": {"error": {"code": "c", "type": "t"}}},
            ResponseStatus.FAILED,
            "c",
        ),
        (
            {"status": "failed", "status_details": {"error": {"code": None, "type": "t"}}},
            ResponseStatus.FAILED,
            "t",
        ),
        ({"status": "failed", "status_details": None}, ResponseStatus.FAILED, None),
        ({"status": "in_progress"}, ResponseStatus.UNKNOWN, None),
        ({"status": None}, ResponseStatus.UNKNOWN, None),
        ({"status": ["completed"]}, ResponseStatus.UNKNOWN, None),
        ({}, ResponseStatus.UNKNOWN, None),
        ({"status_details": {"reason": "turn_detected"}}, ResponseStatus.UNKNOWN, None),
        (
            {"status": "completed", "status_details": {"reason": "turn_detected"}},
            ResponseStatus.COMPLETED,
            None,
        ),
    ],
)
def test_a_terminal_event_says_how_the_response_ended(
    fields: dict[str, Any], status: ResponseStatus, error_code: str | None
) -> None:
    event = decode("response.done", response=response(**fields))
    assert event == events.ResponseDone(response_id="resp_1", status=status, error_code=error_code)


@pytest.mark.parametrize("broken", [None, [], "resp_1", {}, {"id": ""}, {"id": 5}, {"id": None}])
def test_a_terminal_event_that_names_nothing_is_told_all_the_same(broken: object) -> None:
    assert decode("response.done", response=broken) == events.ResponseDone(
        response_id=None, status=ResponseStatus.UNKNOWN
    )
    assert decode("response.done") == decode("response.done", response=broken)


def test_a_terminal_event_may_name_its_response_beside_it() -> None:
    assert decode("response.done", response_id="resp_1") == events.ResponseDone(
        response_id="resp_1", status=ResponseStatus.UNKNOWN
    )


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"response_id": "resp_1"}, ResponseStatus.CANCELLED),
        ({"response": {"id": "resp_1"}}, ResponseStatus.CANCELLED),
        ({"response": {"id": "resp_1", "status": "completed"}}, ResponseStatus.CANCELLED),
        (
            {"response": {"id": "resp_1", "status_details": {"reason": "turn_detected"}}},
            ResponseStatus.TURN_DETECTED,
        ),
    ],
)
def test_response_cancelled_is_a_terminal_event(
    fields: dict[str, Any], status: ResponseStatus
) -> None:
    assert decode("response.cancelled", **fields) == events.ResponseDone(
        response_id="resp_1", status=status
    )


@pytest.mark.parametrize(
    "metadata", [None, [], {}, {"trio_media": 5}, {"trio_media": ""}, {"x": 1}]
)
def test_a_response_that_is_not_ours_has_no_token(metadata: object) -> None:
    created = decode("response.created", response=response(metadata=metadata))
    assert created == events.ResponseCreated(response_id="resp_1", token=None)
    done = decode("response.done", response=response(metadata=metadata, status="completed"))
    assert done == events.ResponseDone(response_id="resp_1", status=ResponseStatus.COMPLETED)


# Items.


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "message", "role": "assistant"}, ItemKind.SPEECH),
        ({"type": "message"}, ItemKind.SPEECH),
        ({"type": "message", "role": "system"}, ItemKind.OTHER),
        ({"type": "function_call"}, ItemKind.FUNCTION_CALL),
        ({"type": "mcp_call"}, ItemKind.SERVICE_TOOL),
        ({"type": None}, ItemKind.OTHER),
        ({"type": ["message"]}, ItemKind.OTHER),
        ({}, ItemKind.OTHER),
    ],
)
def test_items_are_told_apart(fields: dict[str, Any], kind: ItemKind) -> None:
    item = {"id": "item_1", **fields}
    added = decode("response.output_item.added", response_id="resp_1", item=item)
    assert isinstance(added, events.OutputItemAdded)
    assert added.kind is kind
    done = decode("response.output_item.done", response_id="resp_1", item=item)
    assert isinstance(done, events.OutputItemDone)
    assert done.kind is kind


@pytest.mark.parametrize("status", ["incomplete", "in_progress", None, 5])
def test_an_item_that_was_cut_off_is_not_completed(status: object) -> None:
    item = {**CALL_ITEM, "status": status, "call_id": None, "name": 5, "arguments": ""}
    assert decode("response.output_item.done", response_id="resp_1", item=item) == (
        events.OutputItemDone(
            response_id="resp_1",
            item_id="item_2",
            kind=ItemKind.FUNCTION_CALL,
            completed=False,
        )
    )


# What lacks what it needs.


@pytest.mark.parametrize(
    ("type_name", "fields", "name"),
    [
        (type_name, fields, name)
        for type_name, fields, event in REAL
        if event is not None
        for name in fields
        if name in {"item_id", "response_id", "item", "delta"}
        or (name == "response" and type_name == "response.created")
    ],
)
@pytest.mark.parametrize("value", [None, "", 5, [], {}])
def test_an_event_that_names_nothing_is_ignored(
    type_name: str, fields: dict[str, Any], name: str, value: object
) -> None:
    assert decode(type_name, **{**fields, name: value}) is None
    del (missing := dict(fields))[name]
    assert decode(type_name, **missing) is None


@pytest.mark.parametrize("value", [None, "5", -1, 2**60, float("-1e300"), 1e300, True, [], {}])
def test_a_time_that_makes_no_sense_is_told_as_0(value: object) -> None:
    for type_name, name in [
        ("input_audio_buffer.speech_started", "audio_start_ms"),
        ("input_audio_buffer.speech_stopped", "audio_end_ms"),
        ("conversation.item.truncated", "audio_end_ms"),
    ]:
        event = decode(type_name, **{"item_id": "item_1", name: value})
        assert event is not None
        assert getattr(event, name) == 0
        assert event == decode(type_name, item_id="item_1")


def test_a_time_may_be_told_as_a_fraction() -> None:
    event = decode("input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=12.9)
    assert event == events.SpeechStarted(item_id="item_1", audio_start_ms=12)


def test_a_transcript_that_is_empty_says_that_nothing_was_said() -> None:
    said = decode(f"{TRANSCRIPTION}.completed", item_id="item_1", transcript="")
    assert said == events.InputTranscribed(item_id="item_1", text="")
    empty = decode("response.output_audio_transcript.done", **{**IN_ITEM, "transcript": ""})
    assert empty == events.OutputTranscriptDone(response_id="resp_1", item_id="item_1", text="")


@pytest.mark.parametrize("transcript", [None, 5, [], {}])
def test_a_transcript_that_is_missing_says_nothing(transcript: object) -> None:
    failed = events.InputTranscriptionFailed(item_id="item_1", code="no_transcript")
    name = f"{TRANSCRIPTION}.completed"
    assert decode(name, item_id="item_1", transcript=transcript) == failed
    assert decode(name, item_id="item_1") == failed
    spoken = "response.output_audio_transcript.done"
    assert decode(spoken, **{**IN_ITEM, "transcript": transcript}) is None
    assert decode(spoken, **IN_ITEM) is None


@pytest.mark.parametrize(
    ("error", "code"),
    [({"code": None, "type": "t"}, "t"), ({}, "unknown"), (None, "unknown"), ("c", "unknown")],
)
def test_a_failed_transcription_is_told_without_its_code(error: object, code: str) -> None:
    assert decode(f"{TRANSCRIPTION}.failed", item_id="item_1", error=error) == (
        events.InputTranscriptionFailed(item_id="item_1", code=code)
    )


@pytest.mark.parametrize("broken", [None, [], {}, {"id": 5, "expires_at": "soon"}])
def test_a_session_that_says_nothing_of_itself_is_created_all_the_same(broken: object) -> None:
    assert decode("session.created", session=broken) == events.SessionCreated(
        session_id="", expires_at_s=None
    )


def test_an_unknown_event_is_no_event() -> None:
    assert event_of({"type": "added.later"}, "added.later") is None
