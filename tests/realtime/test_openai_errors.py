"""What each error means, also where the service does not name it."""

from __future__ import annotations

from typing import Any

import pytest

from trio_media.errors import RefusalKind
from trio_media.realtime.events import ErrorKind, ModelError, ResponseStatus
from trio_media.realtime.openai_errors import (
    MESSAGE_CHARS_MAX,
    fault_of,
    model_error_of,
    refusal_kind_of,
)


def error(code: object = None, message: str = "", **fields: object) -> dict[str, Any]:
    return {
        "type": "error",
        "event_id": "event_of_the_service",
        "error": {
            "type": "invalid_request_error",
            "code": code,
            "message": message,
            "param": None,
            "event_id": "event_of_ours",
            **fields,
        },
    }


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("response_cancel_not_active", ErrorKind.CANCEL_NOT_ACTIVE),
        ("conversation_already_has_active_response", ErrorKind.ALREADY_ACTIVE),
        ("input_audio_buffer_commit_empty", ErrorKind.HARMLESS),
        ("item_truncate_invalid_item_id", ErrorKind.HARMLESS),
        ("item_delete_invalid_item_id", ErrorKind.HARMLESS),
        ("item_retrieve_invalid_item_id", ErrorKind.HARMLESS),
        ("unsupported_content_type", ErrorKind.HARMLESS),
        ("cannot_update_voice", ErrorKind.REJECTED),
        ("invalid_value", ErrorKind.REJECTED),
        ("unknown_parameter", ErrorKind.REJECTED),
        ("decimal_below_min_value", ErrorKind.REJECTED),
        ("rate_limit_exceeded", ErrorKind.REJECTED),
        ("added_later", ErrorKind.REJECTED),
        ("session_expired", ErrorKind.FATAL),
        ("invalid_api_key", ErrorKind.FATAL),
        ("account_deactivated", ErrorKind.FATAL),
        ("model_not_found", ErrorKind.FATAL),
        ("insufficient_quota", ErrorKind.FATAL),
        ("billing_hard_limit_reached", ErrorKind.FATAL),
        ("beta_api_shape_disabled", ErrorKind.FATAL),
    ],
)
def test_a_code_says_what_an_error_means(code: str, kind: ErrorKind) -> None:
    assert model_error_of(error(code, "Something.")) == ModelError(
        kind=kind,
        code=code,
        message="Something.",
        event_id="event_of_ours",
        refusal=refusal_kind_of(code, ""),
    )


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("session_expired", RefusalKind.EXPIRED),
        ("invalid_api_key", RefusalKind.FATAL),
        ("account_deactivated", RefusalKind.FATAL),
        ("model_not_found", RefusalKind.FATAL),
        ("insufficient_quota", RefusalKind.FATAL),
        ("billing_hard_limit_reached", RefusalKind.FATAL),
        ("beta_api_shape_disabled", RefusalKind.FATAL),
        ("rate_limit_exceeded", RefusalKind.TRANSIENT),
        ("server_error", RefusalKind.TRANSIENT),
        ("internal_error", RefusalKind.TRANSIENT),
        ("unknown_parameter", RefusalKind.REQUEST),
        ("added_later", RefusalKind.REQUEST),
        (None, RefusalKind.REQUEST),
    ],
)
def test_what_is_to_be_done_about_an_error_that_ends_a_session(
    code: str | None, refusal: RefusalKind
) -> None:
    assert model_error_of(error(code)).refusal is refusal
    if code is not None:
        by_type = error(None, type=code)
        assert model_error_of(by_type).refusal is refusal


@pytest.mark.parametrize("code", [None, "", 5, "invalid_value"])
@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Cancellation failed: no active response found", ErrorKind.CANCEL_NOT_ACTIVE),
        ("Conversation already has an active response", ErrorKind.ALREADY_ACTIVE),
        (
            "Conversation already has an active response in progress: resp_1. Wait until ...",
            ErrorKind.ALREADY_ACTIVE,
        ),
        ("Audio content of 1200ms is already shorter than 1300ms", ErrorKind.HARMLESS),
        ("Only model output audio messages can be truncated", ErrorKind.HARMLESS),
        ("Invalid value: 'x'.", ErrorKind.REJECTED),
    ],
)
def test_a_message_tells_where_the_code_does_not(
    code: object, message: str, kind: ErrorKind
) -> None:
    assert model_error_of(error(code, message)).kind is kind


def test_a_message_does_not_overrule_a_code() -> None:
    message = "Conversation already has an active response"
    assert model_error_of(error("session_expired", message)).kind is ErrorKind.FATAL
    assert model_error_of(error("unknown_parameter", message)).kind is ErrorKind.REJECTED


def test_a_type_stands_in_for_a_code_that_is_missing() -> None:
    event = model_error_of(error(None, "You exceeded it.", type="insufficient_quota"))
    assert event.kind is ErrorKind.FATAL
    assert event.code == "insufficient_quota"
    event = model_error_of(error(None, "Trouble.", type="server_error"))
    assert event.kind is ErrorKind.REJECTED
    assert event.code == "server_error"


@pytest.mark.parametrize("event_id", [None, "", 5, {}])
def test_the_services_own_event_id_is_never_taken_for_ours(event_id: object) -> None:
    assert model_error_of(error("x", event_id=event_id)).event_id is None
    bare = {"type": "error", "event_id": "event_of_the_service", "code": "x", "message": "m"}
    assert model_error_of(bare) == ModelError(
        kind=ErrorKind.REJECTED, code="x", message="m", event_id=None
    )


@pytest.mark.parametrize("broken", [None, 5, [], {}])
def test_an_error_that_says_nothing_is_told_all_the_same(broken: object) -> None:
    assert model_error_of({"type": "error", "error": broken}) == ModelError(
        kind=ErrorKind.REJECTED, code="unknown", message="", event_id=None
    )


def test_an_error_may_be_a_message_only() -> None:
    event = model_error_of({"type": "error", "error": "no active response found"})
    assert event == ModelError(
        kind=ErrorKind.CANCEL_NOT_ACTIVE,
        code="unknown",
        message="no active response found",
        event_id=None,
    )


def test_a_message_has_a_limit() -> None:
    assert len(model_error_of(error("x", "m" * 100_000)).message) == MESSAGE_CHARS_MAX


@pytest.mark.parametrize(
    ("code", "error_type", "status"),
    [
        ("rate_limit_exceeded", "", ResponseStatus.RATE_LIMITED),
        ("inference_rate_limit_exceeded", "invalid_request_error", ResponseStatus.RATE_LIMITED),
        ("", "rate_limit_error", ResponseStatus.RATE_LIMITED),
        ("content_filter", "", ResponseStatus.FILTERED),
        ("content_policy_violation", "invalid_request_error", ResponseStatus.FILTERED),
        ("insufficient_quota", "", ResponseStatus.REFUSED),
        ("", "insufficient_quota", ResponseStatus.REFUSED),
        ("invalid_api_key", "", ResponseStatus.REFUSED),
        ("server_error", "server_error", ResponseStatus.FAILED),
        ("session_expired", "", ResponseStatus.FAILED),
        ("", "", ResponseStatus.FAILED),
    ],
)
def test_a_response_that_failed_says_whether_to_try_again(
    code: str, error_type: str, status: ResponseStatus
) -> None:
    assert fault_of(code, error_type) is status
