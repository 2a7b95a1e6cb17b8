"""The codec as a whole: what it writes against the SDK's types, and what no peer may send it."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from typing import Any, get_args

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.beta.realtime import RealtimeClientEvent as BetaClientEvent
from openai.types.realtime import RealtimeClientEvent
from pydantic import BaseModel, TypeAdapter

from trio_media.errors import EVIDENCE_CHARS_MAX, RemoteProtocolError, evidence
from trio_media.realtime import SERVICES
from trio_media.realtime.events import (
    AT_THE_END,
    AudioDelta,
    ModelEvent,
    Place,
    RealtimeCodec,
    ResponseCreated,
    ResponseDone,
    ResponseStatus,
    Role,
    SessionRequest,
    SessionUpdated,
)
from trio_media.realtime.openai import OpenAiCodec
from trio_media.realtime.openai_session import Dialect

_: type[RealtimeCodec] = OpenAiCodec  # conformance, checked by mypy

GA_COMMANDS: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)
BETA_COMMANDS: TypeAdapter[Any] = TypeAdapter(BetaClientEvent)
DIALECTS: list[Dialect] = ["ga", "beta"]

REQUEST = SessionRequest(
    instructions="Be brief.",
    voice="marin",
    interrupt_response=False,
    create_response=False,
    transcription_model="gpt-4o-mini-transcribe",
)


def assert_knows_every_field(model: object) -> None:
    """The SDK's types let unknown fields pass; we may not send any."""
    if isinstance(model, BaseModel):
        assert not model.model_extra, model
        for name in type(model).model_fields:
            assert_knows_every_field(getattr(model, name))
    elif isinstance(model, list):
        for element in model:
            assert_knows_every_field(element)


def valid(dialect: Dialect, command: str) -> dict[str, Any]:
    adapter = GA_COMMANDS if dialect == "ga" else BETA_COMMANDS
    decoded: dict[str, Any] = json.loads(command)
    validated = adapter.validate_json(command)
    assert validated.type == decoded["type"]
    assert_knows_every_field(validated)
    return decoded


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    chosen: Dialect = request.param
    return chosen


# What we write.


def test_a_session_is_asked_for_as_the_sdk_types_it(dialect: Dialect) -> None:
    command = valid(dialect, OpenAiCodec(dialect).encode_session(REQUEST, "e1"))
    assert command["type"] == "session.update"
    assert command["event_id"] == "e1"
    assert "model" not in command["session"]


def test_a_model_that_is_named_is_asked_for(dialect: Dialect) -> None:
    codec = OpenAiCodec(dialect, "gpt-4o-realtime-preview")
    command = valid(dialect, codec.encode_session(REQUEST, "e1"))
    assert command["session"]["model"] == "gpt-4o-realtime-preview"


def test_the_flags_are_sent_with_all_of_turn_detection() -> None:
    extra = {"audio": {"input": {"turn_detection": {"threshold": 0.7, "silence_duration_ms": 300}}}}
    codec = OpenAiCodec("ga")
    codec.encode_session(_with_extra(extra), "e1")
    for event_id, enabled in (("e2", True), ("e3", False)):
        command = valid("ga", codec.encode_turn_flags(enabled=enabled, event_id=event_id))
        assert command == {
            "type": "session.update",
            "event_id": event_id,
            "session": {
                "type": "realtime",
                "audio": {
                    "input": {
                        "turn_detection": {
                            "type": "server_vad",
                            "threshold": 0.7,
                            "silence_duration_ms": 300,
                            "create_response": enabled,
                            "interrupt_response": enabled,
                        }
                    }
                },
            },
        }


def test_the_flags_are_sent_flat_in_the_older_dialect() -> None:
    codec = OpenAiCodec("beta")
    codec.encode_session(_with_extra({"turn_detection": {"prefix_padding_ms": 100}}), "e1")
    command = valid("beta", codec.encode_turn_flags(enabled=True, event_id="e2"))
    assert command["session"] == {
        "turn_detection": {
            "type": "server_vad",
            "prefix_padding_ms": 100,
            "create_response": True,
            "interrupt_response": True,
        }
    }


