"""Whom one may dial."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.errors import LocalProtocolError
from trio_media.telephony.twiml_verbs import SIP_CHARS_MAX, Number, Sip, dial_target, is_e164


@pytest.mark.parametrize("text", ["+12345678", "+15551234567", "+123456789012345"])
def test_a_number_of_e164_is_a_telephone(text: str) -> None:
    assert dial_target(text) == Number(text)
    assert is_e164(text)


@pytest.mark.parametrize(
    "text", ["sip:a@b", "sips:a@b:5061;transport=tls?x=1", "SIP:+1555@h.example"]
)
def test_a_sip_uri_is_an_address(text: str) -> None:
    assert dial_target(text) == Sip(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "15551234567", "+1234567", "+1234567890123456", "+1555 1234567", "+١٢٣٤٥٦٧٨"),
        *("+15551234567\n", "sip:", "sip:a b", "sip:<a@b>", "sip:a@b>", "tel:+15551234567"),
        *("sip:ä@b", "sip:a@b\n", "sip:" + "a" * (SIP_CHARS_MAX - 3), "client:x"),
    ],
)
def test_what_is_neither_is_refused_with_what_is_wanted(text: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"8 to 15 digits, or sip:name@host"):
        dial_target(text)
    assert not is_e164(text)


def test_the_longest_sip_uri_is_taken() -> None:
    text = "sip:" + "a" * (SIP_CHARS_MAX - 4)
    assert dial_target(text) == Sip(text)


@given(st.text(max_size=300))
def test_every_text_is_a_target_or_refused_in_few_words(text: str) -> None:
    complaint = ""
    try:
        dial_target(text)
    except LocalProtocolError as refused:
        complaint = str(refused)
    assert len(complaint) < 200
    assert (not complaint) == (is_e164(text) or text.lower().startswith(("sip:", "sips:")))
