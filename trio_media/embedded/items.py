"""The items of a conversation, and what a client's own items must look like.

Source: https://platform.openai.com/docs/api-reference/realtime-client-events/conversation/item
"""

from __future__ import annotations

import base64
import enum
from typing import Any, Final

import attrs

from trio_media.embedded.refusals import Refusal
from trio_media.embedded.shapes import (
    Check,
    anything,
    array,
    nullable,
    one_of,
    record,
    tagged,
    text,
)
from trio_media.embedded.speech import Speech
from trio_media.embedded.voice_clips import AudioFormat

ITEM_ID_CHARS_MAX: Final = 32  # the service's limit for ids that a client chooses
PARTS_MAX: Final = 64  # of one item's content
AUDIO_TOKEN_MS: Final = 50  # the service counts one token for so much of the model's audio
CALLER_AUDIO_TOKEN_MS: Final = 100  # and half as many for the caller's
TEXT_TOKEN_CHARS: Final = 4  # about one token


class ItemStatus(enum.Enum):
    """How far an item's generation is."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"


@attrs.define(eq=False, kw_only=True)
class SpokenItem:
    """An assistant message that this model made, as speech or as text."""

    item_id: str
    speech: Speech
    is_audio: bool
    status: ItemStatus = ItemStatus.IN_PROGRESS
    generated_ms: int = 0
    """How much of the speech was sent."""
    kept_ms: int | None = None
    """Where a truncation cut it; None: never truncated, so all that was sent counts as heard."""

    @property
    def heard_ms(self) -> int:
        """How much of it the conversation says was heard."""
        return self.generated_ms if self.kept_ms is None else self.kept_ms

    @property
    def numbers_heard(self) -> list[int]:
        """The counted numbers that were heard to their end."""
        return self.speech.numbers(self.heard_ms)

    @property
    def transcript(self) -> str:
        """The text of what was sent; nothing after a truncation, which takes the text away."""
        return "" if self.kept_ms is not None else self.speech.text(0, self.generated_ms)

    def truncate(self, audio_end_ms: int) -> None:
        """Keep the audio up to a position.  Raises `Refusal` when there is not so much."""
        if not self.is_audio or self.generated_ms == 0:
            raise truncates_no_audio()
        if audio_end_ms > self.heard_ms:
            raise Refusal(
                None,
                f"Audio content of {self.heard_ms}ms is already shorter than {audio_end_ms}ms",
            )
        self.kept_ms = audio_end_ms

    def tokens(self) -> tuple[int, int]:
        """Return the text and audio tokens that it takes in a context."""
        text_tokens = len(self.transcript) // TEXT_TOKEN_CHARS
        return text_tokens, self.heard_ms // AUDIO_TOKEN_MS if self.is_audio else 0

    def payload(self, audio_format: AudioFormat | None = None) -> dict[str, Any]:
        """Return the item object; with a format given, with the audio that was kept."""
        content: list[dict[str, Any]] = []
        if self.is_audio and self.generated_ms:
            part: dict[str, Any] = {"type": "output_audio", "transcript": self.transcript}
            if audio_format is not None:
                audio = self.speech.audio(0, self.heard_ms, audio_format)
                part["audio"] = base64.b64encode(audio).decode("ascii")
            content.append(part)
        elif self.generated_ms:
            content.append({"type": "output_text", "text": self.transcript})
        return {
            "id": self.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": self.status.value,
            "role": "assistant",
            "content": content,
        }


@attrs.define(eq=False, kw_only=True)
class CallerAudioItem:
    """A user message made of the caller's audio, of which only the length is kept."""

    item_id: str
    length_ms: int
    understood: str = ""
    """What the model hears in it, before and whether or not it is transcribed."""
    transcript: str | None = None

    def tokens(self) -> tuple[int, int]:
        """Return the text and audio tokens that it takes in a context."""
        return 0, self.length_ms // CALLER_AUDIO_TOKEN_MS

    def payload(self, _audio_format: AudioFormat | None = None) -> dict[str, Any]:
        """Return the item object, never with audio."""
        return {
            "id": self.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": ItemStatus.COMPLETED.value,
            "role": "user",
            "content": [{"type": "input_audio", "transcript": self.transcript}],
        }