def _with_extra(extra: dict[str, Any]) -> SessionRequest:
    return SessionRequest(
        instructions="",
        voice="",
        interrupt_response=False,
        create_response=False,
        transcription_model="",
        extra=extra,
    )


def test_flags_before_a_session_are_a_bug_of_ours(dialect: Dialect) -> None:
    with pytest.raises(AssertionError):
        OpenAiCodec(dialect).encode_turn_flags(enabled=True, event_id="e1")


@given(payload=st.binary(max_size=2_000))
@settings(max_examples=50, deadline=None)
def test_the_callers_voice_is_appended_as_it_is(payload: bytes) -> None:
    command = valid("ga", OpenAiCodec("ga").encode_append(payload))
    assert command == {
        "type": "input_audio_buffer.append",
        "audio": base64.b64encode(payload).decode(),
    }


def test_a_create_carries_its_token_and_no_more(dialect: Dialect) -> None:
    codec = OpenAiCodec(dialect)
    command = codec.encode_create(token="c7", instructions=None, event_id="e1")
    assert valid(dialect, command) == {
        "type": "response.create",
        "event_id": "e1",
        "response": {"metadata": {"trio_media": "c7"}},
    }


@pytest.mark.parametrize("instructions", ["", "Greet the caller."])
def test_a_create_may_have_instructions_of_its_own(dialect: Dialect, instructions: str) -> None:
    command = OpenAiCodec(dialect).encode_create(
        token="c7", instructions=instructions, event_id="e1"
    )
    assert valid(dialect, command)["response"]["instructions"] == instructions


def test_a_cancel_names_its_response(dialect: Dialect) -> None:
    command = OpenAiCodec(dialect).encode_cancel(response_id="resp_1", event_id="e1")
    assert valid(dialect, command) == {
        "type": "response.cancel",
        "event_id": "e1",
        "response_id": "resp_1",
    }


def test_a_truncate_says_how_much_was_heard(dialect: Dialect) -> None:
    command = OpenAiCodec(dialect).encode_truncate(
        item_id="item_1", content_index=0, audio_end_ms=1_240, event_id="e1"
    )
    assert valid(dialect, command) == {
        "type": "conversation.item.truncate",
        "event_id": "e1",
        "item_id": "item_1",
        "content_index": 0,
        "audio_end_ms": 1_240,
    }


def test_a_delete_names_its_item(dialect: Dialect) -> None:
    command = OpenAiCodec(dialect).encode_delete(item_id="item_1", event_id="e1")
    assert valid(dialect, command) == {
        "type": "conversation.item.delete",
        "event_id": "e1",
        "item_id": "item_1",
    }


def test_keys_become_text_of_the_caller(dialect: Dialect) -> None:
    command = OpenAiCodec(dialect).encode_text(role="user", text="12#", event_id="e1")
    assert valid(dialect, command) == {
        "type": "conversation.item.create",
        "event_id": "e1",
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "12#"}],
        },
    }


def test_a_call_of_another_session_is_told_as_the_sdk_types_it(dialect: Dialect) -> None:
    codec = OpenAiCodec(dialect)
    call = {"call_id": "c1~2", "name": "find", "arguments": '{"a": 1}', "event_id": "e1"}
    command = valid(dialect, codec.encode_tool_call(**call))  # type: ignore[arg-type]
    assert command == {
        "type": "conversation.item.create",
        "event_id": "e1",
        "item": {
            "type": "function_call",
            "call_id": "c1~2",
            "name": "find",
            "arguments": '{"a": 1}',
        },
    }
    with pytest.raises(AssertionError):
        codec.encode_tool_call(**{**call, "call_id": ""})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("place", "item_id", "previous"),
    [
        (AT_THE_END, None, None),
        (Place("told_1"), "told_1", None),
        (Place("told_2", "told_1"), "told_2", "told_1"),
        (Place("told_1", ""), "told_1", "root"),
        (Place(None, "told_1"), None, "told_1"),
    ],
)
def test_an_item_of_ours_stands_where_it_is_to(
    place: Place, item_id: str | None, previous: str | None, dialect: Dialect
) -> None:
    codec = OpenAiCodec(dialect)
    for command in (
        codec.encode_text(role="user", text="x", event_id="e", place=place),
        codec.encode_tool_call(call_id="c", name="n", arguments="", event_id="e", place=place),
        codec.encode_tool_output(call_id="c", output="x", event_id="e", place=place),
    ):
        told = valid(dialect, command)
        assert told["item"].get("id") == item_id
        assert told.get("previous_item_id") == previous


