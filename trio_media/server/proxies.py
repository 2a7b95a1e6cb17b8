"""Whom a connection is of, where a proxy speaks for its clients.

Rule 1: only a proxy that is trusted is believed, and only in what it has written itself: an entry
of ``X-Forwarded-For`` counts if everybody behind it, on the way to us, is trusted.
Rule 2: a client that nobody has named is the one that we see.

Source: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import attrs
from starlette.types import ASGIApp, Receive, Scope, Send

from trio_media.config import LOOPBACK

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

ENTRIES_MAX: Final = 32  # proxies one behind another; more is somebody's nonsense
_WITH_PORT: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([0-9.]+):\d+")


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


@attrs.frozen
class TrustedProxies:
    """The networks of proxies that are believed."""

    networks: tuple[Network, ...] = attrs.field(default=LOOPBACK, converter=_networks)

    def trusts(self, host: str) -> bool:
        """Whether an address is of one of them."""
        address = read_address(host)
        return address is not None and any(address in network for network in self.networks)

    def client_of(self, peer_host: str, forwarded_for: Sequence[str]) -> str:
        """Give the address of the client of a request.

        Args:
            peer_host: the address that the connection comes from.
            forwarded_for: every ``X-Forwarded-For`` of the request, in the order of the wire.
        """
        client = peer_host
        entries = ",".join(forwarded_for).rsplit(",", ENTRIES_MAX)[-ENTRIES_MAX:]
        while entries and self.trusts(client):
            address = read_address(entries.pop())
            if address is None:
                break
            client = str(address)
        return client

    def scheme_of(self, peer_host: str, forwarded_proto: str) -> str:
        """Give the scheme that the client of a request uses: ``http`` or ``https``."""
        first = forwarded_proto.partition(",")[0].strip().lower()
        return first if first in ("http", "https") and self.trusts(peer_host) else "http"


def read_address(text: str) -> Address | None:
    """Read an address as proxies write it, also with a port; None: it is none."""
    found = _WITH_PORT.fullmatch(text.strip())
    plain = text.strip() if found is None else found[1] or found[2]
    try:
        address = ipaddress.ip_address(plain.partition("%")[0])
    except ValueError:
        return None
    # What comes over IPv4 to a socket of both kinds is written so.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class ProxiedClients:
    """An ASGI application behind proxies: it sees the client's address and scheme."""

    def __init__(self, app: ASGIApp, proxies: TrustedProxies) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        peer = scope.get("client")
        if peer is not None and self._proxies.trusts(peer[0]):
            values: dict[bytes, list[str]] = {b"x-forwarded-for": [], b"x-forwarded-proto": []}
            for name, value in scope["headers"]:
                if name in values:
                    values[name].append(value.decode("latin-1"))
            client = self._proxies.client_of(peer[0], values[b"x-forwarded-for"])
            proto = next(iter(values[b"x-forwarded-proto"]), "")
            scheme = self._proxies.scheme_of(peer[0], proto)
            scope = {**scope, "client": (client, peer[1]), "scheme": scheme}
        await self._app(scope, receive, send)
