"""TLS without a wait: over real sockets, to Trio's own TLS."""

from __future__ import annotations

import ssl

import pytest
import trio
import trustme

from trio_media.call.tls import open_tls
from trio_media.call.websocket.wire import Wire

from .tls_peers import client_context, server_context, tls_pair


async def test_both_directions_arrive_whole() -> None:
    with trio.fail_after(20):
        async with tls_pair() as (stream, peer):
            payload = bytes(range(256)) * 1_000
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.send_all, payload)
                came = b""
                while len(came) < len(payload):
                    came += bytes(await peer.receive_some())
            assert came == payload
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.send_all, payload)
                came = b""
                while len(came) < len(payload):
                    came += await stream.receive_some(100)
            assert came == payload


async def test_a_stranger_is_refused_and_told() -> None:
    near, far = trio.socket.socketpair()
    peer = trio.SSLStream(trio.SocketStream(far), server_context(trustme.CA()), server_side=True)
    refused: list[BaseException] = []

    async def shake_hands() -> None:
        with pytest.raises(trio.BrokenResourceError) as caught:
            await peer.do_handshake()
            await peer.receive_some()
        refused.append(caught.value)

    with trio.fail_after(20):
        async with (
            trio.SocketStream(near) as beneath,
            peer.transport_stream,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(shake_hands)
            with pytest.raises(ssl.SSLCertVerificationError):
                await open_tls(beneath, "model.test", client_context(trustme.CA()))
    assert "unknown ca" in str(refused[0].__cause__).lower()


async def test_a_peer_that_goes_in_the_handshake_is_lost() -> None:
    near, far = trio.socket.socketpair()
    far.close()
    async with trio.SocketStream(near) as beneath:
        with pytest.raises(trio.BrokenResourceError):
            await open_tls(beneath, "model.test")


async def test_an_end_is_an_end_with_or_without_a_goodbye() -> None:
    with trio.fail_after(20):
        async with tls_pair() as (stream, peer):
            await peer.send_all(b"last")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.unwrap)  # its goodbye, which we do not answer
                assert await stream.receive_some() == b"last"
                assert await stream.receive_some() == b""
                nursery.cancel_scope.cancel()
        async with tls_pair() as (stream, peer):
            await peer.transport_stream.aclose()
            assert await stream.receive_some() == b""
            assert await stream.receive_some() == b""


async def test_nonsense_is_a_broken_stream() -> None:
    with trio.fail_after(20):
        async with tls_pair() as (stream, peer):
            await peer.transport_stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with pytest.raises(trio.BrokenResourceError, match="TLS"):
                await stream.receive_some()
            stream.seal(b"said to nobody")


async def test_a_wire_over_tls_is_written_to_and_read_without_trios_stream() -> None:
    with trio.fail_after(20):
        async with tls_pair() as (stream, peer):
            wire = Wire(stream, receive_bytes_max=100)
            assert wire.is_free
            assert wire.write_now(b"at once")
            wire.put(b", then")
            wire.put(b" later")
            await wire.flush()
            came = b""
            while len(came) < len(b"at once, then later"):
                came += bytes(await peer.receive_some())
            assert came == b"at once, then later"
            await peer.send_all(b"answer")
            assert await wire.receive() == b"answer"


async def test_a_record_that_comes_in_parts_is_waited_for() -> None:
    with trio.fail_after(20):
        async with tls_pair() as (stream, peer):
            wire = Wire(stream, receive_bytes_max=100)
            await peer.send_all(b"whole")
            sealed = bytes(await stream.transport.receive_some(65_536))
            for byte in sealed[:-1]:
                assert stream.unseal(bytes([byte])) is None
            assert stream.unseal(sealed[-1:]) == b"whole"
            assert wire.is_free
