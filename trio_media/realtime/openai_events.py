"""Server events of the OpenAI Realtime protocol, as `realtime.events`.

Rule 1: both dialects are understood at any time; names of the older one are translated first.
Rule 2: an odd field never raises.  An event is told with what can be known, or not at all; only
    audio that cannot be decoded is the peer's fault, because losing it silently would put every
    position after it in the wrong place.

Source: https://platform.openai.com/docs/api-reference/realtime-server-events
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from trio_media.errors import RemoteProtocolError, evidence
from trio_media.realtime import events
from trio_media.realtime.events import ItemKind, ModelEvent, ResponseStatus
from trio_media.realtime.openai_errors import fault_of, model_error_of
from trio_media.realtime.openai_session import expires_at_s_of, session_updated_of

Raw: TypeAlias = Mapping[str, Any]

METADATA_KEY: Final = "trio_media"
"""Under this key a create's metadata carries our token."""

AUDIO_DELTA_TYPES: Final = frozenset({"response.output_audio.delta", "response.audio.delta"})

CONTENT_FILTER: Final = "content_filter"
"""Why a response is incomplete that says what the service does not let pass."""

WHOLE_MAX: Final = 2**53
"""Counts and times above this make no sense; up to it every JSON reader keeps them exact."""

_GA_NAMES: Final[Mapping[str, str]] = {
    "response.audio.delta": "response.output_audio.delta",
    "response.audio.done": "response.output_audio.done",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
}

_STATUSES: Final[Mapping[object, ResponseStatus]] = {
    "completed": ResponseStatus.COMPLETED,
    "cancelled": ResponseStatus.CANCELLED,
    "canceled": ResponseStatus.CANCELLED,
    "incomplete": ResponseStatus.INCOMPLETE,
    "failed": ResponseStatus.FAILED,
}


def event_of(raw: Raw, type_name: str) -> ModelEvent | None:
    """Translate one server event; None when it is unknown, of no use, or names nothing.

    Args:
        raw: the whole event.
        type_name: its ``type``, in either dialect.

    Raises:
        RemoteProtocolError: an audio delta is not base64.
    """
    translate = _TRANSLATIONS.get(_GA_NAMES.get(type_name, type_name))
    return None if translate is None else translate(raw)


def audio_delta_of(
    response_id: str, item_id: str, content_index: int, delta: str
) -> events.AudioDelta | None:
    """Decode a piece of the model's voice; None when it is empty or names no item.

    Raises:
        RemoteProtocolError: ``delta`` is not base64.
    """
    if not response_id or not item_id:
        return None
    try:
        payload = binascii.a2b_base64(delta, strict_mode=True)
    except ValueError as error:
        raise RemoteProtocolError(
            f"model: audio of item {evidence(item_id)} is not base64 ({error})"
        ) from error
    if not payload:
        return None
    return events.AudioDelta(
        response_id=response_id, item_id=item_id, content_index=content_index, payload=payload
    )


def _session_created(raw: Raw) -> ModelEvent:
    session = _object(raw, "session")
    return events.SessionCreated(
        session_id=_text(session, "id") or "", expires_at_s=expires_at_s_of(session)
    )


def _session_updated(raw: Raw) -> ModelEvent:
    return session_updated_of(raw.get("session"))


def _speech_started(raw: Raw) -> ModelEvent | None:
    item_id = _text(raw, "item_id")
    if item_id is None:
        return None
    return events.SpeechStarted(item_id=item_id, audio_start_ms=_whole(raw, "audio_start_ms"))


def _speech_stopped(raw: Raw) -> ModelEvent | None:
    item_id = _text(raw, "item_id")
    if item_id is None:
        return None
    return events.SpeechStopped(item_id=item_id, audio_end_ms=_whole(raw, "audio_end_ms"))


def _input_committed(raw: Raw) -> ModelEvent | None:
    item_id = _text(raw, "item_id")
    return None if item_id is None else events.InputCommitted(item_id=item_id)


def _input_cleared(_raw: Raw) -> ModelEvent:
    return events.InputCleared()


def _input_transcribed(raw: Raw) -> ModelEvent | None:
    item_id, text = _text(raw, "item_id"), raw.get("transcript")
    if item_id is None:
        return None
    if not isinstance(text, str):
        # Silence and "not told" are not the same: only the first says that nothing was said.
        return events.InputTranscriptionFailed(item_id=item_id, code="no_transcript")
    usage = _object(raw, "usage")
    return events.InputTranscribed(item_id=item_id, text=text, usage=usage)


def _input_transcription_failed(raw: Raw) -> ModelEvent | None:
    item_id, error = _text(raw, "item_id"), _object(raw, "error")
    if item_id is None:
        return None
    code = _text(error, "code") or _text(error, "type") or "unknown"
    return events.InputTranscriptionFailed(item_id=item_id, code=code)


def _response_created(raw: Raw) -> ModelEvent | None:
    response = _object(raw, "response")
    response_id = _text(response, "id")
    if response_id is None:
        return None
    return events.ResponseCreated(response_id=response_id, token=_token(response))


def _response_done(raw: Raw) -> ModelEvent:
    response = _object(raw, "response")
    return _terminal(raw, _STATUSES.get(_text(response, "status"), ResponseStatus.UNKNOWN))


def _response_cancelled(raw: Raw) -> ModelEvent:
    return _terminal(raw, ResponseStatus.CANCELLED)


