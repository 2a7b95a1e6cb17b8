"""What an answer to a handshake means that is no upgrade."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.errors import RefusalKind
from trio_media.realtime.handshakes import handshake_refused


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, RefusalKind.FATAL),
        (403, RefusalKind.FATAL),
        (404, RefusalKind.FATAL),
        (429, RefusalKind.TRANSIENT),
        (500, RefusalKind.TRANSIENT),
        (503, RefusalKind.TRANSIENT),
        (400, RefusalKind.TRANSIENT),
        (200, RefusalKind.TRANSIENT),
    ],
)
def test_the_status_says_whether_to_try_again(status: int, kind: RefusalKind) -> None:
    refused = handshake_refused(status, b"No.")
    assert (refused.kind, refused.code) == (kind, f"http_{status}")
    assert refused.is_fatal is (kind is RefusalKind.FATAL)
    assert "No." in refused.detail


@pytest.mark.parametrize("name", ["code", "type"])
def test_an_account_without_quota_is_not_one_that_asks_too_often(name: str) -> None:
    body = json.dumps({"error": {name: "insufficient_quota", "message": "Pay."}}).encode()
    assert handshake_refused(429, body).is_fatal
    limited = json.dumps({"error": {name: "rate_limit_exceeded"}}).encode()
    assert not handshake_refused(429, limited).is_fatal


@pytest.mark.parametrize("body", [b"[]", b'{"error": "x"}', b"{}", b"\xff", b"[" * 100_000])
def test_a_body_that_says_nothing_changes_nothing(body: bytes) -> None:
    assert not handshake_refused(503, body).is_fatal


@given(st.integers(100, 599), st.binary(max_size=200))
def test_any_answer_is_a_refusal(status: int, body: bytes) -> None:
    assert handshake_refused(status, body).kind in (RefusalKind.FATAL, RefusalKind.TRANSIENT)
