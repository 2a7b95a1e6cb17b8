"""What a response is asked to be: a ``response.create``, read over the session's settings.

Source: https://platform.openai.com/docs/api-reference/realtime-client-events/response/create
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from trio_media.embedded.agent import Question
from trio_media.embedded.conversation import Conversation
from trio_media.embedded.items import ClientItem, Item, parse_client_item
from trio_media.embedded.refusals import Refusal
from trio_media.embedded.settings import RESPONSE_AUDIO, SHARED_FIELDS
from trio_media.embedded.shapes import anything, array, nullable, one_of, record, text, wrong_kind
from trio_media.embedded.voice_clips import AudioFormat

METADATA_PAIRS_MAX: Final = 16
METADATA_KEY_CHARS_MAX: Final = 64
METADATA_VALUE_CHARS_MAX: Final = 512
INPUT_ITEMS_MAX: Final = 1_000  # of a context that a client writes out


def _metadata(value: object, path: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise wrong_kind(path, "an object", value)
    if len(value) > METADATA_PAIRS_MAX:
        raise Refusal(
            "object_above_max_properties",
            f"Invalid '{path}': at most {METADATA_PAIRS_MAX} pairs are allowed, not {len(value)}.",
            path,
        )
    for key, entry in value.items():
        text(METADATA_KEY_CHARS_MAX)(key, f"{path}.{key[:METADATA_KEY_CHARS_MAX]}")
        text(METADATA_VALUE_CHARS_MAX)(entry, f"{path}.{key[:METADATA_KEY_CHARS_MAX]}")
    return value


_CREATE: Final = record(
    {
        **SHARED_FIELDS,
        "conversation": one_of("auto", "none"),
        "input": nullable(array(anything, INPUT_ITEMS_MAX)),
        "audio": RESPONSE_AUDIO,
        "metadata": nullable(_metadata),
    }
)


@attrs.frozen(kw_only=True)
class ResponseWish:
    """One response as it was asked for, with everything decided but what it says."""

    is_default: bool
    """Whether it belongs to the default conversation; False: out of band."""
    items: Sequence[Item]
    """Its context, as it stood when it was asked for."""
    has_own_context: bool
    """Whether the client wrote the context out, in the conversation's place."""
    instructions: str | None
    is_audio: bool
    audio_format: AudioFormat
    voice: Any
    tools: Sequence[Mapping[str, Any]]
    tool_choice: str | Mapping[str, Any]
    tokens_max: int | None
    metadata: Mapping[str, str] | None

    def question(self, *, has_spoken: bool) -> Question:
        """Return what the agent is asked, given whether it has spoken in the conversation.

        Where a client tells what the model said, it has spoken.
        """
        is_told = any(isinstance(item, ClientItem) and item.is_answer for item in self.items)
        return Question(
            items=self.items,
            # A context that a client leaves empty is a fresh one: nothing was said in it.
            has_spoken=is_told or (has_spoken and not (self.has_own_context and not self.items)),
            instructions=self.instructions,
            tools=self.tools,
            tool_choice=self.tool_choice,
        )


def parse_create(
    value: object,
    settings: Mapping[str, Any],
    conversation: Conversation,
    new_item_id: Callable[[], str],
) -> ResponseWish:
    """Read the ``response`` of a create; None means that it has none.

    Raises `Refusal` naming the first field that is wrong.
    """
    wish: dict[str, Any] = {} if value is None else _CREATE(value, "response")
    output = {**settings["audio"]["output"], **wish.get("audio", {}).get("output", {})}
    tools = wish.get("tools", settings["tools"])
    tool_choice = wish.get("tool_choice", settings["tool_choice"])
    _refuse_unknown_tool(tool_choice, tools)
    tokens_max = wish.get("max_output_tokens", settings["max_output_tokens"])
    given = wish.get("input")
    return ResponseWish(
        is_default=wish.get("conversation", "auto") == "auto",
        items=(
            list(conversation) if given is None else _input_items(given, conversation, new_item_id)
        ),
        has_own_context=given is not None,
        instructions=wish.get("instructions"),
        is_audio=wish.get("output_modalities", settings["output_modalities"]) == ["audio"],
        audio_format=AudioFormat(output["format"]["type"]),
        voice=output["voice"],
        tools=tools,
        tool_choice=tool_choice,
        tokens_max=None if tokens_max == "inf" else tokens_max,
        metadata=wish.get("metadata"),
    )


def _input_items(
    given: Sequence[Any], conversation: Conversation, new_item_id: Callable[[], str]
) -> list[Item]:
    items: list[Item] = []
    for index, entry in enumerate(given):
        path = f"response.input[{index}]"
        if isinstance(entry, dict) and entry.get("type") == "item_reference":
            reference = record({"type": text(), "id": text()}, ("id",))(entry, path)
            items.append(conversation.retrieve(reference["id"]))
        else:
            items.append(parse_client_item(entry, path, new_item_id()))
    return items


def _refuse_unknown_tool(
    tool_choice: str | Mapping[str, Any], tools: Sequence[Mapping[str, Any]]
) -> None:
    if isinstance(tool_choice, str) or tool_choice.get("type") != "function":
        return
    name = tool_choice["name"]
    if not any(tool.get("name") == name for tool in tools):
        raise Refusal(
            "invalid_value",
            f"Tool choice '{name}' not found in 'tools'.",
            "response.tool_choice",
        )
