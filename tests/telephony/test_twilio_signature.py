"""Twilio's signature, with the validator of Twilio's own SDK as the oracle."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from trio_media.errors import ConfigError
from trio_media.telephony.twilio_signature import (
    compute_signature,
    is_signed_body,
    is_signed_handshake,
    is_signed_request,
    websocket_url_candidates,
)

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]


class MultiDict:
    """A form with repeated names, as the SDK understands one."""

    def __init__(self, params: list[tuple[str, str]]) -> None:
        self._params = params

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        return iter({name for name, _ in self._params})

    def __len__(self) -> int:
        return len(self._params)

    def getall(self, name: str) -> list[str]:
        return [value for other, value in self._params if other == name]


def by_the_sdk(token: str, url: str, params: list[tuple[str, str]]) -> str:
    signature: str = RequestValidator(token).compute_signature(url, MultiDict(params))
    return signature


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
forms = st.lists(st.tuples(st.sampled_from("aAbBc") | texts, texts), max_size=6)


@given(token=texts.filter(bool), url=texts, params=forms)
@settings(max_examples=100, deadline=None)
def test_signatures_are_those_of_the_sdk(
    token: str, url: str, params: list[tuple[str, str]]
) -> None:
    assert compute_signature(token, url, params) == by_the_sdk(token, url, params)


def test_the_documented_example_has_the_documented_signature() -> None:
    assert compute_signature(TOKEN, URL, FORM) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_the_order_of_a_form_and_its_repetitions_do_not_matter() -> None:
    params = [("b", "2"), ("a", "x"), ("b", "1"), ("b", "2"), ("B", "3"), ("empty", "")]
    assert compute_signature(TOKEN, URL, params) == by_the_sdk(TOKEN, URL, params)
    assert compute_signature(TOKEN, URL, params[::-1]) == compute_signature(TOKEN, URL, params)


@pytest.mark.parametrize("signed_port", ["", ":443"])
@pytest.mark.parametrize("our_port", ["", ":443"])
def test_the_default_port_may_be_signed_or_not(signed_port: str, our_port: str) -> None:
    signature = by_the_sdk(TOKEN, f"https://host{signed_port}/p?q=1", FORM)
    ours = f"https://host{our_port}/p?q=1"
    assert RequestValidator(TOKEN).validate(ours, MultiDict(FORM), signature)
    assert is_signed_request([TOKEN], [ours], FORM, signature)


@pytest.mark.parametrize(
    ("signed", "ours"),
    [
        ("https://host/p", "https://host:8443/p"),
        ("https://host:8443/p", "https://host:8443/p"),
        ("http://host:80/p", "http://host/p"),
        ("http://host/p", "http://host:80/p"),
        ("https://host", "https://host:443"),
    ],
)
def test_a_port_may_be_signed_or_not(signed: str, ours: str) -> None:
    signature = by_the_sdk(TOKEN, signed, FORM)
    assert RequestValidator(TOKEN).validate(ours, MultiDict(FORM), signature)
    assert is_signed_request([TOKEN], [ours], FORM, signature)


def test_an_address_in_brackets_keeps_them_when_its_port_goes() -> None:
    signature = by_the_sdk(TOKEN, "https://[::1]/p", FORM)
    assert is_signed_request([TOKEN], ["https://[::1]:8443/p"], FORM, signature)


@pytest.mark.parametrize("url", ["no url", "https://host:port/p", ""])
def test_what_is_no_url_is_compared_as_it_is(url: str) -> None:
    assert is_signed_request([TOKEN], [url], FORM, by_the_sdk(TOKEN, url, FORM))


def test_nothing_but_the_port_of_a_url_is_respelled() -> None:
    signature = by_the_sdk(TOKEN, "https://HOST:443/%7Ea//b/?&x=%20#", FORM)
    assert is_signed_request([TOKEN], ["https://HOST/%7Ea//b/?&x=%20#"], FORM, signature)
    assert not is_signed_request([TOKEN], ["https://HOST/~a//b/?&x=%20#"], FORM, signature)


def test_any_of_several_tokens_and_urls_will_do() -> None:
    signature = by_the_sdk("old", "https://b/p", FORM)
    assert is_signed_request(["new", "old"], ["https://a/p", "https://b/p"], FORM, signature)
    assert not is_signed_request(["new"], ["https://a/p", "https://b/p"], FORM, signature)
    assert not is_signed_request(["new", "old"], ["https://a/p"], FORM, signature)


@pytest.mark.parametrize("signature", [None, "", "x", "ü\ud800", "RSOYDt4T1cUTdK1PDd93/VVr8B8"])
def test_a_wrong_signature_is_refused_and_raises_nothing(signature: str | None) -> None:
    assert not is_signed_request([TOKEN], [URL], FORM, signature)
    assert not is_signed_handshake([TOKEN], ["wss://host/p"], signature)
    assert not is_signed_body([TOKEN], [URL], b"", signature)


def test_a_form_that_was_changed_is_refused() -> None:
    signature = compute_signature(TOKEN, URL, FORM)
    assert is_signed_request([TOKEN], [URL], FORM, signature)
    assert not is_signed_request([TOKEN], [URL], FORM[:-1], signature)
    assert not is_signed_request([TOKEN], [URL], [*FORM, ("Extra", "\ud800")], signature)


def test_no_signature_counts_where_there_is_no_token() -> None:
    forged = by_the_sdk("", URL, FORM)
    assert not is_signed_request([""], [URL], FORM, forged)
    assert not is_signed_request([], [URL], FORM, forged)
    with pytest.raises(AssertionError):
        compute_signature("", URL, FORM)


def test_a_single_token_is_not_taken_for_a_list_of_letters() -> None:
    with pytest.raises(AssertionError):
        is_signed_request(TOKEN, [URL], FORM, by_the_sdk("1", URL, FORM))


def test_every_comparison_is_made_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    compare_digest = hmac.compare_digest

    def counted(ours: bytes, given: bytes) -> bool:
        compared.append(ours)
        return compare_digest(ours, given)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    urls = ["https://a/p", "https://b/p"]
    signature = by_the_sdk("t1", "https://a/p", FORM)
    assert is_signed_request(["t1", "t2"], urls, FORM, signature)
    assert len(compared) == 2 * 2 * 2  # the first matched, and still all were looked at


# JSON bodies.

BODY = b'{"sid": "CA1"}'


def test_a_signed_json_body_is_taken_as_the_sdk_takes_it() -> None:
    url = f"https://host/p?x=1&bodySHA256={hashlib.sha256(BODY).hexdigest()}"
    signature = by_the_sdk(TOKEN, url, [])
    assert RequestValidator(TOKEN).validate(url, BODY.decode(), signature)
    assert is_signed_body([TOKEN], [url], BODY, signature)
    upper = url.replace(hashlib.sha256(BODY).hexdigest(), hashlib.sha256(BODY).hexdigest().upper())
    assert is_signed_body([TOKEN], [upper], BODY, by_the_sdk(TOKEN, upper, []))


def test_another_json_body_is_refused() -> None:
    url = f"https://host/p?bodySHA256={hashlib.sha256(BODY).hexdigest()}"
    signature = by_the_sdk(TOKEN, url, [])
    assert not is_signed_body([TOKEN], [url], BODY + b" ", signature)
    twice = f"{url}&bodySHA256={hashlib.sha256(b'other').hexdigest()}"
    assert not is_signed_body([TOKEN], [twice], b"other", by_the_sdk(TOKEN, twice, []))


@pytest.mark.parametrize("query", ["", "?x=1", "?bodySHA256=", "?bodySHA256=\u00fc"])
def test_a_url_without_a_hash_proves_nothing_about_the_body(query: str) -> None:
    url = f"https://host/p{query}"
    assert not is_signed_body([TOKEN], [url], BODY, by_the_sdk(TOKEN, url, []))


# Handshakes.


def test_a_handshake_may_be_signed_in_eight_spellings() -> None:
    assert websocket_url_candidates("https://host", "/twilio/media") == [
        "wss://host/twilio/media",
        "wss://host:443/twilio/media",
        "wss://host/twilio/media/",
        "wss://host:443/twilio/media/",
        "https://host/twilio/media",
        "https://host:443/twilio/media",
        "https://host/twilio/media/",
        "https://host:443/twilio/media/",
    ]


def test_a_port_of_our_own_stands_for_the_default_one() -> None:
    candidates = websocket_url_candidates("https://host:8443/base/", "/media")
    assert "wss://host:8443/base/media" in candidates
    assert "wss://host/base/media/" in candidates
    assert not any(":443" in url for url in candidates)
    assert len(candidates) == 8


def test_a_plain_url_adds_the_plain_schemes() -> None:
    candidates = websocket_url_candidates("http://[::1]:8080", "/media")
    assert candidates[0] == "ws://[::1]/media"
    assert {url.partition(":")[0] for url in candidates} == {"ws", "http", "wss", "https"}
    assert "ws://host:80/media" in websocket_url_candidates("http://host", "/media")


def test_a_path_with_a_slash_at_the_end_gets_no_second_one() -> None:
    candidates = websocket_url_candidates("https://host", "/")
    assert candidates[0] == "wss://host/"
    assert not any(url.endswith("//") for url in candidates)
    assert len(candidates) == len(set(candidates)) == 4


@pytest.mark.parametrize("signed", websocket_url_candidates("https://host", "/twilio/media"))
def test_each_spelling_of_a_handshake_is_taken(signed: str) -> None:
    urls = websocket_url_candidates("https://host", "/twilio/media")
    assert is_signed_handshake(["new", TOKEN], urls, by_the_sdk(TOKEN, signed, []))
    assert not is_signed_handshake(["other"], urls, by_the_sdk(TOKEN, signed, []))


@pytest.mark.parametrize(
    "signed",
    ["wss://host/twilio/other", "wss://evil/twilio/media", "wss://host:8443/twilio/media"],
)
def test_a_handshake_for_another_url_is_refused(signed: str) -> None:
    urls = websocket_url_candidates("https://host", "/twilio/media")
    assert not is_signed_handshake([TOKEN], urls, by_the_sdk(TOKEN, signed, []))


@pytest.mark.parametrize(
    "public_url",
    [
        "",
        "host",
        "host:8080",
        "ftp://host",
        "https://",
        "https://:443",
        "https://user:pass@host",
        "https://host?x=1",
        "https://host/#f",
        "https://host:port",
        "https://host:99999",
        "https://[::1",
        "https://a:1:2",
    ],
)
def test_a_public_url_that_is_none_is_the_operators_mistake(public_url: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.public_url = "):
        websocket_url_candidates(public_url, "/media")


def test_a_relative_path_is_a_bug_of_ours() -> None:
    with pytest.raises(AssertionError):
        websocket_url_candidates("https://host", "media")
