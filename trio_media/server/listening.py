"""The listening socket."""

from __future__ import annotations

import socket
from typing import Final

import trio

from trio_media.errors import ConfigError

BACKLOG: Final = 1_024  # every call of a crowded process may come back at once after a restart


def bind_socket(host: str, port: int) -> socket.socket:
    """Bind a TCP socket; it does not listen yet.

    Args:
        host: a name or an address; of several addresses the first is taken.
        port: 0 for any free one.

    Raises:
        ConfigError: the host is unknown or the port cannot be had.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except (OSError, UnicodeError) as exc:
        raise ConfigError(f"server.host = {host!r}: cannot be resolved: {exc}") from exc
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        # A restart must not wait for the last connections of the process before it.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except OSError as exc:
        bound.close()
        raise ConfigError(f"server.port = {port}: cannot listen on {host}: {exc.strerror}") from exc
    return bound


def listen(bound: socket.socket) -> trio.SocketListener:
    """Listen on a bound socket, which belongs to the listener from now on."""
    bound.listen(BACKLOG)
    return trio.SocketListener(trio.socket.from_stdlib_socket(bound))


def shown_address(bound: socket.socket) -> str:
    """Give ``http://host:port`` of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
