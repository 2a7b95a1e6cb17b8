"""The errors that a model service has by itself, in its own words.

Source: https://platform.openai.com/docs/guides/error-codes ; the shapes of ``error`` events and of
``status_details`` as clients of the service report them: a code of null for ``server_error``, a
message that says when to try again for ``rate_limit_exceeded``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

SERVER_ERROR: Final = "server_error"


@attrs.frozen
class _Words:
    kind: str
    message: str


_WORDS: Final[Mapping[str, _Words]] = {
    "invalid_api_key": _Words(
        "invalid_request_error", "Incorrect API key provided. You can find your API key at ..."
    ),
    "account_deactivated": _Words(
        "invalid_request_error", "The account associated with this API key has been deactivated."
    ),
    "unsupported_country_region_territory": _Words(
        "request_forbidden", "Country, region, or territory not supported"
    ),
    "model_not_found": _Words(
        "invalid_request_error", "The model does not exist or you do not have access to it."
    ),
    "insufficient_quota": _Words(
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "rate_limit_exceeded": _Words(
        "tokens", "Rate limit reached on tokens per min (TPM). Please try again in 1.2s."
    ),
    SERVER_ERROR: _Words(
        SERVER_ERROR, "The server had an error while processing your request. Sorry about that!"
    ),
}
_CODES: Final[Mapping[int, str]] = {
    401: "invalid_api_key",
    403: "unsupported_country_region_territory",
    404: "model_not_found",
    429: "rate_limit_exceeded",
}


def code_of_status(status: int) -> str:
    """Return the code that the service has with a status of HTTP."""
    return _CODES.get(status, SERVER_ERROR)


def error_object(code: str) -> dict[str, Any]:
    """Return the ``error`` object with a code, which no event of the client caused."""
    words = _WORDS.get(code, _Words("invalid_request_error", f"The request failed: {code}."))
    return {
        "type": words.kind,
        # The one kind whose code says nothing more.
        "code": None if code == SERVER_ERROR else code,
        "message": words.message,
        "param": None,
        "event_id": None,
    }