@attrs.define(eq=False, kw_only=True)
class FunctionCallItem:
    """A call of a tool by this model."""

    item_id: str
    call_id: str
    name: str
    arguments: str
    """The JSON text, as far as it was sent."""
    status: ItemStatus = ItemStatus.IN_PROGRESS

    def tokens(self) -> tuple[int, int]:
        """Return the text and audio tokens that it takes in a context."""
        return (len(self.name) + len(self.arguments)) // TEXT_TOKEN_CHARS, 0

    def payload(self, _audio_format: AudioFormat | None = None) -> dict[str, Any]:
        """Return the item object."""
        return {
            "id": self.item_id,
            "object": "realtime.item",
            "type": "function_call",
            "status": self.status.value,
            "name": self.name,
            "call_id": self.call_id,
            "arguments": self.arguments,
        }


@attrs.define(eq=False, kw_only=True)
class ClientItem:
    """An item that the client wrote: text, a tool's output, or a call it remembers."""

    item_id: str
    content: dict[str, Any]
    """The checked item object, without id, object and status."""

    @property
    def text(self) -> str | None:
        """The text of a message; None for every other item, and where it holds none."""
        texts = [part["text"] for part in self.content.get("content", ()) if "text" in part]
        return "\n".join(texts) if texts else None

    @property
    def caller_text(self) -> str | None:
        """The text of a user message; None for every other item, and where it holds none."""
        return self.text if self.content.get("role") == "user" else None

    @property
    def answer_text(self) -> str | None:
        """What the model said before, as it is told; None for every other item."""
        return self.text if self.content.get("role") == "assistant" else None

    @property
    def is_answer(self) -> bool:
        """Whether it is something that the model said or did before, as it is told."""
        return self.content.get("role") == "assistant" or self.content["type"] == "function_call"

    @property
    def is_caller_turn(self) -> bool:
        """Whether it is something that the caller said or wrote."""
        return self.content.get("role") == "user"

    @property
    def is_tool_output(self) -> bool:
        """Whether it is the result of a function call."""
        return bool(self.content["type"] == "function_call_output")

    def tokens(self) -> tuple[int, int]:
        """Return the text and audio tokens that it takes in a context."""
        return len(str(self.content)) // TEXT_TOKEN_CHARS, 0

    def payload(self, _audio_format: AudioFormat | None = None) -> dict[str, Any]:
        """Return the item object."""
        return {
            "id": self.item_id,
            "object": "realtime.item",
            "status": ItemStatus.COMPLETED.value,
            **self.content,
        }


Item = SpokenItem | CallerAudioItem | FunctionCallItem | ClientItem


def truncates_no_audio() -> Refusal:
    """Return the refusal of a truncation that finds no audio of the model."""
    return Refusal("unsupported_content_type", "Only model output audio messages can be truncated")


_COMMON: Final[dict[str, Check]] = {
    "id": nullable(text(ITEM_ID_CHARS_MAX)),
    "object": one_of("realtime.item"),
    "status": one_of("completed", "incomplete", "in_progress"),
    "type": text(),
}
_INPUT_TEXT: Final = record({"type": text(), "text": text()}, ("text",))


def _message(parts: dict[str, Check]) -> Check:
    content = array(tagged(parts), PARTS_MAX)
    return record({**_COMMON, "role": text(), "content": content}, ("role", "content"))


_MESSAGE: Final = tagged(
    {
        "system": _message({"input_text": _INPUT_TEXT}),
        "user": _message(
            {
                "input_text": _INPUT_TEXT,
                "input_audio": record(
                    {"type": text(), "audio": text(20_000_000), "transcript": nullable(text())}
                ),
                "input_image": anything,
            }
        ),
        "assistant": _message({"output_text": _INPUT_TEXT}),
    },
    tag="role",
)
_ITEM: Final = tagged(
    {
        "message": _MESSAGE,
        "function_call": record(
            {**_COMMON, "name": text(64), "arguments": text(), "call_id": nullable(text(64))},
            ("name", "arguments"),
        ),
        "function_call_output": record(
            {**_COMMON, "call_id": text(64), "output": text()}, ("call_id", "output")
        ),
    }
)


def parse_client_item(value: object, path: str, fallback_id: str) -> ClientItem:
    """Check an item that a client wrote.  Raises `Refusal` naming what is wrong with it."""
    checked: dict[str, Any] = _ITEM(value, path)
    item_id = checked.pop("id", None) or fallback_id
    checked.pop("object", None)
    checked.pop("status", None)
    for part in checked.get("content", ()):
        # Audio that a client brings is context for a real model; this one needs its text alone.
        part.pop("audio", None)
    if checked["type"] == "function_call" and not checked.get("call_id"):
        checked["call_id"] = f"call_{item_id}"[:ITEM_ID_CHARS_MAX]
    return ClientItem(item_id=item_id, content=checked)