@pytest.mark.parametrize("role", ["system", "assistant"])
def test_a_text_of_ours_says_whose_words_it_is(role: Role, dialect: Dialect) -> None:
    command = OpenAiCodec(dialect).encode_text(role=role, text="Hello.", event_id="e1")
    [content] = valid(dialect, command)["item"]["content"]
    of_the_model = {"ga": "output_text", "beta": "text"}[dialect]
    kind = of_the_model if role == "assistant" else "input_text"
    assert content == {"type": kind, "text": "Hello."}


def test_words_that_may_call_no_tools_say_so(dialect: Dialect) -> None:
    codec = OpenAiCodec(dialect)
    words: dict[str, Any] = {"token": "t", "instructions": "Hi.", "event_id": "e1"}
    create = codec.encode_create(**words, may_call_tools=False)
    assert "tool_choice" not in valid(dialect, create)["response"], "there are none"
    tool = {"type": "function", "name": "find", "parameters": {}}
    codec.encode_session(attrs.evolve(REQUEST, extra={"tools": [tool]}), "e0")
    create = codec.encode_create(**words, may_call_tools=False)
    assert valid(dialect, create)["response"]["tool_choice"] == "none"
    assert "tool_choice" not in valid(dialect, codec.encode_create(**words))["response"]


def test_the_result_of_a_tool_names_its_call(dialect: Dialect) -> None:
    command = OpenAiCodec(dialect).encode_tool_output(
        call_id="call_1", output='{"ok":true}', event_id="e1"
    )
    assert valid(dialect, command) == {
        "type": "conversation.item.create",
        "event_id": "e1",
        "item": {"type": "function_call_output", "call_id": "call_1", "output": '{"ok":true}'},
    }


@given(text=st.text())
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_sent(text: str) -> None:
    codec = OpenAiCodec("ga")
    sent = text.encode("utf-8", "replace").decode()
    output = valid("ga", codec.encode_tool_output(call_id="c", output=text, event_id="e"))
    assert output["item"]["output"] == sent
    said = valid("ga", codec.encode_text(role="user", text=text, event_id="e"))
    assert said["item"]["content"][0]["text"] == sent
    asked = valid("ga", codec.encode_create(token="t", instructions=text, event_id="e"))
    assert asked["response"]["instructions"] == sent


def test_unpaired_surrogates_become_question_marks() -> None:
    command = OpenAiCodec("ga").encode_text(role="user", text="a\ud800b", event_id="e")
    assert json.loads(command)["item"]["content"][0]["text"] == "a?b"


def test_a_command_that_names_nothing_is_a_bug_of_ours() -> None:
    codec = OpenAiCodec("ga")
    with pytest.raises(AssertionError):
        codec.encode_cancel(response_id="", event_id="e")
    with pytest.raises(AssertionError):
        codec.encode_cancel(response_id="r", event_id="")
    with pytest.raises(AssertionError):
        codec.encode_cancel(response_id="r", event_id="e" * 513)
    with pytest.raises(AssertionError):
        codec.encode_delete(item_id="", event_id="e")
    with pytest.raises(AssertionError):
        codec.encode_tool_output(call_id="", output="", event_id="e")
    with pytest.raises(AssertionError):
        codec.encode_create(token="", instructions=None, event_id="e")
    with pytest.raises(AssertionError):
        codec.encode_create(token="t" * 513, instructions=None, event_id="e")


@pytest.mark.parametrize(
    ("item_id", "content_index", "audio_end_ms"), [("", 0, 0), ("i", -1, 0), ("i", 0, -1)]
)
def test_a_truncate_that_makes_no_sense_is_a_bug_of_ours(
    item_id: str, content_index: int, audio_end_ms: int
) -> None:
    with pytest.raises(AssertionError):
        OpenAiCodec("ga").encode_truncate(
            item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms, event_id="e"
        )


