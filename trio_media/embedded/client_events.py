"""The envelope of a client event: is it one, which one, and does it hold what it must.

Source: https://platform.openai.com/docs/api-reference/realtime-client-events
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
import msgspec

from trio_media.embedded.refusals import Refusal
from trio_media.embedded.shapes import missing, nullable, text, unknown, unsupported

EVENT_ID_CHARS_MAX: Final = 512  # of an id that a client gives its event


@attrs.frozen
class _Fields:
    """What an event holds beside ``type`` and ``event_id``."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_FIELDS: Final[Mapping[str, _Fields]] = {
    "session.update": _Fields(("session",)),
    "input_audio_buffer.append": _Fields(("audio",)),
    "input_audio_buffer.commit": _Fields(),
    "input_audio_buffer.clear": _Fields(),
    "conversation.item.create": _Fields(("item",), ("previous_item_id",)),
    "conversation.item.retrieve": _Fields(("item_id",)),
    "conversation.item.truncate": _Fields(("item_id", "content_index", "audio_end_ms")),
    "conversation.item.delete": _Fields(("item_id",)),
    "response.create": _Fields((), ("response",)),
    "response.cancel": _Fields((), ("response_id",)),
    "output_audio_buffer.clear": _Fields(),
}
CLIENT_EVENT_TYPES: Final = tuple(_FIELDS)


def parse_event(message: str | bytes) -> dict[str, Any]:
    """Return the JSON object that a message is.  Raises `Refusal` when it is none."""
    if isinstance(message, bytes):
        raise Refusal("invalid_event", "Events are text messages, not binary ones.")
    try:
        event = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refusal("invalid_event", f"The event is not valid JSON: {error}.") from error
    if not isinstance(event, dict):
        raise Refusal("invalid_event", "An event is a JSON object.")
    return event


def event_id_of(event: Mapping[str, Any]) -> str | None:
    """Return the id that the client gave the event, if any.  Raises `Refusal` for a wrong one."""
    event_id: str | None = nullable(text(EVENT_ID_CHARS_MAX))(event.get("event_id"), "event_id")
    return event_id


def checked_type(event: Mapping[str, Any]) -> str:
    """Return the event's type.

    Raises `Refusal` for a type that is missing or unknown, and for fields that are.
    """
    if "type" not in event:
        raise missing("type")
    kind = event["type"]
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise unsupported("type", kind, CLIENT_EVENT_TYPES)
    fields = _FIELDS[kind]
    for field in fields.required:
        if field not in event:
            raise missing(field)
    for field in event:
        if field not in ("type", "event_id", *fields.required, *fields.optional):
            raise unknown(field)
    return kind
