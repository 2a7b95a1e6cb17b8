"""What a simulated model service keeps of the commands that it is given.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a session, object by object, as the service does."""
    out = dict(base)
    for key, value in more.items():
        old = out.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        out[key] = merged(old, value) if both else value  # type: ignore[arg-type]  # both are
    return out


def about_command(message: Message) -> dict[str, Any]:
    """What the record keeps of a command."""
    about: dict[str, Any] = {
        key: message[key]
        for key in ("event_id", "response_id", "item_id", "audio_end_ms")
        if key in message
    }
    instructions = message.get("response", {}).get("instructions")
    if instructions is not None:
        about["instructions"] = instructions
    if message.get("response", {}).get("tool_choice") == "none":
        about["may_call_tools"] = False
    item = message.get("item")
    if item is not None:
        about["item"] = {
            key: item[key] for key in ("type", "role", "call_id", "output") if key in item
        }
        if "content" in item:
            about["item"]["text"] = item["content"][0]["text"]
    if message["type"] == "session.update":
        turns = message["session"].get("audio", {}).get("input", {}).get("turn_detection")
        about["acts"] = None if turns is None else turns["interrupt_response"]
        if message["session"].get("instructions"):
            about["instructions"] = message["session"]["instructions"]
    return about
