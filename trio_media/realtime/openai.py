"""The OpenAI Realtime protocol: text messages to model events, and commands to text messages.

Source: https://platform.openai.com/docs/guides/realtime-websocket
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from trio_media.errors import RemoteProtocolError, evidence
from trio_media.realtime.events import (
    AT_THE_END,
    ModelCapabilities,
    ModelEvent,
    Place,
    Role,
    SessionRequest,
)
from trio_media.realtime.openai_events import (
    AUDIO_DELTA_TYPES,
    METADATA_KEY,
    WHOLE_MAX,
    audio_delta_of,
    event_of,
)
from trio_media.realtime.openai_session import (
    Dialect,
    session_of,
    turn_detection_alone,
    turn_detection_of,
    well_formed,
)

OPENAI_CAPABILITIES: Final = ModelCapabilities(
    has_truncate=True, has_delete=True, has_metadata=True, has_mcp=True
)

EVENT_ID_CHARS_MAX: Final = 512  # the protocol's limit

_APPEND_PREFIX: Final = '{"type":"input_audio_buffer.append","audio":"'


class _Flat(msgspec.Struct, gc=False):
    """An event as an audio delta has it.  Other events fit too, as far as it goes."""

    type: str
    response_id: str = ""
    item_id: str = ""
    content_index: Annotated[int, msgspec.Meta(ge=0, le=WHOLE_MAX)] = 0
    delta: str | None = None


_FLAT: Final = msgspec.json.Decoder(_Flat)
_ANY: Final = msgspec.json.Decoder()

# RecursionError: a message of nothing but opening brackets.
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


class OpenAiCodec:
    """One session with a service that speaks OpenAI's protocol.

    Implements `realtime.events.RealtimeCodec`.  Reads both dialects; the one it was made for only
    decides how the session object is written.
    """

    def __init__(self, dialect: Dialect, model: str = "") -> None:
        assert dialect in {"ga", "beta"}, "there are two dialects"
        self._dialect: Dialect = dialect
        self._model = model
        self._turn_detection: dict[str, Any] | None = None
        self._has_tools = False

    @property
    def capabilities(self) -> ModelCapabilities:
        """What the service can do."""
        return OPENAI_CAPABILITIES

    def decode(self, message: str | bytes) -> ModelEvent | None:
        """Translate one websocket message; None for what may be ignored.

        Raises:
            RemoteProtocolError: it is not a JSON object with a type, or an audio delta that is
                not base64.
        """
        try:
            flat = _FLAT.decode(message)
        except msgspec.ValidationError:
            return _decode_odd(message)
        except _UNREADABLE as error:
            raise _blame(f"not JSON ({error})", message) from error
        if flat.type in AUDIO_DELTA_TYPES and flat.delta is not None:
            return audio_delta_of(flat.response_id, flat.item_id, flat.content_index, flat.delta)
        return _decode_odd(message)

    def encode_session(self, request: SessionRequest, event_id: str) -> str:
        """Ask for a session, and remember its turn detection for ``encode_turn_flags``."""
        session = session_of(request, self._dialect, self._model)
        self._turn_detection = turn_detection_of(session, self._dialect)
        self._has_tools = bool(session.get("tools"))
        return _command("session.update", event_id, session=session)

    def encode_turn_flags(self, *, enabled: bool, event_id: str) -> str:
        """Set both flags of turn detection.

        Sends the whole object as asked for before: whether a part of a nested object may be
        changed alone is not documented.
        """
        assert self._turn_detection is not None, "flags before a session was asked for"
        flags = {"create_response": enabled, "interrupt_response": enabled}
        self._turn_detection = {**self._turn_detection, **flags}
        session = turn_detection_alone(self._turn_detection, self._dialect)
        return _command("session.update", event_id, session=session)

    def encode_append(self, payload: bytes) -> str:
        """Give the model a piece of the caller's voice, mu-law of any length."""
        encoded = binascii.b2a_base64(payload, newline=False).decode("ascii")
        return f'{_APPEND_PREFIX}{encoded}"}}'

    def _text_kind(self, role: Role) -> str:
        if role != "assistant":
            return "input_text"
        return "output_text" if self._dialect == "ga" else "text"

    def encode_create(
        self, *, token: str, instructions: str | None, may_call_tools: bool = True, event_id: str
    ) -> str:
        """Ask for a response; the token comes back when it is created and when it is done.

        Args:
            token: 1 to 512 characters, the limit of a metadata value.
            instructions: for this response alone, instead of the session's; None: the session's.
            may_call_tools: False: it speaks, whatever tools there are.
            event_id: what an error names it by.
        """
        assert 0 < len(token) <= 512, "a token has 1 to 512 characters"
        response: dict[str, Any] = {"metadata": {METADATA_KEY: token}}
        if instructions is not None:
            response["instructions"] = well_formed(instructions)
        if self._has_tools and not may_call_tools:
            response["tool_choice"] = "none"
        return _command("response.create", event_id, response=response)

    def encode_cancel(self, *, response_id: str, event_id: str) -> str:
        """Cancel one response by its id: without one, a newer response could be hit."""
        assert response_id, "a cancel names its response"
        return _command("response.cancel", event_id, response_id=response_id)

    def encode_truncate(
        self, *, item_id: str, content_index: int, audio_end_ms: int, event_id: str
    ) -> str:
        """Tell the model that the caller heard ``audio_end_ms`` of an item and no more."""
        assert item_id, "a truncate names its item"
        assert content_index >= 0, "a content index counts from 0"
        assert audio_end_ms >= 0, "nobody hears less than nothing"
        return _command(
            "conversation.item.truncate",
            event_id,
            item_id=item_id,
            content_index=content_index,
            audio_end_ms=audio_end_ms,
        )

    def encode_delete(self, *, item_id: str, event_id: str) -> str:
        """Remove an item from the conversation."""
        assert item_id, "a delete names its item"
        return _command("conversation.item.delete", event_id, item_id=item_id)

    def encode_text(
        self, *, role: Role, text: str, event_id: str, place: Place = AT_THE_END
    ) -> str:
        """Add a text to the conversation: what the caller keyed, what we tell the model, or what it
        is to take for its own words.  Creates no response.
        """
        content = [{"type": self._text_kind(role), "text": well_formed(text)}]
        return _item({"type": "message", "role": role, "content": content}, event_id, place)

    def encode_tool_call(
        self,
        *,
        call_id: str,
        name: str,
        arguments: str,
        event_id: str,
        place: Place = AT_THE_END,
    ) -> str:
        """Tell of a call that the model made in another session.  Creates no response."""
        assert call_id, "a tool's call has an id"
        item = {"type": "function_call", "call_id": call_id, "name": name}
        return _item({**item, "arguments": well_formed(arguments)}, event_id, place)

    def encode_tool_output(
        self, *, call_id: str, output: str, event_id: str, place: Place = AT_THE_END
    ) -> str:
        """Add the result of a tool.  Creates no response."""
        assert call_id, "a tool's output names its call"
        item = {"type": "function_call_output", "call_id": call_id, "output": well_formed(output)}
        return _item(item, event_id, place)


