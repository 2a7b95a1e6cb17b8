"""What it means that a model service answers a handshake with anything but an upgrade.

Rule 1: what its body says of the account is believed before its status: an account without quota
        is told that it asks too often.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

import json
from typing import Final

from trio_media.errors import ModelRefused, RefusalKind, evidence
from trio_media.realtime.openai_errors import refusal_kind_of

FATAL_STATUSES: Final = frozenset({401, 403, 404})
"""The key is wrong, it may not use this model, or there is no such place or model."""


def handshake_refused(status: int, body: bytes) -> ModelRefused:
    """Give the error for an answer with this HTTP status and this body."""
    kind = RefusalKind.FATAL if _is_fatal(status, body) else RefusalKind.TRANSIENT
    return ModelRefused(f"http_{status}", evidence(body), kind=kind)


def _is_fatal(status: int, body: bytes) -> bool:
    if status in FATAL_STATUSES:
        return True
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return False
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict):
        return False
    code, error_type = str(error.get("code")), str(error.get("type"))
    return refusal_kind_of(code, error_type) is RefusalKind.FATAL
