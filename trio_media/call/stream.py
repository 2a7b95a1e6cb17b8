"""The stream under a websocket: it corks, reports progress, and refuses to go on after a cut.

Rule 1: many messages are one write: while corked, what is sent only piles up.
Rule 2: a write that was cancelled half way has left half a frame on the wire, so nothing is ever
        written after it.
Rule 3: a peer may not make us hold more than a budget of bytes without completing a message.
"""

from __future__ import annotations

from typing import Final

import attrs
import trio

SLICE_BYTES: Final = 16_384  # one step of progress; small against any kernel buffer


@attrs.define(eq=False)
class LegStream(trio.abc.Stream):
    """A `trio.abc.Stream` around another, for one websocket.

    ``send_all`` and ``uncork`` raise `trio.BrokenResourceError` when the stream is gone or was cut
    off in mid-write.  **Cancellation:** a cancelled write leaves the stream unusable for sending.
    """

    transport: trio.abc.Stream
    receive_bytes_max: int
    """How much may be received between two complete messages."""
    sent_bytes: int = 0
    progress_s: float = attrs.field(factory=trio.current_time)
    """When the last write made progress, or began."""
    received_s: float = attrs.field(factory=trio.current_time)
    """When the peer was last heard of."""
    is_writing: bool = False
    is_reading: bool = False
    """Somebody waits for what the peer sends."""
    _is_cut: bool = False
    _is_corked: bool = False
    _pile: list[bytes] = attrs.field(factory=list)
    _since_message_bytes: int = 0
    _lock: trio.Lock = attrs.field(factory=trio.Lock)

    def stalled_s(self) -> float:
        """How long the write in progress has made no progress; 0 when nothing is being written."""
        return trio.current_time() - self.progress_s if self.is_writing else 0.0

    def silent_s(self) -> float:
        """How long the peer has sent nothing at all."""
        return trio.current_time() - self.received_s

    def cork(self) -> None:
        """Hold back what is sent until `uncork`."""
        self._is_corked = True

    async def uncork(self) -> None:
        """Write everything that piled up, at once."""
        self._is_corked = False
        pile, self._pile = b"".join(self._pile), []
        if pile:
            await self._write(pile)

    def cut(self) -> None:
        """Write nothing more: what should have come next is lost."""
        self._is_cut = True
        self._is_corked = False
        self._pile.clear()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write, or pile up while corked."""
        if self._is_corked:
            self._pile.append(bytes(data))
            await trio.lowlevel.checkpoint_if_cancelled()
            return
        await self._write(bytes(data))

    async def _write(self, payload: bytes) -> None:
        is_whole = False
        try:
            async with self._lock:
                await self._write_slices(payload)
                is_whole = True
        finally:
            if not is_whole:
                self.cut()

    async def _write_slices(self, payload: bytes) -> None:
        if self._is_cut:
            raise trio.BrokenResourceError("an earlier write was cut off half way")
        self.is_writing = True
        self.progress_s = trio.current_time()
        try:
            for start in range(0, len(payload), SLICE_BYTES):
                piece = payload[start : start + SLICE_BYTES]
                await self.transport.send_all(piece)
                self.sent_bytes += len(piece)
                self.progress_s = trio.current_time()
        finally:
            self.is_writing = False

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the transport might take more."""
        await self.transport.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive, within the budget."""
        self.is_reading = True
        try:
            received = await self.transport.receive_some(max_bytes)
        finally:
            self.is_reading = False
        self.received_s = trio.current_time()
        self._since_message_bytes += len(received)
        if self._since_message_bytes > self.receive_bytes_max:
            raise trio.BrokenResourceError("too much was received without completing a message")
        return received

    def message_completed(self) -> None:
        """A message came out: the budget begins anew."""
        self._since_message_bytes = 0

    async def aclose(self) -> None:
        """Close the transport."""
        await self.transport.aclose()
