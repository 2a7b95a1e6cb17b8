"""The bytes of one websocket: one task at a time writes, without a lock; reading has a budget.

Rule 1: what is to be written lies on a pile, in order; whoever writes takes all of it as one write.
Rule 2: a write that was cancelled half way has left half a frame on the wire, so nothing is ever
        written after it.
Rule 3: what lies on the pile is as it goes over the transport's own transport: of TLS it is sealed
        when it is put there, in the order of writing.
Rule 4: a peer may not make us hold more than a budget of bytes without completing a message, nor
        make us answer more than a budget while it does not read.
"""

from __future__ import annotations

import os
from typing import Final

import attrs
import trio

from trio_media.call.stream import SLICE_BYTES
from trio_media.call.tls import TlsStream

RECEIVE_BYTES: Final = 16_384  # nobody else runs while this many are taken apart
ANSWERS_BYTES_MAX: Final = 4 * RECEIVE_BYTES  # a read of tiny pings makes three times as many bytes
AWAITED_EVERY: Final = 16  # 2 ms of small writes, or a few full buffers
GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


def _socket_of(stream: trio.abc.Stream) -> trio.socket.SocketType | None:
    """The socket into which goes, as it is, what is written to a stream; None: there is none."""
    if isinstance(stream, trio.SSLStream):
        return None
    socket = getattr(stream, "socket", None)
    return socket if isinstance(socket, trio.socket.SocketType) else None


@attrs.define(eq=False)
class Gate:
    """Lets one task in.  Costs nothing while no other wants to."""

    is_taken: bool = False
    _freed: trio.Event | None = None

    async def freed(self) -> None:
        """Wait until whoever is in has left.  Somebody else may be in by then."""
        if self._freed is None:
            self._freed = trio.Event()
        await self._freed.wait()

    def take(self) -> None:
        """Go in."""
        assert not self.is_taken
        self.is_taken = True

    def free(self) -> None:
        """Leave, and wake who waits."""
        self.is_taken = False
        if self._freed is not None:
            self._freed.set()
            self._freed = None


