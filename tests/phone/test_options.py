"""Options of a call."""

from __future__ import annotations

from trio_media.phone.options import CallOptions


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(CallOptions(auth_token="secret"))