def test_there_are_two_dialects() -> None:
    with pytest.raises(AssertionError):
        OpenAiCodec("alpha")  # type: ignore[arg-type]


# What we read.

AUDIO = {
    "type": "response.output_audio.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": base64.b64encode(b"\x7f\xff" * 700).decode(),
}


@pytest.mark.parametrize("provider", ["openai", "embedded"])
def test_every_service_has_a_fresh_codec(provider: str, dialect: Dialect) -> None:
    codec = SERVICES[provider](dialect, "")
    assert codec is not SERVICES[provider](dialect, "")
    assert codec.capabilities.has_truncate
    assert codec.capabilities.has_delete
    assert codec.capabilities.has_metadata
    assert codec.capabilities.has_mcp


@pytest.mark.parametrize("name", ["response.output_audio.delta", "response.audio.delta"])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_the_models_voice_is_decoded(dialect: Dialect, name: str, as_bytes: bool) -> None:
    message = json.dumps({**AUDIO, "type": name, "content_index": 1})
    assert OpenAiCodec(dialect).decode(message.encode() if as_bytes else message) == AudioDelta(
        response_id="resp_1", item_id="item_1", content_index=1, payload=b"\x7f\xff" * 700
    )


@pytest.mark.parametrize("content_index", [-1, 2**53 + 1, "0", None, True, [0]])
def test_an_odd_content_index_counts_as_the_first(content_index: object) -> None:
    event = OpenAiCodec("ga").decode(json.dumps({**AUDIO, "content_index": content_index}))
    assert isinstance(event, AudioDelta)
    assert event.content_index == 0
    assert len(event.payload) == 1_400


@pytest.mark.parametrize("name", ["response_id", "item_id", "delta"])
@pytest.mark.parametrize("value", [None, "", 5, {}])
def test_audio_that_belongs_nowhere_is_ignored(name: str, value: object) -> None:
    assert OpenAiCodec("ga").decode(json.dumps({**AUDIO, name: value})) is None
    missing = {key: told for key, told in AUDIO.items() if key != name}
    assert OpenAiCodec("ga").decode(json.dumps(missing)) is None


def blamed(message: str | bytes, because: str) -> None:
    with pytest.raises(RemoteProtocolError, match=because) as caught:
        OpenAiCodec("ga").decode(message)
    text = str(caught.value)
    assert text.isprintable()
    assert len(evidence(message)) <= EVIDENCE_CHARS_MAX
    assert len(text) < EVIDENCE_CHARS_MAX + 150


@pytest.mark.parametrize("delta", ["A", "AA\nAA", "é", "AA==AA==", "AA-_"])
@pytest.mark.parametrize("content_index", [0, "odd"])
def test_audio_that_cannot_be_decoded_is_blamed_on_the_model(
    delta: str, content_index: object
) -> None:
    message = json.dumps({**AUDIO, "delta": delta, "content_index": content_index})
    blamed(message, "is not base64")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "hello",
        '{"type":"x"',
        '{"type":"\ud800"}',
        b"\xff",
        b'{"type":"\xff"}',
        '{"type":"x","y":' + "[" * 100_000,
        '{"type":5,"y":' + "[" * 100_000,
    ],
    ids=range(9),
)
def test_what_is_not_json_is_blamed_on_the_model(message: str | bytes) -> None:
    blamed(message, "not JSON")


@pytest.mark.parametrize("message", ["[]", "5", "null", '"x"', b"[]"])
def test_what_is_no_object_is_blamed_on_the_model(message: str | bytes) -> None:
    blamed(message, "not an object")


@pytest.mark.parametrize("message", ["{}", '{"type":5}', '{"type":null}', '{"kind":"error"}'])
def test_what_has_no_type_is_blamed_on_the_model(message: str) -> None:
    blamed(message, "no type")


def test_an_unknown_event_is_ignored() -> None:
    assert OpenAiCodec("ga").decode('{"type":"added.later","response_id":[5]}') is None
    assert OpenAiCodec("ga").decode('{"type":""}') is None


