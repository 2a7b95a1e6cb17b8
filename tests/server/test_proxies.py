"""Whom a connection is of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.server.proxies import ENTRIES_MAX, ProxiedClients, TrustedProxies, read_address

LOCAL = TrustedProxies()
CHAIN = TrustedProxies(["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "client"),
    [
        (LOCAL, "127.0.0.1", [], "127.0.0.1"),
        (LOCAL, "127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        (LOCAL, "::1", ["2001:db8::7"], "2001:db8::7"),
        # What a client has written itself stands before what the proxy has.
        (LOCAL, "127.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (LOCAL, "127.0.0.1", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (LOCAL, "127.0.0.1", ["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
        # Nobody else is believed.
        (LOCAL, "192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        (LOCAL, "10.0.0.1", ["203.0.113.9"], "10.0.0.1"),
        (LOCAL, "", ["203.0.113.9"], ""),
        (TrustedProxies([]), "127.0.0.1", ["203.0.113.9"], "127.0.0.1"),
        # Proxies one behind another.
        (CHAIN, "10.0.0.1", ["198.51.100.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (CHAIN, "10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # What is no address ends what is believed.
        (CHAIN, "10.0.0.1", ["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
        (LOCAL, "127.0.0.1", ["203.0.113.9, "], "127.0.0.1"),
        # As proxies spell it.
        (LOCAL, "127.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        (LOCAL, "127.0.0.1", ["[2001:DB8::7]:4711"], "2001:db8::7"),
        (LOCAL, "::ffff:127.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        (LOCAL, "127.0.0.1", ["fe80::1%eth0"], "fe80::1"),
    ],
)
def test_the_client_is_the_last_that_is_no_trusted_proxy(
    proxies: TrustedProxies, peer: str, forwarded: list[str], client: str
) -> None:
    assert proxies.client_of(peer, forwarded) == client


def test_an_endless_chain_is_followed_only_so_far() -> None:
    entries = ["203.0.113.9", *(f"10.0.0.{number % 250}" for number in range(ENTRIES_MAX))]
    assert CHAIN.client_of("10.0.0.1", [",".join(entries)]) == "10.0.0.0"


@given(st.lists(st.text(max_size=40), max_size=4))
def test_nothing_that_a_stranger_writes_makes_them_somebody_else(forwarded: list[str]) -> None:
    assert LOCAL.client_of("192.0.2.1", forwarded) == "192.0.2.1"
    assert LOCAL.client_of("127.0.0.1", [*forwarded, "192.0.2.1"]) == "192.0.2.1"


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("127.0.0.1", "", "http"),
        ("127.0.0.1", "https", "https"),
        ("::1", "HTTPS, http", "https"),
        ("127.0.0.1", "gopher", "http"),
        ("10.0.0.1", "https", "http"),
        ("", "https", "http"),
    ],
)
def test_a_scheme_is_believed_from_a_trusted_proxy_alone(
    peer: str, proto: str, scheme: str
) -> None:
    assert LOCAL.scheme_of(peer, proto) == scheme


@pytest.mark.parametrize("text", ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "[::1", "a:1"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert read_address(text) is None


@pytest.mark.parametrize(
    ("peer", "seen"),
    [
        (("127.0.0.1", 5), (("203.0.113.9", 5), "https")),
        (("10.0.0.1", 5), (("10.0.0.1", 5), "http")),
        (None, (None, "http")),
    ],
)
async def test_an_application_sees_the_client_and_not_the_proxy(peer: Any, seen: Any) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    headers = [
        (b"x-forwarded-for", b"203.0.113.9"),
        (b"x-forwarded-proto", b"https"),
        (b"x", b"y"),
    ]
    given_scope = {"type": "http", "client": peer, "scheme": "http", "headers": headers}
    none: Any = None
    await ProxiedClients(app, LOCAL)(given_scope, none, none)
    assert (scopes[0]["client"], scopes[0]["scheme"]) == seen
