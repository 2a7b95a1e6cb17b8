"""TLS on the model's leg, with the secrets between the bytes and the socket in plain sight.

Trio's own TLS stream can only be waited for.  Here sealing and opening are calls that never wait,
so that whoever has a socket can write to it at once; a frame of audio then costs half as much.

Rule 1: what is sealed goes onto the wire, in that order and all of it: nothing is sealed for later.
Rule 2: OpenSSL does all of the work, as `ssl.SSLContext` was told to.
"""

from __future__ import annotations

import contextlib
import functools
import ssl

import attrs
import trio

RECEIVE_BYTES = 16_384  # as much as one record of TLS holds


@attrs.define(eq=False)
class TlsStream(trio.abc.Stream):
    """A client's stream, encrypted.  Made by `open_tls`."""

    transport: trio.SocketStream
    _object: ssl.SSLObject
    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO

    # --- without a wait ---

    def seal(self, payload: bytes) -> bytes:
        """Encrypt; what is returned must be written to ``transport``, before anything later is.

        It begins with what OpenSSL itself has to answer to the peer.  Where nothing can be sealed
        any more, which is when the peer broke TLS, there is nothing in it, and reading says why.
        """
        with contextlib.suppress(ssl.SSLError):
            self._object.write(payload)
        return self._outgoing.read()

    def unseal(self, received: bytes | bytearray) -> bytes | None:
        """Decrypt what came from ``transport``; ``b""`` is its end.

        Returns None when there is nothing in it yet, and ``b""`` at the end.  Raises
        `trio.BrokenResourceError`: the peer did not send what it should.
        """
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()
        pieces: list[bytes] = []
        try:
            while piece := self._object.read(RECEIVE_BYTES):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(pieces) or None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass  # what is lost by an end without a goodbye, the websocket's own goodbye tells
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"TLS: {error}") from error
        return b"".join(pieces)

    # --- as a stream ---

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send.  Raises as a socket's stream does.  **Cancellation:** nothing can follow."""
        await self.transport.send_all(self.seal(bytes(data)))

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket might take more."""
        await self.transport.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive; there may be more than ``max_bytes``, for a record cannot be cut.

        Raises as a socket's stream does.  **Cancellation:** loses nothing.
        """
        opened: bytes | None = None
        while opened is None:
            opened = self.unseal(await self.transport.receive_some(RECEIVE_BYTES))
        return opened

    async def aclose(self) -> None:
        """Close the socket, without TLS's goodbye: the websocket has its own."""
        await self.transport.aclose()


@functools.cache
def trusting_the_system() -> ssl.SSLContext:
    """What clients trust where nothing else is said.

    Made once a process: reading the authorities takes as long as a thousand frames.
    """
    return ssl.create_default_context()


async def open_tls(
    transport: trio.SocketStream, hostname: str, context: ssl.SSLContext | None = None
) -> TlsStream:
    """Shake hands as a client with whoever can show that it is ``hostname``.

    Raises `ssl.SSLError`, `OSError` or `trio.BrokenResourceError`; the stream is not closed then.
    """
    context = context or trusting_the_system()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=hostname)
    is_done = False
    while not is_done:
        try:
            tls.do_handshake()
            is_done = True
        except ssl.SSLWantReadError:
            pass
        finally:
            # Also the alert that says why a handshake fails.
            answer = outgoing.read()
            if answer:
                await transport.send_all(answer)
        if not is_done:
            received = await transport.receive_some(RECEIVE_BYTES)
            if not received:
                raise trio.BrokenResourceError("the connection ended in the handshake")
            incoming.write(received)
    return TlsStream(transport, tls, incoming, outgoing)