def test_a_token_makes_the_round(dialect: Dialect) -> None:
    codec = OpenAiCodec(dialect)
    create = json.loads(codec.encode_create(token="c7", instructions=None, event_id="e"))
    response = {"id": "resp_1", "metadata": create["response"]["metadata"], "status": "completed"}
    created = codec.decode(json.dumps({"type": "response.created", "response": response}))
    assert created == ResponseCreated(response_id="resp_1", token="c7")
    done = codec.decode(json.dumps({"type": "response.done", "response": response}))
    assert done == ResponseDone(
        response_id="resp_1", status=ResponseStatus.COMPLETED, token="c7", usage={}
    )


def test_a_session_that_is_granted_as_asked_reads_as_asked(dialect: Dialect) -> None:
    codec = OpenAiCodec(dialect)
    asked = json.loads(codec.encode_session(REQUEST, "e"))
    granted = codec.decode(json.dumps({"type": "session.updated", "session": asked["session"]}))
    assert granted == SessionUpdated(
        input_format="audio/pcmu",
        output_format="audio/pcmu",
        has_turn_detection=True,
        create_response=False,
        interrupt_response=False,
        silence_duration_ms=None,
        transcription=True,
    )


# Whatever comes, the codec decodes it or blames the peer.


def decodes_or_blames(message: str | bytes) -> None:
    event: ModelEvent | None = None
    with contextlib.suppress(RemoteProtocolError):
        event = OpenAiCodec("ga").decode(message)
    assert event is None or isinstance(event, get_args(ModelEvent))


@given(message=st.text() | st.binary())
@settings(max_examples=300, deadline=None)
def test_any_text_decodes_or_blames_the_model(message: str | bytes) -> None:
    decodes_or_blames(message)


RESPONSE = {
    "id": "resp_1",
    "status": "cancelled",
    "status_details": {"type": "cancelled", "reason": "turn_detected", "error": {"code": "x"}},
    "metadata": {"trio_media": "c1"},
    "usage": {"total_tokens": 5},
}
ITEM = {
    "id": "item_1",
    "type": "function_call",
    "role": "assistant",
    "status": "completed",
    "call_id": "call_1",
    "name": "f",
    "arguments": "{}",
}
SESSION = {
    "id": "sess_1",
    "expires_at": 1_700_000_000,
    "input_audio_format": "g711_ulaw",
    "turn_detection": None,
    "audio": {
        "input": {"format": {"type": "audio/pcmu"}, "turn_detection": {"type": "server_vad"}},
        "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
    },
}
FIELDS: dict[str, Any] = {
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "content_index": 0,
    "audio_start_ms": 100,
    "audio_end_ms": 200,
    "delta": "AAAA",
    "transcript": "hello",
    "response": RESPONSE,
    "item": ITEM,
    "session": SESSION,
    "error": {"type": "invalid_request_error", "code": "x", "message": "m", "event_id": "e"},
}
KNOWN_TYPES = [
    "session.created",
    "session.updated",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "input_audio_buffer.cleared",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.failed",
    "conversation.item.truncated",
    "conversation.item.deleted",
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.done",
    "response.cancelled",
    "error",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """An event that holds every field there is, with a few of them replaced or removed."""
    message = copy.deepcopy({"type": draw(st.sampled_from(KNOWN_TYPES)), **FIELDS})
    for _ in range(draw(st.integers(0, 4))):
        inner: dict[str, Any] = message
        while nested := [value for value in inner.values() if isinstance(value, dict) and value]:
            if draw(st.booleans()):
                break
            inner = draw(st.sampled_from(nested))
        key = draw(st.sampled_from(sorted(set(inner) - {"type"}) or ["other"]))
        if draw(st.booleans()):
            inner[key] = copy.deepcopy(draw(json_values | st.sampled_from(list(FIELDS.values()))))
        else:
            inner.pop(key, None)
    return json.dumps(message)


@given(message=mutated())
@settings(max_examples=500, deadline=None)
def test_any_mutated_event_decodes_or_blames_the_model(message: str) -> None:
    decodes_or_blames(message)


@pytest.mark.parametrize("type_name", KNOWN_TYPES)
def test_every_known_event_is_told_when_nothing_is_wrong_with_it(type_name: str) -> None:
    assert OpenAiCodec("ga").decode(json.dumps({"type": type_name, **FIELDS})) is not None
