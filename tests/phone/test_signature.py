"""Signatures against the carrier's own library."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from trio_media.phone.signature import sign, signed_url

FORM = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=6)


@given(FORM)
def test_equals_the_signature_of_the_carriers_library(form: dict[str, str]) -> None:
    url = "https://example.com/voice?x=1"
    assert sign("token", url, form) == RequestValidator("token").compute_signature(url, form)


def test_the_handshake_is_signed_without_fields() -> None:
    url = "wss://example.com/twilio/media"
    assert sign("token", url) == RequestValidator("token").compute_signature(url, {})


@pytest.mark.parametrize(
    ("url", "public_url", "wanted"),
    [
        ("ws://localhost:8080/m", "", "wss://localhost:8080/m"),
        ("wss://host/m?q=1#f", "", "wss://host/m?q=1"),
        ("http://localhost:8080/v", "", "http://localhost:8080/v"),
        ("http://localhost:8080/v", "https://pub.example", "https://pub.example/v"),
        ("ws://localhost:8080/m", "https://pub.example", "wss://pub.example/m"),
    ],
)
def test_the_url_is_signed_as_the_carrier_knows_it(url: str, public_url: str, wanted: str) -> None:
    assert signed_url(url, public_url) == wanted