def _terminal(raw: Raw, status: ResponseStatus) -> ModelEvent:
    response = _object(raw, "response")
    details = _object(response, "status_details")
    error_code: str | None = None
    if status is ResponseStatus.CANCELLED and details.get("reason") == "turn_detected":
        status = ResponseStatus.TURN_DETECTED
    elif status is ResponseStatus.FAILED:
        error = _object(details, "error")
        error_code = _text(error, "code") or _text(error, "type")
        status = fault_of(_text(error, "code") or "", _text(error, "type") or "")
    elif status is ResponseStatus.INCOMPLETE:
        error_code = _text(details, "reason")
        status = ResponseStatus.FILTERED if error_code == CONTENT_FILTER else status
    return events.ResponseDone(
        response_id=_text(response, "id") or _text(raw, "response_id"),
        status=status,
        token=_token(response),
        error_code=error_code,
        usage=_object(response, "usage"),
    )


def _output_item_added(raw: Raw) -> ModelEvent | None:
    response_id, item = _text(raw, "response_id"), _object(raw, "item")
    item_id = _text(item, "id")
    if response_id is None or item_id is None:
        return None
    return events.OutputItemAdded(response_id=response_id, item_id=item_id, kind=_kind(item))


def _output_item_done(raw: Raw) -> ModelEvent | None:
    response_id, item = _text(raw, "response_id"), _object(raw, "item")
    item_id = _text(item, "id")
    if response_id is None or item_id is None:
        return None
    return events.OutputItemDone(
        response_id=response_id,
        item_id=item_id,
        kind=_kind(item),
        completed=item.get("status") == "completed",
        call_id=_text(item, "call_id"),
        name=_text(item, "name"),
        arguments=_text(item, "arguments"),
    )


def _audio_delta(raw: Raw) -> ModelEvent | None:
    delta = raw.get("delta")
    if not isinstance(delta, str):
        return None
    return audio_delta_of(
        _text(raw, "response_id") or "",
        _text(raw, "item_id") or "",
        _whole(raw, "content_index"),
        delta,
    )


def _audio_done(raw: Raw) -> ModelEvent | None:
    response_id, item_id = _text(raw, "response_id"), _text(raw, "item_id")
    if response_id is None or item_id is None:
        return None
    return events.AudioDone(response_id=response_id, item_id=item_id)


def _transcript_delta(raw: Raw) -> ModelEvent | None:
    response_id, item_id = _text(raw, "response_id"), _text(raw, "item_id")
    text = _text(raw, "delta")
    if response_id is None or item_id is None or text is None:
        return None
    return events.OutputTranscriptDelta(response_id=response_id, item_id=item_id, text=text)


def _transcript_done(raw: Raw) -> ModelEvent | None:
    response_id, item_id = _text(raw, "response_id"), _text(raw, "item_id")
    text = raw.get("transcript")
    if response_id is None or item_id is None or not isinstance(text, str):
        return None
    return events.OutputTranscriptDone(response_id=response_id, item_id=item_id, text=text)


def _item_truncated(raw: Raw) -> ModelEvent | None:
    item_id = _text(raw, "item_id")
    if item_id is None:
        return None
    return events.ItemTruncated(item_id=item_id, audio_end_ms=_whole(raw, "audio_end_ms"))


def _item_deleted(raw: Raw) -> ModelEvent | None:
    item_id = _text(raw, "item_id")
    return None if item_id is None else events.ItemDeleted(item_id=item_id)


# What is not here is of no use to us: the text of a spoken answer comes as its transcript, a tool
# is run when its item is done, and the conversation's items repeat what the response's items said.
_TRANSLATIONS: Final[Mapping[str, Callable[[Raw], ModelEvent | None]]] = {
    "session.created": _session_created,
    "session.updated": _session_updated,
    "input_audio_buffer.speech_started": _speech_started,
    "input_audio_buffer.speech_stopped": _speech_stopped,
    "input_audio_buffer.committed": _input_committed,
    "input_audio_buffer.cleared": _input_cleared,
    "conversation.item.input_audio_transcription.completed": _input_transcribed,
    "conversation.item.input_audio_transcription.failed": _input_transcription_failed,
    "conversation.item.truncated": _item_truncated,
    "conversation.item.deleted": _item_deleted,
    "response.created": _response_created,
    "response.output_item.added": _output_item_added,
    "response.output_item.done": _output_item_done,
    "response.output_audio.delta": _audio_delta,
    "response.output_audio.done": _audio_done,
    "response.output_audio_transcript.delta": _transcript_delta,
    "response.output_audio_transcript.done": _transcript_done,
    "response.done": _response_done,
    "response.cancelled": _response_cancelled,
    "error": model_error_of,
}


_KINDS: Final = {
    "function_call": ItemKind.FUNCTION_CALL,
    "mcp_call": ItemKind.SERVICE_TOOL,
}


def _kind(item: Raw) -> ItemKind:
    item_type = item.get("type")
    if item_type == "message" and item.get("role", "assistant") == "assistant":
        return ItemKind.SPEECH
    return _KINDS.get(item_type, ItemKind.OTHER) if isinstance(item_type, str) else ItemKind.OTHER


def _token(response: Raw) -> str | None:
    return _text(_object(response, "metadata"), METADATA_KEY)


def _object(parent: Raw, key: str) -> Raw:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _text(parent: Raw, key: str) -> str | None:
    """A string that says something, or None."""
    value = parent.get(key)
    return value if isinstance(value, str) and value else None


def _whole(parent: Raw, key: str) -> int:
    """A count or a time; 0 when it is missing or makes no sense."""
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value <= WHOLE_MAX else 0
