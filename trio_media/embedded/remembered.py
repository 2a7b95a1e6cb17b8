"""What a model knows of its conversation, in words: for tests, which compare it with the truth.

Rule 1: a word of the model's speech is known as heard when the whole of its sound was.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from trio_media.embedded.items import (
    CallerAudioItem,
    ClientItem,
    FunctionCallItem,
    Item,
    SpokenItem,
)

Role: TypeAlias = Literal["system", "user", "assistant", "call", "output"]
"""Who said it; a call of a tool, and the tool's output."""


@attrs.frozen
class Remembered:
    """One item."""

    role: Role
    text: str
    """What was heard of it, for speech of the model; for calls the name and the arguments."""
    heard_ms: int | None = None
    """How much of it was heard; None: it is no speech of this model, but was told as text."""


def remembered(item: Item) -> Remembered:
    """Return what the model knows of an item."""
    match item:
        case SpokenItem():
            words = (word for word in item.speech.words if word.end_ms <= item.heard_ms)
            return Remembered("assistant", "".join(word.text for word in words), item.heard_ms)
        case CallerAudioItem():
            return Remembered("user", item.understood)
        case FunctionCallItem():
            return Remembered("call", f"{item.name} {item.arguments}")
        case ClientItem():
            return _told(item)


def _told(item: ClientItem) -> Remembered:
    content = item.content
    match content["type"]:
        case "function_call":
            return Remembered("call", f"{content['name']} {content['arguments']}")
        case "function_call_output":
            return Remembered("output", content["output"])
        case _:
            return Remembered(content["role"], item.text or "")
