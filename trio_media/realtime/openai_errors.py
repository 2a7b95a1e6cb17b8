"""What an error of the OpenAI Realtime protocol means for us.

Most errors leave the session as it was; an error that we cannot place is `ErrorKind.REJECTED`, and
its ``event_id`` tells what it was about.

Source: https://platform.openai.com/docs/api-reference/realtime-server-events/error
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trio_media.errors import RefusalKind
from trio_media.realtime.events import ErrorKind, ModelError, ResponseStatus

MESSAGE_CHARS_MAX: Final = 500  # for people to read; a peer decides how long it really is

EXPIRED: Final = "session_expired"  # the one fatal error that is an ordinary end
_KINDS_BY_CODE: Final[Mapping[str, ErrorKind]] = {
    "response_cancel_not_active": ErrorKind.CANCEL_NOT_ACTIVE,
    "conversation_already_has_active_response": ErrorKind.ALREADY_ACTIVE,
    "input_audio_buffer_commit_empty": ErrorKind.HARMLESS,
    "item_truncate_invalid_item_id": ErrorKind.HARMLESS,
    "item_delete_invalid_item_id": ErrorKind.HARMLESS,
    "item_retrieve_invalid_item_id": ErrorKind.HARMLESS,
    "unsupported_content_type": ErrorKind.HARMLESS,
    EXPIRED: ErrorKind.FATAL,
    "invalid_api_key": ErrorKind.FATAL,
    "account_deactivated": ErrorKind.FATAL,
    "model_not_found": ErrorKind.FATAL,
    "insufficient_quota": ErrorKind.FATAL,
    "billing_hard_limit_reached": ErrorKind.FATAL,
    "beta_api_shape_disabled": ErrorKind.FATAL,
}

_TRANSIENT: Final = frozenset(
    {"rate_limit_exceeded", "rate_limit_error", "server_error", "internal_error", "timeout"}
)

RATE_LIMIT: Final = "rate_limit"  # part of all their names, as in inference_rate_limit_exceeded
CONTENT: Final = "content_"  # ... and of these: content_filter, content_policy_violation

# Errors whose code is null, or says no more than that a value was wrong.
_VAGUE_CODES: Final = frozenset({"", "invalid_value"})
_KINDS_BY_MESSAGE: Final = (
    ("no active response found", ErrorKind.CANCEL_NOT_ACTIVE),
    ("already has an active response", ErrorKind.ALREADY_ACTIVE),
    ("already shorter than", ErrorKind.HARMLESS),
    ("only model output audio messages can be truncated", ErrorKind.HARMLESS),
)


def model_error_of(event: Mapping[str, Any]) -> ModelError:
    """Read an ``error`` event, also one that lacks the object it should hold."""
    error = event.get("error")
    if isinstance(error, str):
        error = {"message": error}
    elif not isinstance(error, dict):
        # Some put the fields beside the type.  The event_id there is the service's own.
        error = {key: event.get(key) for key in ("code", "message")}
    code, error_type = _text(error, "code"), _text(error, "type")
    message = _text(error, "message")
    return ModelError(
        kind=_kind(code, error_type, message),
        code=code or error_type or "unknown",
        message=message[:MESSAGE_CHARS_MAX],
        event_id=_text(error, "event_id") or None,
        refusal=refusal_kind_of(code, error_type),
    )


def refusal_kind_of(code: str, error_type: str) -> RefusalKind:
    """Say what is to be done about an error that ends a session or keeps it from being made."""
    for name in (code, error_type):
        if name == EXPIRED:
            return RefusalKind.EXPIRED
        if _KINDS_BY_CODE.get(name) is ErrorKind.FATAL:
            return RefusalKind.FATAL
        if name in _TRANSIENT:
            return RefusalKind.TRANSIENT
    return RefusalKind.REQUEST


def fault_of(code: str, error_type: str) -> ResponseStatus:
    """Say what a response that failed means for the session, and for another try."""
    if refusal_kind_of(code, error_type) is RefusalKind.FATAL:
        return ResponseStatus.REFUSED
    names = (code, error_type)
    if any(RATE_LIMIT in name for name in names):
        return ResponseStatus.RATE_LIMITED
    if any(CONTENT in name for name in names):
        return ResponseStatus.FILTERED
    return ResponseStatus.FAILED


def _kind(code: str, error_type: str, message: str) -> ErrorKind:
    kind = _KINDS_BY_CODE.get(code) or _KINDS_BY_CODE.get(error_type)
    if kind is not None:
        return kind
    if code in _VAGUE_CODES:
        lowered = message.lower()
        for fragment, kind_by_message in _KINDS_BY_MESSAGE:
            if fragment in lowered:
                return kind_by_message
    return ErrorKind.REJECTED


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    return value if isinstance(value, str) else ""
