"""The names of later sessions: marked towards us, plain towards the service."""

from __future__ import annotations

import json
from typing import Any, get_args

import attrs
import pytest

from trio_media.realtime.events import (
    AudioDelta,
    ItemKind,
    ModelEvent,
    OutputItemDone,
    Place,
    RealtimeCodec,
    ResponseDone,
    ResponseStatus,
    SessionRequest,
)
from trio_media.realtime.numbering import NAMES, NumberedCodec, number_of
from trio_media.realtime.openai import OpenAiCodec

_: type[RealtimeCodec] = NumberedCodec  # conformance, checked by mypy

PLAIN = OpenAiCodec("ga")
THIRD = NumberedCodec(PLAIN, 3)


class Saying:
    """Stands in for a codec that decodes whatever it is given."""

    def __init__(self, event: ModelEvent | None) -> None:
        self.event = event

    def decode(self, message: str | bytes) -> ModelEvent | None:
        return self.event


def numbered(event: ModelEvent | None) -> ModelEvent | None:
    return NumberedCodec(Saying(event), 3).decode("")  # type: ignore[arg-type]


def made(kind: type[Any]) -> Any:
    """An event of a kind with names in it, and nothing else of interest."""
    event = object.__new__(kind)
    for field in attrs.fields(kind):
        object.__setattr__(event, field.name, f"a_{field.name}")
    return event


@pytest.mark.parametrize("kind", get_args(ModelEvent))
def test_every_name_of_every_event_is_marked_and_nothing_else_is(kind: type[Any]) -> None:
    said = made(kind)
    told = numbered(said)
    for field in attrs.fields(kind):
        mark = "~3" if field.name in NAMES else ""
        assert getattr(told, field.name) == f"a_{field.name}{mark}"


def test_no_event_has_names_of_which_nobody_knows() -> None:
    known = {*NAMES, "event_id", "session_id"}  # ours, and what nobody keeps
    for kind in get_args(ModelEvent):
        ids = {field.name for field in attrs.fields(kind) if field.name.endswith("_id")}
        assert ids <= known, kind


def test_what_has_no_name_gets_none() -> None:
    done = ResponseDone(response_id=None, status=ResponseStatus.COMPLETED)
    assert numbered(done) is done
    item = OutputItemDone(response_id="R1", item_id="I1", kind=ItemKind.SPEECH, completed=True)
    told = numbered(item)
    assert isinstance(told, OutputItemDone)
    assert (told.item_id, told.call_id) == ("I1~3", None)
    assert numbered(None) is None


def test_a_message_of_the_service_is_decoded_under_our_names() -> None:
    delta = {"type": "response.output_audio.delta", "response_id": "R1", "item_id": "I1"}
    told = THIRD.decode(json.dumps({**delta, "content_index": 0, "delta": "AAAA"}))
    assert isinstance(told, AudioDelta)
    assert (told.response_id, told.item_id) == ("R1~3", "I1~3")


def test_commands_name_what_the_service_knows() -> None:
    place = Place("told_1", "")
    assert THIRD.encode_cancel(response_id="R1~3", event_id="e") == PLAIN.encode_cancel(
        response_id="R1", event_id="e"
    )
    where = {"content_index": 0, "audio_end_ms": 5, "event_id": "e"}
    assert THIRD.encode_truncate(item_id="I1~3", **where) == PLAIN.encode_truncate(  # type: ignore[arg-type]
        item_id="I1",
        **where,  # type: ignore[arg-type]
    )
    assert THIRD.encode_delete(item_id="I1~3", event_id="e") == PLAIN.encode_delete(
        item_id="I1", event_id="e"
    )
    output = {"output": "x", "event_id": "e", "place": place}
    assert THIRD.encode_tool_output(call_id="C1~3", **output) == PLAIN.encode_tool_output(  # type: ignore[arg-type]
        call_id="C1",
        **output,  # type: ignore[arg-type]
    )


def test_what_is_told_of_other_sessions_keeps_its_name() -> None:
    """So an output finds its call, which this session knows from us."""
    call = {"name": "tool", "arguments": "{}", "event_id": "e"}
    told = json.loads(THIRD.encode_tool_call(call_id="C1~2", **call))
    output = json.loads(THIRD.encode_tool_output(call_id="C1~2", output="x", event_id="e"))
    assert told["item"]["call_id"] == output["item"]["call_id"] == "C1~2"


def test_what_names_nothing_is_as_ever() -> None:
    request = SessionRequest(
        instructions="",
        voice="v",
        interrupt_response=False,
        create_response=False,
        transcription_model="",
    )
    place = Place("told_1", "told_0")
    assert THIRD.capabilities == PLAIN.capabilities
    assert THIRD.encode_session(request, "e") == PLAIN.encode_session(request, "e")
    flags = {"enabled": True, "event_id": "e"}
    assert THIRD.encode_turn_flags(**flags) == PLAIN.encode_turn_flags(**flags)  # type: ignore[arg-type]
    assert THIRD.encode_append(b"12") == PLAIN.encode_append(b"12")
    create: dict[str, Any] = {"token": "t", "instructions": "Hi.", "event_id": "e"}
    create["may_call_tools"] = False
    assert THIRD.encode_create(**create) == PLAIN.encode_create(**create)
    text: dict[str, Any] = {"role": "user", "text": "x", "event_id": "e", "place": place}
    assert THIRD.encode_text(**text) == PLAIN.encode_text(**text)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("I1", 1),
        ("I1~2", 2),
        ("I1~12", 12),
        ("I~x", 1),
        ("I1~", 1),
        ("~5", 5),
        ("I1~²", 1),
        ("a~1234567890", 1),
    ],
)
def test_a_name_says_which_session_made_it(name: str, number: int) -> None:
    assert number_of(name) == number


def test_the_first_session_is_not_numbered() -> None:
    with pytest.raises(AssertionError):
        NumberedCodec(PLAIN, 1)
