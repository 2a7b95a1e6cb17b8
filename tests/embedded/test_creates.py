from __future__ import annotations

from typing import Any

import pytest

from trio_media.embedded.conversation import Conversation
from trio_media.embedded.creates import ResponseWish, parse_create
from trio_media.embedded.items import CallerAudioItem
from trio_media.embedded.refusals import Refusal
from trio_media.embedded.settings import default_settings, updated_settings
from trio_media.embedded.voice_clips import AudioFormat

TOOL = {"type": "function", "name": "f"}
MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}


def wish(value: object = None, **session: Any) -> ResponseWish:
    settings = default_settings(session_id="s", model="m", expires_at_s=1)
    settings = updated_settings(settings, {"type": "realtime", **session}, has_spoken=False)
    conversation = Conversation()
    conversation.append(CallerAudioItem(item_id="a", length_ms=500))
    return parse_create(value, settings, conversation, lambda: "fresh")


def test_without_wishes_the_session_decides() -> None:
    session: dict[str, Any] = {
        "tools": [TOOL],
        "tool_choice": "required",
        "max_output_tokens": 7,
        "output_modalities": ["text"],
        "audio": {"output": {"format": {"type": "audio/pcma"}, "voice": "cedar"}},
    }
    values: list[object] = [None, {}]
    for value in values:
        asked = wish(value, **session)
        assert asked.is_default
        assert [item.item_id for item in asked.items] == ["a"]
        assert not asked.has_own_context
        assert asked.instructions is None
        assert asked.metadata is None
        assert (asked.tools, asked.tool_choice, asked.tokens_max) == ([TOOL], "required", 7)
        assert (asked.is_audio, asked.audio_format) == (False, AudioFormat.PCMA)
        assert asked.voice == "cedar"


def test_every_wish_overrides_the_session() -> None:
    asked = wish(
        {
            "conversation": "none",
            "input": [{"type": "item_reference", "id": "a"}, MESSAGE],
            "instructions": "Be kind.",
            "tools": [TOOL],
            "tool_choice": {"type": "function", "name": "f"},
            "max_output_tokens": "inf",
            "output_modalities": ["audio"],
            "audio": {"output": {"format": {"type": "audio/pcmu"}}},
            "metadata": {"k": "v"},
            "parallel_tool_calls": False,
        },
        max_output_tokens=7,
        output_modalities=["text"],
    )
    assert not asked.is_default
    assert [item.item_id for item in asked.items] == ["a", "fresh"]
    assert asked.has_own_context
    assert asked.instructions == "Be kind."
    assert asked.tools == [TOOL]
    assert asked.tokens_max is None
    assert (asked.is_audio, asked.audio_format) == (True, AudioFormat.PCMU)
    assert (asked.voice, asked.metadata) == ("marin", {"k": "v"})


def test_an_empty_context_is_a_fresh_one() -> None:
    assert not wish({"input": []}).question(has_spoken=True).has_spoken
    assert wish({"input": [MESSAGE]}).question(has_spoken=True).has_spoken
    assert wish({}).question(has_spoken=True).has_spoken


@pytest.mark.parametrize(
    ("value", "code", "param"),
    [
        (3, "invalid_type", "response"),
        ({"conversation": "conv_1"}, "invalid_value", "response.conversation"),
        ({"modalities": ["audio"]}, "unknown_parameter", "response.modalities"),
        ({"input": [{"type": "item_reference", "id": "z"}]},
         "item_retrieve_invalid_item_id", "item_id"),
        ({"input": [{"type": "item_reference"}]},
         "missing_required_parameter", "response.input[0].id"),
        ({"input": [MESSAGE, {}]}, "missing_required_parameter", "response.input[1].type"),
        ({"metadata": []}, "invalid_type", "response.metadata"),
        ({"metadata": {"k": 1}}, "invalid_type", "response.metadata.k"),
        ({"metadata": {"k": "v" * 513}}, "string_above_max_length", "response.metadata.k"),
        ({"metadata": {"k" * 65: "v"}}, "string_above_max_length",
         "response.metadata." + "k" * 64),
        ({"metadata": {str(n): "v" for n in range(17)}}, "object_above_max_properties",
         "response.metadata"),
        ({"tool_choice": {"type": "function", "name": "g"}}, "invalid_value",
         "response.tool_choice"),
    ],
)  # fmt: skip
def test_a_wrong_wish_is_refused_with_its_path(value: object, code: str, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        wish(value)
    assert (refused.value.code, refused.value.param) == (code, param)
