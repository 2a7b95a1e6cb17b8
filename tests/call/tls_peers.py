"""The other end of TLS: Trio's own, with certificates for a server named ``model.test``."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
import trustme

from trio_media.call.tls import TlsStream, open_tls


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """What the server shows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("model.test").configure_cert(context)
    return context


def client_context(authority: trustme.CA) -> ssl.SSLContext:
    """What a client trusts."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@asynccontextmanager
async def tls_pair() -> AsyncIterator[tuple[TlsStream, trio.SSLStream[trio.SocketStream]]]:
    """A stream of ours, and the server at its other end."""
    authority = trustme.CA()
    near, far = trio.socket.socketpair()
    peer = trio.SSLStream(trio.SocketStream(far), server_context(authority), server_side=True)
    async with trio.SocketStream(near) as beneath, peer.transport_stream:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.do_handshake)
            stream = await open_tls(beneath, "model.test", client_context(authority))
        yield stream, peer
