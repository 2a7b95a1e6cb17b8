"""Tokens, cookies, and whose page a request is from; without HTTP."""

from __future__ import annotations

from collections.abc import Callable

import itsdangerous
import pytest

from trio_media.console import access
from trio_media.console.access import (
    COOKIE,
    COOKIE_S,
    Access,
    has_own_origin,
    is_foreign_page,
    is_own_page,
)

OURS = Access("token", "secret")


def given(**headers: str) -> Callable[[str], str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda name: named.get(name, "")


@pytest.mark.parametrize(
    ("header", "how"),
    [
        ({}, None),
        ({"authorization": "Bearer token"}, "token"),
        ({"authorization": "bearer  token"}, "token"),
        ({"authorization": "Bearer tokens"}, None),
        ({"authorization": "Basic token"}, None),
        ({"authorization": "Bearer "}, None),
        ({"cookie": f"{COOKIE}={OURS.make_cookie()}"}, "cookie"),
        ({"cookie": f"a=b; {COOKIE}={OURS.make_cookie()}; c=d"}, "cookie"),
        ({"cookie": f"{COOKIE}={OURS.make_cookie()}x"}, None),
        ({"cookie": f"other={OURS.make_cookie()}"}, None),
        ({"cookie": f"{COOKIE}="}, None),
        ({"cookie": f"{COOKIE}=token"}, None),
        ({"authorization": "Bearer " + "x" * 2_000}, None),
    ],
)
def test_who_is_signed_in(header: dict[str, str], how: str | None) -> None:
    assert OURS.who(given(**header)) == how


def test_another_token_or_another_secret_ends_every_sign_in() -> None:
    cookie = given(cookie=f"{COOKIE}={OURS.make_cookie()}")
    assert OURS.has_cookie(cookie)
    assert Access("token", "secret").has_cookie(cookie)
    assert not Access("other", "secret").has_cookie(cookie)
    assert not Access("token", "other").has_cookie(cookie)


def test_a_cookie_is_good_for_twelve_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = given(cookie=f"{COOKIE}={OURS.make_cookie()}")
    signer = itsdangerous.TimestampSigner
    now = signer("x").get_timestamp()
    monkeypatch.setattr(signer, "get_timestamp", lambda _self: now + COOKIE_S - 5)
    assert OURS.has_cookie(cookie)
    monkeypatch.setattr(signer, "get_timestamp", lambda _self: now + COOKIE_S + 5)
    assert not OURS.has_cookie(cookie)


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("http://a:1", "a:1", True),
        ("https://A", "a", True),
        ("http://a", "a:1", False),
        ("http://a.b", "a", False),
        ("ws://a", "a", False),
        ("null", "null", False),
        ("", "a", False),
        ("", "", False),
        ("http://", "", False),
        ("http://[", "[", False),
        ("http://x@a", "a", False),
    ],
)
def test_an_origin_is_ours_when_it_is_the_host_that_was_asked(
    origin: str, host: str, is_own: bool
) -> None:
    assert has_own_origin(given(origin=origin, host=host)) is is_own


def test_who_says_nothing_is_no_page_of_ours_and_none_of_anybody_else() -> None:
    nothing = given(host="a")
    assert not is_own_page(nothing)
    assert not is_foreign_page(nothing)
    assert is_foreign_page(given(host="a", sec_fetch_site="cross-site"))
    assert not is_foreign_page(given(host="a", sec_fetch_site="same-origin"))


def test_there_is_no_access_with_an_empty_token() -> None:
    for token, secret in (("", "s"), ("t", "")):
        with pytest.raises(AssertionError):
            access.Access(token, secret)
