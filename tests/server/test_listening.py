from __future__ import annotations

import contextlib
import socket

import pytest

from trio_media.errors import ConfigError
from trio_media.server.listening import bind_socket, shown_address


def test_any_free_port_is_taken_and_told() -> None:
    with contextlib.closing(bind_socket("127.0.0.1", 0)) as bound:
        assert shown_address(bound) == f"http://127.0.0.1:{bound.getsockname()[1]}"
        assert bound.getsockname()[1] > 0


def test_a_port_in_use_is_named() -> None:
    with contextlib.closing(bind_socket("127.0.0.1", 0)) as bound:
        bound.listen()
        port = bound.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"server\.port = {port}: .*in use"):
            bind_socket("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 300])
def test_an_unknown_host_is_named(host: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.host = '"):
        bind_socket(host, 0)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 on this machine")
def test_an_ipv6_address_is_shown_in_brackets() -> None:
    try:
        bound = bind_socket("::1", 0)
    except ConfigError:
        pytest.skip("no IPv6 loopback")
    with contextlib.closing(bound):
        assert shown_address(bound).startswith("http://[::1]:")
