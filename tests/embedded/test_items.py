from __future__ import annotations

import base64
from typing import Any

import pytest

from trio_media.embedded import speech
from trio_media.embedded.items import (
    CallerAudioItem,
    FunctionCallItem,
    ItemStatus,
    SpokenItem,
    parse_client_item,
)
from trio_media.embedded.refusals import Refusal
from trio_media.embedded.voice_clips import AudioFormat


def message(role: str, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(parts), **more}


TEXT = {"type": "input_text", "text": "hello"}
AUDIO = {"type": "input_audio", "audio": "AAAA", "transcript": "hi"}


@pytest.mark.parametrize(
    "value",
    [
        message("user", TEXT),
        message("user", TEXT, TEXT),
        message("user", {"type": "input_image", "image_url": "data:..."}),
        message("system", TEXT),
        message("assistant", {"type": "output_text", "text": "I said"}),
        {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
        {"type": "function_call_output", "call_id": "c", "output": ""},
    ],
)
def test_a_clients_item_comes_back_as_it_was(value: dict[str, Any]) -> None:
    item = parse_client_item({**value, "id": "mine"}, "item", "other")
    expected = {"object": "realtime.item", "status": "completed", **value, "id": "mine"}
    assert item.payload() == expected


def test_an_item_without_an_id_gets_one() -> None:
    assert parse_client_item(message("user", TEXT), "item", "other").item_id == "other"
    assert parse_client_item(message("user", TEXT, id=None), "item", "other").item_id == "other"


def test_audio_of_a_client_is_not_kept() -> None:
    item = parse_client_item(message("user", AUDIO), "item", "x")
    assert item.payload()["content"] == [{"type": "input_audio", "transcript": "hi"}]
    assert item.caller_text is None
    assert item.is_caller_turn


def test_a_call_without_a_call_id_gets_one() -> None:
    value = {"type": "function_call", "name": "f", "arguments": "{}"}
    assert parse_client_item(value, "item", "x").content["call_id"] == "call_x"


def test_only_a_users_text_is_the_callers() -> None:
    assert parse_client_item(message("user", TEXT, TEXT), "item", "x").caller_text == (
        "hello\nhello"
    )
    assert parse_client_item(message("system", TEXT), "item", "x").caller_text is None


@pytest.mark.parametrize(
    ("value", "code", "param"),
    [
        (3, "invalid_type", "item"),
        ({}, "missing_required_parameter", "item.type"),
        ({"type": "other"}, "invalid_value", "item.type"),
        ({"type": "message"}, "missing_required_parameter", "item.role"),
        ({"type": "message", "role": "tool"}, "invalid_value", "item.role"),
        ({"type": "message", "role": "user"}, "missing_required_parameter", "item.content"),
        (message("user", {"type": "text", "text": "x"}), "invalid_value", "item.content[0].type"),
        (message("user", {"type": "input_text"}), "missing_required_parameter",
         "item.content[0].text"),
        (message("assistant", {"type": "output_audio"}), "invalid_value",
         "item.content[0].type"),
        (message("user", TEXT, id="x" * 33), "string_above_max_length", "item.id"),
        (message("user", TEXT, colour=1), "unknown_parameter", "item.colour"),
        ({"type": "function_call_output", "output": "x"}, "missing_required_parameter",
         "item.call_id"),
        ({"type": "function_call_output", "call_id": "c", "output": {}}, "invalid_type",
         "item.output"),
    ],
)  # fmt: skip
def test_a_wrong_item_is_refused_with_its_path(value: Any, code: str, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_client_item(value, "item", "x")
    assert (refused.value.code, refused.value.param) == (code, param)


def spoken(**fields: Any) -> SpokenItem:
    said = speech.compose(speech.count([1, 2]))
    return SpokenItem(item_id="s", speech=said, **{"is_audio": True, **fields})


def test_a_retrieved_item_brings_the_audio_that_was_kept() -> None:
    item = spoken(generated_ms=700)
    item.truncate(300)
    (part,) = item.payload(AudioFormat.PCMU)["content"]
    assert base64.b64decode(part["audio"]) == item.speech.audio(0, 300, AudioFormat.PCMU)


def test_an_item_without_output_has_no_content() -> None:
    item = spoken()
    assert item.payload()["content"] == []
    assert item.payload()["status"] == ItemStatus.IN_PROGRESS.value


def test_text_is_shown_as_text() -> None:
    item = spoken(is_audio=False, generated_ms=100, status=ItemStatus.COMPLETED)
    assert item.payload()["content"] == [{"type": "output_text", "text": "one,"}]
    assert item.tokens()[1] == 0


def test_tokens_follow_what_is_in_the_context() -> None:
    item = spoken(generated_ms=1_000)
    assert item.tokens() == (2, 20)
    item.truncate(500)
    assert item.tokens() == (0, 10)
    assert CallerAudioItem(item_id="a", length_ms=1_000).tokens() == (0, 10)
    call = FunctionCallItem(item_id="f", call_id="c", name="weather", arguments="{}")
    assert call.tokens() == (2, 0)


@pytest.mark.parametrize(
    ("value", "caller_text", "answer_text", "is_answer"),
    [
        (message("user", TEXT), TEXT["text"], None, False),
        (message("system", TEXT), None, None, False),
        (message("assistant", {"type": "output_text", "text": "one"}), None, "one", True),
        ({"type": "function_call", "name": "f", "arguments": "{}"}, None, None, True),
        ({"type": "function_call_output", "call_id": "c", "output": "x"}, None, None, False),
    ],
)
def test_an_item_that_is_told_is_of_the_caller_or_an_answer(
    value: Any, caller_text: str | None, answer_text: str | None, is_answer: bool
) -> None:
    item = parse_client_item(value, "item", "x")
    assert (item.caller_text, item.answer_text) == (caller_text, answer_text)
    assert item.is_answer is is_answer