def _decode_odd(message: str | bytes) -> ModelEvent | None:
    """Decode what is no plain audio delta."""
    try:
        raw = _ANY.decode(message)
    except _UNREADABLE as error:
        raise _blame(f"not JSON ({error})", message) from error
    if not isinstance(raw, dict):
        raise _blame("not an object", message)
    type_name = raw.get("type")
    if not isinstance(type_name, str):
        raise _blame("no type", message)
    return event_of(raw, type_name)


def _item(item: Mapping[str, object], event_id: str, place: Place) -> str:
    named = item if place.item_id is None else {"id": place.item_id, **item}
    if place.after is None:
        return _command("conversation.item.create", event_id, item=named)
    previous = place.after or "root"  # the protocol's name for the beginning
    return _command("conversation.item.create", event_id, previous_item_id=previous, item=named)


def _command(type_name: str, event_id: str, **fields: object) -> str:
    assert 0 < len(event_id) <= EVENT_ID_CHARS_MAX, "an event_id has 1 to 512 characters"
    command: Mapping[str, object] = {"type": type_name, "event_id": event_id, **fields}
    return msgspec.json.encode(command).decode("utf-8")


def _blame(reason: str, message: str | bytes) -> RemoteProtocolError:
    return RemoteProtocolError(f"model: {reason}: {evidence(message)}")