@attrs.define(eq=False)
class Wire:
    """The stream under one websocket."""

    transport: trio.abc.Stream
    receive_bytes_max: int
    """How much may be received between two complete messages."""
    sent_bytes: int = 0
    progress_s: float = attrs.field(factory=trio.current_time)
    """When the last write made progress, or began."""
    received_s: float = attrs.field(factory=trio.current_time)
    """When the peer was last heard of."""
    _writing: Gate = attrs.field(factory=Gate)
    _is_cut: bool = False
    _pile: list[bytes] = attrs.field(factory=list)
    _piled_bytes: int = 0
    """All that was ever put on the pile."""
    _answers_bytes: int = 0
    """Those of it that the peer asked for."""
    _ends_writing: bool = False
    _writes: int = 0
    _tls: TlsStream | None = attrs.field(init=False)
    _beneath: trio.abc.Stream = attrs.field(init=False)
    _socket: trio.socket.SocketType | None = attrs.field(init=False)
    _since_message_bytes: int = 0

    def __attrs_post_init__(self) -> None:
        self._tls = self.transport if isinstance(self.transport, TlsStream) else None
        self._beneath = self.transport if self._tls is None else self._tls.transport
        self._socket = _socket_of(self._beneath)

    def stalled_s(self) -> float:
        """How long the write in progress has made no progress; 0 when nothing is being written."""
        return trio.current_time() - self.progress_s if self._writing.is_taken else 0.0

    def silent_s(self) -> float:
        """How long the peer has sent nothing at all."""
        return trio.current_time() - self.received_s

    # --- writing ---

    def put(self, payload: bytes, *, is_answer: bool = False) -> None:
        """Put whole frames on the pile; `flush` or `answer` writes them."""
        if self._tls is not None and payload:
            payload = self._tls.seal(payload)
        if payload:
            self._pile.append(payload)
            self._piled_bytes += len(payload)
        if is_answer:
            self._answers_bytes += len(payload)

    def end_writing(self) -> None:
        """Half-close the transport, if it can be, behind what is on the pile.

        TLS cannot be: peers take it for a connection that was cut.
        """
        self._ends_writing = True

    async def flush(self) -> None:
        """Return when all that is on the pile has been written, by this task or another.

        Raises `trio.BrokenResourceError` or `trio.ClosedResourceError` when the transport is gone,
        or when a write was cut off.  **Cancellation:** nothing can be written afterwards.
        """
        target_bytes = self._piled_bytes
        is_whole = False
        try:
            while self._pile or self.sent_bytes < target_bytes:
                if self._is_cut:
                    raise trio.BrokenResourceError("an earlier write was cut off half way")
                if self._writing.is_taken:
                    await self._writing.freed()
                else:
                    await self._write_pile()
            is_whole = True
        finally:
            if not is_whole:
                self._cut()
        await self._end_writing()

    @property
    def is_free(self) -> bool:
        """Whether `write_now` may be asked: nothing is to be written, and no write could wait."""
        if self._socket is None or self._writing.is_taken:
            return False
        return not (self._pile or self._is_cut or self._ends_writing)

    def write_now(self, payload: bytes) -> bool:
        """Write what the kernel takes at once; only while `is_free`.

        Returns whether that was all; if not, the rest is on the pile, and `flush` writes it.  A
        transport that is gone takes nothing, and it is `flush` that says so.
        """
        self.progress_s = trio.current_time()
        self.put(payload)
        sealed = self._pile.pop()
        try:
            rest = self._write_now(sealed)
        except trio.BrokenResourceError:
            rest = sealed
        if rest:
            self._pile.append(rest)
        return not rest

    async def answer(self) -> None:
        """Write what is on the pile, unless somebody writes already and takes it along.

        Raises as `flush` does, also when the peer asks for much and reads nothing.
        """
        await trio.lowlevel.checkpoint_if_cancelled()  # here it does not cut anything off
        if not self._writing.is_taken:
            await self.flush()
            return
        if self._answers_bytes > ANSWERS_BYTES_MAX:
            raise trio.BrokenResourceError("the peer asks for answers and does not read them")

    def _cut(self) -> None:
        self._is_cut = True
        self._pile.clear()

    async def _write_pile(self) -> None:
        payload = self._pile[0] if len(self._pile) == 1 else b"".join(self._pile)
        self._pile.clear()
        self._answers_bytes = 0
        self._writing.take()
        self.progress_s = trio.current_time()
        self._writes += 1
        try:
            # Every few writes go without, so that a task with much to write lets others run.
            if self._writes % AWAITED_EVERY:
                payload = self._write_now(payload)
            for start in range(0, len(payload), SLICE_BYTES):
                piece = payload[start : start + SLICE_BYTES]
                await self._beneath.send_all(piece)
                self.sent_bytes += len(piece)
                self.progress_s = trio.current_time()
        finally:
            self._writing.free()

    def _write_now(self, payload: bytes) -> bytes:
        """Write what the kernel takes at once, if there is one; return the rest.

        A Trio socket does not block, whoever writes to it.  This spares the checkpoint of an
        awaited write, which costs more than the write.
        """
        if self._socket is None:
            return payload
        try:
            taken_bytes = os.write(self._socket.fileno(), payload)
        except BlockingIOError:
            return payload
        except OSError as error:
            raise trio.BrokenResourceError(f"socket connection broken: {error}") from error
        self.sent_bytes += taken_bytes
        return payload[taken_bytes:]

    async def _end_writing(self) -> None:
        if not self._ends_writing or self._writing.is_taken:
            return
        self._ends_writing = False
        if self._tls is None and isinstance(self._beneath, trio.abc.HalfCloseableStream):
            await self._beneath.send_eof()

    # --- reading ---

    async def receive(self) -> bytes | bytearray:
        """Receive what is there; ``b""`` at the end.

        Raises as `flush` does, also when the budget is exceeded.  **Cancellation:** loses nothing.
        """
        received = await self._receive_from_beneath()
        while self._tls is not None:
            opened = self._tls.unseal(received)
            if opened is not None:
                received = opened
                break
            received = await self._receive_from_beneath()
        self.received_s = trio.current_time()
        self._since_message_bytes += len(received)
        if self._since_message_bytes > self.receive_bytes_max:
            raise trio.BrokenResourceError("too much was received without completing a message")
        return received

    async def _receive_from_beneath(self) -> bytes | bytearray:
        if self._socket is None or getattr(self._beneath, "is_replaying", False):
            return await self._beneath.receive_some(RECEIVE_BYTES)
        return await self._receive_directly(self._socket)

    async def _receive_directly(self, socket: trio.socket.SocketType) -> bytes:
        """Wait for bytes and then read them: for audio, which is not there before it is spoken, an
        attempt before the wait is in vain."""
        while True:
            await trio.lowlevel.wait_readable(socket)
            fileno = socket.fileno()
            if fileno < 0:  # closed since: the number may be another's by now
                raise trio.ClosedResourceError
            try:
                return os.read(fileno, RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError(f"socket connection broken: {error}") from error

    def message_completed(self) -> None:
        """A message came out: the budget begins anew."""
        self._since_message_bytes = 0

    async def abort(self) -> None:
        """Close the transport at once."""
        await trio.aclose_forcefully(self.transport)
